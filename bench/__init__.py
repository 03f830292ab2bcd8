"""Measurements that are no tests: `make bench` prints them, docs/benchmarks.md records them."""

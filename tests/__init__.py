"""Tests mirror the packages; `tests.lab` is the agency of network namespaces they scan."""

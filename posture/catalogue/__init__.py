"""Reads requirements written as data (``baselines/``, or a directory of the agency's own) into checks and profiles."""

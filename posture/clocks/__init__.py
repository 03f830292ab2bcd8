"""Deadline rules as data, turned into dates that anyone can compute again."""

"""Small programs that make and CI run; not part of the distribution."""

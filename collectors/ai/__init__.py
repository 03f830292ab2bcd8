"""AI on a host and behind its ports: what it says of itself, asked by constant GET requests and names alone."""

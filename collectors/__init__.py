"""Collectors read hosts and write down what they said: they know hosts and observations, never checks."""

"""posture-scanner: the nouns, the decisions and the command line."""

__version__ = "0.1.0"

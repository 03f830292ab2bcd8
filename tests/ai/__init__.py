"""AI services as they really are, each in an environment of its own."""

"""How a batch of commands reaches a host and its answers come home: one shell, framed, bounded, redacted."""

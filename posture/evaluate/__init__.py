"""Facts and checks in, verdicts out: pure, three-valued, the same bytes every time."""

ENGINE = "1"
"""Version of the evaluation rules; it is part of every memo key, so raise it with any change of meaning."""

"""What to change, in which order, and how much of each threat is held off."""

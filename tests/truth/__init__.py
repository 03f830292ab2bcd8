"""Ground truth for matching: a tracker of full size and true shape, and a script that shares no code with ours."""

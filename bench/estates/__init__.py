"""Made-up agencies to measure plans on; knows nothing of our rules, our checks or our planner."""

"""Requirements as data: checks, profiles, clocks, weights, and the taxonomy they refer to."""

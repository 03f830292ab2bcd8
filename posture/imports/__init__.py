"""What other scanners found: read from their files, with their names and dates."""

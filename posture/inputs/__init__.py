"""What people write for the scanner: inventory, scope, configuration, registers, attestations."""

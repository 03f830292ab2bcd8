"""What OpenSCAP, Lynis and ssh-audit say of the hosts we judge: `make compare`."""

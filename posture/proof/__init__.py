"""Evidence an auditor can check without us: bundles, signatures, verdicts judged again from the raw answers."""

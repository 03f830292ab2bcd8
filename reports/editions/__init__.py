"""Three readers, one set of numbers: operations, the head of security and the auditor, on page and paper."""

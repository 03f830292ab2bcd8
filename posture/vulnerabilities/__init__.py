"""From installed packages and advisories to known vulnerabilities: pure functions, no input or output."""

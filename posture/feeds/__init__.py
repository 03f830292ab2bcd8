"""What is published about known vulnerabilities: fetched or carried in, checked, kept, indexed."""

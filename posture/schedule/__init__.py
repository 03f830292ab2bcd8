"""Scans that run by themselves: when they are due, who begins them, what became of them."""

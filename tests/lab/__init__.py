"""An agency of real hosts in network namespaces, and a host that wishes its reader harm."""

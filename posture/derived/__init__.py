"""Topics of a host worked out from other topics of the same host."""

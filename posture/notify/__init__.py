"""Notices of configured events, by webhook and e-mail: dry unless asked to send, signed, over verified TLS only."""

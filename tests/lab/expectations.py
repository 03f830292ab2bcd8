"""Which checks each fault must make fail. Kept apart from the faults and from the checks: nobody marks his own work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a fault means for verdicts."""

    must: frozenset[str]
    """Checks that fail on the host because of it."""
    may: frozenset[str] = frozenset()
    """Checks that may fail as well without being invented: what the same fault also is, seen from another side."""
    fleet: frozenset[str] = frozenset()
    """Checks that fail for the fleet as a whole."""


def _expect(*must: str, may: tuple[str, ...] = (), fleet: tuple[str, ...] = ()) -> Expectation:
    return Expectation(frozenset(must), frozenset(may), frozenset(fleet))


EXPECTATIONS: dict[str, Expectation] = {
    "ssh-password": _expect("SSH-02", may=("SSH-03",)),
    "ssh-password-match": _expect("SSH-02", may=("SSH-03",)),
    "ssh-root-login": _expect("SSH-01"),
    "ssh-root-by-key": _expect("SSH-01"),
    "ssh-empty-passwords": _expect("SSH-04"),
    "ssh-many-tries": _expect("SSH-05"),
    "ssh-slow-logins": _expect("SSH-06"),
    "ssh-anyone": _expect("SSH-08"),
    "ssh-forwarding": _expect("SSH-09"),
    "ssh-x11": _expect("SSH-10", may=("SSH-09",)),
    "ssh-host-trust": _expect("SSH-11"),
    "ssh-user-environment": _expect("SSH-12"),
    "ssh-weak-ciphers": _expect("SSH-13", may=("SSH-22",)),
    "ssh-weak-macs": _expect("SSH-14", may=("SSH-22",)),
    "ssh-weak-kex": _expect("SSH-15", may=("SSH-22",)),
    "ssh-short-host-key": _expect("SSH-16", may=("SSH-22",)),
    "ssh-loose-authorized-keys": _expect("SSH-17"),
    "ssh-plain-private-key": _expect("SSH-18", fleet=("SSH-20",)),
    "ssh-idle-forever": _expect("SSH-19"),
    "faillock-lenient": _expect("IDN-01"),
    "faillock-missing": _expect("IDN-01", may=("IDN-02",)),
    "faillock-spares-root": _expect("IDN-02"),
    "pwquality-lax": _expect("IDN-03"),
    "account-no-password": _expect("IDN-04", may=("IDN-05",)),
    "pam-nullok": _expect("IDN-04"),
    "account-md5-hash": _expect("IDN-05"),
    "account-second-root": _expect("IDN-06", may=("IDN-10",)),
    "sudo-nopasswd": _expect("IDN-07"),
    "sudo-everyone": _expect("IDN-08"),
    "su-for-all": _expect("IDN-08"),
    "account-stranger": _expect("IDN-10"),
    "account-daemon-shell": _expect("IDN-10"),
    "secret-readable": _expect("IDN-11"),
    "kernel-aslr": _expect("HRD-01", may=("HRD-18",)),
    "kernel-bpf": _expect("HRD-02", may=("HRD-18",)),
    "kernel-pointers": _expect("HRD-03", may=("HRD-18",)),
    "kernel-ptrace": _expect("HRD-04", may=("HRD-18",)),
    "kernel-dumps": _expect("HRD-06", may=("HRD-18",)),
    "kernel-links": _expect("HRD-07", may=("HRD-18",)),
    "mac-complains": _expect("HRD-08"),
    "tmp-executable": _expect("HRD-10"),
    "host-routes": _expect("HRD-12", may=("HRD-18",)),
    "host-redirects": _expect("HRD-13", may=("HRD-18",)),
    "firewall-none": _expect("HRD-14", "HRD-15"),
    "firewall-egress": _expect("HRD-15"),
    "log-local": _expect("LOG-03"),
    "log-cleartext": _expect("LOG-03"),
    "aide-no-database": _expect("LOG-05"),
    "time-nobody": _expect("LOG-04"),
    "apt-unsigned": _expect("PAT-07"),
    "apt-by-hand": _expect("PAT-06"),
    "package-telnetd": _expect("PAT-08"),
    "kernel-not-rebooted": _expect("PAT-04"),
    "modules-loadable": _expect("PAT-09"),
    "redis-open": _expect("EXP-07", "EXP-01", may=("EXP-02",)),
    "telnet-open": _expect("EXP-04", "EXP-01", may=("EXP-03",)),
    "port-undeclared": _expect("EXP-01"),
    "docker-open": _expect("EXP-08", "EXP-01"),
    "ollama-open": _expect("AIS-01", "AIS-24", "EXP-01", may=("AIS-02",)),
}
"""By fault id."""

UNSEEABLE = frozenset({"LOG-01", "LOG-02", "LOG-06", "LOG-07", "HRD-09", "HRD-17"})
"""Checks no lab host can pass or fail: a namespace has no systemd and no audit subsystem."""

"""Unit files for systemd, hardened: the service, and a timer for who wants no process that stays."""

from __future__ import annotations

from dataclasses import dataclass

from posture.errors import UsageError

_HARDENED = """\
# The state lives in one directory; nothing else can be written.
StateDirectory=posture
StateDirectoryMode=0700
UMask=0077
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
# Raw sockets are for nmap: half-open and UDP scans without root. Take both lines and the variable out to do without.
AmbientCapabilities=CAP_NET_RAW
CapabilityBoundingSet=CAP_NET_RAW
Environment=NMAP_PRIVILEGED=1
NoNewPrivileges=yes
LockPersonality=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK AF_PACKET
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where things are on the machine that will run the units."""

    program: tuple[str, ...]
    """What is called, absolute, with the words before its command."""
    config: str
    """Absolute path; empty for none."""
    state: str = "/var/lib/posture"
    user: str = "posture"
    serve: tuple[str, ...] = ()
    """Options of ``posture serve``."""


def units(place: Placement) -> dict[str, str]:
    """Return the content of each unit file by its name.

    Raises:
        UsageError: a path or option cannot stand in a unit file.
    """
    shared = (*(("--config", place.config) if place.config else ()), "--out", f"{place.state}/out")
    who = f"User={_plain(place.user)}\nGroup={_plain(place.user)}\nWorkingDirectory={_plain(place.state)}\n"
    serve = _line((*place.program, "serve", *place.serve, *shared))
    due = _line((*place.program, "schedule", "run-due", *shared))
    return {
        "posture.service": (
            "[Unit]\nDescription=Posture: dashboard and scheduled scans\n"
            "Wants=network-online.target time-sync.target\nAfter=network-online.target time-sync.target\n\n"
            f"[Service]\nType=exec\n{who}ExecStart={serve}\nRestart=on-failure\nRestartSec=10\n"
            "# The main process tells its scans to stop, and they are taken up again at the next start.\n"
            f"KillMode=mixed\nTimeoutStopSec=90\n{_HARDENED}\n[Install]\nWantedBy=multi-user.target\n"
        ),
        "posture-due.service": (
            "[Unit]\nDescription=Posture: begin the scans that are due\n"
            "Wants=network-online.target time-sync.target\nAfter=network-online.target time-sync.target\n"
            "# Either this with its timer, or posture.service without --no-schedules.\n\n"
            f"[Service]\nType=oneshot\n{who}ExecStart={due}\nKillMode=mixed\nTimeoutStopSec=90\n{_HARDENED}"
        ),
        "posture-due.timer": (
            "[Unit]\nDescription=Posture: look every minute for scans that are due\n\n"
            "[Timer]\nOnCalendar=minutely\nPersistent=true\nAccuracySec=10s\n\n[Install]\nWantedBy=timers.target\n"
        ),
    }


def _line(words: tuple[str, ...]) -> str:
    return " ".join(_word(word) for word in words)


def _word(text: str) -> str:
    r"""Return a word as it stands in ``ExecStart=``; systemd expands ``%`` and ``$``, and splits at spaces.

    Source: systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers".
    """
    _printable(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(char in escaped for char in " \\\"';") else escaped


def _plain(text: str) -> str:
    _printable(text)
    return text.replace("%", "%%")


def _printable(text: str) -> None:
    if not text or not text.isprintable():
        raise UsageError(f"{text!r} cannot stand in a unit file", hint="no line breaks, nothing that cannot be seen")

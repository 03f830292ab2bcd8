"""Sockets that wait for a peer, with the process, user and unit behind each, and the replaced files it still runs."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Socket:
    """One listening address; process numbers are left out, since they are never the same twice."""

    endpoint: str
    """``tcp/22``: what an inventory declares."""
    proto: str
    """tcp or udp."""
    address: str
    """Without zone or brackets; ``*`` listens on IPv4 and IPv6 alike."""
    interface: str
    """Empty unless the socket is bound to one."""
    port: int
    process: str | None
    """Command name of the oldest process that holds it; ``None`` when the kernel itself listens."""
    user: str | None
    """The user that process runs as."""
    users: list[str]
    """Every user among the processes that hold it, sorted."""
    unit: str | None
    """systemd unit; ``None`` when the process belongs to none."""
    every_address: bool
    loopback: bool
    exposure: float | None
    """0.0 (fenced in) to 10.0 (nothing is withheld) by systemd-analyze; ``None`` without a unit it rates."""
    deleted_libraries: list[str]
    """Shared libraries, and the program itself, that the processes still run although the file was replaced; sorted."""


@dataclass(frozen=True, slots=True)
class ListenerFacts:
    """Everything that listens in the network namespace of the login; containers with their own are not in it."""

    sockets: Listing[Socket]
    """Sorted by protocol, port and address."""
    tcp_ports: Listing[int]
    """TCP ports open on an address other than loopback, each once, sorted."""


COMMANDS = (
    Command("listeners.sockets", ("/usr/bin/ss", "-H", "-l", "-n", "-t", "-u")),
    Command("listeners.owners", ("/usr/bin/ss", "-H", "-l", "-n", "-t", "-u", "-p"), sudo=True),
    Command(
        "listeners.processes",
        ("/usr/bin/ps", "-e", "-o", "pid=", "-o", "user:32=", "-o", "unit:96=", "-o", "comm="),
        max_bytes=8_000_000,
    ),
    Command("listeners.fences", ("/usr/bin/systemd-analyze", "--no-pager", "security"), timeout_s=30),
    Command(
        "listeners.deleted",
        (
            "/usr/bin/find",
            "/proc",
            "-mindepth",
            "1",
            "-maxdepth",
            "3",
            "-type",
            "d",
            "!",
            "-name",
            "[0-9]*",
            "!",
            "-name",
            "map_files",
            "-prune",
            "-o",
            "(",
            "-lname",
            "*.so*(deleted)",
            "-o",
            "-name",
            "exe",
            "-lname",
            "*(deleted)",
            ")",
            "-printf",
            "%h %l\\0",
        ),
        sudo=True,
        # Processes end while /proc is read; find then complains and goes on.
        ok_exit=(0, 1),
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return every listening socket, with its owner where that could be seen.

    Source: ss(8); proc(5) for map_files; systemd-analyze(1) security.
    """
    plain = hole(answers.get("listeners.sockets"))
    owned = hole(answers.get("listeners.owners"))
    # Both answers list the same sockets; the one with owners may be refused, the other may not.
    best = answers.get("listeners.owners" if owned is None else "listeners.sockets")
    problem = owned if owned is None else plain
    if best is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED, "the sockets were never asked for")
    text = best.text if problem is None else best.text.rpartition("\n")[0]
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [row for line in lines if (row := _row(line)) is not None]
    if lines and not rows:
        return Hole("", Blind.UNPARSEABLE, "ss printed no line we can read")
    unread = len(lines) - len(rows)
    processes = _processes(answers.get("listeners.processes"))
    deleted = _deleted(answers.get("listeners.deleted"))
    fences = _fences(answers.get("listeners.fences"))
    sockets = [_socket(row, processes, deleted, fences) for row in rows]
    found = Listing(_unique(sockets), problem is None and unread == 0)
    reachable = sorted({socket.port for socket in found.items if socket.proto == "tcp" and not socket.loopback})
    facts = ListenerFacts(found, Listing(reachable, found.complete))
    return Facts(facts, tuple(_holes(answers, rows, owned, processes)))


def _holes(answers: Answers, rows: list[_Row], owned: Hole | None, processes: Mapping[int, _Process]) -> list[Hole]:
    names = hole(answers.get("listeners.processes"))
    if names is None and any(pid not in processes for row in rows for pid in row.pids):
        names = Hole("", Blind.UNPARSEABLE, "a process ended, or is hidden (hidepid), between two commands")
    rated = hole(answers.get("listeners.fences"))
    maps = _deleted_hole(answers.get("listeners.deleted"), {pid for row in rows for pid in row.pids})
    reasons = {
        "process": owned,
        "user": owned or names,
        "users": owned or names,
        "unit": owned or names,
        "exposure": owned or names or rated,
        "deleted_libraries": owned or maps,
    }
    holes = [Hole(f"sockets[*].{field}", r.reason, r.detail) for field, r in reasons.items() if r is not None]
    if owned is None:
        # Even root does not see every owner: the kernel's own sockets (NFS, WireGuard) look the same as hidden ones.
        ownerless = sorted({f"{row.proto}/{row.port}" for row in rows if not row.pids})
        which = [f"endpoint={endpoint}" for endpoint in ownerless] if len(ownerless) <= _MANY_OWNERLESS else ["*"]
        for one in which:
            why = "ss shows no owner, not even to root"
            holes += [Hole(f"sockets[{one}].{field}", Blind.COMMAND_REFUSED, why) for field in reasons]
    return holes


_DENIED = re.compile(rb"/proc(?:/(?P<pid>\d{1,9})\b[^\n]*?)?[^\w/\n]*: (?:Permission denied|Operation not permitted)")
_MANY_OWNERLESS = 200  # endpoints; more come from a host that makes them up
_MANY_COMPLAINTS = 32_000  # bytes; transports cut standard error, and what was cut could be the refusal we look for


def _deleted_hole(answer: Answer | None, pids: set[int]) -> Hole | None:
    problem = hole(answer)
    if problem is not None or answer is None:
        return problem
    # A complaint about /proc itself, or about no process we can name, may concern any of them.
    denied = {int(found["pid"] or 0) for found in _DENIED.finditer(answer.stderr)}
    unnamed = len(_DENIAL.findall(answer.stderr)) > len(_DENIED.findall(answer.stderr))
    if denied & {0, *pids} or unnamed or len(answer.stderr) > _MANY_COMPLAINTS:
        return Hole("", Blind.COMMAND_REFUSED, "map_files of a listening process may not be read")
    if any(row and not _MAPPED.match(row) for row in answer.text.split("\0")):
        return Hole("", Blind.UNPARSEABLE, "a row that find did not write")
    return None


_DENIAL = re.compile(rb"Permission denied|Operation not permitted")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of ss."""

    proto: str
    address: str
    interface: str
    port: int
    names: tuple[str, ...]
    pids: tuple[int, ...]


_LOCAL = re.compile(r"(?P<address>.+?)(?:%(?P<interface>[^:%\]]+))?\]?:(?P<port>\d{1,5})$")
_OWNER = re.compile(r'\("(?P<name>(?:[^"\\]|\\.)*)",pid=(?P<pid>\d{1,9}),fd=\d+\)')


def _row(line: str) -> _Row | None:
    words = line.split(None, 5)
    if len(words) < 6 or words[0] not in {"tcp", "udp"}:
        return None
    local = _LOCAL.match(words[4])
    if local is None or int(local["port"]) > 65535:
        return None
    owners = sorted({(int(owner["pid"]), owner["name"]) for owner in _OWNER.finditer(words[5])})
    return _Row(
        proto=words[0],
        address=local["address"].lstrip("[").rstrip("]"),
        interface=(local["interface"] or "").rstrip("]"),
        port=int(local["port"]),
        names=tuple(name for _, name in owners),
        pids=tuple(pid for pid, _ in owners),
    )


@dataclass(frozen=True, slots=True)
class _Process:
    """One line of ps."""

    user: str
    unit: str | None
    name: str


_PS = re.compile(r"\s*(?P<pid>\d{1,9})\s+(?P<user>\S+)\s+(?P<unit>\S+)\s+(?P<name>.+?)\s*$")


def _processes(answer: Answer | None) -> dict[int, _Process]:
    if answer is None or hole(answer) is not None:
        return {}
    found: dict[int, _Process] = {}
    for line in answer.text.splitlines():
        words = _PS.match(line)
        if words is not None:
            unit = None if words["unit"] == "-" else words["unit"]
            found[int(words["pid"])] = _Process(words["user"], unit, words["name"])
    return found


_MAPPED = re.compile(r"/proc/(?P<pid>\d{1,9})(?:/map_files)? (?P<library>/.*) \(deleted\)$", re.DOTALL)


def _deleted(answer: Answer | None) -> dict[int, set[str]]:
    found: defaultdict[int, set[str]] = defaultdict(set)
    if answer is not None:
        for row in answer.text.split("\0"):
            mapped = _MAPPED.match(row)
            if mapped is not None:
                found[int(mapped["pid"])].add(mapped["library"])
    return found


_RATED = re.compile(r"(?P<unit>\S+\.service)\s+(?P<score>\d{1,2}[.,]\d)\s+\S+")


def _fences(answer: Answer | None) -> dict[str, float]:
    if answer is None or hole(answer) is not None:
        return {}
    found = (_RATED.match(line.strip()) for line in answer.text.splitlines())
    return {row["unit"]: float(row["score"].replace(",", ".")) for row in found if row is not None}


def _socket(
    row: _Row,
    processes: Mapping[int, _Process],
    deleted: Mapping[int, set[str]],
    fences: Mapping[str, float],
) -> Socket:
    known = [processes[pid] for pid in row.pids if pid in processes]
    libraries = {library for pid in row.pids for library in deleted.get(pid, ())}
    every, loopback = _reach(row.address)
    unit = next((process.unit for process in known if process.unit), None)
    return Socket(
        endpoint=f"{row.proto}/{row.port}",
        proto=row.proto,
        address=row.address,
        interface=row.interface,
        port=row.port,
        process=row.names[0] if row.names else None,
        user=known[0].user if known else None,
        users=sorted({process.user for process in known}),
        unit=unit,
        every_address=every,
        loopback=loopback,
        exposure=fences.get(unit or ""),
        deleted_libraries=sorted(libraries),
    )


def _reach(address: str) -> tuple[bool, bool]:
    """Return whether every address is bound, and whether only loopback is."""
    if address == "*":
        return True, False
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False, False
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return mapped.is_unspecified, mapped.is_loopback


def _unique(sockets: list[Socket]) -> list[Socket]:
    """Sockets of one address and owner, shared by SO_REUSEPORT, are one line; sorted."""
    keyed = {(s.proto, s.port, s.address, s.interface, s.process or "", s.user or "", s.unit or ""): s for s in sockets}
    return [keyed[key] for key in sorted(keyed)]


COLLECTOR = Collector(topic="listeners", version=1, commands=COMMANDS, facts=ListenerFacts, parse=parse)

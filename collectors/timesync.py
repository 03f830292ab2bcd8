"""Where the clock's time comes from, and whether it is synchronised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from collectors.textfiles import Line, TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Source:
    """One configured time source."""

    address: str
    kind: str
    """server, pool, peer or refclock."""
    maxpoll: int
    """Longest interval as a power of two seconds; 10 when not set."""
    authenticated: bool
    """NTS or a symmetric key."""
    tool: str
    """chrony, ntp or timesyncd."""
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class TimeFacts:
    """Time keeping."""

    tools: list[str]
    """Which of chrony, ntp, timesyncd have a configuration here, sorted."""
    sources: Listing[Source]
    addresses: list[str]
    """Of all configured sources, sorted, each once."""
    synchronised: bool
    """The clock follows a source now."""


COMMANDS = (
    read_files(
        "timesync.chrony",
        "/etc/chrony.conf",
        "/etc/chrony/chrony.conf",
        "/etc/chrony.d",
        "/etc/chrony/conf.d",
        "/etc/chrony/sources.d",
        "/run/chrony-dhcp",
    ),
    read_files("timesync.ntp", "/etc/ntp.conf", "/etc/ntpsec/ntp.conf"),
    read_files(
        "timesync.timesyncd",
        "/etc/systemd/timesyncd.conf",
        "/usr/lib/systemd/timesyncd.conf.d",
        "/etc/systemd/timesyncd.conf.d",
    ),
    Command("timesync.state", ("/usr/bin/timedatectl", "show", "-p", "NTPSynchronized", "-p", "NTP")),
    Command("timesync.tracking", ("/usr/bin/chronyc", "-n", "-c", "tracking"), timeout_s=10),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return where time comes from.

    Source: chrony.conf(5), ntp.conf(5), timesyncd.conf(5), chronyc(1) tracking.
    """
    chrony = files_of(answers.get("timesync.chrony"))
    ntp = files_of(answers.get("timesync.ntp"))
    timesyncd = files_of(answers.get("timesync.timesyncd"))
    seen = [files for files in (chrony, ntp, timesyncd) if not isinstance(files, Hole)]
    unseen = [files for files in (chrony, ntp, timesyncd) if isinstance(files, Hole)]
    if not seen:
        return unseen[0]
    sources = [*_directives(chrony, "chrony"), *_directives(ntp, "ntp"), *_timesyncd(timesyncd)]
    complete = not unseen and all(files.complete for files in seen)
    synchronised = _synchronised(answers)
    holes = [Hole(path, unseen[0].reason, unseen[0].detail) for path in ("tools", "addresses") if unseen]
    if isinstance(synchronised, Hole):
        holes.append(Hole("synchronised", synchronised.reason, synchronised.detail))
    tools = {"chrony": _any(chrony), "ntp": _any(ntp), "timesyncd": _any(timesyncd)}
    facts = TimeFacts(
        tools=sorted(name for name, there in tools.items() if there),
        sources=Listing(sorted(sources, key=lambda s: (s.tool, s.path, s.line, s.address)), complete),
        addresses=sorted({source.address for source in sources}),
        synchronised=synchronised is True,
    )
    return Facts(facts, tuple(holes))


def _any(files: TextFiles | Hole) -> bool:
    return not isinstance(files, Hole) and bool(files.lines)


_KINDS = frozenset({"server", "pool", "peer", "refclock"})


def _directives(files: TextFiles | Hole, tool: str) -> Iterator[Source]:
    if isinstance(files, Hole):
        return
    for line in files.lines:
        words = line.text.split()
        if len(words) < 2 or words[0].lower() not in _KINDS:
            continue
        if line.path.startswith("/etc/chrony/") and not line.path.endswith((".conf", ".sources")):
            continue
        options = [word.lower() for word in words[2:]]
        poll = options[options.index("maxpoll") + 1 :][:1] if "maxpoll" in options else []
        yield Source(
            address=" ".join(words[1:3]) if words[0].lower() == "refclock" else words[1],
            kind=words[0].lower(),
            maxpoll=int(poll[0]) if poll and re.fullmatch(r"-?\d{1,2}", poll[0]) else 10,
            authenticated="nts" in options or "key" in options or "autokey" in options,
            tool=tool,
            path=line.path,
            line=line.number,
        )


def _timesyncd(files: TextFiles | Hole) -> Iterator[Source]:
    """Yield the servers; FallbackNTP= counts only when NTP= names none, as systemd does it."""
    if isinstance(files, Hole):
        return
    chosen: dict[str, Line] = {}
    for line in files.lines:
        key, equals, _ = line.text.partition("=")
        if equals and key.strip() in {"NTP", "FallbackNTP"}:
            chosen[key.strip()] = line
    line_of = chosen.get("NTP") or chosen.get("FallbackNTP")
    if line_of is not None:
        for address in line_of.text.partition("=")[2].split():
            # timesyncd never waits longer than 2048 s (PollIntervalMaxSec).
            yield Source(address, "server", 11, False, "timesyncd", line_of.path, line_of.number)


def _synchronised(answers: Answers) -> bool | Hole:
    state = answers.get("timesync.state")
    problem = hole(state)
    if state is not None and problem is None:
        found = re.search(r"^NTPSynchronized=(yes|no)$", state.text, re.MULTILINE)
        if found is not None:
            return found[1] == "yes"
    tracking = answers.get("timesync.tracking")
    if tracking is not None and hole(tracking) is None and tracking.text.count(",") >= 12:
        return tracking.text.strip().rsplit(",", 1)[1] != "Not synchronised"
    return problem or Hole(
        "", Blind.UNPARSEABLE, "neither timedatectl nor chronyc says whether the clock follows a source"
    )


COLLECTOR = Collector(topic="timesync", version=1, commands=COMMANDS, facts=TimeFacts, parse=parse)

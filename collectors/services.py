"""systemd units: enabled, running, failed, changed since they were loaded, and the names in their environments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, hole
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Unit:
    """One service, socket or timer."""

    enabled: str
    """As systemctl says: enabled, disabled, static, masked, generated, …; ``transient`` for one without a file."""
    active: str
    """active, inactive, failed, activating, …; inactive when systemd has not loaded it."""
    sub: str
    """running, exited, dead, listening, waiting, …"""
    masked: bool


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All units of the system manager."""

    units: dict[str, Unit]
    """By full name, such as ``units["auditd.service"]``; a unit that does not exist is left out."""
    failed: list[str]
    """Sorted."""
    changed_on_disk: list[str]
    """Units whose file changed after they were loaded, sorted."""
    environment_names: dict[str, list[str]]
    """Unit to the names (never the values) in its ``Environment=``; units without any are left out."""


COMMANDS = (
    Command(
        "services.units",
        (
            "/usr/bin/systemctl",
            "list-units",
            "--type=service,socket,timer",
            "--all",
            "--no-legend",
            "--no-pager",
            "--plain",
            "--full",
        ),
    ),
)
# Only where systemd answered: without it, list-unit-files reads every unit file by itself for half a second of
# processor time, and nothing would come of it.
SECOND = (
    Command(
        "services.files",
        (
            "/usr/bin/systemctl",
            "list-unit-files",
            "--type=service,socket,timer",
            "--no-legend",
            "--no-pager",
            "--plain",
            "--full",
        ),
    ),
    Command(
        "services.show",
        (
            "/usr/bin/systemctl",
            "show",
            "*.service",
            "--no-pager",
            "-p",
            "Id",
            "-p",
            "NeedDaemonReload",
            "-p",
            "Environment",
        ),
    ),
)


def follow_up(answers: Answers) -> tuple[Command, ...]:
    """Return what is asked of a host whose service manager is systemd."""
    return () if isinstance(_rows(answers.get("services.units"), 4), Hole) else SECOND


def parse(answers: Answers) -> Facts | Hole:
    """Return units by name.

    Source: systemctl(1), systemd.exec(5) Environment=.
    """
    files = _rows(answers.get("services.files"), 2)
    units = _rows(answers.get("services.units"), 4)
    if isinstance(units, Hole):
        return units
    if isinstance(files, Hole):
        return files
    shown = _shown(answers.get("services.show"))
    holes: list[Hole] = []
    if isinstance(shown, Hole):
        holes += [Hole(path, shown.reason, shown.detail) for path in ("changed_on_disk", "environment_names")]
    known = {} if isinstance(shown, Hole) else shown
    enabled = {row[0]: row[1] for row in files}
    # Units that others merely mention are listed too, with the load state "not-found": those do not exist.
    running = {row[0]: row for row in units if row[1] != "not-found"}
    facts = ServiceFacts(
        units={name: _unit(name, enabled, running) for name in sorted({*enabled, *running})},
        failed=sorted(name for name, row in running.items() if row[2] == "failed"),
        changed_on_disk=sorted(name for name, shown_unit in known.items() if shown_unit.reload),
        environment_names={name: list(unit.names) for name, unit in sorted(known.items()) if unit.names},
    )
    return Facts(facts, tuple(holes))


def _rows(answer: Answer | None, columns: int) -> list[list[str]] | Hole:
    problem = _offline(answer) or hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    rows = [line.lstrip("● *").split() for line in answer.text.splitlines() if line.strip()]
    if not rows or not all(len(row) >= columns and row[0].endswith(_SUFFIXES) for row in rows):
        return Hole("", Blind.UNPARSEABLE, f"{answer.command.id}: a line that names no unit")
    return rows


_SUFFIXES = (".service", ".socket", ".timer")


def _offline(answer: Answer | None) -> Hole | None:
    """A host without systemd has services all the same; we only cannot ask for them."""
    if answer is not None and answer.exit_code != 0 and any(word in answer.stderr for word in _NO_SYSTEMD):
        return Hole("", Blind.COMMAND_MISSING, "systemd does not run this host")
    return None


_NO_SYSTEMD = (
    b"not been booted with systemd",
    b"Failed to connect to bus",
    b"Failed to get D-Bus connection",
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What ``systemctl show`` says of a loaded unit."""

    reload: bool
    names: tuple[str, ...]


def _shown(answer: Answer | None) -> dict[str, _Shown] | Hole:
    problem = _offline(answer) or hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    found: dict[str, _Shown] = {}
    for block in answer.text.split("\n\n"):
        values = dict(pair for line in block.splitlines() if len(pair := line.split("=", 1)) == 2)
        if "Id" in values:
            names = tuple(sorted(set(_names(values.get("Environment", "")))))
            found[values["Id"]] = _Shown(values.get("NeedDaemonReload") == "yes", names)
    return found


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _names(environment: str) -> Iterator[str]:
    """Yield variable names; the values are dropped here and never looked at."""
    quoted = False
    fresh = True
    at = 0
    while at < len(environment):
        char = environment[at]
        name = _NAME.match(environment, at) if fresh else None
        if name is not None and environment[name.end() : name.end() + 1] == "=":
            yield name[0]
            at = name.end()
            fresh = False
            continue
        if char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        fresh = (char == '"' and fresh) or (char == " " and not quoted)
        at += 1


def _unit(name: str, enabled: dict[str, str], running: dict[str, list[str]]) -> Unit:
    row = running.get(name)
    state = enabled.get(name, "transient")
    return Unit(
        enabled=state,
        active=row[2] if row is not None else "inactive",
        sub=row[3] if row is not None else "dead",
        masked=state.startswith("masked"),
    )


COLLECTOR = Collector("services", 1, COMMANDS, ServiceFacts, parse, follow_up, SECOND)

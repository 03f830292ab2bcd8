"""From a schedule to the command that does it, and what the scope says of doing it now."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from posture.errors import ScopeError
from posture.exit_codes import ExitCode
from posture.inputs import scope_file
from posture.inputs.blackout import blacked_out
from posture.model.assessment import RunState
from posture.model.schedule import Kind, Occurrence, Schedule
from posture.store import Store
from reports.inert import inert

PROGRAM = (sys.executable, "-P", "-m", "posture")
"""``-P``: a folder called ``posture`` where the scheduler stands is not imported."""
_LAST_LINE = 2000  # bytes of a log's end
THIS_MACHINE = "self"  # the authorisation of `--self`
_GOOD = {
    Kind.DISCOVERY: (ExitCode.CLEAN,),
    Kind.FEEDS: (ExitCode.CLEAN,),
    Kind.PRUNE: (ExitCode.CLEAN,),
    Kind.CREDENTIALED: (ExitCode.CLEAN, ExitCode.FINDINGS, ExitCode.BLIND_SPOTS, ExitCode.FINDINGS_AND_BLIND_SPOTS),
}
_GOOD[Kind.EXPOSURE] = _GOOD[Kind.CREDENTIALED]


@dataclass(frozen=True, slots=True)
class Permit:
    """What the written authorisation says of a moment."""

    authorisation: str = ""
    wait: str = ""
    """Why not now; later it may."""
    never: str = ""
    """Why not at all, until a person changes something."""


def permit(schedule: Schedule, now: datetime) -> Permit:
    """Return whether the scope allows a schedule to run at this moment; what touches no host needs none."""
    if not schedule.kind.needs_scope:
        return Permit()
    if not schedule.inventory:
        return Permit(THIS_MACHINE)
    try:
        scope = scope_file.read(Path(schedule.scope))
    except (ScopeError, OSError) as error:
        return Permit(never=f"the scope cannot be read: {error}")
    id_ = scope.authorisation
    if now >= scope.window.closes:
        return Permit(id_, never=f"authorisation {id_} ended on {scope.window.closes:%Y-%m-%d %H:%M} UTC")
    if now < scope.window.opens:
        return Permit(id_, wait=f"authorisation {id_} begins on {scope.window.opens:%Y-%m-%d %H:%M} UTC")
    if found := blacked_out(scope.blackouts, now):
        until, reason = found
        return Permit(id_, wait=f"blackout until {until:%Y-%m-%d %H:%M} UTC" + (f": {reason}" if reason else ""))
    return Permit(id_)


def in_the_way(store: Store, schedule: Schedule, wanted: Occurrence) -> str:
    """Return what keeps a time from beginning, empty when nothing does; no raw answer goes beside a run."""
    if schedule.kind is Kind.PRUNE:
        for one in store.runs():
            if one.run.state is RunState.RUNNING:
                return f"run {one.run.id} is running"
    return store.schedules.in_the_way(wanted)


def words(schedule: Schedule, resume: str = "") -> tuple[str, ...]:
    """Return the arguments of ``posture`` that do it, without configuration and output directory."""
    target: tuple[str, ...] = ("--self",)
    if schedule.inventory:
        target = ("--inventory", schedule.inventory, "--scope", schedule.scope)
    match schedule.kind:
        case Kind.FEEDS:
            return ("feeds", "update")
        case Kind.PRUNE:
            return ("store", "prune")
        case Kind.DISCOVERY:
            return ("discover", *target)
        case Kind.CREDENTIALED | Kind.EXPOSURE:
            network_only = ("--no-login",) if schedule.kind is Kind.EXPOSURE else ()
            profile = ("--profile", schedule.profile) if schedule.profile else ()
            return ("scan", *target, *network_only, *profile, *(("--resume", resume) if resume else ()))


def good(kind: Kind, exit_code: int) -> bool:
    """Return whether this exit code means that the work was done, whatever it found."""
    return exit_code in _GOOD[kind]


def started(argv: tuple[str, ...], log: Path) -> subprocess.Popen[bytes]:
    """Return a process that outlives this one; what it prints is the whole of ``log``.

    Raises:
        OSError: it cannot be started.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as into:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=into, stderr=into, start_new_session=True, close_fds=True
        )


def last_line(log: Path) -> str:
    """Return the last line that a command printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_LINE))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return "no log"
    return inert(lines[-1].strip()) if lines else "no output"

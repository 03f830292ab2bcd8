"""Whether this installation can do its work: each line says what holds, why, and the command that mends it.

What cannot be found out is a warning, never ok. Nothing is mended here.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from collectors.network.nmap import can_send_raw
from posture.errors import FeedError, PostureError, StoreError
from posture.feeds.freshness import age, stale
from posture.feeds.library import PLACE, Library
from posture.inputs.config import Config, CredentialEntry
from posture.model.schedule import Outcome
from posture.notify import outbox
from posture.notify.news import targets_of
from posture.retention import overdue
from posture.schedule.standing import somebody_keeps, standings
from posture.store import Store
from reports.inert import inert

SMALL_BYTES, SMALL_SHARE = 1_000_000_000, 0.05
"""Less than this is trouble: a scan of 10,000 hosts writes about 0.5 GB."""
TIGHT_SHARE = 0.15
MAX_ERROR = timedelta(milliseconds=500)
"""A clock that may be further off than this orders events of two machines wrongly."""
_AHEAD = timedelta(minutes=5)
_GIVEN_UP = timedelta(days=30)
"""For so long it is told that somebody was not."""


class Health(StrEnum):
    """How a line stands."""

    OK = "ok"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    about: str
    health: Health
    why: str
    mend: str = ""
    """A command; empty when nothing need be done."""


def examine(config: Config, now: datetime, config_file: Path | None = None) -> Iterator[Line]:
    """Yield one line for each thing the program leans on."""
    yield from _programs()
    yield from _feeds(config, now)
    yield _clock()
    yield from _keys(config)
    yield _disk(config.folder)
    yield from _permissions(config, config_file)
    yield from _notices(config, now)
    yield from _store(config, now)


def _programs() -> Iterator[Line]:
    found = shutil.which("nmap")
    if found is None:
        yield Line("nmap", Health.TROUBLE, "not found: nothing is looked at from the network", "apt-get install nmap")
    else:
        try:
            said = subprocess.run((found, "--version"), capture_output=True, text=True, timeout=20, check=True).stdout
            yield Line("nmap", Health.OK, said.strip().splitlines()[0] if said.strip() else "says no version")
        except (OSError, subprocess.SubprocessError) as error:
            yield Line("nmap", Health.TROUBLE, f"does not run: {error}", f"{found} --version")
    if can_send_raw():
        yield Line("raw packets", Health.OK, "half-open and UDP scans are possible")
    else:
        why = "this account may not send them: no UDP, and every open port sees a whole connection"
        yield Line(
            "raw packets", Health.WARNING, why, "run it as root, or as the service that `posture systemd` writes"
        )
    try:
        yield Line("python-nmap", Health.OK, importlib.metadata.version("python-nmap"))
    except importlib.metadata.PackageNotFoundError:
        yield Line("python-nmap", Health.TROUBLE, "not installed", "pip install --force-reinstall posture-scanner")


def _feeds(config: Config, now: datetime) -> Iterator[Line]:
    try:
        with Library(config.folder / PLACE) as library:
            stamps = [one.stamp for one in library.about]
    except FeedError as error:
        yield Line("feeds", Health.TROUBLE, str(error), "posture feeds update")
        return
    if not stamps:
        yield Line("feeds", Health.WARNING, "none: packages are not assessed for CVEs", "posture feeds update")
        return
    old = stale(stamps, now, config.feeds.max_age_h)
    if old:
        said = ", ".join(f"{one.id} {age(one, now)}" for one in old)
        why = f"{len(old)} of {len(stamps)} are older than {config.feeds.max_age_h} hours: {said}"
        yield Line("feeds", Health.WARNING, why, "posture feeds update")
    else:
        yield Line("feeds", Health.OK, f"all {len(stamps)} are younger than {config.feeds.max_age_h} hours")


class _Timex(ctypes.Structure):
    """Source: adjtimex(2), ``struct timex``; the rest of it is padding here."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    ]


_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_STA_NANO = 0x2000


def _clock() -> Line:
    """Return what the kernel says of its own clock; asking changes nothing, and needs no daemon's tool."""
    mend = "apt-get install chrony, or: timedatectl set-ntp true"
    asked = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        return Line("clock", Health.WARNING, "the kernel does not say whether it is synchronised", mend)
    if state == _TIME_ERROR:
        return Line(
            "clock", Health.WARNING, "not synchronised: dates and the order of events are this clock's word", mend
        )
    offset_us = asked.offset / 1000 if asked.status & _STA_NANO else asked.offset
    said = f"synchronised; off by {offset_us / 1000:.3f} ms, at most {asked.maxerror / 1000:.0f} ms"
    within = timedelta(microseconds=asked.maxerror) <= MAX_ERROR
    return Line("clock", Health.OK if within else Health.WARNING, said, "" if within else mend)


def _keys(config: Config) -> Iterator[Line]:
    for name, entry in sorted(config.credentials.items()):
        yield _key(f"credential {name}", entry)
    if config.credentials and not config.known_hosts.is_file():
        why = f"{config.known_hosts} is not there: no host is logged in to"
        yield Line("known hosts", Health.WARNING, why, "posture trust -i inventory.yaml")


def _key(about: str, entry: CredentialEntry) -> Line:
    match entry.kind:
        case "key" | "certificate":
            path = Path(entry.path)
            if not path.is_file() or (entry.certificate and not Path(entry.certificate).is_file()):
                missing = path if not path.is_file() else Path(entry.certificate)
                return Line(about, Health.TROUBLE, f"{missing} is not there", f"ls -l {missing.parent}")
            if not os.access(path, os.R_OK):
                return Line(about, Health.TROUBLE, f"{path} cannot be read by this account", f"ls -l {path}")
            if path.stat().st_mode & 0o077:
                return Line(about, Health.TROUBLE, f"{path} is open to others", f"chmod 600 {path}")
            return Line(about, Health.OK, f"{path}, for its owner only")
        case "agent":
            place = os.environ.get("SSH_AUTH_SOCK", "")
            if place and Path(place).exists():
                return Line(about, Health.OK, "an agent is there")
            return Line(about, Health.TROUBLE, "no agent is there", "eval $(ssh-agent); ssh-add")
        case "command":
            if shutil.which(entry.argv[0]):
                return Line(about, Health.OK, f"{entry.argv[0]} is there; it was not run")
            return Line(about, Health.TROUBLE, f"{entry.argv[0]} is not there", f"ls -l {entry.argv[0]}")
        case "pkcs11":
            there = Path(entry.path).is_file()
            why = f"{entry.path} is {'there; no card was asked' if there else 'not there'}"
            return Line(about, Health.OK if there else Health.TROUBLE, why, "" if there else f"ls -l {entry.path}")
        case "gssapi":
            why = "a Kerberos ticket, which was not asked for"
            return (
                Line(about, Health.OK, why)
                if shutil.which("ssh")
                else Line(about, Health.TROUBLE, "needs the system's ssh", "apt-get install openssh-client")
            )


def _disk(folder: Path) -> Line:
    there = next((one for one in (folder, *folder.resolve().parents) if one.exists()), Path("/"))
    usage = shutil.disk_usage(there)
    share = usage.free / usage.total if usage.total else 0.0
    said = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free at {there}"
    if usage.free < SMALL_BYTES or share < SMALL_SHARE:
        return Line("disk", Health.TROUBLE, said, "posture store vacuum, or give it more room")
    if share < TIGHT_SHARE:
        return Line("disk", Health.WARNING, said, "posture store vacuum, or give it more room")
    return Line("disk", Health.OK, said)


def _notices(config: Config, now: datetime) -> Iterator[Line]:
    path = config.folder / outbox.NAME
    if not (targets_of(config.notify) or path.exists()):
        return
    try:
        found = outbox.read(config.folder)
    except StoreError as error:
        yield Line("notices", Health.TROUBLE, str(error), error.hint)
        return
    wrong = [*_damage(found, path), *_untold(found), *_given_up(found, path, now)]
    yield from wrong or [Line("notices", Health.OK, "none waits to be delivered")]


def _damage(found: outbox.Outbox, path: Path) -> Iterator[Line]:
    quoted = shlex.quote(str(path))
    if found.bad:
        first = found.bad[0]
        why = f"lines of {path} that do not load: {len(found.bad)}, line {first} first; what they said is not known"
        yield Line("notices", Health.TROUBLE, why, f"sed -n {first}p {quoted}, then: sed -i {first}d {quoted}")
    if found.torn:
        why = f"the last line of {path} was cut short: a process was killed, and its step is done again"
        yield Line("notices", Health.WARNING, why, "posture notify --waiting --send")


def _untold(found: outbox.Outbox) -> Iterator[Line]:
    mend = "posture notify --waiting --send"
    if found.to_tell:
        run, since = min(found.to_tell.items(), key=lambda one: one[1])
        why = f"runs still to be told: {len(found.to_tell)}, the oldest is {run}, since {since:%Y-%m-%d %H:%M} UTC"
        yield Line("notices", Health.WARNING, inert(why), mend)
    if found.waiting:
        oldest = min(found.waiting.values(), key=lambda one: one.since)
        why = (
            f"{len(found.waiting)} not delivered, the oldest since {oldest.since:%Y-%m-%d %H:%M} UTC to {oldest.target}"
        )
        yield Line("notices", Health.WARNING, inert(f"{why}: {oldest.why or 'not tried to the end'}"), mend)


def _given_up(found: outbox.Outbox, path: Path, now: datetime) -> Iterator[Line]:
    lately = [one for one in found.given_up if now - one.at < _GIVEN_UP]
    if lately:
        last = lately[-1]
        why = (
            f"{len(lately)} given up in {_GIVEN_UP.days} days, the last {last.target or f'run {last.run}'}: {last.why}"
        )
        yield Line("notices", Health.WARNING, inert(why), f"grep given-up {shlex.quote(str(path))}")


def _permissions(config: Config, config_file: Path | None) -> Iterator[Line]:
    wrong = 0
    for path in _state_files(config, config_file):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.stat().st_uid not in (os.geteuid(), 0):
            wrong += 1
            why = f"{path} belongs to user {path.stat().st_uid}, not to this account"
            yield Line("permissions", Health.TROUBLE, why, f"chown {os.geteuid()} {path}")
        if mode & 0o022:
            wrong += 1
            yield Line("permissions", Health.TROUBLE, f"others may write {path} ({mode:o})", f"chmod go-w {path}")
        elif mode & 0o044 and path.suffix not in (".yaml", "") and path.is_file():
            wrong += 1
            yield Line("permissions", Health.WARNING, f"others may read {path} ({mode:o})", f"chmod go-rwx {path}")
    if not wrong:
        yield Line("permissions", Health.OK, "nobody else may write what this program trusts")


def _state_files(config: Config, config_file: Path | None) -> Iterator[Path]:
    named = [config.known_hosts, config.folder]
    if config_file is not None:
        named.append(config_file)
    if isinstance(config.database, Path):
        named += [config.database.with_name(config.database.name + end) for end in ("", "-wal", "-shm")]
    named += [config.folder / name for name in ("probes.jsonl", "discovered.json", outbox.NAME)]
    return (path for path in named if path.exists())


def _store(config: Config, now: datetime) -> Iterator[Line]:
    if isinstance(config.database, Path) and not config.database.exists():
        yield Line("store", Health.WARNING, f"{config.database} is not there yet", "posture scan --self")
        return
    try:
        with Store.open(config.database, create=False) as store:
            yield _sound(store)
            ahead = [one.run for one in store.runs() if one.run.started_at > now + _AHEAD]
            if ahead:
                why = f"run {ahead[0].id} began in the future: some clock was wrong then, or is now"
                yield Line("clock and store", Health.TROUBLE, why, "date -u; posture runs")
            if late := overdue(store, config.retention, now):
                yield Line("retention", Health.WARNING, late, "posture store prune --dry-run; posture store prune")
            yield from _scheduler(store, now)
    except StoreError as error:
        yield Line("store", Health.TROUBLE, str(error), error.hint or "posture store restore FILE")


def _sound(store: Store) -> Line:
    try:
        if wrong := store.database.faults(quick=True):
            return Line("store", Health.TROUBLE, wrong[0], "posture store check; posture store restore FILE")
        head = store.verify_chain()
    except PostureError as error:
        return Line("store", Health.TROUBLE, str(error), "posture store check; posture store restore FILE")
    return Line(
        "store", Health.OK, f"sound; schema {store.database.revision()}, {head.seq} rows of the audit chain hold"
    )


def _scheduler(store: Store, now: datetime) -> Iterator[Line]:
    found = standings(store, now)
    if not found:
        yield Line("schedules", Health.OK, "nothing runs by itself")
        return
    if somebody_keeps(store, now):
        yield Line("scheduler", Health.OK, f"alive; {len(found)} schedules")
    else:
        why = f"none is running, so none of {len(found)} schedules is begun"
        yield Line("scheduler", Health.TROUBLE, why, "systemctl start posture, or: posture serve")
    for one in found:
        if one.last is not None and one.last.outcome is Outcome.FAILED:
            why = f"failed on {one.last.due:%Y-%m-%d %H:%M} UTC: {one.last.why}"
            yield Line(
                f"schedule {one.schedule.name}", Health.WARNING, why, f"posture schedule history {one.schedule.name}"
            )

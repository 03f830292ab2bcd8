"""Begins what is due, and writes down what became of it; everything it must remember lies in the store.

It looks every few seconds at the schedules as they are in the store, so another process may change them, and works out
what is due from wall-clock time alone, so a clock that jumps makes nothing run twice: a time that has its row is over.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posture.errors import PostureError
from posture.model.assessment import RunState
from posture.model.schedule import Kind, Missed, Occurrence, Outcome, Schedule
from posture.schedule import times
from posture.schedule.errand import PROGRAM, good, in_the_way, last_line, permit, started
from posture.schedule.telling import Teller
from posture.store import Store
from posture.store.owner import Alive
from posture.store.schedules import ATTEMPTS

LATE = timedelta(minutes=10)
"""A time that begins later than this was missed; only schedules that skip such times care."""
GIVEN_UP = timedelta(days=2)  # a claim on a machine that nobody can see from here
NOT_CLAIMED = 75  # EX_TEMPFAIL of sysexits.h: something else came first
_LOOK_S = 5.0
_BEAT = timedelta(seconds=60)
Key = tuple[str, datetime]


@dataclass
class Keeper:
    """One scheduler over one store; nothing else may use it at the same time."""

    store: Store
    now: Callable[[], datetime]
    place: Path
    """Where the logs of what it ran go."""
    options: tuple[str, ...] = ()
    """Configuration and output directory, as every command takes them."""
    say: Callable[[str], None] = lambda line: None
    beats_as: str = ""
    """Mark of its signs of life: a timer's process has ended when one asks; ``-`` for one that gives none."""
    teller: Teller | None = None
    """Tells what scans with logins brought; ``None`` when nobody is to be told."""
    _children: dict[Key, subprocess.Popen[bytes]] = field(default_factory=dict)
    _beaten: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Keep the schedules until told to stop, then end what was begun; it is taken up again at the next start."""
        while not stop.wait(_LOOK_S):
            try:
                self.look()
            except PostureError as error:  # a full disk or a busy database today is no reason to end for ever
                self.say(f"scheduler: {error}; {error.hint}")
            except Exception as bug:  # noqa: BLE001 - nor is a bug: the other schedules go on, and this is loud
                self.say(f"scheduler: bug: {type(bug).__name__}: {bug}")
        self.end()

    def run_due(self, stop: threading.Event) -> None:
        """Begin what is due, and what becomes due while that runs; return when nothing runs any more."""
        self.look()
        while self._children or (self.teller is not None and self.teller.busy):
            if stop.wait(_LOOK_S):
                self.end()
            else:
                self.look()

    def look(self) -> None:
        """Write down what has ended, and begin what is due."""
        now = self.now()
        self._beat(now)
        self._reap(now)
        self._settle_dead(now)
        for schedule in self.store.schedules.all(removed=True):
            try:
                self._look_at(schedule, now)
            except PostureError as error:  # a time zone that is gone from this machine must not hold up the others
                self.say(f"scheduler: {schedule.name}: {error}; {error.hint}")
        if self.teller is not None:
            self.teller.look(now)

    def wait(self) -> None:
        """Return when everything that was begun here has ended, and is written down."""
        for child in self._children.values():
            child.wait()
        self._reap(self.now())
        if self.teller is not None:
            self.teller.look(self.now())
            self.teller.wait()
            self.teller.look(self.now())

    def end(self, patience_s: float = 60.0) -> None:
        """Stop everything that was begun here, as ``posture stop`` would, and write down that it was cut short."""
        for child in self._children.values():
            child.send_signal(signal.SIGTERM)
        for key, child in list(self._children.items()):
            try:
                child.wait(patience_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            self._ended(key, child.returncode, self.now(), cut_short=True)
        self._children.clear()
        if self.teller is not None:
            self.teller.end(patience_s)

    def _beat(self, now: datetime) -> None:
        if self.beats_as != "-" and (self._beaten is None or abs(now - self._beaten) >= _BEAT):
            self.store.schedules.beat(now, self.beats_as)
            self._beaten = now

    def _reap(self, now: datetime) -> None:
        for key, child in list(self._children.items()):
            code = child.poll()
            if code is not None:
                del self._children[key]
                self._ended(key, code, now)

    def _ended(self, key: Key, code: int, now: datetime, *, cut_short: bool = False) -> None:
        """Write down how a child ended."""
        if code == NOT_CLAIMED:
            return
        name, due = key
        schedule = next(one for one in self.store.schedules.all(removed=True) if one.name == name)
        found = self.store.schedules.find(name, due) or Occurrence(name, due, True, Outcome.RUNNING)
        whole = not found.run or self._state(found.run) is RunState.COMPLETE
        outcome, why = _read(schedule, code, whole=whole)
        if outcome is Outcome.FAILED:
            why = f"{why}: {last_line(self._log(name))}"
        if cut_short and outcome is not Outcome.DONE:
            outcome, why = Outcome.INTERRUPTED, "the scheduler was stopped"
        self.say(f"scheduler: {name}, due {due:%Y-%m-%d %H:%M:%S}: {outcome.value}{f', {why}' if why else ''}")
        why = "; ".join(filter(None, (found.why, why)))
        if outcome is Outcome.DONE:
            self._owe(schedule, found.run, now)
        self.store.schedules.settle(replace(found, outcome=outcome, exit_code=code, why=why), now)

    def _owe(self, schedule: Schedule, run: str, now: datetime) -> None:
        """Write down that a scan is to be told, before it is called done: killed in between, that is done again."""
        if self.teller is not None and run and schedule.kind is Kind.CREDENTIALED:
            self.teller.owe(run, now)

    def _settle_dead(self, now: datetime) -> None:
        """Close claims of processes that are gone and are no children of this one."""
        for found, lives in self.store.schedules.open():
            if found.outcome is not Outcome.RUNNING or (found.schedule, found.due) in self._children:
                continue
            if lives is Alive.NO and found.run and self._state(found.run) is RunState.COMPLETE:
                of = next(one for one in self.store.schedules.all(removed=True) if one.name == found.schedule)
                self._owe(of, found.run, now)
                self.store.schedules.settle(
                    replace(found, outcome=Outcome.DONE, why=_joined(found, "ended unwatched")), now
                )
            elif lives is Alive.NO:
                why = _joined(found, "its process went away")
                self.store.schedules.settle(replace(found, outcome=Outcome.INTERRUPTED, why=why), now)
            elif lives is Alive.UNKNOWN and found.begun_at is not None and now - found.begun_at > GIVEN_UP:
                why = _joined(found, f"its process on {found.machine} cannot be seen from here: given up")
                self.store.schedules.settle(replace(found, outcome=Outcome.FAILED, why=why), now)

    def _look_at(self, schedule: Schedule, now: datetime) -> None:
        """Begin the newest time that is due, and what waits to be taken up again or was asked for."""
        kept = not (schedule.paused or schedule.removed)
        newest = self.store.schedules.newest(schedule.name, now)
        due = times.newest_due(schedule, now) if kept else None
        fresh = due if due is not None and (newest is None or due > newest) else None
        for found, _ in self.store.schedules.open():
            if found.schedule != schedule.name or found.outcome is Outcome.RUNNING:
                continue
            overtaken = found.planned and any(other is not None and other > found.due for other in (fresh, newest))
            if why := _left(found, schedule, overtaken=overtaken):
                self.store.schedules.settle(replace(found, outcome=Outcome.FAILED, why=_joined(found, why)), now)
            else:
                self._begin(schedule, found, now)
        if fresh is not None:
            self._fresh(schedule, fresh, newest or schedule.since, now)

    def _fresh(self, schedule: Schedule, due: datetime, after: datetime, now: datetime) -> None:
        """Begin or skip a time that nobody has claimed."""
        missed = times.missed_between(schedule, max(after, schedule.since), due)
        why = f"{missed} earlier time{'s' if missed != 1 else ''} missed" if missed else ""
        occurrence = Occurrence(schedule.name, due, True, Outcome.RUNNING, why=why)
        late = now - times.starts_at(schedule, due) > LATE
        if schedule.missed is Missed.SKIP and late:
            reason = self._begin(schedule, occurrence, now, dry=True) or "nothing could begin it in time"
            skipped = replace(occurrence, outcome=Outcome.SKIPPED, why=_joined(occurrence, reason))
            self.store.schedules.settle(skipped, now)
            return
        self._begin(schedule, occurrence, now)

    def _begin(self, schedule: Schedule, wanted: Occurrence, now: datetime, *, dry: bool = False) -> str:
        """Return why an occurrence cannot begin now; empty when it could, and unless ``dry`` it has."""
        if (schedule.name, wanted.due) in self._children:
            return ""
        allowed = permit(schedule, now)
        if allowed.never and not dry:
            failed = replace(wanted, outcome=Outcome.FAILED, why=_joined(wanted, allowed.never))
            self.store.schedules.settle(failed, now)
        claim = replace(wanted, authorisation=allowed.authorisation)
        if why := allowed.never or allowed.wait or in_the_way(self.store, schedule, claim):
            return why
        if not dry:
            self._children[schedule.name, wanted.due] = self._spawn(schedule, wanted)
            self.say(f"scheduler: {schedule.name}, due {wanted.due:%Y-%m-%d %H:%M:%S}: begun")
        return ""

    def _spawn(self, schedule: Schedule, wanted: Occurrence) -> subprocess.Popen[bytes]:
        """Return the process that claims the time and, if it gets it, becomes the scan; it outlives this one."""
        said = ("--why", wanted.why) if wanted.why else ()
        argv = (
            *PROGRAM,
            "schedule",
            "begin",
            schedule.name,
            wanted.due.astimezone(UTC).isoformat(),
            *said,
            *self.options,
        )
        return started(argv, self._log(schedule.name))

    def _state(self, run: str) -> RunState:
        return self.store.load_run(run).run.state

    def _log(self, name: str) -> Path:
        return self.place / f"{name}.log"


def _left(found: Occurrence, schedule: Schedule, *, overtaken: bool) -> str:
    """Return why an interrupted or wanted occurrence is not begun any more; empty when it is."""
    if schedule.removed:
        return "the schedule was removed"
    if found.outcome is Outcome.ASKED:
        return ""
    if found.attempts >= ATTEMPTS:
        return f"interrupted {ATTEMPTS} times"
    if schedule.missed is Missed.SKIP or schedule.paused:
        return "interrupted, and left so"
    return "overtaken by the next time" if overtaken else ""


def _read(schedule: Schedule, code: int, *, whole: bool) -> tuple[Outcome, str]:
    """Return what an exit code means; ``whole`` is false for a run that has not seen everything."""
    if code < 0:
        return Outcome.INTERRUPTED, f"ended by signal {-code}"
    if good(schedule.kind, code):
        return (Outcome.DONE, "") if whole else (Outcome.STOPPED, "stopped by an operator, not taken up again")
    return Outcome.FAILED, f"exit code {code}"


def _joined(found: Occurrence, why: str) -> str:
    return "; ".join(filter(None, (found.why, why)))

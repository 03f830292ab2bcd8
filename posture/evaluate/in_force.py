"""Whether a change is in force: the same check asked of what runs and of what the files say for the next start.

Two topics know both sides: kernel settings (running values and sysctl.d), and the SSH server (its files, and whether it
has read them since they changed). Everything else that checks read has one collected state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from posture.evaluate.judge import Memo, read_document
from posture.evaluate.logic import assertions
from posture.evaluate.paths import Absent, Found, follow, parse_path
from posture.model.check import All, AnyOf, Assertion, Check, Condition, Not, OnAbsent, When
from posture.model.finding import Result, Status
from posture.model.observation import FactDocument, Observation
from posture.model.receipt import Force, Unsettled

RUNNING, CONFIGURED = "kernel.sysctl", "kernel.configured"
SSHD, UNREAD = "sshd", "sshd.config_newer_than_daemon"
_GOOD = (Status.PASS, Status.NOT_APPLICABLE)


class BothSides:
    """The checks of a baseline that read something with a running and a persistent state, and how to compare them."""

    def __init__(self, checks: Iterable[Check]) -> None:
        named = [(check, [one.fact for one in assertions(check.condition)]) for check in checks]
        self._kernel = {
            check.id: (check, _of_the_files(check))
            for check, facts in named
            if any(fact.startswith(f"{RUNNING}[") for fact in facts)
        }
        self._daemon = frozenset(
            check.id
            for check, facts in named
            if UNREAD not in facts and any(fact.startswith(f"{SSHD}.") for fact in facts)
        )

    def forces(self, documents: Mapping[str, Observation], *, as_of: datetime, memo: Memo) -> dict[str, Force]:
        """Return by check whether running and persistent state agree on one host; other checks have one state only."""
        found = dict.fromkeys(self._daemon, _of_the_daemon(documents.get(SSHD))) if self._daemon else {}
        for id_, (check, of_files) in self._kernel.items():
            running = memo.judge(check, documents, as_of=as_of).status
            found[id_] = _compared(running, memo.judge(of_files, documents, as_of=as_of).status)
        return found

    def unsettled(
        self, results: Iterable[Result], documents: Mapping[str, Observation], *, as_of: datetime, memo: Memo
    ) -> Iterator[Unsettled]:
        """Yield the results of one host whose two states are known and do not agree."""
        forces = self.forces(documents, as_of=as_of, memo=memo)
        for result in results:
            status, force = result.verdict.status, forces.get(result.check, Force.SINGLE)
            # What fails by sshd's files fails anyway, whatever an older daemon still does.
            told = status is Status.PASS or (status is Status.FAIL and result.check in self._kernel)
            if told and force in (Force.NOT_LOADED, Force.NOT_KEPT):
                yield Unsettled(result.host, result.check, status, force)


def _compared(running: Status, persistent: Status) -> Force:
    if running is Status.FAIL:
        return Force.NOT_LOADED if persistent is Status.PASS else Force.AGREE
    if running not in _GOOD:
        return Force.UNSEEN
    if persistent is Status.FAIL:
        return Force.NOT_KEPT
    # Not applicable: no file sets it, so the next start brings what this one did.
    return Force.AGREE if persistent in _GOOD else Force.UNSEEN


def _of_the_daemon(document: Observation | None) -> Force:
    if not isinstance(document, FactDocument):
        return Force.UNSEEN
    place = follow(read_document(document), parse_path(UNREAD).steps)
    if isinstance(place, Found):
        return Force.NOT_LOADED if place.value is True else Force.AGREE
    return Force.SINGLE if isinstance(place, Absent) else Force.UNSEEN


def _of_the_files(check: Check) -> Check:
    """Return the same question asked of sysctl.d; a key that no file sets is left out."""
    digest = f"{check.digest} of the files" if check.digest else ""
    return replace(check, condition=_moved(check.condition), subject="", digest=digest)


def _moved(condition: Condition) -> Condition:
    match condition:
        case Assertion(fact=fact) if fact.startswith(f"{RUNNING}["):
            return replace(condition, fact=CONFIGURED + fact[len(RUNNING) :], on_absent=OnAbsent.NOT_APPLICABLE)
        case Assertion():
            return condition
        case All(members=members):
            return All(tuple(map(_moved, members)))
        case AnyOf(members=members):
            return AnyOf(tuple(map(_moved, members)))
        case Not(member=member):
            return Not(_moved(member))
        case When(member=member):
            return replace(condition, member=_moved(member))

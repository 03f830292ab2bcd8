"""What a check says of a host's documents; equal documents always get the same verdict.

verdict = judge(check, documents, as_of=moment, max_age_days=profile.max_age_days)
memo = Memo(max_age_days=profile.max_age_days)     # the same, each distinct question answered once
results = judge_host(host.id, baseline.checks, documents, as_of=moment, memo=memo)
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec

from posture.evaluate import ENGINE
from posture.evaluate.logic import Line, Scene, Truth, assertions, evaluate
from posture.evaluate.operators import DATES
from posture.evaluate.paths import (
    Absent,
    Blank,
    Each,
    FactPath,
    Found,
    OpenHole,
    Place,
    Step,
    follow,
    hole_steps,
    parse_path,
    spread,
)
from posture.evaluate.paths import Spread as Places
from posture.evaluate.render import short, show, show_place
from posture.model.check import Assertion, Check, FactRef
from posture.model.finding import AssertionResult, Outcome, Result, Status, Verdict
from posture.model.observation import Blind, FactDocument, Observation, Unseen

FLEET = "fleet"
"""Id of the pseudo-host, and name of the topic, that hold what concerns the whole fleet."""

T = TypeVar("T")

MAX_SUBJECTS = 2000  # a host with more failing subjects gets one finding for the rest
MAX_SUBJECT_TEXT = 200


def judge(
    check: Check, documents: Mapping[str, Observation], *, as_of: datetime, max_age_days: int | None = None
) -> Verdict:
    """Return the verdict of a check on the documents (by topic) of one host; it never raises for what they hold.

    A topic that is not among them is unseen; a document older than ``max_age_days`` at ``as_of`` is unseen as stale.
    """
    return Memo(max_age_days=max_age_days).judge(check, documents, as_of=as_of)


def judge_host(
    host: str,
    checks: Iterable[Check],
    documents: Mapping[str, Observation],
    *,
    as_of: datetime,
    memo: Memo,
) -> tuple[Result, ...]:
    """Return one result for each check that concerns this host, in check id order."""
    results = []
    for check in sorted(checks_for(host, checks), key=lambda check: check.id):
        verdict = memo.judge(check, documents, as_of=as_of)
        read = [documents[topic] for topic in verdict.topics if topic in documents]
        evidence = sorted({id_ for doc in read if isinstance(doc, FactDocument) for id_ in doc.evidence})
        results.append(Result(host, check.id, check.revision, verdict, tuple(evidence)))
    return tuple(results)


def checks_for(host: str, checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks asked of a host: the fleet's of the pseudo-host ``fleet``, all others of real hosts."""
    return tuple(check for check in checks if (check.scope == "fleet") == (host == FLEET))


def topics_of(check: Check) -> tuple[str, ...]:
    """Return every topic a check may read, sorted."""
    paths = [check.subject] if check.subject else []
    for assertion in (*assertions(check.applicability), *assertions(check.condition)):
        paths.append(assertion.fact)
        if isinstance(assertion.value, FactRef):
            paths.append(assertion.value.path)
    return tuple(sorted({parse_path(path).topic for path in paths if path and not path.startswith(".")}))


def asserted_digest(verdict: Verdict) -> str:
    """Return the hex digest of the facts a verdict rests on; a waiver may be bound to it."""
    lines = sorted((a.id, a.fact, a.op, a.actual, a.outcome.value) for a in verdict.assertions)
    return hashlib.sha256(msgspec.json.encode(lines)).hexdigest()


@dataclass(frozen=True, slots=True)
class _Question:
    """What never changes about a check, worked out once."""

    topics: tuple[str, ...]
    asks_date: bool
    params: Mapping[str, Any]


class Memo:
    """Answers each distinct question once: fleets are alike, so most work is a dictionary look-up."""

    def __init__(
        self, *, max_age_days: int | None = None, max_documents: int = 2000, max_verdicts: int = 500_000
    ) -> None:
        self._max_age = None if max_age_days is None else timedelta(days=max_age_days)
        self._questions: dict[str, _Question] = {}
        self._facts: _Recent[Place] = _Recent(max_documents)
        self._verdicts: _Recent[Verdict] = _Recent(max_verdicts)
        self.hits = 0
        self.misses = 0

    def judge(self, check: Check, documents: Mapping[str, Observation], *, as_of: datetime) -> Verdict:
        """Return the verdict, remembered when the same check met the same documents before."""
        question = self._question(check)
        seen = {topic: self._fresh(documents.get(topic), as_of) for topic in question.topics}
        key = _key(check, question, seen, as_of)
        known = self._verdicts.get(key) if check.digest else None
        if known is not None:
            self.hits += 1
            return known
        self.misses += 1
        verdict = self._judge(check, question, seen, as_of)
        if check.digest:
            self._verdicts.put(key, verdict)
        return verdict

    def _question(self, check: Check) -> _Question:
        known = self._questions.get(check.digest) if check.digest else None
        if known is None:
            every = (*assertions(check.applicability), *assertions(check.condition))
            params = {param.name: param.default for param in check.params}
            known = _Question(topics_of(check), any(a.op in DATES for a in every), params)
            if check.digest:
                self._questions[check.digest] = known
        return known

    def _fresh(self, observation: Observation | None, as_of: datetime) -> Observation | Blank:
        if observation is None:
            return Blank(Blind.NOT_ATTEMPTED, "the topic was never asked for")
        if isinstance(observation, Unseen):
            return Blank(observation.reason, observation.detail)
        if self._max_age is not None and as_of - observation.taken_at > self._max_age:
            return Blank(Blind.STALE, f"read on {observation.taken_at:%Y-%m-%d}, older than {self._max_age.days} days")
        return observation

    def _judge(
        self, check: Check, question: _Question, seen: Mapping[str, Observation | Blank], as_of: datetime
    ) -> Verdict:
        hosts = {doc.host for doc in seen.values() if isinstance(doc, FactDocument)}
        if len(hosts) > 1:
            return Verdict(Status.ERROR, f"documents of several hosts: {', '.join(sorted(hosts))}", (), question.topics)
        try:
            scene = Scene({topic: self._place(doc) for topic, doc in seen.items()}, question.params, as_of.date())
            return _verdict(check, question, scene)
        except _BUGS as bug:
            return Verdict(Status.ERROR, short(f"{type(bug).__name__}: {bug}"), (), question.topics)

    def _place(self, observation: Observation | Blank) -> Place:
        if not isinstance(observation, FactDocument):
            return observation if isinstance(observation, Blank) else Blank(observation.reason, observation.detail)
        known = self._facts.get(observation.digest)
        if known is None:
            known = read_document(observation)
            self._facts.put(observation.digest, known)
        return known


def read_document(document: FactDocument) -> Place:
    """Return the facts of a document with their holes; unreadable content is unseen."""
    try:
        body = msgspec.json.decode(document.content)
        holes = tuple(OpenHole(hole_steps(path), Blind(reason), detail) for path, reason, detail in body["holes"])
        facts = body["facts"]
    except (msgspec.DecodeError, KeyError, ValueError, TypeError, RecursionError) as error:
        return Blank(Blind.UNPARSEABLE, f"the document of topic {document.topic} is damaged: {type(error).__name__}")
    return follow(Found(facts, holes), ())


_BUGS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    AssertionError,
    StopIteration,
)
"""What a fault in a check or in this package raises; it spoils one verdict and says so."""


class _Recent(Generic[T]):
    """A dictionary that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Any, T] = OrderedDict()

    def get(self, key: Any) -> T | None:
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: Any, value: T) -> None:
        self._kept[key] = value
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)


def _key(
    check: Check, question: _Question, seen: Mapping[str, Observation | Blank], as_of: datetime
) -> tuple[Any, ...]:
    documents = tuple(_identity(seen[topic]) for topic in question.topics)
    return (check.digest, check.revision, ENGINE, documents, as_of.date() if question.asks_date else None)


def _identity(observation: Observation | Blank) -> tuple[str, str]:
    if isinstance(observation, FactDocument):
        return ("", observation.digest)
    return (observation.reason.value, observation.detail)


def _verdict(check: Check, question: _Question, scene: Scene) -> Verdict:
    if check.applicability is not None:
        lines: list[Line] = []
        applies = evaluate(check.applicability, scene, lines)
        if applies.outcome is Outcome.UNKNOWN:
            return Verdict(Status.NOT_CHECKED, _reason(applies), _rows(lines), question.topics)
        if applies.outcome is not Outcome.TRUE:
            return Verdict(Status.NOT_APPLICABLE, "", _rows(lines), question.topics)
    lines = []
    truth = evaluate(check.condition, scene, lines)
    match truth.outcome:
        case Outcome.TRUE:
            return Verdict(Status.PASS, "", _rows(lines), question.topics)
        case Outcome.NOT_APPLICABLE:
            return Verdict(Status.NOT_APPLICABLE, "", _rows(lines), question.topics)
        case Outcome.UNKNOWN:
            return Verdict(Status.NOT_CHECKED, _reason(truth), _rows(lines), question.topics)
        case Outcome.FALSE:
            subjects, complete = _subjects(check, scene, lines)
            return Verdict(Status.FAIL, "", _rows(lines), question.topics, subjects, complete)


def _reason(truth: Truth) -> str:
    return truth.blank.reason.value if truth.blank is not None else Blind.NOT_ATTEMPTED.value


def _rows(lines: Iterable[Line]) -> tuple[AssertionResult, ...]:
    return tuple(_row(line) for line in lines)


def _row(line: Line) -> AssertionResult:
    assertion, truth = line.assertion, line.truth
    actual = short(truth.actual if isinstance(truth.actual, str) else show_place(truth.actual))
    expected = short(line.expected)
    return AssertionResult(
        assertion.id,
        assertion.fact,
        assertion.op,
        expected,
        actual,
        truth.outcome,
        _message(assertion, truth, expected, actual),
    )


def _message(assertion: Assertion, truth: Truth, expected: str, actual: str) -> str:
    if truth.outcome is Outcome.UNKNOWN and truth.blank is not None:
        return short(
            f"{assertion.fact} could not be judged: {truth.blank.reason.value}"
            + (f" ({truth.blank.detail})" if truth.blank.detail else "")
        )
    if truth.outcome is not Outcome.FALSE:
        return ""
    words = {"actual": actual, "expected": expected}
    template = assertion.message or f"{assertion.fact} is {{actual}}, expected {{expected}}"
    # one pass, so that braces in a host's own text are never filled in
    return _SLOT.sub(lambda match: words[match[1]], template)


_SLOT = re.compile(r"\{(actual|expected)\}")


def _subjects(check: Check, scene: Scene, lines: Iterable[Line]) -> tuple[tuple[str, ...], bool]:
    """Return what failed, by the check's subject path, and whether nothing else can be out of sight."""
    if not check.subject:
        return (), True
    path = parse_path(check.subject)
    failing = [line for line in lines if line.truth.outcome is Outcome.FALSE]
    complete = all(line.truth.all_seen and line.truth.outcome is not Outcome.UNKNOWN for line in lines)
    named: set[str] = set()
    for line in failing:
        rest = _below_same_list(path, parse_path(line.assertion.fact))
        if rest is None or not line.truth.offenders:
            named.update(_values(path, scene))
            continue
        for row in line.truth.offenders:
            place = follow(row.element, rest)
            named.add(short(show(place.value), MAX_SUBJECT_TEXT) if isinstance(place, Found) else "")
    subjects = sorted(named)
    return tuple(subjects[:MAX_SUBJECTS]), complete and len(subjects) <= MAX_SUBJECTS


def _below_same_list(subject: FactPath, fact: FactPath) -> tuple[Step, ...] | None:
    """Return the part of the subject below the list that the failing assertion went through."""
    if not subject.spreads or subject.topic != fact.topic:
        return None
    last = max(index for index, step in enumerate(subject.steps) if isinstance(step, Each))
    trunk = subject.steps[: last + 1]
    same = fact.steps[: last + 1] == trunk or (fact.steps == trunk[:-1])
    if not same or any(isinstance(step, Each) for step in fact.steps[last + 1 :]):
        return None
    return subject.steps[last + 1 :]


def _values(path: FactPath, scene: Scene) -> set[str]:
    """Return every value the subject path has on this host."""
    start = scene.topics.get(path.topic, Absent())
    if not path.spreads:
        place = follow(start, path.steps)
        return {short(show(place.value), MAX_SUBJECT_TEXT)} if isinstance(place, Found) else {""}
    found = spread(start, path.steps)
    rows = found.rows if isinstance(found, Places) else ()
    values = {short(show(row.place.value), MAX_SUBJECT_TEXT) for row in rows if isinstance(row.place, Found)}
    return values or {""}

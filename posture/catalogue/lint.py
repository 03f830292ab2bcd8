"""Everything that can be known of a check before any scan; examples are judged by the real engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from posture.catalogue.factschema import ANY, Schema, Shape, below, element_of, shape_at, value_fault
from posture.errors import BaselineError
from posture.evaluate.documents import make_document
from posture.evaluate.judge import judge
from posture.evaluate.logic import assertions
from posture.evaluate.operators import OPERATORS, QUANTIFIERS, SETS
from posture.evaluate.paths import parse_path
from posture.model.check import All, AnyOf, Assertion, Check, Condition, Example, FactRef, Not, ParamRef, When
from posture.model.finding import Status, Verdict
from posture.model.observation import Blind, Hole, Observation, Origin, Unseen
from posture.yamlfile import suggestion

EXAMPLE_AS_OF = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
"""The moment at which examples are judged; dates in them count from this day."""

OPEN_TOPICS: Mapping[str, Schema] = {"declared": {}}
"""Topics without a fixed shape: what the operator says of a host."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a check."""

    check: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.check} {self.place}: {self.message}"


def lint(checks: Iterable[Check], topic_schemas: Mapping[str, Schema]) -> tuple[Problem, ...]:
    """Return every problem of these checks, sorted; none means they may be shipped.

    ``topic_schemas`` holds the published schema of each topic's facts (``collectors.base.schema_of``).
    """
    schemas = {**OPEN_TOPICS, **topic_schemas}
    found = {problem for check in checks for problem in _problems(check, schemas)}
    return tuple(sorted(found, key=lambda p: (p.check, p.place, p.message)))


def run_example(check: Check, example: Example) -> Verdict:
    """Return the engine's verdict on an example."""
    return judge(check, documents_of(example), as_of=EXAMPLE_AS_OF)


def documents_of(example: Example) -> dict[str, Observation]:
    """Return an example's facts as the documents of one host; topics it does not name are unseen."""
    holes: dict[str, list[Hole]] = {}
    out: dict[str, Observation] = {}
    for text, reason in example.holes:
        path = parse_path(text)
        if path.steps:
            rest = text[len(path.topic) :].removeprefix(".")
            holes.setdefault(path.topic, []).append(Hole(rest, Blind(reason)))
        else:
            out[path.topic] = Unseen("example", path.topic, Blind(reason))
    for topic in sorted({*example.facts, *holes} - set(out)):
        out[topic] = make_document(
            host="example",
            topic=topic,
            facts=example.facts.get(topic, {}),
            holes=tuple(holes.get(topic, ())),
            taken_at=EXAMPLE_AS_OF,
            origin=Origin.LIVE,
        )
    return out


def _problems(check: Check, schemas: Mapping[str, Schema]) -> Iterator[Problem]:
    if check.applicability is not None:
        yield from _condition_problems(check, check.applicability, schemas, None)
    yield from _condition_problems(check, check.condition, schemas, None)
    named = [("subject", check.subject)] if check.subject else []
    named += [("evidence", path) for path in check.evidence_keep]
    named += [("requires", requirement.fact) for requirement in check.requires]
    for place, path in named:
        try:
            shape_at(parse_path(path), schemas)
        except BaselineError as error:
            yield Problem(check.id, f"{place} {path}", _told(error))
    for requirement in check.requires:
        if requirement.command_id.split(".", 1)[0] != parse_path(requirement.fact).topic:
            yield Problem(
                check.id, "requires", f"`{requirement.command_id}` is no command of the topic of {requirement.fact}"
            )
    yield from _text_problems(check)
    yield from _example_problems(check, schemas)


def _text_problems(check: Check) -> Iterator[Problem]:
    references = check.references
    if not any((references.nist_800_53r5, references.stig, references.cis, references.cisa, references.other)):
        yield Problem(check.id, "references", "no source: name at least one")
    if check.remediation.risk.value != "none" and not check.remediation.rollback:
        yield Problem(check.id, "remediation", f"a fix with risk {check.remediation.risk.value} needs a rollback")
    if check.remediation.risk.value == "lockout" and not check.remediation.precondition:
        yield Problem(check.id, "remediation", "a fix that can lock people out needs a precondition")


def _condition_problems(
    check: Check, condition: Condition, schemas: Mapping[str, Schema], element: Shape | None
) -> Iterator[Problem]:
    match condition:
        case Assertion():
            yield from _assertion_problems(check, condition, schemas, element)
        case All(members=members) | AnyOf(members=members):
            for member in members:
                yield from _condition_problems(check, member, schemas, element)
        case Not(member=member) | When(member=member):
            yield from _condition_problems(check, member, schemas, element)
        case _:
            assert_never(condition)


def _assertion_problems(
    check: Check, assertion: Assertion, schemas: Mapping[str, Schema], element: Shape | None
) -> Iterator[Problem]:
    place = f"{assertion.id or 'where'} {assertion.fact}"
    try:
        path = parse_path(assertion.fact, relative=element is not None)
        shape = below(element, path.steps) if element is not None else shape_at(path, schemas)
        if assertion.op in QUANTIFIERS and not path.spreads:
            shape = element_of(shape)
        fault = _operator_fault(check, assertion, shape, path.spreads) or _reference_fault(assertion, schemas, element)
    except BaselineError as error:
        yield Problem(check.id, place, _told(error))
        return
    if fault:
        yield Problem(check.id, place, fault)
    if assertion.where is not None:
        yield from _condition_problems(check, assertion.where, schemas, shape)


def _reference_fault(assertion: Assertion, schemas: Mapping[str, Schema], element: Shape | None) -> str:
    """Return nothing; raises when the fact compared with does not exist."""
    if isinstance(assertion.value, FactRef):
        relative = assertion.value.path.startswith(".")
        path = parse_path(assertion.value.path, relative=relative)
        if relative and element is None:
            return "compares with a path below an element outside `where`"
        if relative and element is not None:
            below(element, path.steps)
        else:
            shape_at(path, schemas)
    return ""


def _operator_fault(check: Check, assertion: Assertion, shape: Shape, spreads: bool) -> str:
    """Return why the operator or its value does not fit the fact; empty when it does."""
    operator = OPERATORS[assertion.op]
    kinds = shape.kinds
    if ANY in kinds or operator.accepts == "anything" or assertion.op in QUANTIFIERS:
        return ""
    if assertion.op in SETS and not spreads:
        kinds = element_of(shape).kinds
    elif operator.accepts == "list" and not spreads:
        return "is not a list"
    allowed = {"scalar": {"text", "number", "bool"}, "number": {"text", "number"}, "text": {"text"}}
    wanted = allowed.get(operator.accepts, {"text", "number", "bool"})
    if not kinds & wanted and ANY not in kinds:
        return f"`{assertion.op}` compares {' or '.join(sorted(wanted))}, the fact is {' or '.join(sorted(kinds))}"
    return _value_fault(check, assertion, shape if assertion.op not in SETS or spreads else element_of(shape))


def _value_fault(check: Check, assertion: Assertion, shape: Shape) -> str:
    value: Any = assertion.value
    if isinstance(value, FactRef):
        return ""
    if isinstance(value, ParamRef):
        value = {param.name: param.default for param in check.params}[value.name]
    if OPERATORS[assertion.op].kind not in ("scalar", "scalars"):
        return ""
    for one in value if isinstance(value, list) else [value]:
        kind = "bool" if isinstance(one, bool) else "text" if isinstance(one, str) else "number"
        if kind not in shape.kinds and not (kind == "number" and "text" in shape.kinds):
            return f"the value is {kind}, the fact is {' or '.join(sorted(shape.kinds))}"
        if shape.words and one not in shape.words:
            return f"the fact is never `{one}`: {suggestion(str(one), map(str, shape.words))}"
    return ""


def _example_problems(check: Check, schemas: Mapping[str, Schema]) -> Iterator[Problem]:
    expected = {example.expect for example in check.examples}
    needed = ["pass", "fail", "not_checked"] + (["not_applicable"] if check.applicability is not None else [])
    for status in needed:
        if status not in expected:
            yield Problem(check.id, "examples", f"none expects {status}")
    names = [example.name for example in check.examples]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(check.id, "examples", f"`{name}` is used twice")
    for example in check.examples:
        place = f"example `{example.name}`"
        yield from _example_fact_problems(check, example, place, schemas)
        verdict = run_example(check, example)
        if verdict.status.label != example.expect:
            yield Problem(check.id, place, f"expects {example.expect}, is {_outcome(verdict)}")
    unmet = _never_false(check)
    for id_ in unmet:
        yield Problem(
            check.id,
            "examples",
            f"assertion `{id_}` never fails in an example: one where everything is wrong is enough",
        )


def _never_false(check: Check) -> list[str]:
    """Return the ids of assertions that no example shows failing: they could be removed unnoticed."""
    met: set[str] = set()
    for example in check.examples:
        verdict = run_example(check, example)
        if verdict.status in (Status.FAIL, Status.PASS):
            met |= {line.id for line in verdict.assertions if line.outcome.value == "false"}
    return sorted({assertion.id for assertion in _top_level(check.condition)} - met)


def _top_level(condition: Condition) -> list[Assertion]:
    inner = {id(deep) for a in assertions(condition) for deep in assertions(a.where)}
    return [a for a in assertions(condition) if id(a) not in inner]


def _example_fact_problems(
    check: Check, example: Example, place: str, schemas: Mapping[str, Schema]
) -> Iterator[Problem]:
    for topic, facts in sorted(example.facts.items()):
        if topic not in schemas:
            yield Problem(check.id, place, f"no topic `{topic}`; {suggestion(topic, schemas)}")
            continue
        fault = value_fault(facts, shape_at(parse_path(topic), schemas))
        if fault:
            yield Problem(check.id, place, f"{topic}: {fault}")
    for path, _ in example.holes:
        try:
            shape_at(parse_path(path), schemas)
        except BaselineError as error:
            yield Problem(check.id, place, f"hole {path}: {_told(error)}")


def _outcome(verdict: Verdict) -> str:
    told = "; ".join(line.message for line in verdict.assertions if line.message)
    return f"{verdict.status.label} {verdict.reason}".strip() + (f" ({told})" if told else "")


def _told(error: BaselineError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)

"""docs/checks.md: every check of the shipped baselines, by family."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache

from posture.catalogue.load import Catalogue, load
from posture.model.check import (
    All,
    AnyOf,
    Assertion,
    Check,
    Condition,
    FactRef,
    Not,
    ParamRef,
    Reference,
    References,
    When,
)
from tools.markdown import BANNER, block, code, flowed, table


def checks_page() -> str:
    """Return the page: what there is at a glance, then each check with everything a reader needs to judge it."""
    catalogue = load()
    families = _families(catalogue)
    guest = len(catalogue.proven_in_guest)
    proven = len(catalogue.checks) - len(catalogue.unproven) - guest
    parts = [
        BANNER,
        "# Checks\n\n",
        f"{len(catalogue.checks)} checks in {len(families)} families. Search this page for an id, a setting, a STIG or"
        " 800-53 number, or an AIT category. `posture checks explain ID` prints one of them.\n\n",
        f"Fixes that every test run applies to a lab host and rolls back again: {proven} of {len(catalogue.checks)};"
        f" {guest} more need a kernel or systemd of their own and say when `make guest` last did so. The others say"
        " **not proven by a test** and why: read them, and try them on a host that may break.\n\n",
        *(f"- [{family}](#{family.lower()}): {about}\n" for family, (about, _) in families.items()),
    ]
    parts += [_family(family, about, checks) for family, (about, checks) in families.items()]
    parts.append(_removed(catalogue))
    return "".join(parts)


def _families(catalogue: Catalogue) -> dict[str, tuple[str, list[Check]]]:
    """Return each family's sentence (the comment on top of its file) and its checks."""
    found: dict[str, tuple[str, list[Check]]] = {}
    for check in catalogue.checks.values():
        family, file = check.id.split("-")[0], check.source.split(":")[0]
        if family not in found:
            found[family] = (_about((catalogue.directory / file).read_text("utf-8")), [])
        found[family][1].append(check)
    return found


def _about(text: str) -> str:
    comment = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    return " ".join(line.lstrip("# ") for line in comment)


def _family(family: str, about: str, checks: Sequence[Check]) -> str:
    rows = [
        (f"[{check.id}](#{_anchor(check)})", check.title, check.severity.label, f"{check.deadline_days} days")
        for check in checks
    ]
    overview = table(("check", "finding", "severity", "due in"), rows)
    return f"\n## {family}\n\n{about}\n\n{overview}" + "".join(_check(check) for check in checks)


def _anchor(check: Check) -> str:
    kept = (sign for sign in f"{check.id} {check.title}".lower() if sign.isalnum() or sign in " -_")
    return "".join(kept).replace(" ", "-")


def _check(check: Check) -> str:
    facts = [
        ("Severity", f"**{check.severity.label}**: {flowed(check.severity_reason)}"),
        ("Due", f"{check.deadline_days} days ({check.deadline_class})"),
        ("AI threats", _threat(check)),
        ("Asked of", f"{check.scope}" + (f"; one finding per {code(check.subject)}" if check.subject else "")),
        ("Needs", "; ".join(_needs(check))),
        ("Parameters", "; ".join(_params(check))),
        ("800-53 r5", ", ".join(check.references.nist_800_53r5)),
        ("Sources", "; ".join(_sources(check.references)) or "our own judgement"),
        ("Confidence", f"{check.confidence} of 100"),
    ]
    return "".join(
        [
            f"\n### {check.id} {check.title}\n\n{flowed(check.rationale)}\n\n",
            table(("", ""), [row for row in facts if row[1]]),
            "\nApplies where:\n\n" + _tree(check.applicability) if check.applicability else "",
            "\nPasses when:\n\n" + _tree(check.condition),
            _fix(check),
            "\nWorked cases: " + "; ".join(f"{flowed(case.name)} → {case.expect}" for case in check.examples) + ".\n",
        ]
    )


def _threat(check: Check) -> str:
    threat = check.threat
    techniques = [*threat.attack, *threat.atlas]
    known = f"; {', '.join(techniques)}" if techniques else ""
    return f"{', '.join(threat.categories)} ({threat.effect.value}{known}). {flowed(threat.note)}"


def _needs(check: Check) -> Iterator[str]:
    for need in check.requires:
        yield f"{code(need.fact)} from {code(need.command_id)}" + (" as root" if need.privilege == "sudo" else "")


def _params(check: Check) -> Iterator[str]:
    for param in check.params:
        yield f"{code(param.name)} = {code(_value(param.default))}" + (f": {flowed(param.note)}" if param.note else "")


def _sources(references: References) -> Iterator[str]:
    for rule in references.stig:
        where = f"{rule.benchmark} {rule.version}, {rule.vuln_id}, {rule.severity}"
        yield f"{rule.stig_id} ({where}; ours is {rule.relation})"
    for reference in (*references.cis, *references.cisa, *references.other):
        yield _reference(reference)


def _reference(reference: Reference) -> str:
    text = reference.text + (f" ({reference.as_of})" if reference.as_of else "")
    return flowed(text) + (" *draft, not a requirement*" if reference.draft else "")


def _fix(check: Check) -> str:
    fix = check.remediation
    parts = [f"\nFix, {fix.minutes} minutes, risk {fix.risk.value.replace('_', ' ')}: {flowed(fix.text)}\n"]
    if why := _unproven().get(check.id):
        parts.append(f"\n**Remediation not proven by a test**: {flowed(why)}.\n")
    if shown := _shown_in_guest().get(check.id):
        parts.append(f"\nProven in a guest with its own kernel and systemd on {shown} (`make guest`).\n")
    if fix.precondition:
        parts.append(f"\nBefore: {flowed(fix.precondition)}\n")
    steps = (("By hand:", fix.shell), ("Undo:", fix.rollback), ("See that it worked:", fix.verify))
    parts += [f"\n{title}\n\n{block(text, 'sh')}" for title, text in steps if text.strip()]
    return "".join(parts)


@cache
def _unproven() -> Mapping[str, str]:
    return load().unproven


@cache
def _shown_in_guest() -> Mapping[str, date]:
    return load().proven_in_guest


def _tree(condition: Condition, depth: int = 0) -> str:
    indent = "  " * depth
    match condition:
        case Assertion():
            return f"{indent}- {_assertion(condition)}\n" + (
                _tree(condition.where, depth + 1) if condition.where else ""
            )
        case All(members=members) if depth == 0:
            return "".join(_tree(member, depth) for member in members)
        case All(members=members):
            return f"{indent}- all of\n" + "".join(_tree(member, depth + 1) for member in members)
        case AnyOf(members=members):
            return f"{indent}- at least one of\n" + "".join(_tree(member, depth + 1) for member in members)
        case Not(member=member):
            return f"{indent}- not\n" + _tree(member, depth + 1)
        case When(param=param, equals=equals, member=member):
            asked = f"where {code(param)} is {code(_value(equals))}"
            return f"{indent}- {asked}\n" + _tree(member, depth + 1)


def _assertion(assertion: Assertion) -> str:
    parts = [code(assertion.fact), assertion.op.replace("_", " ")]
    match assertion.value:
        case None:
            pass
        case ParamRef(name=name):
            parts.append(f"parameter {code(name)}")
        case FactRef(path=path):
            parts.append(f"fact {code(path)}")
        case value:
            parts.append(code(_value(value)))
    if assertion.on_empty:
        parts.append(f"(empty: {assertion.on_empty.value.replace('_', ' ')})")
    if assertion.on_absent.value != "fail":
        parts.append(f"(absent: {assertion.on_absent.value.replace('_', ' ')})")
    return " ".join(parts)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _removed(catalogue: Catalogue) -> str:
    if not catalogue.removed:
        return ""
    rows = [(entry.id, str(entry.removed), entry.reason) for entry in catalogue.removed]
    return "\n## Removed\n\n" + table(("id", "when", "why"), rows)

"""``posture checks``: what is required, whether it is well written, and why it matters."""

from __future__ import annotations

from pathlib import Path

import click

from posture.catalogue.lint import lint
from posture.catalogue.load import Catalogue, load
from posture.catalogue.rulefile import lint_rules
from posture.cli import terminal
from posture.cli.options import json_option
from posture.errors import BaselineError, UsageError
from posture.evaluate.fleet import fleet_schema
from posture.evaluate.scanning import scanning_schema
from posture.model.check import Check
from posture.yamlfile import suggestion

baselines_option = click.option(
    "--baselines", type=click.Path(path_type=Path), help="A directory of baselines; the shipped ones when left out."
)
profile_option = click.option("--profile", default="fceb", show_default=True, help="fceb, dow or nss.")


@click.group("checks")
def checks_group() -> None:
    """List, explain and lint the checks."""


@checks_group.command("list")
@profile_option
@click.option("--category", default="", help="Only checks of this AI-threat category, such as AIT-04.")
@click.option("--tag", default="", help="Only checks with this tag, such as defend.")
@baselines_option
@json_option
def list_command(profile: str, category: str, tag: str, baselines: Path | None, as_json: bool) -> None:
    """List the checks of a profile.

    \b
    Examples:
      posture checks list
      posture checks list --category AIT-04
      posture checks list --tag defend --json
    """
    checks = [
        check
        for check in load(baselines).baseline(profile).checks
        if (not category or category in check.threat.categories) and (not tag or tag in check.tags)
    ]
    if as_json:
        terminal.as_json([_brief(check) for check in checks])
        return
    rows = [(c.id, c.severity.label, ", ".join(c.threat.categories), c.title) for c in checks]
    terminal.table(
        f"{len(checks)} checks of {profile}", ("check", "severity", "AI threat", "finding"), rows, empty="no such check"
    )


def _brief(check: Check) -> dict[str, object]:
    return {
        "id": check.id,
        "revision": check.revision,
        "title": check.title,
        "severity": check.severity.label,
        "ai_threat": list(check.threat.categories),
        "tags": list(check.tags),
        "digest": check.digest,
    }


@checks_group.command("explain")
@click.argument("check_id", metavar="CHECK")
@baselines_option
@json_option
def explain_command(check_id: str, baselines: Path | None, as_json: bool) -> None:
    """Explain one check: why, what AI changes, how it is decided, how to mend it.

    \b
    Example:
      posture checks explain SSH-02
    """
    catalogue = load(baselines)
    check = catalogue.checks.get(check_id.upper())
    if check is None:
        raise UsageError(f"no check `{check_id}`", hint=suggestion(check_id.upper(), catalogue.checks))
    if as_json:
        terminal.as_json(check)
        return
    for line in explanation(check, catalogue):
        terminal.say(line)


def explanation(check: Check, catalogue: Catalogue) -> list[str]:
    """Return the lines that explain a check."""
    names = catalogue.taxonomy
    threats = "; ".join(f"{id_} {names.get(id_, '')}" for id_ in check.threat.categories)
    fix = check.remediation
    references = check.references
    cited = [rule.stig_id for rule in references.stig]
    cited += [reference.text for reference in (*references.cis, *references.cisa, *references.other)]
    return [
        f"{check.id} (revision {check.revision}, {check.severity.label}): {check.title}",
        "",
        *_paragraph("why", check.rationale),
        *_paragraph("AI threat", f"{threats}. {check.threat.effect.value}. {check.threat.note}"),
        *_paragraph("severity", check.severity_reason),
        *_paragraph("800-53 r5", ", ".join(references.nist_800_53r5)),
        *_paragraph("sources", "; ".join(cited) or "our own judgement"),
        *_paragraph("parameters", "; ".join(f"{param.name} = {param.default}" for param in check.params)),
        *_paragraph("fix", f"{fix.text} Risk: {fix.risk.value}; about {fix.minutes} minutes."),
        *_paragraph("before", fix.precondition),
        *_paragraph("verify", fix.verify),
        "",
        "commands" if fix.shell else "",
        *(f"    {line}" for line in fix.shell.splitlines()),
        *(["undo"] if fix.rollback else []),
        *(f"    {line}" for line in fix.rollback.splitlines()),
    ]


def _paragraph(term: str, text: str) -> list[str]:
    return [f"{term + ':':12} {' '.join(text.split())}"] if text.strip() else []


@checks_group.command("lint")
@baselines_option
@json_option
def lint_command(baselines: Path | None, as_json: bool) -> None:
    """Prove every check and rule: facts against the published schemas, references, remediation, examples run.

    \b
    Examples:
      posture checks lint
      posture checks lint --baselines ./our-baselines
    """
    from posture.observe import schemas_by_topic  # noqa: PLC0415 - loads every collector; listing checks needs none

    catalogue = load(baselines)
    schemas = schemas_by_topic()
    problems = lint(catalogue.checks.values(), {**schemas, "fleet": fleet_schema(), "scanning": scanning_schema()})
    rules = lint_rules(catalogue.rulebook, catalogue.checks.keys(), schemas)
    for profile in catalogue.profile_ids:
        catalogue.baseline(profile)
    if as_json:
        named = [{"check": one.check, "place": one.place, "message": one.message} for one in problems]
        named += [{"rule": one.rule, "place": one.place, "message": one.message} for one in rules]
        terminal.as_json(named)
    else:
        for problem in (*problems, *rules):
            terminal.say(str(problem))
        terminal.say(f"{len(catalogue.checks)} checks, {len(problems)} problems")
        terminal.say(f"{len(catalogue.rulebook.rules)} rules of attack paths, {len(rules)} problems")
    if count := len(problems) + len(rules):
        raise BaselineError(
            f"{count} problems in {catalogue.directory}", hint="each line names the check or rule, and the place"
        )


@checks_group.command("removed")
@baselines_option
@json_option
def removed_command(baselines: Path | None, as_json: bool) -> None:
    """List ids that once existed, with the reason they left; none is ever used again."""
    if as_json:
        terminal.as_json(load(baselines).removed)
        return
    rows = [(entry.id, str(entry.removed), entry.reason) for entry in load(baselines).removed]
    terminal.table("removed checks", ("check", "removed", "reason"), rows, empty="no check was ever removed")


COMMANDS = (checks_group,)

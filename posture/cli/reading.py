"""``posture report``, ``runs``, ``show`` and ``diff``: everything that only reads what is stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.scanning import config_option, hand_over_assessment, out_option
from posture.errors import UsageError
from posture.judged import covered_results, stored, stored_host
from posture.model.assessment import HostAssessment, Run
from posture.model.attestation import REASON as ATTESTED
from posture.model.finding import Finding, Result, Status
from posture.model.host import FLEET
from posture.run import stored_assessment
from posture.store import Difference, Store
from reports.formats import FORMATS, STANDARD, chosen
from reports.inert import inert
from reports.part import of_system

_NOT_HERE = " (needs the extra `pdf`)"
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
run_option = click.option(
    "--run", default="latest", show_default=True, help="A run id, the beginning of one, or latest."
)


@click.command("report")
@click.argument("run", default="latest")
@click.option("--format", "formats", default="", metavar="NAME[,NAME]", help="Only these, or all; see `--formats`.")
@click.option("--system", default="", help="Only the hosts of this system (ATO boundary); a POA&M is about one.")
@click.option("--formats", "list_formats", is_flag=True, help="List the formats and whom they are for.")
@config_option
@out_option
def report_command(
    run: str, formats: str, system: str, list_formats: bool, config_path: Path | None, out: Path
) -> None:
    """Write the reports of a stored run again, in any format.

    \b
    Examples:
      posture report
      posture report 20260620T040000Z-1a2b3c --out out/june
      posture report --format oscal,poam-navy --system portal --out out/portal
      posture report --format soc-html,ciso-pdf,auditor-pdf
      posture report --formats
    """
    if list_formats:
        rows = [(row.name, row.file_name, row.reader + ("" if row.there() else _NOT_HERE)) for row in FORMATS]
        terminal.table("formats", ("name", "file", "for"), rows, empty="none")
        return
    config = prepare.read_config(config_path, out)
    rows_wanted = chosen(formats.split(",")) if formats else STANDARD
    if "all" in formats.split(",") and (missing := [row.name for row in FORMATS if not row.there()]):
        terminal.note(f"not written, the extra `pdf` is not installed: {', '.join(missing)}")
    with prepare.open_store(config) as store:
        assessment = stored_assessment(store, run)
        if system:
            assessment = of_system(assessment, system)
        hand_over_assessment(assessment, out, config.marking, rows_wanted)


@click.command("runs")
@config_option
@out_option
@json_option
def runs_command(config_path: Path | None, out: Path, as_json: bool) -> None:
    """List the stored runs, the newest first."""
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        found = store.runs()
        if as_json:
            terminal.as_json(found)
            return
        rows = [
            (one.run.id, one.run.state.value, one.run.origin.value, str(one.hosts), str(one.checks), one.run.profile)
            for one in found
        ]
    terminal.table("runs", ("run", "state", "origin", "hosts", "checks", "profile"), rows, empty="no run yet")


@click.group("show")
def show_group() -> None:
    """Show one host, finding, check or evidence of a run."""


@show_group.command("host")
@click.argument("host_id", metavar="HOST")
@run_option
@config_option
@out_option
@json_option
def show_host(host_id: str, run: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show what was found on a host, and what could not be seen; `fleet` is what only shows over all hosts.

    \b
    Examples:
      posture show host web1
      posture show host fleet
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        ids = {FLEET, *(host.id for host in store.inventory(run).hosts)}
        if host_id not in ids:
            raise UsageError(f"no host `{host_id}` in run {run}", hint=prepare.nearest(host_id, ids))
        host = stored_host(store, run, host_id)
        titles = {check.id: check.title for check in store.baseline(run).checks}
    if as_json:
        terminal.as_json(host)
        return
    _print_host(host, titles)


def _print_host(host: HostAssessment, titles: dict[str, str]) -> None:
    decided = sum(result.verdict.status.decided for result in host.results)
    what = f"{inert(host.platform) or 'platform unseen'}, zone {inert(host.host.zone)}"
    terminal.say(f"{host.host.id}: {'over all hosts' if host.host.id == FLEET else what}")
    terminal.say(f"coverage {decided} of {len(host.results)} checks")
    order = (Status.FAIL, Status.ERROR, Status.NOT_CHECKED, Status.MANUAL)
    rows = [
        (
            status.label + (" (waived)" if result.waiver else ""),
            result.check,
            titles.get(result.check, ""),
            said(result),
        )
        for status in order
        for result in host.results
        if result.verdict.status is status
    ]
    terminal.table("not good, or not known", ("status", "check", "finding", "said"), rows, empty="every check passes")
    blind = [(one.topic, one.reason.value, one.detail) for one in host.unseen]
    terminal.table("not seen", ("topic", "reason", "detail"), blind, empty="every topic was read")


def _status(result: Result) -> str:
    return result.verdict.status.label + (f" (waived: {result.waiver})" if result.waiver else "")


def said(result: Result) -> str:
    """Return in a few words what a result rests on: expected and actual, or why it is unknown."""
    if result.verdict.status in (Status.NOT_CHECKED, Status.ERROR):
        return result.verdict.reason
    if result.verdict.reason == ATTESTED and result.verdict.assertions:
        return result.verdict.assertions[0].message
    wrong = [one for one in result.verdict.assertions if one.outcome.value == "false"]
    return wrong[0].message or f"expected {wrong[0].expected}, found {wrong[0].actual}" if wrong else ""


@show_group.command("finding")
@click.argument("finding_id", metavar="FINDING")
@config_option
@out_option
@json_option
def show_finding(finding_id: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show the life of a finding: when it was seen, when it is due and why, what happened to it.

    \b
    Example:
      posture show finding 3f2a9c01d4e5b678
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        finding = store.finding(finding_id)
        history = store.finding_history(finding_id)
    if as_json:
        terminal.as_json({"finding": finding, "history": history})
        return
    state = "open" if finding.open else f"closed ({finding.closing.value if finding.closing else ''})"
    terminal.say(f"{finding.id}: {finding.check} on {finding.host} {inert(finding.subject)}".rstrip())
    terminal.say(f"{state}; first seen {finding.first_seen:%Y-%m-%d}, last seen {finding.last_seen:%Y-%m-%d}")
    for due in finding.due:
        terminal.say(f"due {due.due} by {due.clock} ({'binding' if due.binding else 'informative'}): {due.reason}")
    rows = [(f"{one.at:%Y-%m-%d %H:%M}", one.did.value, one.run, one.detail) for one in history]
    terminal.table("history", ("when", "what", "run", "detail"), rows, empty="nothing happened to it yet")


@show_group.command("check")
@click.argument("check_id", metavar="CHECK")
@run_option
@config_option
@out_option
@json_option
def show_check(check_id: str, run: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show what a check says of every host of a run.

    \b
    Example:
      posture show check SSH-02
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        ids = [check.id for check in store.baseline(run).checks]
        wanted = check_id.upper()
        if wanted not in ids:
            raise UsageError(f"no check `{check_id}` in run {run}", hint=prepare.nearest(wanted, ids))
        results = [result for result in covered_results(stored(store, run)) if result.check == wanted]
    if as_json:
        terminal.as_json(results)
        return
    rows = [(result.host, _status(result), said(result)) for result in results]
    terminal.table(wanted, ("host", "status", "said"), rows, empty="no host in this run")


@show_group.command("evidence")
@click.argument("digest")
@config_option
@out_option
@json_option
def show_evidence(digest: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show the stored bytes of an evidence digest.

    On a terminal control characters are made visible; into a file or a pipe go the very bytes: sha256sum agrees.

    \b
    Examples:
      posture show evidence 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      posture show evidence 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 | sha256sum
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        content = store.read_blob(digest)
        uses = list(store.find_evidence(digest))
    if as_json:
        found = [{"run": run_id, "evidence": evidence} for run_id, evidence in uses]
        terminal.as_json({"sha256": digest, "text": content.decode("utf-8", "replace"), "used": found})
        return
    for run_id, evidence in uses:
        terminal.note(f"{run_id}: {evidence.host}, {evidence.command_id}: {inert(evidence.asked)}")
    if not terminal.out.is_terminal:
        sys.stdout.buffer.write(content)
        return
    for line in content.decode("utf-8", "replace").splitlines():
        terminal.say(inert(line))


@click.command("findings")
@click.option("--host", default=None, help="Only of this host.")
@click.option("--check", default=None, help="Only of this check.")
@click.option("--all", "closed_too", is_flag=True, help="Closed ones too.")
@config_option
@out_option
@json_option
def findings_command(
    host: str | None, check: str | None, closed_too: bool, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """List findings as they stand now, by due date."""
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        found = sorted(store.findings(host=host, check=check, open_only=not closed_too), key=_by_due)
    if as_json:
        terminal.as_json(found)
        return
    rows = [(one.id, str(one.due[0].due) if one.due else "", one.check, one.host, one.subject) for one in found]
    terminal.table(f"{len(rows)} findings", ("finding", "due", "check", "host", "subject"), rows, empty="no finding")


def _by_due(finding: Finding) -> tuple[str, str, str]:
    return (str(finding.due[0].due) if finding.due else "9999", finding.check, finding.host)


@click.command("diff")
@click.argument("old")
@click.argument("new", default="latest")
@config_option
@out_option
@json_option
def diff_command(old: str, new: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show what changed between two runs, and whether the host, the baseline, the collector or the coverage changed it.

    \b
    Example:
      posture diff 20260620T040000Z-1a2b3c latest
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        before, after = store.load_run(old).run, store.load_run(new).run
        coverage = [store.coverage(run.id).share for run in (before, after)]
        changed = [*store.diff(before.id, after.id), *_fleet_changes(store, before.id, after.id)]
        causes = _Causes.between(store, before, after)
    rows = [(one.host, one.check, _asked(one.old), _asked(one.new), causes.of(one)) for one in changed]
    if as_json:
        keys = ("host", "check", "old", "new", "because")
        terminal.as_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    terminal.say(f"coverage {coverage[0]:.0%} then, {coverage[1]:.0%} now")
    columns = ("host", "check", "then", "now", "because of")
    terminal.table(f"{len(rows)} verdicts changed", columns, rows, empty="every verdict is the same")


def _asked(status: Status | None) -> str:
    return status.label if status is not None else "not asked"


def _fleet_changes(store: Store, old: str, new: str) -> Iterator[Difference]:
    """Yield what changed in the checks that are asked of the whole fleet."""
    before, after = (
        {
            result.check: result.verdict.status
            for host in stored(store, run).read_hosts()
            if host.host.id == FLEET
            for result in host.results
        }
        for run in (old, new)
    )
    for check in sorted(before.keys() | after.keys()):
        if before.get(check) != after.get(check):
            yield Difference(FLEET, check, before.get(check), after.get(check))


@dataclass(frozen=True, slots=True)
class _Causes:
    """What may have changed a verdict between two runs."""

    changed_checks: frozenset[str]
    same_program: bool

    @classmethod
    def between(cls, store: Store, before: Run, after: Run) -> _Causes:
        old, new = ({check.id: check.digest for check in store.baseline(run.id).checks} for run in (before, after))
        changed = frozenset(id_ for id_, digest in new.items() if old.get(id_) != digest)
        return cls(changed, before.tool_version == after.tool_version)

    def of(self, change: Difference) -> str:
        """Return what changed a verdict, as far as can be told."""
        if change.old is None or change.new is None:
            return "the inventory or the baseline"
        if change.check in self.changed_checks:
            return "the baseline"
        if not (change.old.decided and change.new.decided):
            return "the coverage"
        return "the host" if self.same_program else "the host or the collector"


COMMANDS = (report_command, runs_command, show_group, findings_command, diff_command)

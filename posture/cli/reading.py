"""``posture report``, ``runs``, ``show`` and ``diff``: everything that only reads what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.scanning import config_option, hand_over, out_option
from posture.errors import UsageError
from posture.model.assessment import Assessment, HostAssessment
from posture.model.finding import Finding, Result, Status
from posture.run import stored_assessment
from posture.store import Store
from posture.yamlfile import suggestion
from reports.inert import inert

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
run_option = click.option(
    "--run", default="latest", show_default=True, help="A run id, the beginning of one, or latest."
)


@click.command("report")
@click.argument("run", default="latest")
@config_option
@out_option
def report_command(run: str, config_path: Path | None, out: Path) -> None:
    """Write the reports of a stored run again.

    \b
    Examples:
      posture report
      posture report 20260620T040000Z-1a2b3c --out out/june
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        hand_over(store, run, out, config.marking)


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
    """Show what was found on a host, and what could not be seen.

    \b
    Example:
      posture show host web1
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        ids = [host.id for host in store.inventory(run).hosts]
        if host_id not in ids:
            raise UsageError(f"no host `{host_id}` in run {run}", hint=suggestion(host_id, ids[:2000]))
        host = store.read_host(run, host_id)
        titles = {check.id: check.title for check in store.baseline(run).checks}
    if as_json:
        terminal.as_json(host)
        return
    _print_host(host, titles)


def _print_host(host: HostAssessment, titles: dict[str, str]) -> None:
    decided = sum(result.verdict.status.decided for result in host.results)
    terminal.say(f"{host.host.id}: {inert(host.platform) or 'platform unseen'}, zone {host.host.zone}")
    terminal.say(f"coverage {decided} of {len(host.results)} checks")
    order = (Status.FAIL, Status.ERROR, Status.NOT_CHECKED, Status.MANUAL)
    rows = [
        (result.verdict.status.label, result.check, titles.get(result.check, ""), said(result))
        for status in order
        for result in host.results
        if result.verdict.status is status
    ]
    terminal.table("not good, or not known", ("status", "check", "finding", "said"), rows, empty="every check passes")
    blind = [(one.topic, one.reason.value, one.detail) for one in host.unseen]
    terminal.table("not seen", ("topic", "reason", "detail"), blind, empty="every topic was read")


def said(result: Result) -> str:
    """Return in a few words what a result rests on: expected and actual, or why it is unknown."""
    if result.verdict.status in (Status.NOT_CHECKED, Status.ERROR):
        return result.verdict.reason
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
            raise UsageError(f"no check `{check_id}` in run {run}", hint=suggestion(wanted, ids))
        results = list(_results_of(store, run, wanted))
    if as_json:
        terminal.as_json(results)
        return
    rows = [(result.host, result.verdict.status.label, said(result)) for result in results]
    terminal.table(wanted, ("host", "status", "said"), rows, empty="no host in this run")


def _results_of(store: Store, run: str, check: str) -> Iterator[Result]:
    for host in store.read_hosts(run):
        yield from (result for result in host.results if result.check == check)


@show_group.command("evidence")
@click.argument("digest")
@config_option
@out_option
def show_evidence(digest: str, config_path: Path | None, out: Path) -> None:
    """Show the stored bytes of an evidence digest; control characters are made visible.

    \b
    Example:
      posture show evidence 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        content = store.read_blob(digest)
        for run_id, evidence in store.find_evidence(digest):
            terminal.note(f"{run_id}: {evidence.host}, {evidence.command_id}: {inert(evidence.asked)}")
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
        before, after = stored_assessment(store, old), stored_assessment(store, new)
        rows = [
            (
                d.host,
                d.check,
                d.old.label if d.old is not None else "not asked",
                d.new.label if d.new is not None else "not asked",
            )
            for d in store.diff(before.run.id, after.run.id)
        ]
        because = [(*row, _cause(row, before, after)) for row in rows]
    if as_json:
        keys = ("host", "check", "old", "new", "because")
        terminal.as_json([dict(zip(keys, row, strict=True)) for row in because])
        return
    terminal.say(f"coverage {before.coverage.share:.0%} then, {after.coverage.share:.0%} now")
    columns = ("host", "check", "then", "now", "because of")
    terminal.table(f"{len(because)} verdicts changed", columns, because, empty="every verdict is the same")


def _cause(row: tuple[str, str, str, str], before: Assessment, after: Assessment) -> str:
    _, check, old, new = row
    if "not asked" in (old, new):
        return "the inventory or the baseline"
    digests = [{one.id: one.digest for one in a.baseline.checks}.get(check) for a in (before, after)]
    if digests[0] != digests[1]:
        return "the baseline"
    if Status.NOT_CHECKED.label in (old, new) or Status.ERROR.label in (old, new):
        return "the coverage"
    return "the host" if before.run.tool_version == after.run.tool_version else "the host or the collector"


COMMANDS = (report_command, runs_command, show_group, findings_command, diff_command)

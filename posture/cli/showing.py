"""``posture show``: one host, finding, check or evidence of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option, run_option
from posture.errors import UsageError
from posture.judged import covered_results, stored, stored_host
from posture.model.assessment import HostAssessment
from posture.model.attestation import REASON as ATTESTED
from posture.model.finding import Result, Status
from posture.model.host import FLEET
from reports.inert import inert


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


COMMANDS = (show_group,)

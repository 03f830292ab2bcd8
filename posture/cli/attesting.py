"""``posture attest`` and ``attestations``: what a person answers for where no program could look."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.errors import UsageError
from posture.inputs.attestations import add_attestation, new_attestation, read_attestations
from posture.judged import stored, stored_host
from posture.model.finding import Status
from posture.model.host import FLEET
from posture.store import Store


@click.command("attest")
@click.argument("check_id", metavar="CHECK")
@click.argument("host_id", metavar="HOST")
@click.option("--author", required=True, help="Who answers for it.")
@click.option("--reason", required=True, help="Why it can be believed: what was looked at, and how.")
@click.option(
    "--expires", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day on which it counts; a year at most."
)
@click.option(
    "--file",
    "document",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Document it rests on; its digest is kept.",
)
@config_option
@out_option
@json_option
def attest_command(
    check_id: str,
    host_id: str,
    author: str,
    reason: str,
    expires: datetime,
    document: Path | None,
    config_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Answer by name for a check on a host that no program could decide; it counts from the next run on.

    The result is shown as attested, never as measured: it is no pass, it stays out of coverage, and it closes nothing.
    A verdict of the scanner's own always goes before it. After the last day the check is not checked again.

    \b
    Examples:
      posture attest LOG-07 records-vault1 --author "A. Reyes, ISSO" --reason "Retention contract seen" \\
          --expires 2027-05-31 --file contract.pdf
      posture attestations
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        status = _status(store, check_id, host_id)
    made = new_attestation(
        check_id,
        host_id,
        author=author,
        reason=reason,
        made_at=prepare.now(),
        expires=expires.date(),
        document=document,
    )
    where = add_attestation(config.folder, made)
    if as_json:
        terminal.as_json(made)
    else:
        digest = f", sha256 of {made.file}: {made.file_sha256}" if made.file else ""
        terminal.say(f"attestation {made.id} of {check_id} on {host_id} until {made.expires}{digest}")
    if status.decided:
        terminal.note(f"the scanner itself says `{status.label}` in the latest run: that stands, whatever is attested")
    terminal.note(f"kept in {where}; it counts from the next run on")


def _status(store: Store, check_id: str, host_id: str) -> Status:
    """Return what the latest run says of the check on the host.

    Raises:
        UsageError: the latest run has no such check or host, or never asks the one of the other.
    """
    judged = stored(store, "latest")
    checks = {check.id for check in judged.baseline.checks}
    hosts = {FLEET, *(host.id for host in judged.inventory.hosts)}
    for what, word, known in (("check", check_id, checks), ("host", host_id, hosts)):
        if word not in known:
            raise UsageError(f"no {what} `{word}` in the latest run", hint=prepare.nearest(word, known))
    found = {one.check: one.verdict.status for one in stored_host(store, "latest", host_id).results}
    if check_id not in found:
        raise UsageError(f"{check_id} is not asked of {host_id}", hint=f"posture show host {host_id}")
    return found[check_id]


@click.command("attestations")
@config_option
@out_option
@json_option
def attestations_command(config_path: Path | None, out: Path, as_json: bool) -> None:
    """List what people answer for, with the day until which each statement counts."""
    found = read_attestations(prepare.read_config(config_path, out).folder)
    if as_json:
        terminal.as_json(found)
        return
    today = prepare.now().date()
    rows = [
        (one.check, one.host, one.author, str(one.expires) + (" (expired)" if one.expires < today else ""), one.reason)
        for one in found
    ]
    terminal.table("attestations", ("check", "host", "author", "until", "reason"), rows, empty="nothing is attested")


COMMANDS = (attest_command, attestations_command)

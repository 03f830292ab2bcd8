"""``posture runs`` and ``findings``: what the store knows by itself."""

from __future__ import annotations

from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.model.finding import Finding


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


COMMANDS = (runs_command, findings_command)

"""``posture handover``: the plan's fixes as an Ansible playbook, as shell for each host, and as tickets."""

from __future__ import annotations

from pathlib import Path

import click

from posture.assess import stored_assessment
from posture.cli import prepare, terminal
from posture.cli.options import config_option, out_option
from reports.formats import chosen, write_all
from reports.handover.orders import orders
from reports.inert import inert
from reports.part import of_system

_FORMATS = ("ansible", "shell", "tickets")


@click.command("handover")
@click.argument("run", default="latest")
@click.option("--system", default="", help="Only the hosts of this system (ATO boundary).")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Directory; `handover` in the output when left out."
)
@config_option
@out_option
def handover_command(run: str, system: str, to: Path | None, config_path: Path | None, out: Path) -> None:
    """Write the plan's fixes for those who make them; nothing is run, and no host is touched.

    `remediation.yml` is an Ansible playbook, `remediation/HOST.sh` the same as shell, `tickets.csv` what Jira and
    ServiceNow import. Each fix asks whether its precondition holds, changes, validates, and is rolled back when that
    fails; `--check` only says what would be done. What has a gap in it, or no way back, is listed for a person.

    \b
    Examples:
      posture handover
      posture handover --system portal --to handover/portal
      ansible-playbook -i inventory handover/portal/remediation.yml --check
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        assessment = stored_assessment(store, run)
        if system:
            assessment = of_system(assessment, system)
        files = write_all(assessment, to or out / "handover", marking=config.marking, formats=chosen(_FORMATS))
        found = list(orders(assessment))
    for path in files:
        terminal.say(f"{path}")
    rows = [(str(one.number), one.check.id, inert(one.check.title), one.by_hand) for one in found if one.by_hand]
    terminal.table("left to a person", ("no.", "check", "fix", "why"), rows, empty="every fix is written out")
    terminal.say(f"{len(found) - len(rows)} of {len(found)} fixes are written out; the next scan proves what was made")


COMMANDS = (handover_command,)

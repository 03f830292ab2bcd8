"""``posture doctor`` and ``config show``: whether this installation can do its work, and what it goes by."""

from __future__ import annotations

from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.doctor import Health, examine
from posture.exit_codes import ExitCode
from posture.inputs.config import origins
from reports.inert import inert


@click.command("doctor")
@config_option
@out_option
@json_option
@click.pass_context
def doctor_command(context: click.Context, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Look at all that a scan leans on, and say what is wrong and which command mends it; nothing is mended here.

    Exit code 0: all well; 4: warnings; 1: trouble.

    \b
    Examples:
      posture doctor
      posture doctor --json
    """
    config = prepare.read_config(config_path, out)
    lines = list(examine(config, prepare.now(), _file(config_path)))
    if as_json:
        terminal.as_json(lines)
    else:
        for line in lines:
            terminal.say(f"{line.health.value:8} {line.about}: {inert(line.why)}")
            if line.mend:
                terminal.say(f"{'':8} mend: {inert(line.mend)}")
    found = {line.health for line in lines}
    if Health.TROUBLE in found:
        context.exit(ExitCode.FINDINGS)
    context.exit(ExitCode.BLIND_SPOTS if Health.WARNING in found else ExitCode.CLEAN)


@click.group("config")
def config_group() -> None:
    """Show what the program goes by."""


@config_group.command("show")
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@config_option
@out_option
@json_option
def show_command(origin: bool, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show every setting as it holds here: from the environment, the file, or by default; passwords are masked.

    \b
    Examples:
      posture config show --origin
      POSTURE_PROFILE=dow posture config show --origin
    """
    found = origins(_file(config_path), out)
    if as_json:
        terminal.as_json(found)
        return
    columns = ("setting", "value", "from") if origin else ("setting", "value")
    rows = [(one.key, one.value, one.origin)[: len(columns)] for one in found]
    terminal.table("configuration", columns, rows, empty="nothing is set")


def _file(config_path: Path | None) -> Path | None:
    return config_path or (prepare.CONFIG_FILE if prepare.CONFIG_FILE.is_file() else None)


COMMANDS = (doctor_command, config_group)

"""``posture store``: backups, and whether the store is sound."""

from __future__ import annotations

from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.reading import json_option
from posture.cli.scanning import config_option, out_option
from posture.exit_codes import ExitCode
from posture.store import upkeep


@click.group("store")
def store_group() -> None:
    """Back the store up, restore it, check it, make it small again."""


@store_group.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@out_option
@json_option
def backup_command(file: Path, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Copy the whole store into one new file, while scans go on; the copy is read back.

    It holds everything, evidence and accounts included: keep it as you keep the store. On PostgreSQL use pg_dump.

    \b
    Examples:
      posture store backup /backup/posture-$(date +%F).db
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        made = upkeep.backup(store, file)
    if as_json:
        terminal.as_json(
            {"file": str(made.path), "size_bytes": made.size_bytes, "sha256": made.sha256, "chain": made.chain}
        )
        return
    terminal.say(f"{made.path}: {made.size_bytes:,} bytes, sha256 {made.sha256}")
    terminal.say(f"audit chain ends at {made.chain}")


@store_group.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@out_option
def restore_command(file: Path, yes: bool, config_path: Path | None, out: Path) -> None:
    """Put a backup in the store's place; what is there now is set aside, not deleted. On PostgreSQL use pg_restore.

    \b
    Examples:
      posture store restore /backup/posture-2026-11-27.db
    """
    config = prepare.read_config(config_path, out)
    if not yes:
        click.confirm(f"Set {config.database} aside and put {file} in its place?", abort=True)
    made, old = upkeep.restore(file, config.database, prepare.now())
    terminal.say(f"{made.path}: restored, {made.size_bytes:,} bytes, sha256 {made.sha256}")
    terminal.say(f"audit chain ends at {made.chain}")
    if old is not None:
        terminal.note(f"what was there before lies in {old}")


@store_group.command("vacuum")
@config_option
@out_option
def vacuum_command(config_path: Path | None, out: Path) -> None:
    """Give unused space back to the disk; needs as much free space as the store takes."""
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        before, after = upkeep.vacuum(store)
    terminal.say(f"{before:,} bytes before, {after:,} after")


@store_group.command("check")
@config_option
@out_option
@json_option
@click.pass_context
def check_command(context: click.Context, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Read everything: the file, the audit chain, every complete run against its root, every answer against its digest.

    Exit code 1 when something is wrong.
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        found = list(upkeep.check(store))
    if as_json:
        terminal.as_json(found)
    else:
        for one in found:
            terminal.say(f"{'trouble' if one.faults else 'ok':8} {one.about}: {one.counted:,} read")
            for fault in one.faults:
                terminal.say(f"{'':8} {fault}")
    context.exit(ExitCode.FINDINGS if any(one.faults for one in found) else ExitCode.CLEAN)


COMMANDS = (store_group,)

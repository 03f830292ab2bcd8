"""``posture store``: backups, and whether the store is sound."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.exit_codes import ExitCode
from posture.inputs.this_machine import operator
from posture.retention import archives_of, prune, survey
from posture.store import upkeep
from posture.store.letting import Amount, retrieve


@click.group("store")
def store_group() -> None:
    """Back the store up, restore it, check it, make it small again, let old evidence go."""


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

    Archives of older answers are held against the audit chain.

    Exit code 1 when something is wrong.
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        found = list(upkeep.check(store, archives_of(config)))
    if as_json:
        terminal.as_json(found)
    else:
        for one in found:
            terminal.say(f"{'trouble' if one.faults else 'ok':8} {one.about}: {one.counted:,} read")
            for fault in one.faults:
                terminal.say(f"{'':8} {fault}")
    context.exit(ExitCode.FINDINGS if any(one.faults for one in found) else ExitCode.CLEAN)


@store_group.command("prune")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@config_option
@out_option
@json_option
def prune_command(dry_run: bool, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Let raw answers go that are older than the policy: `retention` in the configuration, 6 and 12 months if left out.

    After the first they move to archives beside the store (`posture store retrieve`), after the second they are gone.
    Verdicts, findings and the audit log stay for ever, and so does what the first and last verdict of an open or mended
    finding rests on, and every answer of a run under `retention: hold`.

    \b
    Examples:
      posture store prune --dry-run
    """
    config, at = prepare.read_config(config_path, out), prepare.now()
    with prepare.open_store(config) as store:
        found = survey(store, config, at) if dry_run else prune(store, config, at, by=operator())
    if as_json:
        terminal.as_json({"policy": config.retention.words, "dry_run": dry_run, **msgspec.to_builtins(found)})
        return
    to_archive, gone = ("would move", "would be deleted") if dry_run else ("moved", "deleted")
    terminal.say(f"policy: {config.retention.words}; {found.runs} runs are touched")
    terminal.say(f"{found.archive.blobs:,} answers {to_archive} to {archives_of(config)}, {_bytes(found.archive)}")
    terminal.say(f"{found.delete.blobs:,} answers {gone}, {_bytes(found.delete)}, {len(found.archives)} archives whole")
    terminal.say(f"{found.proofs:,} older ones stay: findings, receipts, held runs or newer answers rest on them")
    oldest = "none" if found.oldest_kept is None else f"{found.oldest_kept:%Y-%m-%d}"
    terminal.say(f"oldest visit of which every answer is in the store: {oldest}")
    if not dry_run and found.archive.blobs + found.delete.blobs:
        terminal.note("`posture store vacuum` gives the space back to the disk")


@store_group.command("retrieve")
@click.argument("run")
@config_option
@out_option
def retrieve_command(run: str, config_path: Path | None, out: Path) -> None:
    """Bring the answers of a run back from the archives, so that it can be searched and judged again.

    The next prune lets them go again, unless the run stands under `retention: hold`.
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        found = retrieve(store, run, archives_of(config), prepare.now(), by=operator())
    terminal.say(f"{found.back.blobs:,} answers of run {found.run} are in the store again, {_bytes(found.back)}")
    if found.missing:
        terminal.note(f"{found.missing:,} are in no archive: no longer kept")


def _bytes(amount: Amount) -> str:
    return f"{amount.size_bytes:,} bytes"


COMMANDS = (store_group,)

"""``posture discover``: what answers in the authorised networks, and who knows of it."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from collectors.network.nmap import can_send_raw, command_line
from collectors.network.probe_log import ProbeLog
from collectors.network.sweep import Alive, Unswept, blocks, sweep, sweep_probe
from posture.cli import jobs, prepare, terminal
from posture.cli.fleet import inventory_option, scope_option
from posture.cli.options import config_option, out_option
from posture.discovery import Difference, fragment, read_list, reconcile, unknown_of
from posture.errors import UsageError
from posture.inputs import inventory, scope_file
from posture.inputs.discovered import keep_finds, kept_finds
from posture.inputs.scope import Scope
from posture.model.discovered import Found
from posture.model.host import DeviceClass, Inventory, Vantage
from reports.inert import inert

SWEEPING = "sweeping"
LIST_BYTES = 200_000_000


@click.command("discover")
@inventory_option
@scope_option
@click.option("--cidr", "cidrs", multiple=True, help="Only this part of the scope; may be repeated.")
@click.option("--csv", "list_path", type=click.Path(path_type=Path), help="CMDB, IPAM or CDM export to compare with.")
@click.option("--fragment", "fragment_path", type=click.Path(path_type=Path), help="Write unknown hosts here, as YAML.")
@click.option("--dry-run", is_flag=True, help="Print every probe, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
@out_option
def discover_command(
    inventory_path: Path,
    scope_path: Path | None,
    cidrs: tuple[str, ...],
    list_path: Path | None,
    fragment_path: Path | None,
    dry_run: bool,
    as_json: bool,
    config_path: Path | None,
    out: Path,
) -> None:
    """Sweep the networks of the scope for hosts that no inventory knows, and compare with the agency's own list.

    Fragile and OT hosts that the inventory names are left alone. An address that stays silent is not proven empty.

    \b
    Examples:
      posture discover -i inventory.yaml
      posture discover -i inventory.yaml --cidr 10.0.10.0/24 --csv cmdb.csv --fragment found.yaml
    """
    config = prepare.read_config(config_path, out)
    scope = scope_file.read(scope_path or inventory_path.parent / prepare.SCOPE_FILE)
    read = inventory.read(inventory_path)
    listed = read_list(_text(list_path), str(list_path)) if list_path else ()
    todo = blocks(scope, _left_alone(read), cidrs)
    if dry_run:
        _show_plan(todo, scope, as_json)
        return
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True)
    alive, gaps = _swept(todo, scope, jobs.standing_at(read), folder)
    moment = prepare.now()
    found = unknown_of(alive, read, moment, kept_finds(folder))
    keep_finds(folder, found)
    if fragment_path is not None:
        fragment_path.write_text(fragment(found), "utf-8")
    _say(found, gaps, reconcile(read, found, listed) if list_path else None, len(alive), as_json)


def _swept(
    todo: list[tuple[str, ...]], scope: Scope, vantage: Vantage, folder: Path
) -> tuple[dict[str, tuple[tuple[str, ...], str]], list[Unswept]]:
    """Return what answered, by address, and the blocks that could not be asked."""
    alive: dict[str, tuple[tuple[str, ...], str]] = {}
    gaps: list[Unswept] = []
    with ProbeLog(folder / "probes.jsonl", scope.authorisation) as log, terminal.steps() as progress:
        progress.expect(SWEEPING, len(todo))
        for block in todo:
            for seen in sweep([block], scope, vantage, log=log, stop=threading.Event()):
                if isinstance(seen, Alive):
                    alive[seen.address] = (seen.ports, seen.vendor)
                else:
                    gaps.append(seen)
            progress.advance(SWEEPING, block[0])
    return alive, gaps


def _left_alone(read: Inventory) -> set[str]:
    gentle = [host for host in read.hosts if host.device_class is not DeviceClass.SERVER]
    return {address for host in gentle for address in host.addresses}


def _show_plan(todo: list[tuple[str, ...]], scope: Scope, as_json: bool) -> None:
    raw = can_send_raw()
    rows = [(" ".join(command_line(sweep_probe(scope, block, raw=raw))), block[0], block[-1]) for block in todo]
    if as_json:
        terminal.as_json([{"probe": probe, "first": first, "last": last} for probe, first, last in rows])
        return
    terminal.table(f"{len(rows)} sweeps", ("probe", "first address", "last address"), rows, empty="nothing to sweep")


def _say(
    found: tuple[Found, ...],
    gaps: list[Unswept],
    differences: tuple[Difference, ...] | None,
    answering: int,
    as_json: bool,
) -> None:
    if as_json:
        terminal.as_json({"answering": answering, "unknown": found, "differences": differences, "not_swept": gaps})
        return
    rows = [(one.address, one.zone, " ".join(one.ports), one.vendor, f"{one.first_seen:%Y-%m-%d}") for one in found]
    columns = ("address", "zone", "open", "vendor", "first seen")
    terminal.table(f"{len(rows)} unassessed hosts", columns, rows, empty="every host that answers is in the inventory")
    if differences is not None:
        terminal.say()
        lines = [(one.kind.replace("_", " "), one.address, one.here, one.there) for one in differences]
        names = ("difference", "address", "here", "there")
        terminal.table(f"{len(lines)} differences", names, lines, empty="the list and we say the same")
    for gap in gaps:
        terminal.note(f"not swept: {gap.first} to {gap.last}: {gap.reason.value}, {inert(gap.detail)}")


def _text(path: Path) -> str:
    if path.stat().st_size > LIST_BYTES:
        raise UsageError(f"{path} is larger than {LIST_BYTES // 1_000_000} MB", hint="cut it down to the scope")
    return path.read_bytes().decode("utf-8-sig", "replace")


COMMANDS = (discover_command,)

"""``posture import``: what other scanners already found, from their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.errors import UsageError
from posture.imports import external, nessus, table
from posture.imports.scan import PLACE, ImportedHost, Summary, keep
from reports.inert import inert

_path = click.argument("path", metavar="FILE", type=click.Path(path_type=Path))


@click.group("import")
def import_group() -> None:
    """Import what other scanners found; the next scan joins it with its own.

    The clock of a vulnerability starts at the earliest sight by anybody. Hosts that no inventory names are judged by
    what the file says of them and are never touched.
    """


@import_group.command("nessus")
@_path
@config_option
@out_option
@json_option
def nessus_command(path: Path, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Import a .nessus file (version 2) of Nessus or ACAS.

    \b
    Examples:
      posture import nessus weekly.nessus
      posture import nessus weekly.nessus -c posture.yaml --json
    """
    _import("nessus", path, nessus.read, (config_path, out), as_json)


@import_group.command("csv")
@_path
@config_option
@out_option
@json_option
def csv_command(path: Path, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Import a table with the columns asset, cve, first_seen, last_seen, source, fixed.

    asset, cve and last_seen must be there; dates are 2026-11-27 or 2026-11-27T10:00:00Z.

    \b
    Example:
      posture import csv findings.csv
    """
    _import("csv", path, table.read, (config_path, out), as_json)


@import_group.command("external")
@_path
@click.option("--source", required=True, help="Who looked from outside, such as 'CISA Cyber Hygiene'.")
@click.option("--seen-on", type=click.DateTime(["%Y-%m-%d"]), help="The report's day, for rows that give none.")
@config_option
@out_option
@json_option
def external_command(
    path: Path, source: str, seen_on: datetime | None, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """Import what somebody outside saw open: a CSV with an address, a port and a day in each row.

    Cyber Hygiene reports and commercial scans are such tables. A port they name makes its host publicly exposed, by the
    host's own address or by the inventory's `published` map; a port they leave out proves nothing. Sights of the last
    90 days count.

    \b
    Examples:
      posture import external services.csv --source 'CISA Cyber Hygiene' --seen-on 2026-11-23
      posture import external ports.csv --source 'Perimeter scan' --json
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file", hint="name a CSV that an outside scan exported")
    if path.stat().st_size > external.FILE_BYTES:
        raise UsageError(f"{path} is larger than {external.FILE_BYTES // 1_000_000} MB", hint="cut it down")
    moment = prepare.now()
    content = path.read_bytes()
    day = seen_on.date() if seen_on else None
    found, left_out = external.read_sights(content.decode("utf-8-sig", "replace"), str(path), source, day)
    folder = prepare.read_config(config_path, out).folder
    folder.mkdir(parents=True, exist_ok=True)
    external.keep(folder, external.Imported(source, path.name, external.digest(content), moment, found, left_out))
    counting = [
        one for one in found if one in external.sights([external.Imported("", "", "", moment, found)], moment.date())
    ]
    if as_json:
        terminal.as_json({"sights": len(found), "counting": len(counting), "left_out": left_out, "source": source})
        return
    terminal.say(
        f"{len(found)} open ports seen from outside by {inert(source)}, {len(counting)} of them young enough to count"
    )
    if left_out:
        terminal.note(f"{left_out} rows have no address, port or day that can be read")
    terminal.say("the next `posture scan` takes them into what is publicly exposed")


def _import(
    kind: str,
    path: Path,
    read: Callable[[Path, datetime], Iterable[ImportedHost]],
    place: tuple[Path | None, Path],
    as_json: bool,
) -> None:
    if not path.is_file():
        raise UsageError(f"{path}: no such file", hint="name a file that another scanner exported")
    moment = prepare.now()
    config = prepare.read_config(*place)
    summary = keep(kind, path, read(path, moment), config.folder / PLACE, moment)
    if as_json:
        terminal.as_json(summary)
        return
    for line in _lines(summary):
        terminal.say(line)


def _lines(summary: Summary) -> Iterable[str]:
    found = f"{summary.findings} CVEs on them ({summary.cves} different ones)"
    yield f"{summary.hosts} hosts, {found}, {summary.fixed} said to be gone"
    if summary.earliest and summary.latest:
        yield f"seen from {summary.earliest:%Y-%m-%d} to {summary.latest:%Y-%m-%d}"
    if summary.again:
        yield "the same file was imported before: nothing changed"
    yield "the next `posture scan` joins them with its own"


COMMANDS = (import_group,)

"""``posture exchange``: what may be shared, lists of others, and notices of scans, as files; nothing is sent."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from pathlib import Path
from typing import get_args

import click
import msgspec

from posture.assess import stored_assessment
from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.errors import UsageError
from posture.inputs import scope_file
from posture.inputs.config import Config
from posture.inputs.exchange_list import keep_list, kept_list, read_list
from reports.exchange.files import write_exchange
from reports.exchange.notice import notice_of
from reports.exchange.record import STATEMENT, Redaction, Release, TlpWord
from reports.files import new_directory, new_file
from reports.inert import inert
from reports.jsontext import encode

KEY = "exchange.key"
"""Beside the database: keys the hashes of host names; whoever has it can try names against them."""
_file = click.Path(path_type=Path, dir_okay=False)
tlp_option = click.option(
    "--tlp", type=click.Choice(get_args(TlpWord)), required=True, help="Traffic Light Protocol 2.0 marking."
)


@click.group("exchange")
def exchange_group() -> None:
    """Share what was validated, and take in what others call urgent, by files; nothing is ever sent over a network.

    No official format of the clearinghouse is published: these files have a documented format of our own, with views in
    CSAF 2.0 (VEX) and STIX 2.1.
    """


@exchange_group.command("export")
@click.argument("run", default="latest")
@tlp_option
@click.option(
    "--redact",
    type=click.Choice([one.value for one in Redaction]),
    default=Redaction.COUNTS.value,
    show_default=True,
    help="How much of host names leaves.",
)
@click.option("--organisation", default="", help="Who shares it.")
@click.option("--released-by", default="", help="Who decided to share it; profile nss asks for it.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="Directory; `exchange` in the output.")
@config_option
@out_option
def export_command(
    run: str,
    tlp: TlpWord,
    redact: str,
    organisation: str,
    released_by: str,
    to: Path | None,
    config_path: Path | None,
    out: Path,
) -> None:
    """Write a run's known vulnerabilities and weaknesses: exchange.json, CSAF and STIX views, SHA256SUMS.

    Addresses, accounts, evidence and a finding's own words are left out at every level. `hosts-hashed` keys the hashes
    with a secret beside the database, so that the same host has the same word in every export of this store.

    \b
    Examples:
      posture exchange export --tlp TLP:AMBER
      posture exchange export --tlp TLP:AMBER+STRICT --redact hosts-hashed --organisation "Example Agency"
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        assessment = stored_assessment(store, run)
        if assessment.run.profile == "nss" and not released_by.strip():
            raise UsageError("a run of profile nss is released by a named person", hint="--released-by 'Name, role'")
        redaction = Redaction(redact)
        key = _key(config) if redaction is Redaction.HASHED else b""
        release = Release(redaction, tlp, organisation.strip(), released_by.strip(), key)
        files = write_exchange(assessment, to or out / "exchange", release, marking=config.marking)
    for path in files:
        terminal.say(f"{path}")
    if not any(path.name.endswith(".csaf.json") for path in files):
        terminal.note("no CSAF view: no known vulnerability was found, and an empty one would read as `not affected`")
    terminal.note(STATEMENT)


def _key(config: Config) -> bytes:
    path = config.folder / KEY
    if not path.exists():
        config.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    key = path.read_bytes()
    if len(key) < 32:
        raise UsageError(f"{path} is no key of 32 bytes", hint="move it away: another one is made, with other hashes")
    return key


@exchange_group.command("import")
@click.argument("path", metavar="FILE", type=_file)
@click.option("--source", required=True, help="Who gave the list.")
@config_option
@out_option
@json_option
def import_command(path: Path, source: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Take in a list of vulnerabilities or checks that others call urgent; from the next run on it moves the order.

    What it names goes first among what is due as soon, and the reason says who named it. It opens no finding, closes
    none and sets no date. A later list of the same source replaces it.

    \b
    Examples:
      posture exchange import advisories.csaf.json --source "clearinghouse 2026-11"
      posture exchange import urgent.txt --source "CISA call of 12 November"
    """
    config = prepare.read_config(config_path, out)
    found = read_list(path, source, prepare.now())
    whole = keep_list(config.folder, found)
    if as_json:
        terminal.as_json({"taken": found, "kept": len(whole)})
        return
    terminal.say(f"{len(found)} taken from {inert(source)}, {len(whole)} kept in all; they count from the next run on")


@exchange_group.command("list")
@config_option
@out_option
@json_option
def list_command(config_path: Path | None, out: Path, as_json: bool) -> None:
    """List what others call urgent."""
    found = kept_list(prepare.read_config(config_path, out).folder)
    if as_json:
        terminal.as_json(found)
        return
    rows = [(one.id, one.source, one.tlp, f"{one.imported_at:%Y-%m-%d}", one.note) for one in found]
    terminal.table("named by others", ("id", "source", "tlp", "imported", "note"), rows, empty="no list was imported")


@exchange_group.command("notice")
@click.option("--scope", "scope_path", type=_file, default=Path("scope.yaml"), show_default=True, help="Authorisation.")
@tlp_option
@click.option("--contact", required=True, help="Who answers for the scan, and how to reach them while it runs.")
@click.option("--from", "sources", multiple=True, help="Address the probes come from; may be repeated.")
@click.option("--redact", is_flag=True, help="Say how many addresses, and not which.")
@click.option("--to", type=_file, default=Path("scan-notice.json"), show_default=True, help="The file.")
def notice_command(
    scope_path: Path, tlp: TlpWord, contact: str, sources: tuple[str, ...], redact: bool, to: Path
) -> None:
    """Write who will scan which networks, when and how hard, so that others can tell the scan from an attack.

    \b
    Example:
      posture exchange notice --tlp TLP:AMBER --contact "SOC, +1 555 0100" --from 192.0.2.7
    """
    for source in sources:
        try:
            ipaddress.ip_address(source)
        except ValueError:
            raise UsageError(f"`{source}` is no address", hint="--from 192.0.2.7") from None
    record = notice_of(scope_file.read(scope_path), tlp, contact, sources, socket.gethostname(), redact=redact)
    new_directory(to.parent)
    with new_file(to) as file:
        file.write(msgspec.json.format(encode(record), indent=1) + b"\n")
    terminal.say(f"{to}")
    terminal.note(STATEMENT)


COMMANDS = (exchange_group,)

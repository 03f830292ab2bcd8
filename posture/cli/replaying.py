"""``posture record`` and ``posture replay``: a run as files of what its hosts answered, and such files as a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import click

from collectors.base import Transcript
from collectors.transports.replay import read_transcripts, write_transcript
from posture.cli import jobs, prepare, terminal
from posture.cli.options import config_option, moment_option, out_option, profile_option
from posture.cli.reporting import hand_over
from posture.errors import UsageError
from posture.gather import Work
from posture.model.host import Inventory
from posture.observe import is_login
from posture.run import replay


@click.command("record")
@click.argument("run")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--packed", is_flag=True, help="Write .json.xz, about a tenth of the size.")
@config_option
@out_option
def record_command(run: str, directory: Path, packed: bool, config_path: Path | None, out: Path) -> None:
    """Write everything the hosts of a run answered to files, redacted as it was stored, for `posture replay`.

    \b
    Example:
      posture record latest transcripts
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        run_id = store.load_run(run).run.id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty", hint="name a new directory")
        count = 0
        for transcript in store.read_transcripts(run_id, whole=True):
            write_transcript(directory / file_name(transcript, packed=packed), transcript)
            count += 1
    terminal.say(f"{count} transcripts of run {run_id} in {directory}")


def file_name(transcript: Transcript, *, packed: bool) -> str:
    """Return ``HOST.json`` for a login, ``HOST@VANTAGE.nmap.json`` (or ``.http.json``) for what the network said."""
    session = transcript.session
    place = "" if is_login(session.transport) else f"@{quote(session.vantage, safe='')}.{session.transport}"
    name = quote(session.host, safe="") + (place or _failed(transcript))
    return f"{name}.json{'.xz' if packed else ''}"


def _failed(transcript: Transcript) -> str:
    # A run that was taken up again may hold a visit that brought nothing beside one that did.
    return "" if transcript.answers else "@refused"


@click.command("replay")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-i",
    "--inventory",
    "inventory_path",
    required=True,
    type=click.Path(path_type=Path),
    help="Whose answers they are.",
)
@moment_option
@profile_option
@config_option
@out_option
@click.pass_context
def replay_command(
    context: click.Context,
    directory: Path,
    inventory_path: Path,
    as_of: datetime | None,
    profile: str,
    config_path: Path | None,
    out: Path,
) -> None:
    """Judge recorded answers as a run of their own; no host is touched, and nothing of it passes for live.

    Dates are judged by the moment of the youngest recording, unless `--as-of` says otherwise.

    \b
    Examples:
      posture replay transcripts -i inventory.yaml
      posture replay transcripts -i inventory.yaml --as-of 2026-12-01 --out out/december
    """
    config = prepare.read_config(config_path, out)
    recorded = max(one.session.started_at for one in read_transcripts(directory)).replace(microsecond=0)
    moment = prepare.utc(as_of) if as_of else recorded.astimezone(UTC)
    with prepare.open_store(config, create=True) as store:
        job = jobs.replay_job(config, store, profile, moment, inventory_path, "replay")
        with terminal.steps() as progress:
            transcripts = _known(directory, job.inventory)
            run_id = replay(store, transcripts, job, prepare.now(), Work(progress), as_of=moment)
        code = hand_over(store, run_id, out, config.marking)
    context.exit(code)


def _known(directory: Path, inventory: Inventory) -> Iterator[Transcript]:
    ids = {host.id for host in inventory.hosts}
    for transcript in read_transcripts(directory):
        host = transcript.session.host
        if host not in ids:
            raise UsageError(f"{directory}: `{host}` is not in the inventory", hint=prepare.nearest(host, ids))
        yield transcript


COMMANDS = (record_command, replay_command)

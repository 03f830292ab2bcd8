"""``posture countersign`` and ``posture timestamp``: what others add to a bundle after it was made."""

from __future__ import annotations

from pathlib import Path

import click

from posture.cli import terminal
from posture.errors import UsageError
from posture.proof.adding import add_timestamp, countersign, timestamp_request
from posture.proof.signing import Signer
from reports.files import new_file
from reports.inert import inert

_file = click.Path(path_type=Path, dir_okay=False)


@click.command("countersign")
@click.argument("bundle", type=_file)
@click.option("--key", type=_file, required=True, help="Your own key, as for `posture bundle`; not the first signer's.")
def countersign_command(bundle: Path, key: Path) -> None:
    """Add a second person's signature to an evidence bundle, over the same digests as the first.

    What was signed first keeps its bytes. Look at the bundle with `posture verify` before you put your name to it.

    \b
    Examples:
      posture countersign evidence-20260620T040000Z-1a2b3c.tar --key reviewer-key
    """
    signer = Signer.read(key)
    countersign(bundle, signer)
    terminal.say(f"{bundle}: countersigned with {signer.ssh_fingerprint}")


@click.command("timestamp")
@click.argument("bundle", type=_file)
@click.option("--query", type=_file, help="Write the query for the authority here; it holds a digest, nothing else.")
@click.option("--token", type=_file, help="The authority's reply, to be checked and added.")
@click.option("--authority", type=_file, help="Certificate of the authority that the reply must come from, in PEM.")
def timestamp_command(bundle: Path, query: Path | None, token: Path | None, authority: Path | None) -> None:
    """Have an evidence bundle stamped by an authority (RFC 3161); you carry query and reply, nothing is sent.

    What was signed first keeps its bytes.

    \b
    Examples:
      posture timestamp evidence.tar --query evidence.tsq
      posture timestamp evidence.tar --token evidence.tsr --authority agency-tsa.pem
    """
    if (query is None) == (token is None):
        raise UsageError("say which half", hint="`--query FILE` writes the query, `--token FILE` adds the reply")
    if query is not None:
        with new_file(query) as file:
            file.write(timestamp_request(bundle))
        terminal.say(f"{query}: take it to your authority, then `posture timestamp {bundle} --token REPLY`")
        return
    if token is None or authority is None:
        raise UsageError("a reply is checked before it is added", hint="name the authority's certificate: --authority")
    stamp = add_timestamp(bundle, token, authority)
    terminal.say(f"{bundle}: the timestamp holds and was added, {inert(stamp.words)}")


COMMANDS = (countersign_command, timestamp_command)

"""``posture bundle`` and ``posture verify``: evidence handed over, and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from posture.assess import stored_assessment
from posture.cli import prepare, terminal
from posture.cli.options import config_option, out_option, run_option
from posture.cli.sampling import Asked, sample
from posture.errors import UsageError
from posture.exit_codes import ExitCode
from posture.inputs.this_machine import operator
from posture.model.receipt import Receipt
from posture.proof.answers import Answered, Line
from posture.proof.bundle import Sealing, previous_root, write_bundle
from posture.proof.signing import Signer
from posture.proof.verify import Keys, verify_bundle
from posture.receipts import receipt
from reports.files import new_directory
from reports.formats import chosen
from reports.inert import inert

_FORMATS = "html,json,jsonl,csv,blind-csv,oscal,hdf,poam-fedramp,poam-navy"
_file = click.Path(path_type=Path, dir_okay=False)


@click.command("bundle")
@click.argument("run", default="latest")
@click.option("--to", "path", type=_file, help="The file; evidence-RUN.tar in the output directory when left out.")
@click.option("--key", type=_file, help="SSH or PEM private key, or a public key whose private half your agent holds.")
@click.option("--unsigned", is_flag=True, help="Make it without a signature; the bundle says so.")
@click.option("--timestamp-with", type=_file, help="Program that turns an RFC 3161 query into the authority's reply.")
@click.option("--encrypt-to", type=_file, multiple=True, help="X.509 certificate of a recipient; may be repeated.")
@click.option("--previous", type=_file, help="The bundle before this one, to be named in it.")
@click.option("--format", "formats", default=_FORMATS, show_default=True, help="Reports to put in.")
@config_option
@out_option
def bundle_command(
    run: str,
    path: Path | None,
    key: Path | None,
    unsigned: bool,
    timestamp_with: Path | None,
    encrypt_to: tuple[Path, ...],
    previous: Path | None,
    formats: str,
    config_path: Path | None,
    out: Path,
) -> None:
    """Write everything of a run into one signed file that an auditor can check without us.

    A key on P-256 makes an OpenSSH signature, an ECDSA signature for openssl and a DSSE attestation; any other key the
    first of them. Nothing is signed silently, and nothing is silently left unsigned.

    \b
    Examples:
      ssh-keygen -t ecdsa -b 256 -f posture-signing
      posture bundle --key posture-signing
      posture bundle 20260620T040000Z-1a2b3c --key posture-signing --encrypt-to auditor.pem
    """
    if (key is None) == (not unsigned):
        raise UsageError("say how the bundle is signed", hint="`--key FILE`, or `--unsigned` on purpose")
    config = prepare.read_config(config_path, out)
    signer = Signer.read(key) if key else None
    with prepare.open_store(config) as store:
        run_id = store.load_run(run).run.id
        target = path or out / f"evidence-{run_id}.tar{'.cms' if encrypt_to else ''}"
        new_directory(target.parent)
        asks = tuple(sorted(set(config.evidence.asks)))
        sealing = Sealing(signer, timestamp_with, encrypt_to, previous_root(previous), asks)
        root = write_bundle(store, run_id, target, chosen(formats.split(",")), sealing=sealing, marking=config.marking)
    terminal.say(f"{target}: SHA256SUMS is {root}")
    if missing := sorted(set(asks) - ({"timestamp"} if timestamp_with else set())):
        terminal.note(f"not whole yet: {' and '.join(missing)} asked for (`posture countersign`, `posture timestamp`)")
    if signer is None:
        terminal.note("NOT SIGNED: anyone could have made this bundle, and it says so")
        return
    for kind, fingerprint in signer.fingerprints.items():
        terminal.say(f"signed ({kind}) with {fingerprint}")
    if signer.ecdsa is None:
        terminal.note("no ECDSA signature and no attestation: the key is not one on P-256 with its private half here")


@click.command("verify")
@click.argument("bundle", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--finding", default="", metavar="ID", help="Replay the receipt of a fixed finding of the store instead.")
@click.option("--allowed-signers", type=_file, help="OpenSSH's list of allowed signers, got outside the bundle.")
@click.option("--signer", default="", help="Who in that list must have signed, such as assessor@example.gov.")
@click.option("--countersigner", default="", help="Who else in that list must have signed.")
@click.option("--public-key", type=_file, help="PEM public key of the ECDSA signature, got outside the bundle.")
@click.option("--authority", type=_file, help="Certificate of the timestamp authority.")
@click.option("--earlier", type=_file, help="A bundle you were given before: its audit log must be the beginning.")
@click.option("--sample", "number", type=int, help="Draw so many verdicts and collect them again, live.")
@click.option("--seed", default="", help="Decides the draw: anybody with the bundle and the seed draws the same.")
@click.option("-i", "--inventory", type=_file, help="Inventory to reach the drawn hosts by.")
@click.option("--scope", type=_file, help="Authorisation of the sample; scope.yaml beside the inventory.")
@click.option("--no-network", is_flag=True, help="Draw nothing that rests on a look from the network.")
@click.option("--key", type=_file, help="The auditor's own key, which signs the sample.")
@click.option("--to", type=_file, help="Where the signed sample goes.")
@config_option
@out_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify_command(
    context: click.Context,
    bundle: Path | None,
    finding: str,
    allowed_signers: Path | None,
    signer: str,
    countersigner: str,
    public_key: Path | None,
    authority: Path | None,
    earlier: Path | None,
    number: int | None,
    seed: str,
    inventory: Path | None,
    scope: Path | None,
    no_network: bool,
    key: Path | None,
    to: Path | None,
    config_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Check an evidence bundle, judge its raw evidence again, and compare every verdict.

    With `--finding`, judge the evidence a fixed finding failed with and the evidence it passes with, both anew.

    With `--sample`, draw verdicts of the bundle, read their hosts again through the same collectors, judge them by the
    bundle's own baseline, say which differ and why, and sign that with the auditor's own key.

    Inventory, scope, answers and results must be what the audit log said when the run was made; who can write that log
    anew is caught by `--earlier`, a bundle they gave away before.

    A countersignature or a timestamp that the bundle, the configuration or an option asks for and that is not there
    fails.

    Exit code 0: everything holds. 1: something fails. 4: nothing fails, and something could not be checked.

    \b
    Examples:
      posture verify evidence-20260620T040000Z-1a2b3c.tar
      posture verify evidence.tar --allowed-signers allowed_signers --signer a@example.gov --public-key signer.pub
      posture verify --finding 3f2a9c01d4e5b678
      posture verify evidence.tar --sample 25 --seed "dice 4 2 6 1" -i inventory.yaml --key auditor-key
    """
    if (bundle is None) == (not finding):
        raise UsageError("say what to verify", hint="a bundle, or `--finding ID` of a finding in the store")
    config = prepare.read_config(config_path, out)
    if bundle is None:
        with prepare.open_store(config) as store:
            context.exit(_replayed(receipt(store, finding), as_json=as_json))
    keys = _keys(allowed_signers, signer, public_key, authority, countersigner, config.evidence.asks, earlier)
    lines = list(verify_bundle(bundle, keys))
    _show(bundle, lines, as_json=as_json, alone=number is None)
    code = _code_of(lines)
    if number is not None and code is ExitCode.FINDINGS:
        terminal.note("no sample was drawn: the bundle does not hold")
    elif number is not None:
        asked = Asked(number, seed, inventory, scope, key, to, not no_network)
        sampled = sample(bundle, asked, config, out, as_json=as_json)
        code = code if sampled is ExitCode.CLEAN else sampled
    context.exit(code)


def _keys(
    allowed_signers: Path | None,
    signer: str,
    public_key: Path | None,
    authority: Path | None,
    countersigner: str,
    asks: Iterable[str],
    earlier: Path | None,
) -> Keys:
    if (allowed_signers is None) != (not signer):
        raise UsageError("allowed signers and signer belong together", hint="give `--allowed-signers` and `--signer`")
    if countersigner and allowed_signers is None:
        raise UsageError("a countersigner stands in a list", hint="give `--allowed-signers` and `--signer` too")
    return Keys(allowed_signers, signer, public_key, authority, countersigner, frozenset(asks), earlier)


def _show(bundle: Path, lines: list[Line], *, as_json: bool, alone: bool) -> None:
    if not as_json:
        rows = [(line.answered.value, line.what, line.detail) for line in lines]
        terminal.table(str(bundle), ("answer", "question", "detail"), rows, empty="nothing was asked")
    elif alone:  # the JSON of a sample is a document of its own
        terminal.as_json(lines)


def _code_of(lines: list[Line]) -> ExitCode:
    answers = {line.answered for line in lines}
    if Answered.FAILS in answers:
        return ExitCode.FINDINGS
    return ExitCode.BLIND_SPOTS if Answered.OPEN in answers else ExitCode.CLEAN


def _replayed(found: Receipt, *, as_json: bool) -> ExitCode:
    if as_json:
        terminal.as_json(found)
    else:
        terminal.say(f"{found.check} on {found.host} {inert(found.subject)}".rstrip())
        rows = [
            (when, one.run, f"{one.at:%Y-%m-%d %H:%M}", one.status.label, one.origin.value, one.said)
            for when, one in (("then", found.failed), ("now", found.passes))
        ]
        terminal.table("judged again", ("when", "run", "as of", "status", "origin", "said"), rows, empty="")
        changed = "" if found.same_check else "; the check changed in between, both were judged by the present one"
        terminal.say(f"{found.days_open} days open, opened {found.times_opened} times{changed}")
        passing = f"passing for {found.days_passing} days"
        terminal.say(
            f"{passing}, {found.passes.force.value}{f'; change {inert(found.ticket)}' if found.ticket else ''}"
        )
        terminal.say(f"{'receipt holds' if found.holds else 'NO RECEIPT'}: {inert(found.why)}")
    return ExitCode.CLEAN if found.holds else ExitCode.FINDINGS


@click.command("receipts")
@click.option("--ticket", default="", help="Write this change's number beside the findings named, and nothing else.")
@click.option("--finding", "ids", multiple=True, metavar="ID", help="A finding it belongs to; may be repeated.")
@run_option
@config_option
@out_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def receipts_command(
    ticket: str, ids: tuple[str, ...], run: str, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """List the proof of every fix that stands, and what is changed and not in force.

    \b
    Examples:
      posture receipts
      posture receipts --ticket CHG0012345 --finding 3f2a9c01d4e5b678
    """
    if bool(ticket) != bool(ids):
        raise UsageError("a ticket belongs to findings", hint="--ticket NUMBER --finding ID [--finding ID]")
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        if ticket:
            found = [store.finding(one) for one in ids]
            store.work.set_ticket(found, inert(ticket.strip())[:_TICKET_CHARS], by=operator(), at=prepare.now())
            terminal.say(f"change {inert(ticket.strip())[:_TICKET_CHARS]} stands beside {len(found)} findings")
            return
        assessment = stored_assessment(store, run)
    if as_json:
        terminal.as_json({"receipts": assessment.receipts, "unsettled": assessment.unsettled})
        return
    rows = [
        (
            "holds" if one.holds else "no receipt",
            *(one.finding, one.check, one.host, one.subject),
            *(f"{one.failed.at:%Y-%m-%d}", f"{one.passes.at:%Y-%m-%d}", str(one.days_passing)),
            *(str(one.times_opened - 1), one.ticket, one.why),
        )
        for one in assessment.receipts
    ]
    terminal.table("receipts", _RECEIPT_COLUMNS, rows, empty="no fix has a receipt in this store")
    halves = [(one.force.value, one.check, one.host, one.status.label) for one in assessment.unsettled]
    terminal.table(
        "not in force", ("state", "check", "host", "result"), halves, empty="nothing is good on one side only"
    )


_RECEIPT_COLUMNS = (
    *("receipt", "finding", "check", "host", "subject", "failed", "passes", "days passing", "reopened"),
    *("change", "why"),
)
_TICKET_CHARS = 200  # a number, or the address of one
COMMANDS = (bundle_command, verify_command, receipts_command)

"""``posture verify --sample``: verdicts of a bundle drawn by a seed, collected again live, signed by the auditor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from posture.cli import jobs, prepare, terminal
from posture.errors import UsageError
from posture.exit_codes import ExitCode
from posture.gather import Job, Work
from posture.inputs.config import Config
from posture.proof.layout import file_name_of
from posture.proof.sample import Compared, Draw, SampleRecord, compare, draw, write_sample
from posture.proof.signing import Signer
from posture.run import scan
from posture.store import Store
from reports.files import new_directory
from reports.inert import inert


@dataclass(frozen=True, slots=True)
class Asked:
    """What the auditor asks for."""

    number: int
    seed: str
    inventory: Path | None
    scope: Path | None
    key: Path | None
    to: Path | None
    """Where the signed record goes."""
    network: bool
    """Look from the network too, where a drawn verdict rests on it."""


def sample(bundle: Path, asked: Asked, config: Config, out: Path, *, as_json: bool) -> ExitCode:
    """Draw, read the hosts again, compare, sign, print, and return the exit code.

    Raises:
        UsageError: seed, inventory or key is missing, or a host of the sample is not in the inventory.
    """
    if not asked.seed or asked.inventory is None or asked.key is None:
        raise UsageError(
            "a sample needs a seed, an inventory and the auditor's key",
            hint="--seed WORDS -i inventory.yaml --key auditor-key",
        )
    signer = Signer.read(asked.key)
    drawn = draw(bundle, asked.number, asked.seed, signer, network=asked.network)
    moment = prepare.now()
    new_directory(config.folder)  # the log of probes lies there
    with TemporaryDirectory(prefix="posture-sample-") as place, Store.open(Path(place) / "sample.db") as store:
        job = _job(drawn, config, store, asked)
        with terminal.steps() as progress:
            run_id = scan(store, job, moment, Work(progress))
        run = store.load_run(run_id).run
        found = compare(drawn, (store.read_host(run_id, host.id) for host in job.inventory.hosts))
    record = SampleRecord(
        run=drawn.manifest.run,
        root=drawn.root,
        seed=drawn.seed,
        population=drawn.population,
        left_out=drawn.left_out,
        bundle_as_of=drawn.manifest.as_of,
        collected_at=run.started_at,
        operator=run.operator,
        scanner=run.scanner,
        tool_version=run.tool_version,
        authorisation=run.authorisation,
        auditor_key=signer.fingerprints,
        bundle_keys=drawn.manifest.signatures,
        drawn=found,
    )
    path = asked.to or out / f"sample-{file_name_of(drawn.manifest.run)}.json"
    new_directory(path.parent)
    files = write_sample(record, path, signer)
    _print(record, files, as_json=as_json, network="" if asked.network else ", network")
    said = {one.compared for one in found}
    if Compared.DIFFERS in said:
        return ExitCode.FINDINGS
    return ExitCode.BLIND_SPOTS if Compared.UNSEEN in said else ExitCode.CLEAN


def _job(drawn: Draw, config: Config, store: Store, asked: Asked) -> Job:
    """Return the job of reading the drawn hosts through the usual collectors, judged by the bundle's own baseline."""
    if asked.inventory is None:
        raise UsageError("no inventory", hint="-i inventory.yaml")
    files = (asked.inventory, asked.scope)
    job = jobs.fleet_job(config, store, drawn.manifest.profile, prepare.now(), files, only=drawn.hosts)
    return replace(job, baseline=drawn.baseline, network=drawn.looks)


def _print(record: SampleRecord, files: tuple[Path, ...], *, as_json: bool, network: str) -> None:
    if as_json:
        terminal.as_json(record)
        return
    total = len(record.drawn)
    terminal.say(
        f"{total} of {record.population:,} verdicts of run {inert(record.run)}, drawn by seed {inert(record.seed)}"
    )
    terminal.say(f"{record.left_out:,} could not be drawn: fleet, feeds, our own scanning, attested{network}")
    rows = [(one.compared.value, one.check, one.host, one.then.status, one.now.status, one.why) for one in record.drawn]
    columns = ("answer", "check", "host", "then", "today", "why")
    terminal.table("collected again", columns, rows, empty="nothing was drawn")
    counts = (f"{sum(one.compared is word for one in record.drawn)} of {total} {word.value}" for word in Compared)
    terminal.say(", ".join(counts))
    terminal.say(f"signed with {record.auditor_key['ssh']}: {', '.join(map(str, files))}")

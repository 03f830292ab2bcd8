"""``posture scan``, ``stop``, ``evaluate`` and ``demo``: everything that makes an assessment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from posture import demo as demonstration
from posture.catalogue.load import load
from posture.cli import jobs, prepare, terminal
from posture.cli import planned as plans
from posture.cli.options import config_option, moment_option, out_option, profile_option
from posture.cli.reporting import hand_over, hand_over_assessment
from posture.errors import UsageError
from posture.evaluated import evaluate
from posture.exit_codes import ExitCode
from posture.gather import Work
from posture.inputs import config as configuration
from posture.model.assessment import Assessment
from posture.outcome import exit_code
from posture.run import scan
from reports.formats import write_all


@click.command("scan")
@click.option("--self", "this_machine", is_flag=True, help="Scan this machine and nothing else.")
@click.option(
    "-i", "--inventory", "inventory_path", type=click.Path(path_type=Path), help="Inventory, ours or Ansible's."
)
@click.option(
    "--scope", "scope_path", type=click.Path(path_type=Path), help="Authorisation; scope.yaml beside the inventory."
)
@click.option("--host", "only", multiple=True, help="Only this host id; may be repeated.")
@click.option("--vantage", default="", help="Look from this place only; from every authorised one when left out.")
@click.option("--no-network", is_flag=True, help="Log in only, send no network probe.")
@click.option("--no-login", is_flag=True, help="Look from the network only.")
@click.option("--dry-run", is_flag=True, help="Print every login and probe, and send nothing.")
@click.option("--resume", default="", metavar="RUN", help="Go on with a run that was interrupted.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found; for schedulers that count errors only.")
@profile_option
@config_option
@out_option
@click.pass_context
def scan_command(
    context: click.Context,
    this_machine: bool,
    inventory_path: Path | None,
    scope_path: Path | None,
    only: tuple[str, ...],
    vantage: str,
    no_network: bool,
    no_login: bool,
    dry_run: bool,
    resume: str,
    exit_zero: bool,
    profile: str,
    config_path: Path | None,
    out: Path,
) -> None:
    """Read hosts, look at them from the network, judge them, and write the reports.

    \b
    Examples:
      posture scan --self
      posture scan -i inventory.yaml
      posture scan -i inventory.yaml --dry-run
      posture scan -i /etc/ansible/hosts --scope scope.yaml --host web1 --host web2
      posture scan -i inventory.yaml --resume 20260620T040000Z-1a2b3c
    """
    if this_machine == (inventory_path is not None):
        raise UsageError("say what to scan: this machine or an inventory", hint="`--self`, or `-i inventory.yaml`")
    if this_machine and (only or vantage or scope_path):
        raise UsageError("`--self` takes no host, vantage or scope", hint="they belong to `-i inventory.yaml`")
    if no_network and no_login:
        raise UsageError("nothing is left to do", hint="give `--no-network` or `--no-login`, not both")
    config = prepare.read_config(config_path, out)
    moment = prepare.now()
    with prepare.open_store(config, create=True) as store:
        if inventory_path is None:
            job = jobs.self_job(config, store, profile, moment)
        else:
            files = (inventory_path, scope_path)
            job = jobs.fleet_job(config, store, profile, moment, files, only=only, vantage=vantage)
        job = replace(job, network=not no_network, login=not no_login)
        if dry_run:
            plans.show(plans.planned(job))
            context.exit(ExitCode.CLEAN)
        with terminal.steps() as progress, _stoppable() as stop:
            run_id = scan(store, job, moment, Work(progress, stop), resume=resume)
        code = hand_over(store, run_id, out, config.marking)
    context.exit(0 if exit_zero else code)


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or ``posture stop`` sets once; the second time ends at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        terminal.note("stopping: hosts that are being read are finished first; once more ends at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@click.command("stop")
@config_option
@out_option
def stop_command(config_path: Path | None, out: Path) -> None:
    """Stop a running scan cleanly, from another terminal; what it collected is kept and can be resumed."""
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        running = [found for found in store.runs() if found.pid is not None]
    if not running:
        terminal.say("no scan is running here")
        return
    for found in running:
        if found.pid is not None:
            _ask_to_stop(found.run.id, found.pid)


def _ask_to_stop(run_id: str, pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        terminal.say(f"run {run_id} has ended by itself")
    except PermissionError:
        raise UsageError(f"run {run_id} belongs to another user", hint=f"stop process {pid} as its owner") from None
    else:
        terminal.say(f"asked run {run_id} (process {pid}) to stop")


@click.command("evaluate")
@click.argument("run", default="latest")
@moment_option
@profile_option
@click.option("--baselines", type=click.Path(path_type=Path), help="A directory of baselines to judge by.")
@click.option("--overlay", type=click.Path(path_type=Path), help="The agency's tailoring to judge by.")
@config_option
@out_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def evaluate_command(
    context: click.Context,
    run: str,
    as_of: datetime | None,
    profile: str,
    baselines: Path | None,
    overlay: Path | None,
    config_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Judge stored evidence again, offline, from the raw answers up; nothing is stored.

    Without options it uses the run's own baseline and moment, and must give the run's own fingerprint.

    \b
    Examples:
      posture evaluate
      posture evaluate 20260620T040000Z-1a2b3c --profile dow --out out/dow
      posture evaluate --as-of 2026-07-01
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        chosen = None
        if profile or baselines or overlay:
            catalogue = load(baselines or config.baselines)
            chosen = catalogue.baseline(profile or store.load_run(run).run.profile, overlay=overlay or config.overlay)
        moment = prepare.utc(as_of) if as_of else None
        assessment = evaluate(store, run, baseline=chosen, as_of=moment)
        if as_json:
            write_all(assessment, out, marking=config.marking)
            terminal.as_json(_brief(assessment))
        else:
            hand_over_assessment(assessment, out, config.marking)
            terminal.say(f"fingerprint {assessment.fingerprint}")
        kept = store.load_run(run).fingerprint
        if chosen is None and moment is None and kept and kept != assessment.fingerprint:
            terminal.note(f"the run itself came to {kept}: the program has changed since, or the evidence")
    context.exit(exit_code(assessment))


def _brief(assessment: Assessment) -> dict[str, object]:
    return {
        "run": assessment.run.id,
        "profile": assessment.run.profile,
        "as_of": assessment.run.as_of,
        "fingerprint": assessment.fingerprint,
        "coverage": {"decided": assessment.coverage.decided, "possible": assessment.coverage.possible},
        "open_findings": sum(finding.open for finding in assessment.findings),
        "exit_code": int(exit_code(assessment)),
    }


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Where it goes.",
)
def demo_command(out: Path) -> None:
    """Look at a made-up agency of a dozen hosts, replayed from recorded answers; no host is touched."""
    config = configuration.default(out)
    with prepare.open_store(config, create=True) as store:
        run_id = demonstration.run_demo(store, config, prepare.now())
        hand_over(store, run_id, out, demonstration.MARKING)
    terminal.say(f"go on with: posture show host {demonstration.FIRST_HOST} --out {out}")


COMMANDS = (scan_command, stop_command, evaluate_command, demo_command)

"""``posture schedule``: scans that run by themselves."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.errors import StoreError, UsageError
from posture.inputs import inventory as inventories
from posture.inputs import scope_file
from posture.model.assessment import RunState
from posture.model.schedule import Kind, Missed, Occurrence, Outcome, Schedule
from posture.notify.news import targets_of
from posture.schedule import times
from posture.schedule.errand import PROGRAM, permit, started, words
from posture.schedule.keeper import NOT_CLAIMED, Keeper
from posture.schedule.standing import somebody_keeps, standings, when
from posture.schedule.telling import NOTICES, Teller
from posture.store import Store
from posture.store.schedules import TIMER

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_PLACE = "schedules"  # beside the database: what the scheduled commands printed
name_argument = click.argument("name")


@click.group("schedule")
def schedule_group() -> None:
    """Keep scans, discovery, feeds and retention running by themselves; `posture serve` begins what is due.

    Each time is run once, whatever is restarted or killed in between; two under the same authorisation never run at
    once, and the scope's blackouts are kept.
    """


@schedule_group.command("add")
@name_argument
@click.option("--kind", type=click.Choice([one.value for one in Kind]), required=True, help="What is run.")
@click.option("--cron", default="", help="Minute hour day month weekday.")
@click.option("--every", default="", metavar="SPAN", help="An interval instead: 90m, 24h, 7d, 2w.")
@click.option("--time-zone", default="UTC", show_default=True, help="Whose clock the cron expression goes by.")
@click.option("--jitter", default="0m", show_default=True, metavar="SPAN", help="Begin up to so much later.")
@click.option(
    "--missed",
    type=click.Choice([one.value for one in Missed]),
    default=Missed.ONCE.value,
    show_default=True,
    help="What becomes of times that could not be run: caught up once, or skipped.",
)
@click.option("--self", "this_machine", is_flag=True, help="Scan this machine.")
@click.option("-i", "--inventory", "inventory_path", type=click.Path(path_type=Path), help="Inventory to scan.")
@click.option(
    "--scope", "scope_path", type=click.Path(path_type=Path), help="Authorisation; scope.yaml beside the inventory."
)
@click.option("--profile", default="", help="fceb, dow or nss; the configuration's when left out.")
@config_option
@out_option
def add_command(
    name: str,
    kind: str,
    cron: str,
    every: str,
    time_zone: str,
    jitter: str,
    missed: str,
    this_machine: bool,
    inventory_path: Path | None,
    scope_path: Path | None,
    profile: str,
    config_path: Path | None,
    out: Path,
) -> None:
    """Add a schedule.

    \b
    Examples:
      posture schedule add feeds --kind feeds --every 24h
      posture schedule add fleet --kind credentialed --cron '0 2 * * sun' --time-zone America/New_York -i inventory.yaml
      posture schedule add sweep --kind discovery --every 7d --jitter 2h -i inventory.yaml
      posture schedule add old-answers --kind prune --cron '0 5 1 * *'
      posture schedule add edge --kind exposure --cron '30 4 * * *' -i inventory.yaml --missed skip
    """
    if not _NAME.match(name):
        raise UsageError(
            f"`{name[:60]}` is no name for a schedule", hint="lower-case letters, digits and -, at most 40"
        )
    what = Kind(kind)
    inventory, scope = _targets(what, this_machine, inventory_path, scope_path)
    moment = prepare.now()
    schedule = Schedule(
        name=name,
        kind=what,
        since=moment,
        seed=secrets.token_hex(8),
        cron=cron,
        every_s=times.span_s(every) if every else 0,
        time_zone=time_zone,
        jitter_s=times.span_s(jitter),
        missed=Missed(missed),
        inventory=inventory,
        scope=scope,
        profile=profile,
    )
    times.check(schedule)
    with prepare.open_store(prepare.read_config(config_path, out), create=True) as store:
        store.schedules.add(schedule, by=_me(), at=moment)
        first = next(times.due_after(schedule, moment))
        terminal.say(f"{name}: {when(schedule)}; first on {_local(times.starts_at(schedule, first), schedule)}")
        if not somebody_keeps(store, moment):
            terminal.note("no scheduler is running: `posture serve` begins what is due, `posture systemd` makes units")


def _targets(kind: Kind, this_machine: bool, inventory: Path | None, scope: Path | None) -> tuple[str, str]:
    """Return the absolute paths of inventory and scope; both are read now, so that no mistake waits for the night."""
    if not kind.needs_scope:
        if this_machine or inventory or scope:
            raise UsageError(f"{kind.value} touches no host", hint="leave out `--self`, `--inventory` and `--scope`")
        return "", ""
    if this_machine == (inventory is not None):
        raise UsageError("say what to scan: this machine or an inventory", hint="`--self`, or `-i inventory.yaml`")
    if inventory is None:
        if scope is not None or kind is Kind.DISCOVERY:
            raise UsageError(
                "`--self` takes no scope, and discovers nothing", hint="they belong to `-i inventory.yaml`"
            )
        return "", ""
    authorisation = scope or inventory.parent / prepare.SCOPE_FILE
    scope_file.read(authorisation)
    inventories.read(inventory)
    return str(inventory.resolve()), str(authorisation.resolve())


@schedule_group.command("list")
@config_option
@out_option
@json_option
def list_command(config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show every schedule: when it runs next, what keeps it, how it went last.

    \b
    Examples:
      posture schedule list
      posture schedule list --json
    """
    moment = prepare.now()
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        found = standings(store, moment)
        kept = somebody_keeps(store, moment)
    if as_json:
        terminal.as_json({"scheduler_alive": kept, "schedules": found})
        return
    rows = [
        (
            one.schedule.name,
            one.schedule.kind.value,
            when(one.schedule),
            _local(one.next_at, one.schedule) if one.next_at else "",
            one.state,
            _brief(one.last) if one.last else "never",
        )
        for one in found
    ]
    columns = ("schedule", "runs", "when", "next", "state", "last")
    terminal.table("schedules", columns, rows, empty="nothing runs by itself: `posture schedule add`")
    if found and not kept:
        terminal.note("no scheduler is running: nothing is begun until `posture serve` runs")


@schedule_group.command("history")
@click.argument("name", required=False, default="")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@config_option
@out_option
@json_option
def history_command(name: str, limit: int, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show what became of each time, the newest first: of one schedule, or of all, removed ones too.

    \b
    Examples:
      posture schedule history
      posture schedule history fleet --limit 10 --json
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        found = store.schedules.occurrences(name, limit=limit)
    if as_json:
        terminal.as_json(found)
        return
    rows = [
        (
            one.schedule,
            f"{one.due:%Y-%m-%d %H:%M:%S}" + ("" if one.planned else " (asked)"),
            one.outcome.value,
            f"{one.begun_at:%Y-%m-%d %H:%M:%S}" if one.begun_at else "",
            f"{one.ended_at:%Y-%m-%d %H:%M:%S}" if one.ended_at else "",
            one.run,
            one.why,
        )
        for one in found
    ]
    columns = ("schedule", "due (UTC)", "outcome", "begun", "ended", "run", "why")
    terminal.table("history", columns, rows, empty="nothing has been due yet")


def _changing(command: str, did: str, said: str, change: Callable[[Schedule], Schedule], text: str) -> click.Command:
    @schedule_group.command(command, help=text)
    @name_argument
    @config_option
    @out_option
    def changed(name: str, config_path: Path | None, out: Path) -> None:
        with prepare.open_store(prepare.read_config(config_path, out)) as store:
            store.schedules.change(change(store.schedules.get(name)), by=_me(), did=did, at=prepare.now())
        terminal.say(f"{name}: {said}")

    return changed


_changing("pause", "paused", "paused", lambda one: replace(one, paused=True), "Begin nothing more; what runs goes on.")
_changing(
    "resume",
    "resumed",
    "runs again from its next time on",
    lambda one: replace(one, paused=False, since=prepare.now() if one.paused else one.since),
    "Go on after a pause; times that passed meanwhile are not caught up.",
)
_changing(
    "remove", "removed", "removed; its history stays", lambda one: replace(one, removed=True), "Remove a schedule."
)


@schedule_group.command("run-now")
@name_argument
@click.option("--here", is_flag=True, help="Run it in this process's charge and wait, without a scheduler.")
@config_option
@out_option
@click.pass_context
def run_now_command(context: click.Context, name: str, here: bool, config_path: Path | None, out: Path) -> None:
    """Run a schedule once, out of turn; the scheduler begins it within seconds.

    \b
    Examples:
      posture schedule run-now fleet
      posture schedule run-now feeds --here
    """
    moment = prepare.now()
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        asked = store.schedules.ask(name, by=_me(), at=moment)
        if not here:
            kept = somebody_keeps(store, moment)
            terminal.say(
                f"{name}: asked for" if kept else f"{name}: waits for `posture serve`; `--here` runs it at once"
            )
            return
        keeper = keeper_of(store, config_path, out, "-")
        keeper.look()
        keeper.wait()
        found = store.schedules.find(name, asked.due)
    if found is None or found.outcome is not Outcome.DONE:
        terminal.note(f"{name}: {found.outcome.value if found else 'not begun'}{f': {found.why}' if found else ''}")
        context.exit(2)
    terminal.say(f"{name}: done{f', run {found.run}' if found.run else ''}")


@schedule_group.command("run-due")
@config_option
@out_option
def run_due_command(config_path: Path | None, out: Path) -> None:
    """Begin what is due now, wait for it, and end: for a timer of systemd or cron, in place of `posture serve`.

    \b
    Examples:
      posture schedule run-due
    """
    stop = threading.Event()
    with prepare.open_store(prepare.read_config(config_path, out), create=True) as store, told_to_end(stop.set):
        keeper_of(store, config_path, out, TIMER).run_due(stop)


@schedule_group.command("begin", hidden=True)
@name_argument
@click.argument("due")
@click.option("--why", default="")
@config_option
@out_option
@click.pass_context
def begin_command(context: click.Context, name: str, due: str, why: str, config_path: Path | None, out: Path) -> None:
    """Claim one time, and become the command that it is for: the claim lives exactly as long as the work."""
    moment = prepare.now()
    with prepare.open_store(prepare.read_config(config_path, out), create=True) as store:
        schedule = next((one for one in store.schedules.all(removed=True) if one.name == name), None)
        if schedule is None:
            raise StoreError(f"there is no schedule `{name[:64]}`", hint="`posture schedule list` names them")
        allowed = permit(schedule, moment)
        at = datetime.fromisoformat(due).astimezone(UTC)
        found = store.schedules.find(name, at) or Occurrence(name, at, True, Outcome.RUNNING, why=why)
        resume = _half_done(store, found)
        claim = replace(found, authorisation=allowed.authorisation)
        if refused := allowed.never or allowed.wait or store.schedules.claim(claim, moment):
            terminal.note(f"{name}: not begun: {refused}")
            context.exit(NOT_CLAIMED)
    os.execv(PROGRAM[0], [*PROGRAM, *words(schedule, resume), *options(config_path, out)])  # noqa: S606 - no shell


def _half_done(store: Store, found: Occurrence) -> str:
    """Return the run that an interrupted occurrence left, to be gone on with; empty when there is none."""
    return found.run if found.run and store.load_run(found.run).run.state is RunState.INCOMPLETE else ""


def options(config_path: Path | None, out: Path) -> tuple[str, ...]:
    """Return configuration and output directory as absolute options, the same for every command that is begun."""
    chosen = config_path or (prepare.CONFIG_FILE if prepare.CONFIG_FILE.is_file() else None)
    return (*(("--config", str(chosen.resolve())) if chosen else ()), "--out", str(out.resolve()))


def keeper_of(store: Store, config_path: Path | None, out: Path, beats_as: str = "") -> Keeper:
    """Return a scheduler over a store."""
    config = prepare.read_config(config_path, out)
    place, given = config.folder / _PLACE, options(config_path, out)
    log, teller = place / NOTICES, None
    if targets_of(config.notify):
        argv = (*PROGRAM, "notify", "--waiting", "--send", *given)
        teller = Teller(config.folder, log, lambda: started(argv, log), terminal.note)
    return Keeper(store, prepare.now, place, given, terminal.note, beats_as, teller)


@contextmanager
def told_to_end(end: Callable[[], None]) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM do this while the block runs; uvicorn hands both on once it has answered."""
    before = {number: signal.signal(number, lambda *_: end()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _me() -> str:
    return getpass.getuser()


def _local(moment: datetime, schedule: Schedule) -> str:
    return f"{moment.astimezone(times.zone(schedule.time_zone)):%Y-%m-%d %H:%M %Z}"


def _brief(one: Occurrence) -> str:
    return f"{one.outcome.value}, {one.due:%Y-%m-%d %H:%M} UTC" + (f": {one.why}" if one.why else "")


COMMANDS = (schedule_group,)

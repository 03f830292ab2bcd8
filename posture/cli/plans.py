"""``posture plan`` and ``whatif``: who mends what on which day, and what it would come to."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from posture.assess import stored_assessment
from posture.attack import graph_of
from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option, run_option
from posture.errors import UsageError
from posture.model.outlook import Attacker, WhatIf
from posture.model.plan import Calendar
from posture.plan.calendar import Hours
from posture.planning import calendar_of, relief_of, what_if_of, works_of
from reports.calendar_csv import write_calendar_csv
from reports.calendar_ics import write_calendar_ics
from reports.files import new_directory, new_file

_PLAN_BYTES_MAX = 64_000_000  # a hundred thousand appointments are about half of it
_DAYS_MAX = 366


@click.command("plan")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, _DAYS_MAX), help="Calendar days.")
@click.option("--hours", default=4.0, show_default=True, type=click.FloatRange(0.1, 24), help="Of an owner per day.")
@click.option("--owner", "owners", multiple=True, metavar="OWNER=HOURS", help="Hours per day of one owner; repeatable.")
@click.option("--fresh", is_flag=True, help="Forget the last plan; else its next three working days stay.")
@run_option
@config_option
@out_option
@json_option
def plan_command(
    days: int,
    hours: float,
    owners: tuple[str, ...],
    fresh: bool,
    run: str,
    config_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Say who mends what on which day, and write plan.json, plan.csv and plan.ics.

    Dated work comes as late as its date allows; before it comes what removes most risk for each hour. A date that
    cannot be kept is named at once.

    \b
    Examples:
      posture plan
      posture plan --hours 2 --owner "web team=6" --days 14
    """
    config = prepare.read_config(config_path, out)
    per_day = Hours(hours, dict(_owner_hours(one) for one in owners))
    with prepare.open_store(config) as store:
        assessment = stored_assessment(store, run)
        graph = graph_of(store, run)
        last = None if fresh else _last(out / "plan.json")
        calendar = calendar_of(assessment, graph, per_day, days=days, last=last)
    new_directory(out)
    with new_file(out / "plan.json") as file:
        file.write(msgspec.json.format(msgspec.json.encode(calendar, order="deterministic"), indent=1))
    write_calendar_csv(calendar, out / "plan.csv")
    write_calendar_ics(calendar, out / "plan.ics")
    if as_json:
        terminal.as_json(calendar)
        return
    _show(calendar)
    terminal.note(f"written: {out / 'plan.json'}, plan.csv, plan.ics")


def _owner_hours(text: str) -> tuple[str, float]:
    owner, _, hours = text.rpartition("=")
    try:
        value = float(hours)
    except ValueError:
        value = 0.0
    if not owner or not 0 < value <= 24:
        raise UsageError(f"`{text}` says no hours of an owner", hint='such as --owner "web team=6"')
    return owner, value


def _last(path: Path) -> Calendar | None:
    """Return the last plan.

    Raises:
        UsageError: the file is none.
    """
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _PLAN_BYTES_MAX:
            raise UsageError(f"{path} is larger than any plan", hint="move it away, or plan --fresh")
        return msgspec.json.decode(path.read_bytes(), type=Calendar)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is no plan of this program: {error}", hint="move it away, or plan --fresh") from error


def _show(calendar: Calendar) -> None:
    if calendar.risk_now is not None and calendar.risk_then is not None:
        risk = f"; mean chance of compromise {calendar.risk_now:.0%} now, {calendar.risk_then:.0%} then (uncalibrated)"
    else:
        risk = ""
    terminal.say(f"{calendar.as_of} to {calendar.until}: {calendar.note}{risk}")
    for late in calendar.late:
        terminal.say(f"cannot be in time: {late.sentence}")
    rows = [
        (
            str(one.rank),
            str(one.starts),
            one.work.owner,
            one.work.id,
            one.work.title,
            str(one.work.due or ""),
            one.sentence,
        )
        for one in calendar.appointments
    ]
    columns = ("", "starts", "owner", "fix", "what", "due", "why")
    terminal.table(f"{len(rows)} fixes", columns, rows, empty="nothing to plan")
    if calendar.left_over:
        terminal.say(
            f"{len(calendar.left_over)} do not fit or need not be done: {', '.join(calendar.left_over[:10])} …"
        )


@click.command("whatif")
@click.option("--fix", "fixes", multiple=True, required=True, metavar="ID", help="A fix of the plan; repeatable.")
@run_option
@config_option
@out_option
@json_option
def whatif_command(fixes: tuple[str, ...], run: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show what fixes would come to: ways that end, what is left, and how far the risk falls; nothing is changed.

    \b
    Example:
      posture whatif --fix 1f0c22ab93d1 --fix 77aa01c4e2b9
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        graph = graph_of(store, run)
        if graph is None:
            raise UsageError(f"run {run} has no attack graph", hint="`posture scan` again")
        works = works_of(stored_assessment(store, run), graph)
        found = what_if_of(works, graph, fixes, due_dates=relief_of(store, run, graph))
    if as_json:
        terminal.as_json(found)
        return
    _show_what_if(found)


def _show_what_if(found: WhatIf) -> None:
    terminal.say(f"{len(found.made)} fixes, {found.hours:g} hours: {len(found.ended)} ways end")
    for who, fall in found.risk_removed:
        before, after = dict(found.before.risk)[who], dict(found.after.risk)[who]
        terminal.say(f"{who.value}: mean chance {before.probability:.1%} now, {after.probability:.1%} then, "
                     f"{fall.probability:.1%} less (± {fall.standard_error:.1%}; uncalibrated)")  # fmt: skip
    if found.closed:
        terminal.say(f"no path found any more, in the evidence collected: {', '.join(found.closed)}")
    rows = [
        (one.objective, f"{dict(one.chances)[Attacker.AI_DRIVEN].probability:.0%}", one.paths[0].steps[-1].sentence)
        for one in found.after.outlooks
        if one.paths and one.paths[0].steps
    ]
    terminal.table("ways that are left", ("to", "chance", "by"), rows, empty="no path found in the evidence collected")
    for relief in found.relief:
        terminal.say(
            f"{relief.host} {relief.what}: due {relief.due_then or 'never'}, was {relief.due_now}: {relief.why}"
        )


COMMANDS = (plan_command, whatif_command)

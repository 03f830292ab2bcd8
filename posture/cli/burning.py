"""``posture burndown``: open, fixed and overdue by day and clock, how fast findings close, what that leaves late."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.clocks.burndown import burndown
from posture.errors import UsageError
from posture.histories import lives
from posture.model.burndown import Burndown, Standing
from reports.words import rate_words


@click.command("burndown")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The answer of this UTC day; today when left out.")
@click.option("--clock", default="", help="Only what this clock dates, by its own dates; all clocks when left out.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How many days to look back.")
@config_option
@out_option
@json_option
def burndown_command(
    as_of: datetime | None, clock: str, days: int, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """Show how findings open and close by day, and which will be late at the rate they close.

    \b
    Examples:
      posture burndown
      posture burndown --clock bod-26-04
      posture burndown --as-of 2026-11-30 --json
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        told = lives(store)
    known = {name for life in told for step in life.steps for name, _ in step.dues}
    if clock and clock not in known:
        raise UsageError(f"no finding was ever dated by clock `{clock}`", hint=prepare.nearest(clock, known))
    found = burndown(told, (as_of or prepare.now()).date(), clock=clock, days=days)
    if as_json:
        terminal.as_json(found)
        return
    _print(found)


def _print(found: Burndown) -> None:
    today = found.today
    what = f"by clock {found.clock}" if found.clock else "by governing date"
    terminal.say(f"as of {found.as_of}, {what}: {today.open} open, {today.overdue} overdue, {found.undated} undated")
    rows = [
        (str(one.day), *map(str, (one.open, one.overdue, one.opened, one.fixed, one.gone)))
        for one in found.days
        if one.opened or one.fixed or one.gone or one is found.days[0] or one is today
    ]
    columns = ("day", "open", "overdue", "opened", "fixed", "closed, not fixed")
    terminal.table("days on which something changed", columns, rows, empty="no day")
    terminal.say(rate_words(found))
    due = [_row(one) for one in found.this_week]
    terminal.table(f"must close this week ({found.this_week_total})", _COLUMNS, due, empty="nothing is due this week")
    if found.rate is None:
        return  # nobody can say what is late
    late = [_row(one) for one in found.late_first]
    terminal.table("late at this rate, these first", _COLUMNS, late, empty="nothing is late at this rate")


_COLUMNS = ("due", "check", "host", "subject", "open since")


def _row(one: Standing) -> tuple[str, str, str, str, str]:
    return (str(one.due or ""), one.check, one.host, one.subject, str(one.since))


COMMANDS = (burndown_command,)

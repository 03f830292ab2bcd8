"""``posture notify``: who is told what of the latest run; nothing leaves this machine without ``--send``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.errors import PostureError, UsageError
from posture.exit_codes import ExitCode
from posture.inputs.config import Config, WebhookEntry
from posture.notify import outbox
from posture.notify.news import news, targets_of
from posture.notify.outbox import Outbox, Waiting
from posture.notify.post import Sent, Target, name_of
from posture.notify.rounds import Round, unheard, unwanted
from posture.store import Store
from reports.inert import inert


@click.command("notify")
@click.argument("run", default="latest")
@click.option("--send", is_flag=True, help="Send what is due; without it nothing leaves this machine.")
@click.option("--waiting", is_flag=True, help="Only what is left from earlier: no run is named, none is added.")
@config_option
@out_option
@json_option
@click.pass_context
def notify_command(
    context: click.Context, run: str, send: bool, waiting: bool, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """Tell the configured webhooks and mailboxes what a run brought since the one before: each thing once.

    Events: new-critical-path, overdue, coverage-drop. Addresses, events and credentials stand under `notify` in the
    configuration. Bodies are signed (X-Posture-Signature, HMAC-SHA256), redirects are refused, TLS is verified.

    What does not arrive waits; `posture doctor` shows it. A scheduled scan that logs in
    is followed by this by itself, in a process of its own, once somebody stands under `notify`, and again every hour
    while something waits.

    Exit code 0: told, or nothing to tell. 1: something could not be delivered.

    \b
    Examples:
      posture notify
      posture notify --send
      posture notify --waiting --send
    """
    config = prepare.read_config(config_path, out)
    if not targets_of(config.notify):
        raise UsageError(
            "nobody is to be told: `notify` is empty in the configuration", hint="`posture init` shows how"
        )
    wanted = "" if waiting else run
    if send:
        sent, whole = _send(wanted, config)
        _show_sent(sent, as_json=as_json)
        context.exit(ExitCode.CLEAN if whole and all(one.delivered for one in sent) else ExitCode.FINDINGS)
    with prepare.open_store(config) as store:
        due = list(_due(store, wanted, config, prepare.now()))
    _show_due(due, config, as_json=as_json)


def _send(run: str, config: Config) -> tuple[list[Sent], bool]:
    """Return what came of each notice, and whether every run that was to be told could be read."""
    telling = Round(config, prepare.now, terminal.note)
    with outbox.alone(config.folder):
        _complain(outbox.read(config.folder), config)
        with prepare.open_store(config) as store:
            whole = telling.look_at_all(store)
            if run:
                telling.look(store, store.load_run(run).run.id)
        return list(telling.send()), whole


def _due(store: Store, run: str, config: Config, now: datetime) -> Iterator[Waiting]:
    """Yield what would be told: first what waits from earlier, then what is new; nothing is written down."""
    found = outbox.read(config.folder)
    _complain(found, config)
    yield from (one for one in found.waiting.values() if not unwanted(one, targets_of(config.notify)))
    runs = [*found.to_tell, *([store.load_run(run).run.id] if run else [])]
    for one in dict.fromkeys(runs):
        try:
            yield from unheard(found, news(store, one, config.notify), now)
        except PostureError as error:
            terminal.note(inert(f"run {one} is still to be told: {error}"))


def _complain(found: Outbox, config: Config) -> None:
    if found.bad or found.torn:
        terminal.note(f"{config.folder / outbox.NAME}: not all of it loads; `posture doctor` says what")


def _show_sent(sent: list[Sent], *, as_json: bool) -> None:
    if as_json:
        terminal.as_json({"sent": sent, "due": []})
        return
    rows = [("delivered" if one.delivered else "NOT DELIVERED", one.target, str(one.attempts), one.why) for one in sent]
    terminal.table("notices", ("answer", "to", "attempts", "why"), rows, empty="nothing is due")


def _show_due(due: list[Waiting], config: Config, *, as_json: bool) -> None:
    if as_json:
        terminal.as_json({"sent": [], "due": [{"target": one.target, "event": one.event} for one in due]})
        return
    where = {name_of(target): _where(target) for target in targets_of(config.notify)}
    rows = [
        (one.target, where[one.target], one.event.kind.value, inert(one.event.sentence), _since(one)) for one in due
    ]
    terminal.table("would be told", ("to", "address", "event", "notice", "waits"), rows, empty="nothing is due")
    terminal.note("dry run: nothing was sent; --send sends it")


def _since(one: Waiting) -> str:
    return f"since {one.since:%Y-%m-%d %H:%M} UTC: {inert(one.why)}" if one.why else ""


def _where(target: Target) -> str:
    return target.url if isinstance(target, WebhookEntry) else ", ".join(target.to)


COMMANDS = (notify_command,)

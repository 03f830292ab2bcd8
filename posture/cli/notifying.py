"""``posture notify``: who is told what of the latest run; nothing leaves this machine without ``--send``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import click
import msgspec

from collectors.credentials import Credential, CredentialKind, printed_secret
from posture.cli import prepare, terminal
from posture.cli.reading import json_option
from posture.cli.scanning import config_option, out_option
from posture.config import Config, MailEntry, WebhookEntry
from posture.errors import PostureError, UsageError
from posture.exit_codes import ExitCode
from posture.model.assessment import Assessment, RunState
from posture.model.schedule import Kind
from posture.notify import ledger
from posture.notify.events import Event, events
from posture.notify.post import ATTEMPTS, Sent, mail, post
from posture.run import stored_assessment
from posture.store import Store
from reports.inert import inert

Target = WebhookEntry | MailEntry


@click.command("notify")
@click.argument("run", default="latest")
@click.option("--send", is_flag=True, help="Send what is due; without it nothing leaves this machine.")
@config_option
@out_option
@json_option
@click.pass_context
def notify_command(
    context: click.Context, run: str, send: bool, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """Tell the configured webhooks and mailboxes what a run brought since the one before: each thing once.

    Events: new-critical-path, overdue, coverage-drop. Addresses, events and credentials stand under `notify` in the
    configuration. Bodies are signed (X-Posture-Signature, HMAC-SHA256), redirects are refused, TLS is verified.

    What does not arrive waits, and goes first the next time; `posture doctor` shows it. A scheduled scan that logs in
    is followed by this by itself, in a process of its own, once somebody stands under `notify`.

    Exit code 0: told, or nothing to tell. 1: something could not be delivered.

    \b
    Examples:
      posture notify
      posture notify --send
    """
    config = prepare.read_config(config_path, out)
    targets: tuple[Target, ...] = (*config.notify.webhooks, *config.notify.mail)
    if not targets:
        raise UsageError(
            "nobody is to be told: `notify` is empty in the configuration", hint="`posture init` shows how"
        )
    with prepare.open_store(config) as store:
        now = stored_assessment(store, run)
        before = _before(store, now)
    found = [(target, event) for target in targets for event in _of(target, now, before, config)]
    sent: list[Sent] = []
    if send:
        with ledger.alone(config.folder):
            wanted = _wanted(found, targets, config, prepare.now())
            sent = list(_told(wanted, targets, config))
    else:
        wanted = _wanted(found, targets, config, prepare.now())
    if as_json:
        terminal.as_json({"sent": sent, "due": [{"target": one.target, "event": one.event} for one in wanted]})
    elif send:
        rows = [
            ("delivered" if one.delivered else "NOT DELIVERED", one.target, str(one.attempts), one.why) for one in sent
        ]
        terminal.table("notices", ("answer", "to", "attempts", "why"), rows, empty="nothing is due")
    else:
        where = {_name(target): _where(target) for target in targets}
        due = [
            (one.target, where[one.target], one.event.kind.value, inert(one.event.sentence), _since(one))
            for one in wanted
        ]
        terminal.table("would be told", ("to", "address", "event", "notice", "waits"), due, empty="nothing is due")
        terminal.note("dry run: nothing was sent; --send sends it")
    context.exit(ExitCode.FINDINGS if any(not one.delivered for one in sent) else ExitCode.CLEAN)


def _before(store: Store, now: Assessment) -> Assessment | None:
    """Return the newest complete run before this one over the same inventory and of the same origin.

    A scheduled look without logins is no run before one with logins: its coverage is another matter.
    """
    name, looks = store.inventory(now.run.id).name, _looks(store)
    for one in store.runs():
        earlier = one.run.as_of < now.run.as_of and one.run.state is RunState.COMPLETE
        earlier = earlier and (one.run.id in looks) == (now.run.id in looks)
        if earlier and one.run.origin is now.run.origin and store.inventory(one.run.id).name == name:
            return stored_assessment(store, one.run.id)
    return None


def _looks(store: Store) -> frozenset[str]:
    kinds = [one.name for one in store.schedules.all(removed=True) if one.kind is Kind.EXPOSURE]
    return frozenset(one.run for name in kinds for one in store.schedules.occurrences(name, limit=1000) if one.run)


def _wanted(
    found: list[tuple[Target, Event]], targets: tuple[Target, ...], config: Config, now: datetime
) -> list[ledger.Waiting]:
    """Return what is to be told: first what waits from earlier, then what is new."""
    told, by_name = ledger.delivered(config.folder), {_name(one): one for one in targets}
    kept = [one for one in ledger.waiting(config.folder) if _still(one, by_name)]
    seen = told | {(one.target, one.event.id) for one in kept}
    return kept + [
        ledger.Waiting(_name(target), event, now) for target, event in found if (_name(target), event.id) not in seen
    ]


def _still(one: ledger.Waiting, targets: Mapping[str, Target]) -> bool:
    """Return whether a notice that waits may go to its receiver as that is configured today."""
    target = targets.get(one.target)
    return target is not None and one.event.kind.value in target.events and (target.hosts or not one.event.hosts)


def _told(wanted: list[ledger.Waiting], targets: tuple[Target, ...], config: Config) -> Iterator[Sent]:
    """Yield what came of each notice; what waits is written down before anything leaves, and after each one."""
    by_name = {_name(one): one for one in targets}
    for gone in wanted[: -ledger.MAX_WAITING]:
        terminal.note(f"too many wait: {gone.event.kind.value} of run {gone.event.run} to {gone.target} is given up")
    left = {(one.target, one.event.id): one for one in wanted[-ledger.MAX_WAITING :]}
    ledger.keep_waiting(config.folder, left.values())
    silent: dict[str, str] = {}
    for key, one in list(left.items()):
        if one.target in silent:  # a receiver that is down is asked once: the others need not wait for it
            found = Sent(one.target, one.event.id, delivered=False, attempts=0, why=silent[one.target])
        else:
            found = _sent(by_name[one.target], one.event, config)
        if found.delivered:
            del left[key]
        else:
            if found.attempts in (0, ATTEMPTS):
                silent[one.target] = found.why
            left[key] = msgspec.structs.replace(one, attempts=one.attempts + found.attempts, why=found.why)
        ledger.keep_waiting(config.folder, left.values())
        yield found


def _since(one: ledger.Waiting) -> str:
    return f"since {one.since:%Y-%m-%d %H:%M} UTC: {inert(one.why)}" if one.why else ""


def _of(target: Target, now: Assessment, before: Assessment | None, config: Config) -> Iterator[Event]:
    found = events(now, before, drop_points=config.notify.coverage_drop_points, with_hosts=target.hosts)
    return (event for event in found if event.kind.value in target.events)


def _sent(target: Target, event: Event, config: Config) -> Sent:
    try:
        secret = _secret(target.credential, config)
        match target:
            case WebhookEntry():
                found = post(target, secret, event, config.marking)
            case MailEntry():
                found = mail(target, secret, event, config.marking)
    except PostureError as error:  # a vault or a certificate that is not there holds up no other receiver
        found = Sent(_name(target), event.id, delivered=False, attempts=0, why=str(error))
    ledger.note(config.folder, found, prepare.now())
    return found


def _secret(name: str, config: Config) -> str:
    if not name:
        return ""
    entry = config.credentials[name]  # the configuration does not load without it
    return printed_secret(Credential(name=name, kind=CredentialKind.COMMAND, argv=tuple(entry.argv)))


def _name(target: Target) -> str:
    return f"{'webhook' if isinstance(target, WebhookEntry) else 'mail'} {target.name}"


def _where(target: Target) -> str:
    return target.url if isinstance(target, WebhookEntry) else ", ".join(target.to)


COMMANDS = (notify_command,)

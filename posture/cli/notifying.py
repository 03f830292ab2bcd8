"""``posture notify``: who is told what of the latest run; nothing leaves this machine without ``--send``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from collectors.credentials import Credential, CredentialKind, printed_secret
from posture.cli import prepare, terminal
from posture.cli.reading import json_option
from posture.cli.scanning import config_option, out_option
from posture.config import Config, MailEntry, WebhookEntry
from posture.errors import UsageError
from posture.exit_codes import ExitCode
from posture.model.assessment import Assessment, RunState
from posture.notify import ledger
from posture.notify.events import Event, events
from posture.notify.post import Sent, mail, post
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
    told = ledger.delivered(config.folder)
    wanted = [
        (target, event)
        for target in targets
        for event in _of(target, now, before, config)
        if (_name(target), event.id) not in told
    ]
    sent = [_sent(target, event, config) for target, event in wanted] if send else []
    if as_json:
        terminal.as_json({"sent": sent, "due": [{"target": _name(target), "event": event} for target, event in wanted]})
    elif send:
        rows = [
            ("delivered" if one.delivered else "NOT DELIVERED", one.target, str(one.attempts), one.why) for one in sent
        ]
        terminal.table("notices", ("answer", "to", "attempts", "why"), rows, empty="nothing is due")
    else:
        rows = [(_name(target), _where(target), event.kind.value, inert(event.sentence)) for target, event in wanted]
        terminal.table("would be told", ("to", "address", "event", "notice"), rows, empty="nothing is due")
        terminal.note("dry run: nothing was sent; --send sends it")
    context.exit(ExitCode.FINDINGS if any(not one.delivered for one in sent) else ExitCode.CLEAN)


def _before(store: Store, now: Assessment) -> Assessment | None:
    """Return the newest complete run before this one over the same inventory and of the same origin."""
    name = store.inventory(now.run.id).name
    for one in store.runs():
        earlier = one.run.as_of < now.run.as_of and one.run.state is RunState.COMPLETE
        if earlier and one.run.origin is now.run.origin and store.inventory(one.run.id).name == name:
            return stored_assessment(store, one.run.id)
    return None


def _of(target: Target, now: Assessment, before: Assessment | None, config: Config) -> Iterator[Event]:
    found = events(now, before, drop_points=config.notify.coverage_drop_points, with_hosts=target.hosts)
    return (event for event in found if event.kind.value in target.events)


def _sent(target: Target, event: Event, config: Config) -> Sent:
    secret = _secret(target.credential, config)
    match target:
        case WebhookEntry():
            found = post(target, secret, event, config.marking)
        case MailEntry():
            found = mail(target, secret, event, config.marking)
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

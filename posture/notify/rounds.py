"""One round of telling: from runs to notices that wait, and from those to whoever takes them, step by step."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from collectors.transports.credentials import Credential, CredentialKind, printed_secret
from posture.errors import PostureError
from posture.inputs.config import Config, MailEntry, WebhookEntry
from posture.notify.events import Event
from posture.notify.news import news, targets_of
from posture.notify.outbox import Line, Outbox, Step, Waiting, note, read
from posture.notify.post import Sent, Target, mail, name_of, post
from posture.store import Store
from reports.inert import inert

MAX_WAITING = 500  # of all receivers; the oldest are given up first
PATIENCE_S = 60.0
"""A receiver that took longer than this in one round gets what is left in the next one: the others wait too."""
UNREADABLE = timedelta(days=14)
"""A run that could not be read for so long is given up."""


@dataclass(frozen=True, slots=True)
class Round:
    """What is told, to whom, and what is said of it on the way."""

    config: Config
    now: Callable[[], datetime]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    @property
    def folder(self) -> Path:
        """Where the outbox lies."""
        return self.config.folder

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everybody who is to be told."""
        return targets_of(self.config.notify)

    def look(self, store: Store, run: str) -> None:
        """Let everything of a run wait that was not told yet."""
        outbox, at = read(self.folder), self.now()
        fresh = unheard(outbox, news(store, run, self.config.notify), at)
        waits = (Line(at=at, step=Step.WAITS, target=one.target, event=one.event.id, notice=one.event) for one in fresh)
        note(self.folder, *waits, Line(at=at, step=Step.TOLD, run=run))

    def look_at_all(self, store: Store) -> bool:
        """Return whether every run that was written down could be looked at; one that cannot be holds up no other."""
        whole = True
        for run, since in list(read(self.folder).to_tell.items()):
            try:
                self.look(store, run)
            except PostureError as error:
                whole = False
                self.say(inert(f"run {run} is still to be told: {error}"))
                if self.now() - since > UNREADABLE:
                    note(self.folder, Line(at=self.now(), step=Step.GIVEN_UP, run=run, why=str(error)))
        return whole

    def send(self) -> Iterator[Sent]:
        """Yield what came of each notice that waits: those tried least first, and of these the oldest."""
        note(self.folder, Line(at=self.now(), step=Step.ROUND))
        by_name = {name_of(one): one for one in self.targets}
        over: dict[str, str] = {}
        spent: dict[str, float] = defaultdict(float)
        for one in self._kept(read(self.folder)):
            if one.target in over:  # asked once: what else waits for it need not be tried
                yield Sent(one.target, one.event.id, delivered=False, attempts=0, why=over[one.target], over=True)
                continue
            began = self.clock()
            sent = self._sent(by_name[one.target], one)
            self._note(sent)
            spent[one.target] += self.clock() - began
            if sent.over:
                over[one.target] = sent.why
            elif spent[one.target] > PATIENCE_S:
                over[one.target] = f"it took more than {PATIENCE_S:.0f} s of this round: the next one goes on"
            yield sent

    def _kept(self, outbox: Outbox) -> Sequence[Waiting]:
        """Return what is sent; the rest is given up, and that is written down."""
        kept, gone = [], []
        for one in outbox.waiting.values():
            if why := unwanted(one, self.targets):
                gone.append((one, why))
            else:
                kept.append(one)
        gone += [(one, f"more than {MAX_WAITING} wait") for one in kept[:-MAX_WAITING]]
        for one, why in gone:
            self.say(inert(f"{one.event.kind.value} of run {one.event.run} to {one.target} is given up: {why}"))
        at = self.now()
        lines = (Line(at=at, step=Step.GIVEN_UP, target=one.target, event=one.event.id, why=why) for one, why in gone)
        if gone:
            note(self.folder, *lines)
        return sorted(kept[-MAX_WAITING:], key=lambda one: one.attempts)  # one that breaks its receiver goes last

    def _sent(self, target: Target, one: Waiting) -> Sent:
        event = one.event if target.hosts else replace(one.event, hosts=())  # as it is configured today
        try:
            secret = _secret(target.credential, self.config)
            match target:
                case WebhookEntry():
                    return post(target, secret, event, self.config.marking)
                case MailEntry():
                    return mail(target, secret, event, self.config.marking, reached=one.reached)
        except PostureError as error:  # a vault or a certificate that is not there holds up no other receiver
            return Sent(one.target, event.id, delivered=False, attempts=0, why=str(error), over=True)

    def _note(self, sent: Sent) -> None:
        line = Line(
            at=self.now(),
            step=Step.DELIVERED if sent.delivered else Step.TRIED,
            target=sent.target,
            event=sent.event,
            attempts=sent.attempts,
            reached=sent.reached,
            why=sent.why,
        )
        note(self.folder, line)


def unheard(outbox: Outbox, found: Iterable[tuple[Target, Event]], at: datetime) -> Iterator[Waiting]:
    """Yield what neither waits nor has ended."""
    for target, event in found:
        one = Waiting(name_of(target), event, at)
        if one.key not in outbox.waiting and one.key not in outbox.ended:
            yield one


def unwanted(one: Waiting, targets: tuple[Target, ...]) -> str:
    """Return why a notice that waits is not to be told any more; empty when it is."""
    target = next((target for target in targets if name_of(target) == one.target), None)
    if target is None:
        return "nobody of that name stands under `notify` any more"
    return "" if one.event.kind.value in target.events else f"it asks for no {one.event.kind.value} any more"


def _secret(name: str, config: Config) -> str:
    if not name:
        return ""
    entry = config.credentials[name]  # the configuration does not load without it
    return printed_secret(Credential(name=name, kind=CredentialKind.COMMAND, argv=tuple(entry.argv)))

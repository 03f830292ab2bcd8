"""One host, from login to logout: the one place where a ``CollectError`` ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collectors.base import Answer, Collector, Command, Session, Transcript, Transport, applies
from collectors.transports.batch import SessionBrokenError
from posture.errors import CollectError, UsageError
from posture.model.host import Host
from posture.model.observation import Blind, Hole, Origin

OpenTransport = Callable[[Host], Transport]
"""Opens a session with a host, or raises ``CollectError`` with the reason why there is none."""

MAX_FOLLOW_UP = 400  # questions of the second batch: a host decides how many homes and Match blocks it has

_log = logging.getLogger(__name__)


def visit(host: Host, open_transport: OpenTransport, collectors: Sequence[Collector], vantage: str) -> Transcript:
    """Return everything the host answered to both batches, and why there is no more of it; never raises."""
    notes = _Notes(Session(host.id, host.access.user, vantage, Origin.LIVE, datetime.now(UTC)))
    chosen = [collector for collector in collectors if applies(collector, host)]
    try:
        _converse(host, open_transport, chosen, notes)
    except SessionBrokenError as broken:
        notes.answers.update(broken.answers)
        notes.failure = Hole("", broken.reason, str(broken))
    except CollectError as error:
        notes.failure = Hole("", error.reason, str(error))
    except UsageError as error:
        notes.failure = Hole("", Blind.NOT_ATTEMPTED, str(error))
    except Exception as bug:  # noqa: BLE001 - a bug of ours costs this host its answers, and no other host anything
        # Its message may hold bytes of the host: only the type is written down.
        _log.error("%s: %s while it was visited", host.id, type(bug).__name__)
        notes.failure = Hole("", Blind.BUG, type(bug).__name__)
    return Transcript(notes.session, notes.answers, notes.failure)


@dataclass(slots=True)
class _Notes:
    """What is known of a visit so far, kept when it breaks off."""

    session: Session
    answers: dict[str, Answer] = field(default_factory=dict)
    failure: Hole | None = None


def _converse(host: Host, open_transport: OpenTransport, collectors: Sequence[Collector], notes: _Notes) -> None:
    transport = open_transport(host)
    try:
        notes.session = transport.session
        notes.answers.update(transport.run(tuple(one for collector in collectors for one in collector.commands)))
        second = _follow_up(host, collectors, notes.answers)
        if second:
            notes.answers.update(transport.run(second))
    finally:
        transport.close()


def _follow_up(host: Host, collectors: Sequence[Collector], answers: Mapping[str, Answer]) -> tuple[Command, ...]:
    """Return the questions of the second batch; a collector that stumbles over an answer asks nothing more."""
    commands: list[Command] = []
    for collector in collectors:
        if collector.follow_up is None:
            continue
        asked = {id_: answer for id_, answer in answers.items() if id_.split(".", 1)[0] == collector.topic}
        try:
            commands += collector.follow_up(asked)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as bug:
            _log.error("%s: %s in the second questions of %s", host.id, type(bug).__name__, collector.topic)
    return tuple(one for one in commands if one.id not in answers)[:MAX_FOLLOW_UP]

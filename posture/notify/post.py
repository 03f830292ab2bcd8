"""How a notice leaves: HTTPS POST with an HMAC over its body, or mail over TLS; tried again, and never elsewhere.

Signature: ``X-Posture-Signature: t=UNIX,v1=HEX``, where HEX is HMAC-SHA256 over ``UNIX.`` and the body.
"""

from __future__ import annotations

import hashlib
import hmac
import smtplib
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.utils import format_datetime
from http.client import HTTPException
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import msgspec

from posture import __version__
from posture.errors import UsageError
from posture.inputs.config import MailEntry, WebhookEntry
from posture.notify.events import Event
from reports.inert import inert

ATTEMPTS = 4
_FIRST_WAIT_S = 1.0  # then 4 and 16: a restart of the receiver is over by then
_SILENCE_S = 15.0
_ATTEMPT_S = 40.0
"""From the first packet to the last word of the answer: one that drips a byte now and then is never silent."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
SCHEMA = "posture.notice/1"
Target = WebhookEntry | MailEntry


def name_of(target: Target) -> str:
    """Return what a receiver is called in the outbox."""
    return f"{'webhook' if isinstance(target, WebhookEntry) else 'mail'} {target.name}"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one notice."""

    target: str
    event: str
    delivered: bool
    attempts: int
    why: str
    reached: tuple[str, ...] = ()
    """Recipients of a mail who have it now, or had it before."""
    over: bool = False
    """Whether it would take no other notice now either, so that none is tried before the next round."""


class _NoRedirectError(Exception):
    """The receiver points elsewhere."""


class _RefusedError(Exception):
    """The server does not take the login; it is never tried twice, since that locks accounts."""


class _TooSlowError(Exception):
    """The whole attempt took too long, however busy the other side was meanwhile."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        raise _NoRedirectError


def body_of(event: Event, marking: str) -> bytes:
    """Return the JSON of a notice; strings are inert."""
    said = {
        "schema": SCHEMA,
        "marking": inert(marking),
        "id": event.id,
        "event": event.kind.value,
        "run": inert(event.run),
        "as_of": event.as_of,
        "sentence": inert(event.sentence),
        "count": event.count,
        "ids": [inert(one) for one in event.ids],
        "hosts": [inert(one) for one in event.hosts],
        "coverage": event.coverage,
    }
    return msgspec.json.encode(said, order="sorted")


def signature(secret: bytes, body: bytes, at: int) -> str:
    """Return what stands in ``X-Posture-Signature``."""
    return f"t={at},v1={hmac.new(secret, b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def post(
    hook: WebhookEntry,
    secret: str,
    event: Event,
    marking: str,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Sent:
    """Return what came of posting a notice; it never raises for what the other side does.

    Raises:
        UsageError: the URL is not https, or the authority's certificate cannot be read.
    """
    if not hook.url.lower().startswith("https://"):
        raise UsageError(f"webhook `{hook.name}`: `{hook.url}` is no https URL", hint="notices leave over TLS only")
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_tls(hook.authority)), _Stay())
    body = body_of(event, marking)

    def once() -> None:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"posture-scanner/{__version__}",
            "X-Posture-Event": event.kind.value,
            "X-Posture-Delivery": event.id,
            "X-Posture-Signature": signature(secret.encode("utf-8", "surrogateescape"), body, int(clock())),
        }
        asked = urllib.request.Request(hook.url, data=body, headers=headers, method="POST")  # noqa: S310 - https only
        with opener.open(asked, timeout=_SILENCE_S) as answer:
            answer.read(1024)

    return _tried(name_of(hook), event, once, sleep)


def mail(
    entry: MailEntry,
    secret: str,
    event: Event,
    marking: str,
    *,
    reached: tuple[str, ...] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Sent:
    """Return what came of mailing a notice; STARTTLS, or TLS from the first byte, with the server's name checked.

    It is delivered when every recipient has it; whoever had it before (``reached``) gets no second one.

    Raises:
        UsageError: the authority's certificate cannot be read.
    """
    message, context = _message(entry, event, marking), _tls(entry.authority)
    have = list(reached)

    def once() -> None:
        left = [one for one in entry.to if one not in have]
        if not left and have:
            return
        with _connection(entry, context) as server:
            if entry.user:
                _log_in(server, entry.user, secret)
            refused = server.send_message(message, to_addrs=left)
            have.extend(one for one in left if one not in refused)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)

    return replace(_tried(name_of(entry), event, once, sleep), reached=tuple(have))


def _log_in(server: smtplib.SMTP, user: str, secret: str) -> None:
    try:
        server.login(user, secret)
    except (smtplib.SMTPException, OSError) as error:
        raise _RefusedError(f"it refuses the login of {user} ({getattr(error, 'smtp_code', 'no code')})") from None


def _connection(entry: MailEntry, context: ssl.SSLContext) -> smtplib.SMTP:
    if entry.security == "tls":
        return smtplib.SMTP_SSL(entry.server, entry.port, timeout=_SILENCE_S, context=context)
    server = smtplib.SMTP(entry.server, entry.port, timeout=_SILENCE_S)
    try:
        server.starttls(context=context)  # raises when the server offers none: nothing is ever sent in the clear
    except BaseException:
        server.close()
        raise
    return server


def _message(entry: MailEntry, event: Event, marking: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = inert(f"{f'[{marking}] ' if marking else ''}posture: {event.sentence}")[:200]
    message["From"], message["To"] = entry.sender, ", ".join(entry.to)
    message["Date"] = format_datetime(event.as_of)
    message["Message-ID"] = f"<{event.id}.{event.kind.value}@posture.invalid>"
    lines = [
        *([marking] if marking else []),
        event.sentence,
        f"run {event.run}, as of {event.as_of:%Y-%m-%d %H:%M} UTC, coverage {event.coverage}",
        *(f"- {one}" for one in event.ids),
        *(f"host {one}" for one in event.hosts),
        "posture findings and posture paths have the rest.",
    ]
    message.set_content("\n".join(inert(line) for line in lines))
    return message


def _tls(authority: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(Path(authority)) if authority else None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{authority}: no certificates of an authority: {error}", hint="name a PEM file") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _tried(target: str, event: Event, once: Callable[[], None], sleep: Callable[[float], None]) -> Sent:
    wait_s = _FIRST_WAIT_S
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _within(once, _ATTEMPT_S)
        except _TROUBLES as error:
            why, again, over = _meaning(error)
        else:
            return Sent(target, event.id, delivered=True, attempts=attempt, why="delivered")
        if not again or attempt == ATTEMPTS:
            return Sent(target, event.id, delivered=False, attempts=attempt, why=inert(why), over=over or again)
        sleep(wait_s)
        wait_s *= 4
    raise AssertionError("ATTEMPTS is at least one")


def _within(once: Callable[[], None], limit_s: float) -> None:
    """Do it in a thread of its own, and wait so long for it; one that hangs ends with the process."""
    ends: Queue[Exception | None] = Queue()

    def told() -> None:
        try:
            once()
        except Exception as error:  # noqa: BLE001 - it is raised again where somebody waits for it
            ends.put(error)
        else:
            ends.put(None)

    threading.Thread(target=told, name="notice", daemon=True).start()
    try:
        error = ends.get(timeout=limit_s)
    except Empty:
        raise _TooSlowError(f"it gave no whole answer within {limit_s:g} s") from None
    if error is not None:
        raise error


_TROUBLES = (
    _NoRedirectError,
    _RefusedError,
    _TooSlowError,
    smtplib.SMTPException,
    HTTPException,
    OSError,
    ValueError,  # an address that is none
)


def _meaning(error: Exception) -> tuple[str, bool, bool]:
    """Return why an attempt failed, whether it is worth another one, and whether other notices would fail too."""
    match error:
        case _NoRedirectError():
            return "it redirects elsewhere: notices go to the address that is configured and nowhere else", False, True
        case _RefusedError() | _TooSlowError():
            return str(error), False, True
        case urllib.error.HTTPError():
            return f"it answers {error.code}", error.code in _AGAIN, False
        case smtplib.SMTPResponseException():
            return f"it answers {error.smtp_code}", 400 <= error.smtp_code < 500, False
        case smtplib.SMTPRecipientsRefused():
            refused = [f"{one} ({code})" for one, (code, _) in sorted(error.recipients.items())]
            later = any(400 <= code < 500 for code, _ in error.recipients.values())
            return f"it refuses {', '.join(refused) or 'mail without recipients'}"[:500], later, False
    reason = getattr(error, "reason", None) or error
    never = isinstance(reason, (ValueError, smtplib.SMTPNotSupportedError))  # so is a certificate that does not hold
    return f"{type(reason).__name__}: {reason}"[:200], not never, True

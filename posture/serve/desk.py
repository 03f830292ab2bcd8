"""Working on findings: what was ticked, what is to be done about it, and whether it will do."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from posture.errors import UsageError
from posture.evaluate.judge import asserted_digest
from posture.judged import stored_host
from posture.model.account import Account
from posture.model.finding import Finding, Status
from posture.model.host import Host
from posture.model.work import Decision, WaiverRequest
from posture.serve.leading import Leading
from posture.store import Store

LONGEST = timedelta(days=365)
"""A decision to live with a failure is looked at again within a year."""
MAX_COMMENT = 1000  # characters; four times that in UTF-8, percent-encoded, still fits a form
_MAX_NAME = 64
_TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/#:-]{0,63}")
_MIN_REASON = 10  # as in a file of waivers
DECISIONS = {"grant": Decision.GRANTED, "refuse": Decision.REFUSED, "revoke": Decision.REVOKED}


@dataclass(frozen=True, slots=True)
class Desk:
    """Does what the forms of the queue and of a finding ask for, on findings that the account may see."""

    store: Store
    now: Callable[[], datetime]

    def assign(self, account: Account, found: tuple[Finding, ...], fields: Mapping[str, str]) -> None:
        """Say who works on findings.

        Raises:
            UsageError: the name will not do.
        """
        assignee = _words(fields.get("assignee", ""), _MAX_NAME, "the name")
        self.store.work.assign(found, assignee, by=account.name, at=self.now())

    def ticket(self, account: Account, found: tuple[Finding, ...], fields: Mapping[str, str]) -> None:
        """Write the number of a ticket beside findings.

        Raises:
            UsageError: it does not look like one.
        """
        ticket = fields.get("ticket", "").strip()
        if ticket and not _TICKET.fullmatch(ticket):
            hint = "letters, digits, spaces and . _ / # : -, at most 64; empty to take it away"
            raise UsageError("this is no number of a ticket", hint=hint)
        self.store.work.set_ticket(found, ticket, by=account.name, at=self.now())

    def comment(self, account: Account, found: tuple[Finding, ...], fields: Mapping[str, str]) -> None:
        """Say something of findings.

        Raises:
            UsageError: there is nothing, or too much of it.
        """
        text = _words(fields.get("comment", ""), MAX_COMMENT, "the comment")
        if not text:
            raise UsageError("the comment is empty", hint="write what the next reader should know")
        self.store.work.comment(found, text, by=account.name, at=self.now())

    def request(
        self, account: Account, found: tuple[Finding, ...], fields: Mapping[str, str], hosts: Mapping[str, Host]
    ) -> None:
        """Ask for a waiver of every failure that was ticked, one for each check on each host.

        Raises:
            UsageError: reason or date will not do, or not all that a waiver would cover was ticked.
        """
        now = self.now()
        reason = _words(fields.get("reason", ""), MAX_COMMENT, "the reason")
        if len(reason) < _MIN_REASON:
            raise UsageError(f"the reason needs at least {_MIN_REASON} characters", hint="say why it can wait")
        expires = _expiry(fields.get("expires", ""), now.date())
        places: dict[tuple[str, str], list[Finding]] = {}
        for one in found:
            places.setdefault((one.check, one.host), []).append(one)
        asked = [
            WaiverRequest(
                id=f"WR-{secrets.token_hex(6)}",
                check=check,
                host=host,
                findings=self._all_of(check, host, some),
                evidence_sha256=self._evidence(check, host),
                reason=reason,
                owner=(hosts[host].owner if host in hosts else "") or account.name,
                expires=expires,
                requested_by=account.name,
                requested_at=now,
            )
            for (check, host), some in sorted(places.items())
        ]
        self.store.work.request(asked)

    def decide(self, account: Account, fields: Mapping[str, str]) -> None:
        """Grant or refuse a request, or take back what was granted.

        Raises:
            UsageError: the account asked for it itself, or it cannot be decided so.
            StoreError: there is no such request.
        """
        decision = DECISIONS.get(fields.get("decision", ""))
        if decision is None:
            raise UsageError("this is no decision", hint=f"one of: {', '.join(DECISIONS)}")
        note = _words(fields.get("note", ""), MAX_COMMENT, "the note")
        request = fields.get("request", "")[:80]
        self.store.work.decide(request, decision, by=account.name, at=self.now(), note=note)

    def _all_of(self, check: str, host: str, ticked: list[Finding]) -> tuple[str, ...]:
        """Return the ids that a waiver would cover: it covers a check on a host, so all of them must be meant."""
        covered = {one.id for one in self.store.findings(host=host, check=check, open_only=True)}
        missing = covered - {one.id for one in ticked}
        if missing:
            raise UsageError(
                f"a waiver of {check} on {host} covers {len(missing)} more open findings than were ticked",
                hint=f"look for `{check} {host}` and tick all of them",
            )
        return tuple(sorted(covered))

    def _evidence(self, check: str, host: str) -> str:
        results = stored_host(self.store, Leading(self.store).now().run.run.id, host).results
        verdict = next((one.verdict for one in results if one.check == check), None)
        if verdict is None or verdict.status is not Status.FAIL:
            raise UsageError(f"{check} on {host} does not fail in the newest run", hint="there is nothing to waive")
        return asserted_digest(verdict)


def _words(text: str, limit: int, what: str) -> str:
    """Return a text on one line.

    Raises:
        UsageError: it is too long, or holds characters that cannot be seen.
    """
    line = " ".join(text.split())
    if len(line) > limit:
        raise UsageError(f"{what} is too long", hint=f"at most {limit} characters")
    if any(unicodedata.category(char).startswith("C") for char in line):
        raise UsageError(f"{what} holds characters that cannot be seen", hint="type it anew")
    return line


def _expiry(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError("the waiver needs a last day", hint="as 2027-01-31") from None
    if not today < day <= today + LONGEST:
        raise UsageError(f"a waiver cannot end on {day}", hint=f"after today, and by {today + LONGEST} at the latest")
    return day

"""What people do about findings, kept on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from posture.errors import StoreError, UsageError
from posture.evaluate.lifecycle import finding_id
from posture.model.account import Account, ApiToken, Role
from posture.model.finding import Finding
from posture.model.work import Decision, WaiverRequest, literal
from posture.store import Store

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
FOUND = Finding(finding_id("SSH-02", "app[1]"), "SSH-02", "app[1]", "", NOW, NOW)
OTHER = Finding(finding_id("SSH-03", "app[1]"), "SSH-03", "app[1]", "", NOW, NOW)


def asked(**changes: object) -> WaiverRequest:
    one = WaiverRequest(
        "WR-1", "SSH-02", "app[1]", (FOUND.id,), "ab" * 32, "It waits for spring.", "ops", date(2026, 12, 1), "ada", NOW
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def test_what_is_written_beside_a_finding_outlives_its_closing(store: Store) -> None:
    store.work.assign([FOUND, OTHER], "ada", by="grace", at=NOW)
    store.work.set_ticket([FOUND], "INC-1", by="grace", at=NOW)
    store.work.comment([FOUND], "said", by="ada", at=NOW)
    store.work.comment([FOUND], "said again", by="ada", at=NOW)
    item = store.work.items()[FOUND.id]
    assert (item.assignee, item.ticket, item.comments) == ("ada", "INC-1", 2)
    assert store.work.items()[OTHER.id].ticket == ""
    assert [one.event for one in store.work.history(FOUND)] == [
        "work_assigned",
        "work_ticket",
        "work_comment",
        "work_comment",
    ]
    assert len(store.work.history(OTHER)) == 1
    assert store.verify_chain().seq == 5


def test_a_waiver_needs_another_person_and_names_its_host_alone(store: Store) -> None:
    store.work.request([asked()])
    for name in ("ada", "ADA"):
        with pytest.raises(UsageError, match="cannot decide"):
            store.work.decide("WR-1", Decision.GRANTED, by=name, at=NOW, note="")
    store.work.decide("WR-1", Decision.GRANTED, by="grace", at=NOW, note="fine")
    (waiver,) = store.work.granted({"app[1]"})
    assert waiver.hosts == (literal("app[1]"),) == ("app[[]1]",)
    assert (waiver.expires, waiver.evidence_sha256) == (date(2026, 12, 1), "ab" * 32)
    assert store.work.granted({"app1"}) == ()
    store.work.decide("WR-1", Decision.REVOKED, by="grace", at=NOW, note="")
    assert store.work.granted({"app[1]"}) == ()
    assert [one.event for one in store.work.history(FOUND)] == ["waiver_requested", *["waiver_decided"] * 2]


@pytest.mark.parametrize("before", [Decision.GRANTED, Decision.REFUSED])
def test_a_decision_cannot_be_made_again(store: Store, before: Decision) -> None:
    store.work.request([asked()])
    store.work.decide("WR-1", before, by="grace", at=NOW, note="")
    for again in (Decision.GRANTED, Decision.REFUSED, Decision.REQUESTED):
        with pytest.raises(UsageError, match="already"):
            store.work.decide("WR-1", again, by="grace", at=NOW, note="")
    with pytest.raises(StoreError, match="no such request"):
        store.work.decide("WR-2", Decision.GRANTED, by="grace", at=NOW, note="")


def test_one_place_has_one_request_until_it_ends(store: Store) -> None:
    store.work.request([asked()])
    with pytest.raises(UsageError, match="has a waiver requested by ada"):
        store.work.request([asked(id="WR-2"), asked(id="WR-3", host="app2")])
    assert [one.id for one in store.work.requests()] == ["WR-1"]
    store.work.decide("WR-1", Decision.GRANTED, by="grace", at=NOW, note="")
    with pytest.raises(UsageError, match="granted"):
        store.work.request([asked(id="WR-2")])
    later = NOW + timedelta(days=40)
    store.work.request([asked(id="WR-2", requested_at=later, expires=date(2027, 1, 1))])
    assert [one.id for one in store.work.requests()] == ["WR-2", "WR-1"]


def test_the_tables_go_and_come_while_accounts_stay(store: Store) -> None:
    store.people.add(Account("ada", Role.ANALYST, (), "hash", NOW), by="test", at=NOW)
    store.work.request([asked()])
    store.database.migrate("0002")
    assert store.database.revision() == "0002"
    assert [one.name for one in store.people.accounts()] == ["ada"]
    store.database.migrate("head")
    assert store.work.requests() == ()
    store.work.request([asked()])
    assert store.work.requests() == (asked(),)


def test_a_token_of_a_program_is_found_by_its_digest_until_it_is_revoked(store: Store) -> None:
    token = ApiToken("siem", "ab" * 32, Role.VIEWER, ("HR",), "ada", NOW, NOW + timedelta(days=1))
    store.tokens.add(token)
    assert store.tokens.by_digest("ab" * 32) == token
    assert store.tokens.by_digest("cd" * 32) is None
    with pytest.raises(StoreError, match="already"):
        store.tokens.add(token)
    store.tokens.revoke("siem", by="ada", at=NOW)
    store.tokens.revoke("siem", by="grace", at=NOW + timedelta(hours=1))
    (found,) = store.tokens.all()
    assert (found.revoked_at, found.good(NOW)) == (NOW, False)
    assert [one.event for one in store.events()] == ["token_made", "token_revoked"]

"""Schedules on the page of scans: who sees them, who changes them, and that the audit chain says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from served import Served, form, served

from posture.model.account import Role
from posture.model.schedule import Kind, Schedule


@pytest.fixture
def agency(tmp_path: Path, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path, demo_store) as found:
        yield found


def night(agency: Served) -> Schedule:
    found = Schedule("night", Kind.FEEDS, agency.clock() - timedelta(minutes=90), "seed", every_s=3600)
    agency.store.schedules.add(found, by="test", at=agency.clock())
    return found


def test_without_schedules_the_page_says_how_to_make_one(agency: Served) -> None:
    assert "Nothing runs by itself" in agency.signed_in(Role.VIEWER).get("/scans").text


def test_everybody_sees_where_schedules_stand_and_only_administrators_may_change_them(agency: Served) -> None:
    night(agency)
    page = agency.signed_in(Role.VIEWER).get("/scans").text
    assert "feeds, every hour" in page
    assert "waits: for a scheduler to begin it" in page
    assert "No scheduler is running" in page
    assert "/schedules/" not in page
    agency.store.schedules.beat(agency.clock())
    page = agency.signed_in(Role.ADMIN).get("/scans").text
    assert "No scheduler is running" not in page
    assert 'action="/schedules/pause"' in page


def test_an_administrator_pauses_resumes_and_asks_and_the_chain_says_who(agency: Served) -> None:
    night(agency)
    browser = agency.signed_in(Role.ADMIN)
    for did in ("pause", "resume", "run-now"):
        answer = browser.post(f"/schedules/{did}", data=form(browser, name="night"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/scans")
    said = [(one.event, one.detail) for one in agency.store.events() if one.event.startswith("schedule_")]
    assert [event for event, _ in said] == ["schedule_added", "schedule_paused", "schedule_resumed", "schedule_asked"]
    assert all('"by":"admin"' in detail for _, detail in said[1:])
    assert agency.store.schedules.get("night").since == agency.clock()
    assert "asked for" in browser.get("/scans").text


def test_a_form_of_another_session_changes_nothing(agency: Served) -> None:
    kept = night(agency)
    browser = agency.signed_in(Role.ADMIN)
    assert browser.post("/schedules/pause", data={"form": "0" * 64, "name": "night"}).status_code == 403
    assert agency.store.schedules.get("night") == kept


def test_who_sees_some_systems_neither_sees_nor_changes_what_is_of_all(agency: Served) -> None:
    kept = night(agency)
    system = next(one.system for one in agency.store.inventory("latest").hosts if one.system)
    browser = agency.signed_in(Role.ADMIN, systems=(system,))
    assert "night" not in browser.get("/scans").text
    for did in ("pause", "run-now"):
        assert browser.post(f"/schedules/{did}", data=form(browser, name="night")).status_code == 400
    assert agency.store.schedules.get("night") == kept


def test_a_schedule_that_is_not_there_is_not_found(agency: Served) -> None:
    browser = agency.signed_in(Role.ADMIN)
    assert browser.post("/schedules/pause", data=form(browser, name="day")).status_code == 404

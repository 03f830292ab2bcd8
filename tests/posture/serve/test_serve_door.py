"""Signing in: one-time token, passwords, lockout, sessions, forms."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import COOKIE, PASSWORD, Served, form, served

from posture.errors import UsageError
from posture.model.account import Role
from posture.serve import passwords
from posture.serve.door import SESSION, digest


@pytest.fixture
def agency(tmp_path: Path, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path, demo_store) as found:
        yield found


def first(agency: Served, **fields: str) -> tuple[int, str]:
    browser = agency.browser()
    answer = browser.post("/first", data=form(browser, name="root.admin", password=PASSWORD) | fields)
    return answer.status_code, answer.text


def test_the_first_administrator_comes_from_the_printed_token_once(agency: Served) -> None:
    token = agency.door.first_token()
    assert "One-time token" in agency.browser().get("/sign-in").text
    assert first(agency, token="guessed")[0] == 400
    assert first(agency, token=token)[0] == 303
    assert agency.door.first_token() == ""
    assert first(agency, token=token, name="another")[0] == 400
    assert [(one.name, one.role) for one in agency.store.people.accounts()] == [("root.admin", Role.ADMIN)]
    assert "One-time token" not in agency.browser().get("/sign-in").text


def test_without_a_token_printed_nobody_becomes_administrator(agency: Served) -> None:
    assert first(agency, token="")[0] == 400
    assert agency.store.people.accounts() == ()


@pytest.mark.parametrize("password", ["short", "a" * 40, "x root.admin x and more", "y" * 300])
def test_a_weak_password_makes_no_account(agency: Served, password: str) -> None:
    assert first(agency, token=agency.door.first_token(), password=password)[0] == 400
    assert agency.store.people.accounts() == ()


def test_right_and_wrong_passwords(agency: Served) -> None:
    agency.door.make("ada", PASSWORD, Role.VIEWER, (), by="test")
    assert agency.door.sign_in("ada", PASSWORD)
    assert agency.door.sign_in("ada", PASSWORD + " ") == ""
    assert agency.door.sign_in("nobody", PASSWORD) == ""


def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(agency: Served) -> None:
    agency.door.make("ada", PASSWORD, Role.VIEWER, (), by="test")
    for _ in range(5):
        assert agency.door.sign_in("ada", "wrong") == ""
    assert agency.door.sign_in("ada", PASSWORD) == ""
    agency.clock.pass_by(timedelta(minutes=14))
    assert agency.door.sign_in("ada", PASSWORD) == ""
    agency.clock.pass_by(timedelta(minutes=2))
    assert agency.door.sign_in("ada", PASSWORD)
    assert any('"did":"locked"' in one.detail for one in agency.store.events())


def test_guesses_beside_each_other_are_all_counted(agency: Served) -> None:
    agency.door.make("ada", PASSWORD, Role.VIEWER, (), by="test")
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(lambda _: agency.door.sign_in("ada", "wrong"), range(5))) == [""] * 5
    assert agency.door.sign_in("ada", PASSWORD) == ""


def test_a_wrong_password_brings_no_disabled_account_back(agency: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    agency.door.make("ada", PASSWORD, Role.VIEWER, (), by="test")
    people = agency.store.people

    def meanwhile(given: str, kept: str) -> bool:
        people.disable("ada", by="root", at=agency.clock())
        return given == PASSWORD

    monkeypatch.setattr("posture.serve.door.passwords.right", meanwhile)
    for said in ("wrong", PASSWORD):
        assert agency.door.sign_in("ada", said) == ""
        assert people.account("ada").disabled  # type: ignore[union-attr]


def test_changes_that_meet_undo_nothing_of_each_other(agency: Served) -> None:
    agency.door.make("ada", PASSWORD, Role.VIEWER, (), by="test")
    people = agency.store.people
    for _ in range(5):
        agency.door.sign_in("ada", "wrong")
    people.disable("ada", by="root", at=agency.clock())
    people.place("ada", Role.AUDITOR, ("HR",), by="root", at=agency.clock())
    found = people.account("ada")
    assert found is not None
    assert (found.role, found.systems, found.disabled) == (Role.AUDITOR, ("HR",), True)
    assert found.locked_until is not None


def test_two_administrators_who_disable_each_other_leave_one(agency: Served) -> None:
    for name in ("ada", "bob"):
        agency.door.make(name, PASSWORD, Role.ADMIN, (), by="test")
    people = agency.store.people
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda one: people.disable(one, by="test", at=agency.clock()), ("ada", "bob")))
    assert sorted(done) == [False, True]
    assert sum(not one.disabled for one in people.accounts()) == 1


def test_another_role_ends_the_sessions_of_the_old_one(agency: Served) -> None:
    browser = agency.signed_in(Role.ANALYST)
    agency.store.people.place("analyst", Role.VIEWER, (), by="test", at=agency.clock())
    assert browser.get("/").status_code == 303


def test_the_first_token_is_worth_nothing_once_there_is_an_administrator(agency: Served) -> None:
    token = agency.door.first_token()
    agency.door.make("root", PASSWORD, Role.ADMIN, (), by="test")
    with pytest.raises(UsageError, match="not the token"):
        agency.door.make_first(token, "eve", PASSWORD)


def test_a_right_password_forgives_the_wrong_ones_before_it(agency: Served) -> None:
    agency.door.make("ada", PASSWORD, Role.VIEWER, (), by="test")
    for _ in range(3):
        for _ in range(4):
            agency.door.sign_in("ada", "wrong")
        assert agency.door.sign_in("ada", PASSWORD)


def test_a_session_ends_after_a_working_day_or_when_it_is_ended(agency: Served) -> None:
    browser = agency.signed_in(Role.VIEWER)
    assert browser.get("/").status_code == 200
    assert browser.post("/sign-out", data=form(browser)).status_code == 303
    assert agency.door.who(browser.cookies.get(COOKIE) or "") is None
    again = agency.signed_in(Role.VIEWER)
    agency.clock.pass_by(SESSION)
    assert again.get("/").status_code == 303


def test_a_disabled_account_is_out_at_once(agency: Served) -> None:
    agency.signed_in(Role.ADMIN)
    browser = agency.signed_in(Role.VIEWER)
    agency.door.disable("viewer", by="admin")
    assert browser.get("/").status_code == 303
    assert agency.door.sign_in("viewer", PASSWORD) == ""


def test_the_last_administrator_stays(agency: Served) -> None:
    browser = agency.signed_in(Role.ADMIN)
    assert browser.post("/accounts/disable", data=form(browser, name="admin")).status_code == 400
    assert not agency.store.people.accounts()[0].disabled


def test_a_form_from_elsewhere_is_refused(agency: Served) -> None:
    browser = agency.signed_in(Role.ADMIN)
    fields = {"name": "mallory", "password": PASSWORD, "role": "admin"}
    assert browser.post("/accounts", data=fields).status_code == 403
    assert browser.post("/accounts", data=fields | {"form": "0" * 64}).status_code == 403
    for header in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
    ):
        assert browser.post("/accounts", data=form(browser, **fields), headers=header).status_code == 403
    assert browser.post("/accounts", data=form(browser, **fields, systems="x" * 20_000)).status_code == 413
    assert {one.name for one in agency.store.people.accounts()} == {"admin"}
    # as Chromium sends it: our pages give no referrer, so it hides their origin too
    chromium = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert browser.post("/accounts", data=form(browser, **fields), headers=chromium).status_code == 303
    assert {one.name for one in agency.store.people.accounts()} == {"admin", "mallory"}


def test_neither_token_nor_password_is_kept(agency: Served, tmp_path: Path) -> None:
    browser = agency.signed_in(Role.ADMIN)
    token = browser.cookies.get(COOKIE) or ""
    agency.store.database.checkpoint()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept
    assert bytes.fromhex(digest(token)) in kept


def test_every_answer_tells_the_browser_to_run_nothing(agency: Served) -> None:
    browser = agency.signed_in(Role.ADMIN)
    for path in ("/", "/work", "/hosts/grants-app1", "/nowhere", "/sign-in"):
        answer = browser.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in answer.text


@pytest.mark.parametrize("fips", [False, True], ids=["argon2id", "pbkdf2"])
def test_a_hash_knows_its_password_and_no_other(fips: bool) -> None:
    kept = passwords.hash_password(PASSWORD, fips=fips)
    assert passwords.right(PASSWORD, kept)
    assert not passwords.right(PASSWORD[:-1], kept)
    assert kept != passwords.hash_password(PASSWORD, fips=fips)
    assert kept.startswith("pbkdf2-sha256$" if fips else "$argon2id$")


@settings(max_examples=40)
@given(st.text(max_size=80) | st.text(max_size=20).map("pbkdf2-sha256$1$".__add__))
def test_rubbish_for_a_hash_lets_nobody_in(kept: str) -> None:
    assert not passwords.right(PASSWORD, kept)

"""The `accounts` and `logins` topics."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from collectors import accounts, logins
from collectors.accounts import AccountFacts
from collectors.base import Answer
from posture.model.observation import Blind, Hole
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, refused, told


@pytest.fixture
def answers() -> dict[str, Answer]:
    return as_declared(accounts.COLLECTOR, recorded("recorded_debian12_accounts"))


@pytest.fixture
def login_answers() -> dict[str, Answer]:
    return as_declared(logins.COLLECTOR, recorded("recorded_debian12_logins"))


def people(answers: dict[str, Answer]) -> AccountFacts:
    value = facts_of(accounts.COLLECTOR, answers).value
    assert isinstance(value, AccountFacts)
    return value


def test_passwords_are_known_by_state_and_scheme(answers):
    seen = {user.name: (user.password, user.scheme) for user in people(answers).users.items}
    assert seen == {
        "root": ("none", None),
        "daemon": ("none", None),
        "sync": ("none", None),
        "toor": ("locked", None),
        "sshd": ("locked", None),
        "postgres": ("locked", None),
        "alice": ("hash", "yescrypt"),
        "deploy": ("hash", "sha512"),
        "mallory": ("hash", "md5"),
        "guest": ("empty", None),
    }


def test_neither_hashes_nor_names_of_people_come_home(answers):
    everything = "".join(one.text for one in answers.values())
    assert "QQQQ" not in everything and "0123456789abcdef" not in everything
    assert "Alice Example" not in everything


def test_lists_of_who_matters(answers):
    facts = people(answers)
    assert facts.uid_zero.items == ["root", "toor"]
    assert facts.interactive.items == ["alice", "deploy", "guest", "mallory", "postgres", "root", "toor"]
    assert facts.empty_passwords.items == ["guest"]
    assert facts.weak_hashes.items == ["mallory"]
    assert all(listing.complete for listing in (facts.users, facts.uid_zero, facts.empty_passwords, facts.weak_hashes))


def test_ageing_and_system_accounts(answers):
    users = {user.name: user for user in people(answers).users.items}
    assert users["alice"].last_change == date(2026, 2, 16)
    assert (users["alice"].max_days, users["alice"].inactive_days) == (60, 35)
    assert users["deploy"].expires == date(2027, 7, 1) and users["deploy"].max_days is None
    assert users["postgres"].system and not users["alice"].system and not users["root"].system


def test_groups_hold_primary_members_too(answers):
    groups = {group.name: group.members for group in people(answers).groups.items}
    assert groups["docker"] == ["alice", "deploy"]
    assert groups["alice"] == ["alice"] and groups["root"] == ["root", "toor"]


def test_defaults(answers):
    facts = people(answers)
    assert facts.login_defs["UID_MIN"] == 1000 and facts.login_defs["UMASK"] == "022"
    assert facts.inactive_default is None and facts.sources == []
    assert people(told(answers, "accounts.useradd", "INACTIVE=35\n")).inactive_default == 35
    assert people(told(answers, "accounts.sources", "passwd: files sss # x\n")).sources == ["sss"]


def test_when_shadow_is_refused_passwords_are_unseen_and_accounts_are_not(answers):
    facts = facts_of(accounts.COLLECTOR, refused(answers, "accounts.shadow"))
    reasons = holes_of(facts)
    assert reasons["users[*].password"] is Blind.COMMAND_REFUSED
    assert reasons["empty_passwords"] is Blind.COMMAND_REFUSED
    assert facts.value.weak_hashes.items == ["mallory"] and not facts.value.weak_hashes.complete
    assert facts.value.uid_zero.complete and not facts.value.empty_passwords.complete


def test_one_account_without_a_shadow_line_is_a_hole_of_its_own(answers):
    text = "".join(line for line in answers["accounts.shadow"].text.splitlines(True) if not line.startswith("alice"))
    facts = facts_of(accounts.COLLECTOR, told(answers, "accounts.shadow", text))
    assert "users[name=alice].password" in holes_of(facts)
    assert facts.value.empty_passwords.items == ["guest"] and not facts.value.empty_passwords.complete


@pytest.mark.parametrize(
    ("field", "state"),
    [
        (("", "0"), ("empty", None)),
        (("!", "1"), ("locked", None)),
        (("!!", "2"), ("locked", None)),
        (("*", "1"), ("none", None)),
        (("!*", "2"), ("locked", None)),
        (("!$6", "107"), ("locked", "sha512")),
        (("!!$", "80"), ("locked", "unknown")),
        (("$2b", "60"), ("hash", "bcrypt")),
        (("$gy", "80"), ("hash", "gost-yescrypt")),
        (("$99", "40"), ("hash", "unknown")),
        (("abc", "13"), ("hash", "des")),
        (("abc", "7"), ("none", None)),
    ],
)
def test_every_form_of_the_password_field(answers, field, state):
    row = f"guest:{field[0]}:{field[1]}:20100:99999::\n"
    text = "".join(line for line in answers["accounts.shadow"].text.splitlines(True) if not line.startswith("guest"))
    users = {user.name: user for user in people(told(answers, "accounts.shadow", text + row)).users.items}
    assert (users["guest"].password, users["guest"].scheme) == state


def test_a_line_that_makes_no_sense_makes_the_accounts_incomplete(answers):
    odd = answers["accounts.passwd"].text + "+::0:::::\n"
    facts = people(told(answers, "accounts.passwd", odd))
    assert not facts.users.complete and not facts.uid_zero.complete
    assert facts.uid_zero.items == ["root", "toor"]


def test_no_account_at_all_is_unseen():
    assert isinstance(accounts.parse({"accounts.passwd": answer("accounts.passwd", "garbage\n")}), Hole)


def test_last_logins(login_answers):
    """authored line: nobody logs in on the recorded machine."""
    line = "alice            pts/0    10.0.0.9         Mon Feb  2 09:08:07 +0100 2026\n"
    text = "".join(one for one in login_answers["logins.lastlog"].text.splitlines(True) if not one.startswith("alice"))
    seen = facts_of(logins.COLLECTOR, told(login_answers, "logins.lastlog", text + line)).value.accounts
    rows = {login.name: login for login in seen.items}
    assert rows["alice"].last_at == datetime(2026, 2, 2, 8, 8, 7, tzinfo=UTC)
    assert rows["alice"].enabled and rows["alice"].interactive and not rows["alice"].never
    assert rows["root"].never and rows["root"].last_at is None
    assert rows["toor"].enabled is False
    assert seen.complete


def test_an_account_lastlog_does_not_name_makes_the_list_incomplete(login_answers):
    text = "".join(one for one in login_answers["logins.lastlog"].text.splitlines(True) if not one.startswith("alice"))
    assert not facts_of(logins.COLLECTOR, told(login_answers, "logins.lastlog", text)).value.accounts.complete


def test_without_lastlog_last_logins_are_unseen(login_answers):
    parsed = logins.parse(told(login_answers, "logins.lastlog", "", "", 127))
    assert isinstance(parsed, Hole) and parsed.reason is Blind.COMMAND_MISSING


def test_without_shadow_it_is_unseen_who_is_enabled(login_answers):
    facts = facts_of(logins.COLLECTOR, refused(login_answers, "logins.shadow"))
    assert holes_of(facts) == {"accounts[*].enabled": Blind.COMMAND_REFUSED}

"""Accounts and passwords that have run out: what sshd and PAM then say, and what nobody can tell from here.

Each row was tried with OpenSSH 9.2 and Linux-PAM 1.5 of Debian 12; tests/lab/logins.py has some of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from estate import (  # fmt: skip
    K1,
    NOW,
    WEB,
    account_line,
    authorized,
    edges,
    evidence,
    facts,
    graph_of,
    listing,
    private,
    seen,
    socket,
    sshd,
    user,
)

from posture.model.path import Edge

TODAY = NOW.date()


def days(count: int) -> str:
    return (TODAY + timedelta(days=count)).isoformat()


def by_key(shadow: dict[str, Any], *, pam: dict[str, Any] | None = None, **server: Any) -> list[Edge]:
    return _edges("ssh-key", shadow, pam, server)


def by_password(shadow: dict[str, Any], *, pam: dict[str, Any] | None = None, **server: Any) -> list[Edge]:
    said = {"password": "hash", "scheme": "yescrypt", **shadow}
    return _edges("password-login", said, pam, {"passwordauthentication": "yes", **server})


def _edges(rule: str, shadow: dict[str, Any], pam: dict[str, Any] | None, server: dict[str, Any]) -> list[Edge]:
    said = facts(
        user("ann", **shadow),
        user("holder", 1009),
        ssh_keys={"authorized": listing(authorized("ann")), "private": listing(private("holder", K1))},
        views=seen(22),
        sockets=[socket(22)],
        sshd=sshd(**server),
        **({"pam": pam} if pam else {}),
    )
    return edges(graph_of(evidence(WEB, said)), rule, "account:web/ann")


OVER = {"last_change": days(-91), "max_days": 90}
OLD = {"last_change": days(-121), "max_days": 90, "inactive_days": 30}
MUST = {"last_change": "1970-01-01"}
FINE = {
    "no ageing": {"last_change": None, "max_days": 90},
    "its last day": {"last_change": days(-90), "max_days": 90, "inactive_days": 0},
    "for ever": {"last_change": days(-9000), "max_days": None, "inactive_days": 30},
    "changed in the future": {"last_change": days(5), "max_days": 1},
    "the account ends tomorrow": {"expires": days(1)},
}


@pytest.mark.parametrize("shadow", FINE.values(), ids=FINE)
def test_what_has_not_run_out_opens(shadow: dict[str, Any]) -> None:
    for found in (by_key(shadow), by_password(shadow)):
        (edge,) = found
        assert edge.confidence >= 0.9


@pytest.mark.parametrize("shadow", [{"expires": days(0)}, {"expires": days(-1)}, OLD], ids=str)
def test_an_account_that_is_over_opens_to_nobody(shadow: dict[str, Any]) -> None:
    assert not by_key(shadow)
    assert not by_password(shadow)


def test_without_pam_the_last_day_of_the_account_counts_and_passwords_do_not_age_for_keys() -> None:
    assert by_key({"expires": days(0)}, usepam="no")
    assert not by_key({"expires": days(-1)}, usepam="no")
    for shadow in (OVER, OLD, MUST):
        (edge,) = by_key(shadow, usepam="no")
        assert edge.confidence >= 0.9


@pytest.mark.parametrize("shadow", [OVER, MUST], ids=str)
def test_a_password_that_must_be_changed_is_still_a_way_in(shadow: dict[str, Any]) -> None:
    (edge,) = by_password(shadow)
    assert edge.confidence >= 0.9


@pytest.mark.parametrize("shadow", [OVER, MUST], ids=str)
def test_a_key_alone_does_not_get_past_a_password_that_must_be_changed(shadow: dict[str, Any]) -> None:
    assert not by_key({**shadow, "password": "none"})
    assert not by_key({**shadow, "password": "locked"})
    (edge,) = by_key({**shadow, "password": "hash"})
    assert "secret:web/password/ann" in edge.premises
    (edge,) = by_key({**shadow, "password": "empty"})
    assert "secret:web/password/ann" not in edge.premises
    (edge,) = by_key({**shadow, "password": None})
    assert edge.confidence < 0.9


def test_nobody_asks_a_name_of_root_for_its_old_password() -> None:
    said = facts(
        user("toor", 0, **OVER),
        user("holder", 1009),
        ssh_keys={"authorized": listing(authorized("toor", path="/root/.ssh/authorized_keys")), "private": listing(private("holder", K1))},
        views=seen(22),
        sockets=[socket(22)],
        sshd=sshd(permitrootlogin="yes"),
    )  # fmt: skip
    assert edges(graph_of(evidence(WEB, said)), "ssh-key", "account:web/toor")


def test_no_pass_expiry_lets_keys_in_but_not_into_an_account_that_is_over() -> None:
    pam = {"stacks": listing(account_line("no_pass_expiry"))}
    (edge,) = by_key(OVER, pam=pam)
    assert edge.confidence >= 0.9
    assert not by_key({"expires": days(-1)}, pam=pam)


def test_where_nothing_of_pam_judges_the_age_nothing_is_over() -> None:
    (edge,) = by_key(OLD, pam={"stacks": listing(account_line(module="pam_permit.so"))})
    assert edge.confidence >= 0.9


@pytest.mark.parametrize("shadow", [OVER, OLD, MUST, {"expires": days(-1)}], ids=str)
def test_where_nobody_saw_what_judges_the_age_a_login_is_doubtful_and_never_shut(shadow: dict[str, Any]) -> None:
    for found in (by_key(shadow, pam={"stacks": listing(complete=False)}), by_key(shadow, pam={"stacks": None})):
        (edge,) = found
        assert edge.confidence < 0.9

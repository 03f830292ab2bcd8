"""Who gets in by a certificate that a named proxy checked, and how many requests one caller may make."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import PASSWORD, Served, form, served
from starlette.testclient import TestClient

from posture.errors import ConfigError
from posture.inputs import config
from posture.model.account import Role
from posture.serve.app import create_app
from posture.serve.gate import Settings
from posture.serve.limits import Kind, Limits
from posture.serve.proxy import Proxy

DOE = "CN=DOE.JANE.1234567890,OU=PKI,O=U.S. Government,C=US"
PROXY = Proxy(frozenset({"10.1.2.3"}), "X-Client-Subject", "X-Client-Verify", {DOE: "jane.doe"})
GOOD = {"X-Client-Subject": DOE, "X-Client-Verify": "SUCCESS"}


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        found.door.make("jane.doe", PASSWORD, Role.ANALYST, (), by="test")
        yield found


def asks(agency: Served, peer: str, proxy: Proxy = PROXY) -> TestClient:
    app = create_app(agency.store, agency.door, Settings(secure=False, proxy=proxy), limits=Limits(lambda: 0.0))
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, client=(peer, 50_000))


def test_a_checked_certificate_from_the_named_proxy_opens_a_session(agency: Served) -> None:
    browser = asks(agency, "10.1.2.3")
    answer = browser.get("/sign-in", headers=GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "jane.doe, analyst" in browser.get("/work").text
    assert '"by":"client certificate, checked by the proxy"' in list(agency.store.events())[-1].detail


def test_the_header_opens_no_page_by_itself(agency: Served) -> None:
    answer = asks(agency, "10.1.2.3").get("/work", headers=GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("peer", ["10.1.2.4", "127.0.0.1", "::1", "::ffff:10.1.2.4", "testclient"])
def test_from_anybody_else_the_header_is_ignored_and_logged_once(
    agency: Served, peer: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = asks(agency, peer, Proxy(PROXY.addresses, PROXY.subject_header, PROXY.verify_header, PROXY.subjects))
    with caplog.at_level(logging.WARNING, "posture.serve"):
        for forwarded in ({}, {"X-Forwarded-For": "10.1.2.3"}):
            assert browser.get("/sign-in", headers={**GOOD, **forwarded}).status_code == 200
    assert [peer in one.message for one in caplog.records] == [True]
    assert DOE not in caplog.text


def test_without_configuration_the_header_means_nothing(agency: Served) -> None:
    assert asks(agency, "10.1.2.3", Proxy()).get("/sign-in", headers=GOOD).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Client-Subject": DOE},
        {"X-Client-Subject": DOE, "X-Client-Verify": "FAILED:expired"},
        {"X-Client-Subject": DOE, "X-Client-Verify": "success"},
        {"X-Client-Subject": DOE.lower(), "X-Client-Verify": "SUCCESS"},
        {"X-Client-Subject": "x" * 1001, "X-Client-Verify": "SUCCESS"},
        [("X-Client-Subject", DOE), ("X-Client-Subject", DOE), ("X-Client-Verify", "SUCCESS")],
        [("X-Client-Subject", DOE), ("X-Client-Verify", "NONE"), ("X-Client-Verify", "SUCCESS")],
    ],
    ids=["unchecked", "failed", "wrong case", "another subject", "too long", "twice", "checked twice"],
)
def test_a_certificate_that_was_not_checked_opens_nothing(agency: Served, headers: dict[str, str]) -> None:
    assert asks(agency, "10.1.2.3").get("/sign-in", headers=headers).status_code == 200


def test_a_disabled_account_has_no_certificate_either(tmp_path: Path, demo_store: Path) -> None:
    with served(tmp_path, demo_store) as agency:
        agency.door.make("jane.doe", PASSWORD, Role.VIEWER, (), by="test")
        agency.door.disable("jane.doe", by="test")
        assert asks(agency, "10.1.2.3").get("/sign-in", headers=GOOD).status_code == 200


def test_the_eleventh_password_within_a_minute_waits(agency: Served) -> None:
    browser = asks(agency, "10.9.9.9", Proxy())
    fields = form(browser, name="nobody", password="x")
    assert [browser.post("/sign-in", data=fields).status_code for _ in range(11)] == [401] * 10 + [429]
    refused = browser.post("/sign-in", data=fields)
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    assert refused.headers["content-security-policy"]
    assert browser.get("/sign-in").status_code == 200


def test_behind_the_named_proxy_each_person_is_counted_apart(agency: Served) -> None:
    browser = asks(agency, "10.1.2.3")
    fields = form(browser, name="nobody", password="x")

    def tries(said: str) -> int:
        return browser.post("/sign-in", data=fields, headers={"X-Forwarded-For": said}).status_code

    assert [tries(f"10.5.0.{n}, 10.7.7.7") for n in range(11)][-1] == 429  # what a client makes up is not the last hop
    assert tries("10.7.7.8") == 401


def test_a_program_is_told_to_wait_in_its_own_words(agency: Served) -> None:
    limits = Limits(lambda: 0.0)
    app = create_app(agency.store, agency.door, Settings(secure=False), limits=limits)
    for _ in range(Kind.API.value.burst - 1):
        assert limits.wait_s(Kind.API, "testclient") == 0
    program = TestClient(app, base_url="http://127.0.0.1")
    assert program.get("/api/v1/scans").status_code == 401
    refused = program.get("/api/v1/scans")
    assert (refused.status_code, refused.json()["what"]) == (429, "too many requests")
    assert refused.headers["retry-after"] == "1"


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_caller_gets_more_than_the_burst_and_the_rate(waits: list[float]) -> None:
    now = [0.0]
    limits = Limits(lambda: now[0])
    allowed = 0
    for wait in waits:
        now[0] += wait
        allowed += limits.wait_s(Kind.SIGN_IN, "somebody") == 0
    assert allowed <= Kind.SIGN_IN.value.burst + now[0] * Kind.SIGN_IN.value.per_s + 1e-6
    assert limits.wait_s(Kind.SIGN_IN, "another") == 0


def test_a_network_is_no_proxy(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    path.write_text("schema: posture.config/1\nserve: {proxy: {addresses: [10.0.0.0/8]}}\n")
    with pytest.raises(ConfigError, match="is no address"):
        config.read(path)

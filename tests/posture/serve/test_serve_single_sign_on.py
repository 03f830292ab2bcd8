"""Who gets in by way of an identity provider: a real one, and one that lies in every way there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import crooked_provider
import httpx2
import oidc_provider_mock
import pytest
from crooked_provider import CLIENT, SECRET, Crooked, crooked
from served import PASSWORD, Clock, Served, form
from starlette.testclient import TestClient

from posture.errors import ConfigError, UsageError
from posture.inputs import config
from posture.inputs.serve_file import OidcEntry, PlaceEntry
from posture.model.account import Role
from posture.serve.app import create_app
from posture.serve.door import Door
from posture.serve.gate import Settings
from posture.serve.limits import Kind, Limits
from posture.serve.oidc import Client, Provider
from posture.serve.single_sign_on import BACK, OUT, Place, SingleSignOn, from_entry
from posture.store import Store

PUBLIC = "http://127.0.0.1:8443"
PLACES = {"posture-admins": Place(Role.ADMIN), "soc": Place(Role.ANALYST), "portal": Place(Role.VIEWER, ("portal",))}


def served_with(issuer: str, place: Path, **changes: Any) -> tuple[Served, SingleSignOn]:
    clock = Clock()
    store = Store.open(place / "posture.db")
    door = Door(store, clock, fips=False)
    provider = Provider(Client(issuer, CLIENT, SECRET, PUBLIC + BACK), clock)
    sign_on = SingleSignOn(provider, PLACES, secure=False, **changes)
    limits = Limits(lambda: 0.0)
    limits.wait_s = lambda kind, caller: 0.0  # type: ignore[method-assign] - what one caller may ask is tested elsewhere
    app = create_app(store, door, Settings(secure=False, sign_on=sign_on), limits=limits)
    return Served(store, door, clock, app), sign_on


@pytest.fixture(scope="module")
def lying() -> Iterator[Crooked]:
    with crooked() as found:
        yield found


@pytest.fixture(scope="module")
def running(lying: Crooked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, SingleSignOn]]:
    found = served_with(lying.issuer, tmp_path_factory.mktemp("served"))
    yield found
    found[0].store.close()


@pytest.fixture
def agency(lying: Crooked, running: tuple[Served, SingleSignOn]) -> Served:
    """The application without any account: making one anew for each test takes longer than all of them."""
    found, sign_on = running
    with found.store.database.write() as conn:
        conn.exec_driver_sql("DELETE FROM login")
        conn.exec_driver_sql("DELETE FROM account")
    lying.signed, lying.metadata, lying.down = None, {}, False
    sign_on._asked_again.clear()
    sign_on.refusals, sign_on.provider = Limits(lambda: 0.0), Provider(sign_on.provider.client, found.clock)
    return found


def begin(browser: TestClient) -> dict[str, str]:
    answer = browser.get(OUT)
    assert answer.status_code == 303
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def honest(provider: Crooked, asked: dict[str, str], clock: Clock, **claims: Any) -> dict[str, str]:
    """Have the provider say what an honest one would, but for these claims; return what it sends the browser back with."""
    now = int(clock().timestamp())
    said = {"iss": provider.issuer, "aud": CLIENT, "sub": "1234", "nonce": asked["nonce"], "iat": now, "exp": now + 300}
    said |= {"preferred_username": "Jane.Doe", "groups": ["everybody", "soc"]} | claims
    provider.claims = {name: value for name, value in said.items() if value is not None}
    provider.challenge, provider.back = asked["code_challenge"], asked["redirect_uri"]
    return {"code": "good", "state": asked["state"]}


def last_event(agency: Served) -> tuple[str, str]:
    event = list(agency.store.events())[-1]
    return event.event, event.detail


def refused(agency: Served, browser: TestClient, params: dict[str, str], why: str) -> None:
    answer = browser.get(BACK, params=params)
    assert answer.status_code == 403
    assert "posture" not in browser.cookies
    event, detail = last_event(agency)
    assert event == "sign_in_refused"
    assert why in detail
    assert agency.store.people.account("jane.doe") is None


def test_a_person_in_a_group_with_a_role_gets_in(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    asked = begin(browser)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    answer = browser.get(BACK, params=honest(lying, asked, agency.clock))
    assert (answer.status_code, answer.headers["refresh"]) == (200, "0; url=/")
    assert "SameSite=strict" in next(one for one in answer.headers.get_list("set-cookie") if one.startswith("posture="))
    account = agency.door.who(browser.cookies["posture"])
    assert account is not None
    assert (account.name, account.role, account.systems) == ("jane.doe", Role.ANALYST, ())
    assert last_event(agency) == ("signed_in", f'{{"account":"jane.doe","by":"OIDC, {lying.issuer}"}}')
    agency.store.verify_chain()


LIES: list[tuple[str, dict[str, Any], str]] = [
    ("another nonce", {"nonce": "made up"}, "nonce"),
    ("no nonce", {"nonce": None}, "nonce"),
    ("another audience", {"aud": "mail"}, "aud"),
    ("no audience", {"aud": None}, "aud"),
    ("for us and for somebody else's use", {"aud": [CLIENT, "mail"], "azp": "mail"}, "azp"),
    ("another issuer", {"iss": "https://login.example"}, "iss"),
    ("expired", {"exp": 1_700_000_000}, "expired"),
    ("never ends", {"exp": None}, "exp"),
    ("from the future", {"iat": 4_000_000_000}, "future"),
    ("nobody", {"sub": None}, "sub"),
    ("no text for a subject", {"sub": 12}, "sub"),
]


@pytest.mark.parametrize(("claims", "why"), [(one[1], one[2]) for one in LIES], ids=[one[0] for one in LIES])
def test_a_token_with_a_wrong_claim_is_refused(
    agency: Served, lying: Crooked, claims: dict[str, Any], why: str
) -> None:
    browser = agency.browser()
    refused(agency, browser, honest(lying, begin(browser), agency.clock, **claims), why)


@pytest.mark.parametrize(
    "signed",
    [
        crooked_provider.other_key,
        crooked_provider.elliptic_key,
        crooked_provider.unknown_key,
        crooked_provider.unsigned,
        crooked_provider.shared_secret,
        crooked_provider.changed,
        lambda _: "no token",
        lambda _: "a.b.c.d.e",
    ],
    ids=[
        "other key",
        "elliptic key",
        "unknown key",
        "alg none",
        "HS256 with the public key",
        "changed",
        "garbage",
        "encrypted",
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(
    agency: Served, lying: Crooked, signed: Callable[[Crooked], str]
) -> None:
    browser = agency.browser()
    params = honest(lying, begin(browser), agency.clock)
    lying.signed = signed
    refused(agency, browser, params, "the ID token is refused")


def test_a_state_of_another_browser_is_refused(agency: Served, lying: Crooked) -> None:
    mine, theirs = agency.browser(), agency.browser()
    params = honest(lying, begin(mine), agency.clock)
    begin(theirs)
    before = lying.redeemed
    refused(agency, theirs, params, "not begun in this browser")
    refused(agency, mine, params, "not begun in this browser")  # it was worth one try
    assert lying.redeemed == before


@pytest.mark.parametrize("params", [{}, {"state": "made up", "code": "good"}, {"code": "good"}], ids=str)
def test_a_state_that_nobody_began_is_refused(agency: Served, params: dict[str, str]) -> None:
    refused(agency, agency.browser(), params, "not begun in this browser")


def test_a_sign_in_is_good_once_and_for_ten_minutes(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    params = honest(lying, begin(browser), agency.clock)
    agency.clock.pass_by(timedelta(minutes=11))
    refused(agency, browser, params, "took too long")
    params = honest(lying, begin(browser), agency.clock)
    assert browser.get(BACK, params=params).status_code == 200
    assert browser.get(BACK, params=params).status_code == 403


def test_an_answer_of_another_provider_is_refused(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    params = honest(lying, begin(browser), agency.clock) | {"iss": "https://login.example"}
    refused(agency, browser, params, "another identity provider")


def test_who_is_refused_there_is_refused_here(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    state = begin(browser)["state"]
    refused(agency, browser, {"state": state, "error": "access_denied"}, "did not let you in")


def test_another_code_or_verifier_is_refused_by_the_provider(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    refused(agency, browser, honest(lying, begin(browser), agency.clock) | {"code": "bad"}, "invalid_grant")
    params = honest(lying, begin(browser), agency.clock)
    lying.challenge = "another"
    refused(agency, browser, params, "invalid_grant")


def test_without_a_group_that_has_a_role_there_is_nothing_and_the_page_says_so(agency: Served, lying: Crooked) -> None:
    for groups in (["everybody"], None, "everybody", [7, None], {"soc": True}):
        browser = agency.browser()
        answer = browser.get(BACK, params=honest(lying, begin(browser), agency.clock, groups=groups))
        assert answer.status_code == 403
        assert "none of your groups has a role here" in answer.text
        assert last_event(agency)[1].startswith('{"account":"jane.doe"')
    assert agency.store.people.account("jane.doe") is None


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "jane<script>", None, 7])
def test_a_name_that_no_account_can_have_is_refused(agency: Served, lying: Crooked, name: object) -> None:
    browser = agency.browser()
    params = honest(lying, begin(browser), agency.clock, preferred_username=name)
    refused(agency, browser, params, "gives no name")


def test_the_role_follows_the_groups_and_the_first_in_the_files_order_counts(agency: Served, lying: Crooked) -> None:
    def enter(groups: list[str]) -> int:
        browser = agency.browser()
        return browser.get(BACK, params=honest(lying, begin(browser), agency.clock, groups=groups)).status_code

    assert enter(["portal"]) == 200
    account = agency.store.people.account("jane.doe")
    assert account is not None
    assert (account.role, account.systems) == (Role.VIEWER, ("portal",))
    assert enter(["portal", "soc", "posture-admins"]) == 200
    account = agency.store.people.account("jane.doe")
    assert account is not None
    assert (account.role, account.systems) == (Role.ADMIN, ())
    assert any('"did":"role admin, systems all"' in one.detail for one in agency.store.events())


def test_a_name_opens_no_account_of_somebody_else(agency: Served, lying: Crooked) -> None:
    agency.door.make("local.admin", PASSWORD, Role.ADMIN, (), by="test")
    browser = agency.browser()
    answer = browser.get(BACK, params=honest(lying, begin(browser), agency.clock, preferred_username="local.admin"))
    assert (answer.status_code, "posture" in browser.cookies) == (403, False)
    assert browser.get(BACK, params=honest(lying, begin(browser), agency.clock)).status_code == 200
    another = agency.browser()
    answer = another.get(BACK, params=honest(lying, begin(another), agency.clock, sub="5678"))
    assert (answer.status_code, "posture" in another.cookies) == (403, False)
    assert "is taken here" in last_event(agency)[1]


def test_a_disabled_account_stays_out_and_no_password_opens_it(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    assert browser.get(BACK, params=honest(lying, begin(browser), agency.clock)).status_code == 200
    kept = agency.store.people.account("jane.doe")
    assert kept is not None
    for password in (kept.password, "", PASSWORD):
        assert (
            agency.browser()
            .post("/sign-in", data=form(agency.browser(), name="jane.doe", password=password))
            .status_code
            == 401
        )
    agency.door.disable("jane.doe", by="test")
    answer = browser.get(BACK, params=honest(lying, begin(browser), agency.clock))
    assert answer.status_code == 403
    assert "is disabled" in answer.text


def test_an_address_counts_when_the_provider_has_verified_it(lying: Crooked, tmp_path: Path) -> None:
    agency, _ = served_with(lying.issuer, tmp_path, account_claim="email")
    lying.signed = None
    for verified, status in ((None, 403), ("true", 403), (True, 200)):
        browser = agency.browser()
        params = honest(lying, begin(browser), agency.clock, email="jane@agency.example", email_verified=verified)
        assert browser.get(BACK, params=params).status_code == status
    agency.store.close()


def test_a_provider_that_calls_itself_otherwise_is_not_asked(agency: Served, lying: Crooked) -> None:
    lying.metadata = {"issuer": "https://login.example"}
    answer = agency.browser().get(OUT)
    assert (answer.status_code, "calls itself by another name" in answer.text) == (403, True)
    lying.metadata = {"authorization_endpoint": "javascript:alert(1)"}
    assert agency.browser().get(OUT).status_code == 403
    lying.metadata = {"authorization_endpoint": "http://login.example/authorize"}
    assert agency.browser().get(OUT).status_code == 403


def test_strangers_cannot_fill_the_audit_log(agency: Served) -> None:
    before = agency.store.chain_head().seq
    for _ in range(Kind.REFUSAL.value.burst + 5):
        assert agency.browser().get(BACK).status_code == 403
    assert agency.store.chain_head().seq - before == Kind.REFUSAL.value.burst


def test_who_was_verified_and_is_refused_is_in_the_audit_log_however_many_strangers_were(
    agency: Served, lying: Crooked
) -> None:
    for _ in range(Kind.REFUSAL.value.burst):
        agency.browser().get(BACK)
    for claims, why in (({"groups": []}, "none of your groups"), ({"preferred_username": "a b"}, "gives no name")):
        browser = agency.browser()
        refused(agency, browser, honest(lying, begin(browser), agency.clock, **claims), why)
    agency.door.make("jane.doe", PASSWORD, Role.VIEWER, (), by="test")
    browser = agency.browser()
    assert browser.get(BACK, params=honest(lying, begin(browser), agency.clock)).status_code == 403
    event, detail = last_event(agency)
    assert (event, '"account":"jane.doe"' in detail, "is taken here" in detail) == ("sign_in_refused", True, True)


def test_a_provider_that_gave_no_answer_is_not_waited_for_again_at_once_and_the_page_says_what_to_do(
    agency: Served, lying: Crooked
) -> None:
    browser, lying.down = agency.browser(), True
    assert "gave no answer" not in browser.get("/sign-in").text
    answer = browser.get(OUT)
    assert (answer.status_code, "gives no answer" in answer.text) == (403, True)
    asked = lying.asked
    page = browser.get(OUT).text
    assert lying.asked == asked
    assert f"gave no answer at {agency.clock():%H:%M:%S} UTC and is asked again from" in page
    assert "No account here has a password" in page
    agency.door.make("break.glass", PASSWORD, Role.ADMIN, (), by="test")
    assert "an account with a password gets in below" in browser.get("/sign-in").text
    lying.down = False
    agency.clock.pass_by(timedelta(seconds=31))
    assert "gave no answer" not in browser.get("/sign-in").text
    begin(browser)


def opened(browser: TestClient, path: str = "/sign-in") -> Any:
    return browser.get(path, headers={"accept": "text/html"})


def past_half_of_a_session(agency: Served, lying: Crooked) -> tuple[TestClient, dict[str, str]]:
    """Return a browser whose session is half over, and what the provider is asked when it opens a page."""
    browser = agency.browser()
    browser.get(BACK, params=honest(lying, begin(browser), agency.clock))
    agency.clock.pass_by(timedelta(minutes=31))
    onward = opened(browser, "/work?severity=high&words=a%20b").headers["refresh"].removeprefix("0; url=")
    assert urlsplit(onward).path == OUT
    return browser, dict(parse_qsl(urlsplit(browser.get(onward).headers["location"]).query))


def test_after_half_of_a_session_the_provider_is_asked_again_unseen_and_the_page_goes_on(
    agency: Served, lying: Crooked
) -> None:
    early = agency.browser()
    early.get(BACK, params=honest(lying, begin(early), agency.clock))
    agency.clock.pass_by(timedelta(minutes=29))
    assert "refresh" not in opened(early, "/").headers
    agency.clock.pass_by(timedelta(minutes=2))
    assert "refresh" not in early.get("/").headers  # a program, or a part of a page
    assert early.post("/sign-out", data=form(early)).headers["location"] == "/sign-in"
    browser, asked = past_half_of_a_session(agency, lying)
    before = browser.cookies["posture"]
    assert asked["prompt"] == "none"
    answer = browser.get(BACK, params=honest(lying, asked, agency.clock))
    assert answer.headers["refresh"] == "0; url=/work?severity=high&words=a%20b"
    assert agency.door.who(before) is None
    assert agency.door.who(browser.cookies["posture"]) is not None
    agency.clock.pass_by(timedelta(minutes=60))
    assert opened(browser, "/").headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"groups": []}, "none of your groups"),
        ({"preferred_username": "eve", "sub": "5"}, "eve is signed in there now"),
    ],
    ids=["group taken away", "somebody else"],
)
def test_whose_place_is_gone_is_out_when_the_provider_is_asked_again(
    agency: Served, lying: Crooked, claims: dict[str, Any], why: str
) -> None:
    browser, asked = past_half_of_a_session(agency, lying)
    answer = browser.get(BACK, params=honest(lying, asked, agency.clock, **claims))
    assert (answer.status_code, why in last_event(agency)[1]) == (403, True)
    assert opened(browser, "/").headers["location"] == "/sign-in"


def test_tabs_that_are_opened_together_do_not_get_into_each_others_way(agency: Served, lying: Crooked) -> None:
    browser, asked = past_half_of_a_session(agency, lying)
    assert browser.get(OUT, params={"to": "/plan"}).headers["refresh"] == "0; url=/plan"
    assert browser.get(BACK, params=honest(lying, asked, agency.clock)).headers["refresh"].startswith("0; url=/work")
    assert agency.door.who(browser.cookies["posture"]) is not None


def test_whom_the_provider_knows_no_longer_is_out(agency: Served, lying: Crooked) -> None:
    browser, asked = past_half_of_a_session(agency, lying)
    assert browser.get(BACK, params={"state": asked["state"], "error": "login_required"}).status_code == 403
    event, detail = last_event(agency)
    assert (event, '"account":"jane.doe"' in detail) == ("sign_in_refused", True)
    assert opened(browser, "/").headers["location"] == "/sign-in"


def test_while_the_provider_gives_no_answer_a_session_lives_to_its_end(
    agency: Served, lying: Crooked, running: tuple[Served, SingleSignOn]
) -> None:
    browser, asked = past_half_of_a_session(agency, lying)
    assert "refresh" not in opened(browser, "/").headers  # the browser was sent there a moment ago, and came back
    lying.down = True
    assert browser.get(BACK, params=honest(lying, asked, agency.clock)).headers["refresh"].startswith("0; url=/work")
    agency.clock.pass_by(timedelta(minutes=6))
    running[1].provider = Provider(running[1].provider.client, agency.clock)
    onward = opened(browser, "/").headers["refresh"].removeprefix("0; url=")
    assert browser.get(onward).headers["refresh"] == "0; url=/"
    assert "refresh" not in opened(browser, "/").headers
    agency.clock.pass_by(timedelta(minutes=24))
    assert opened(browser, "/").headers["location"] == "/sign-in"


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/\n", "", "x"])
def test_the_way_on_leads_to_no_other_site(agency: Served, lying: Crooked, to: str) -> None:
    browser, _ = past_half_of_a_session(agency, lying)
    agency.clock.pass_by(timedelta(minutes=6))
    asked = dict(parse_qsl(urlsplit(browser.get(OUT, params={"to": to}).headers["location"]).query))
    assert browser.get(BACK, params=honest(lying, asked, agency.clock)).headers["refresh"] == "0; url=/"


def test_refusals_can_be_read_before_the_first_run(agency: Served, lying: Crooked) -> None:
    agency.browser().get(BACK)
    browser = agency.browser()
    browser.get(BACK, params=honest(lying, begin(browser), agency.clock, groups=["posture-admins"]))
    page = browser.get("/audit")
    assert (page.status_code, "sign in refused" in page.text) == (200, True)


def test_the_page_of_accounts_says_how_long_such_a_session_lives(agency: Served, lying: Crooked) -> None:
    browser = agency.browser()
    browser.get(BACK, params=honest(lying, begin(browser), agency.clock, groups=["posture-admins"]))
    assert "lives 60 minutes; a page that is opened after 30 of them" in browser.get("/accounts").text


def test_the_sign_in_page_leads_there_only_where_it_is_configured(agency: Served, lying: Crooked) -> None:
    assert f'href="{OUT}"' in agency.browser().get("/sign-in").text
    plain = create_app(agency.store, agency.door, Settings(secure=False))
    browser = TestClient(plain, base_url=PUBLIC, follow_redirects=False)
    assert OUT not in browser.get("/sign-in").text
    assert [browser.get(path).status_code for path in (OUT, BACK)] == [404, 404]


def test_a_real_provider_lets_in_whom_it_knows_and_takes_a_code_once(tmp_path: Path) -> None:
    jane = oidc_provider_mock.User(sub="1234", claims={"preferred_username": "jane.doe", "groups": ["soc"]})
    with oidc_provider_mock.run_server_in_thread(user_claims=(jane,)) as server:
        agency, _ = served_with(f"http://localhost:{server.server_port}", tmp_path)
        codes = []
        for _ in range(2):
            browser = agency.browser()
            address = browser.get(OUT).headers["location"]
            there = httpx2.post(address, data={"sub": "1234"}, follow_redirects=False)
            back = urlsplit(there.headers["location"])
            params = dict(parse_qsl(back.query))
            codes.append(params["code"])
            assert f"{back.scheme}://{back.netloc}{back.path}" == PUBLIC + BACK
            if len(codes) == 1:
                assert browser.get(BACK, params=params).status_code == 200
                account = agency.door.who(browser.cookies["posture"])
                assert account is not None
                assert (account.name, account.role) == ("jane.doe", Role.ANALYST)
            else:
                assert browser.get(BACK, params=params | {"code": codes[0]}).status_code == 403
                assert "invalid_grant" in last_event(agency)[1]
        agency.store.close()


def entry(**changes: Any) -> OidcEntry:
    values = {"issuer": "https://login.example", "client_id": "posture", "public_url": "https://posture.example/"}
    return OidcEntry(**(values | {"roles": {"soc": PlaceEntry(role="analyst")}} | changes))


def test_the_secret_comes_from_a_file_or_the_environment_and_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTURE_OIDC_SECRET", raising=False)
    with pytest.raises(UsageError, match="is nowhere"):
        from_entry(entry(), Clock(), secure=True)
    monkeypatch.setenv("POSTURE_OIDC_SECRET", "hidden-1")
    assert from_entry(entry(), Clock(), secure=True).provider.client.secret == "hidden-1"
    path = tmp_path / "secret"
    path.write_text("hidden-2\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="open to others"):
        from_entry(entry(secret_file=str(path)), Clock(), secure=True)
    path.chmod(0o640)
    made = from_entry(entry(secret_file=str(path)), Clock(), secure=True)
    assert made.provider.client.secret == "hidden-2"
    assert made.provider.client.back == "https://posture.example/sign-in/oidc/back"
    assert "hidden" not in repr(made)
    assert (made.life, from_entry(entry(secret_file=str(path), session_minutes=15), Clock(), secure=True).life) == (
        timedelta(hours=1),
        timedelta(minutes=15),
    )


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("issuer: 'http://login.example', roles: {soc: {role: viewer}}", "is no https URL"),
        ("issuer: 'https://login.example', roles: {}", "no group has a role"),
        ("issuer: 'https://login.example', roles: {soc: {role: viewer}}, scopes: [profile]", "`openid` is missing"),
        ("issuer: 'https://login.example', roles: {soc: {role: root}}", "root"),
        ("issuer: 'https://login.example', roles: {soc: {role: viewer}}, session_minutes: 5", "5 minutes"),
        ("issuer: 'https://login.example', roles: {soc: {role: viewer}}, secret: hidden", "secret"),
    ],
)
def test_a_configuration_that_would_be_unsafe_is_refused(tmp_path: Path, written: str, wrong: str) -> None:
    path = tmp_path / "posture.yaml"
    given = f"client_id: posture, public_url: 'https://posture.example', {written}"
    path.write_text(f"schema: posture.config/1\nserve: {{oidc: {{{given}}}}}\n")
    with pytest.raises(ConfigError, match=wrong) as refused:
        config.read(path)
    assert "hidden" not in str(refused.value)

"""Notices: what is new is told once, to real servers on loopback, signed, over TLS that is checked, and nowhere else."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sample_agency
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from posture.cli.notifying import _wanted
from posture.config import Config, MailEntry, WebhookEntry
from posture.config import read as read_config
from posture.doctor import Health, _notices
from posture.errors import ConfigError, StoreError, UsageError
from posture.model.assessment import Coverage
from posture.model.finding import Status
from posture.model.schedule import Kind, Schedule
from posture.notify import ledger
from posture.notify.events import Event, EventKind, events
from posture.notify.post import ATTEMPTS, mail, post, signature
from posture.schedule.keeper import Keeper
from posture.store import Store
from tests.posture.replays import FAULTY, HARDENED, PASSWORDS, edited, recorded, save, write_inventory

EVIL = "<b>\u202e\x1b[2J\r\nBcc: x@example.invalid"


@dataclass
class Heard:
    """What a server was sent, and what it answers, in turn."""

    answers: list[int] = field(default_factory=lambda: [200])
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def receiver(certificate: Path) -> Iterator[tuple[str, Heard]]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            heard.headers.append(dict(self.headers))
            code = heard.answers.pop(0) if len(heard.answers) > 1 else heard.answers[0]
            self.send_response(code)
            if code in (301, 302, 307, 308):
                self.send_header("Location", self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls(certificate).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/hook", heard
    server.shutdown()
    server.server_close()


def event(**changes: Any) -> Event:
    said = Event("e" * 16, EventKind.OVERDUE, "run-1", sample_agency.NOW, "1 open finding newly overdue", 1, ("f1",))
    return replace(said, **changes)


def hook(url: str, certificate: Path | str = "") -> WebhookEntry:
    return WebhookEntry(name="soc", url=url, events=["overdue"], credential="soc", authority=str(certificate))


def posted(entry: WebhookEntry, waits: list[float] | None = None, **changes: Any) -> Any:
    waits = [] if waits is None else waits
    return post(entry, "s3cret", event(**changes), "CUI", clock=lambda: 1_800_000_000, sleep=waits.append)


# The webhook


def test_a_webhook_gets_a_signed_body_that_holds_no_host(receiver: tuple[str, Heard], certificate: Path) -> None:
    url, heard = receiver
    sent = posted(hook(url, certificate), sentence=f"1 finding {EVIL}")
    assert (sent.delivered, sent.attempts) == (True, 1)
    (body,), (headers,) = heard.bodies, heard.headers
    want = hmac.new(b"s3cret", b"1800000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Posture-Signature"] == f"t=1800000000,v1={want}" == signature(b"s3cret", body, 1_800_000_000)
    said = json.loads(body)
    assert (said["schema"], said["marking"], said["hosts"]) == ("posture.notice/1", "CUI", [])
    assert said["sentence"].isprintable() and "⟨U+202E⟩" in said["sentence"]


def test_it_is_tried_again_a_few_times_with_growing_waits(receiver: tuple[str, Heard], certificate: Path) -> None:
    url, heard = receiver
    heard.answers, waits = [503, 429, 200], []
    assert posted(hook(url, certificate), waits).attempts == 3
    assert waits == [1.0, 4.0]
    heard.answers, heard.bodies, waits = [500], [], []
    assert not posted(hook(url, certificate), waits).delivered
    assert (len(heard.bodies), waits) == (ATTEMPTS, [1.0, 4.0, 16.0])


@pytest.mark.parametrize(("code", "why"), [(302, "redirects"), (307, "redirects"), (403, "403"), (404, "404")])
def test_it_follows_no_redirect_and_takes_no_for_an_answer(
    receiver: tuple[str, Heard], certificate: Path, code: int, why: str
) -> None:
    url, heard = receiver
    heard.answers = [code]
    sent = posted(hook(url, certificate))
    assert (sent.delivered, sent.attempts, len(heard.bodies)) == (False, 1, 1)
    assert why in sent.why


def test_a_server_that_nobody_vouches_for_hears_nothing(receiver: tuple[str, Heard]) -> None:
    url, heard = receiver
    sent = posted(hook(url))
    assert (sent.delivered, sent.attempts, heard.bodies) == (False, 1, [])
    assert "certificate" in sent.why.lower()
    with pytest.raises(UsageError, match="no https URL"):
        posted(hook("http://127.0.0.1/hook"))


# Mail


class Mailbox:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.got.append(envelope.content)
        return "250 OK"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def mailbox(certificate: Path) -> Iterator[tuple[int, Mailbox]]:
    box = Mailbox()

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"posture", b"s3cret"), handled=False)

    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=tls(certificate),
        require_starttls=True,
        authenticator=known,
    )
    controller.start()
    yield controller.port, box
    controller.stop()


def entry(port: int, certificate: Path | str) -> MailEntry:
    return MailEntry(
        name="isso",
        to=["isso@example.gov"],
        sender="posture@example.gov",
        server="127.0.0.1",
        port=port,
        user="posture",
        credential="mail",
        events=["overdue"],
        authority=str(certificate),
    )


def test_mail_goes_out_over_tls_with_its_marking_and_no_second_header(
    mailbox: tuple[int, Mailbox], certificate: Path
) -> None:
    port, box = mailbox
    said = event(sentence=f"1 finding {EVIL}", hosts=(EVIL,))
    assert mail(entry(port, certificate), "s3cret", said, "CUI", sleep=lambda _: None).delivered
    found = message_from_bytes(box.got[0], policy=policy.default)
    assert found["Subject"].startswith("[CUI] posture: 1 finding")
    assert found["Bcc"] is None and found["To"] == "isso@example.gov"
    assert all(line.isprintable() for line in found.get_content().splitlines())


def test_a_wrong_password_or_an_unknown_server_is_said_and_nothing_leaves(
    mailbox: tuple[int, Mailbox], certificate: Path
) -> None:
    port, box = mailbox
    wrong = mail(entry(port, certificate), "wrong", event(), "", sleep=lambda _: None)
    assert (wrong.delivered, wrong.attempts) == (False, 1) and "refuses the login" in wrong.why
    assert "wrong" not in wrong.why, "no secret is told"
    assert not mail(entry(port, ""), "s3cret", event(), "", sleep=lambda _: None).delivered
    assert box.got == []


# What is told


def test_what_is_new_is_told_and_what_was_known_is_not() -> None:
    agency = sample_agency.agency()
    run = replace(agency.run, id="before")
    same = replace(agency, run=run)
    assert [one.kind for one in events(agency, same, drop_points=5, with_hosts=False)] == []
    long_ago = replace(agency, run=replace(run, as_of=agency.run.as_of - timedelta(days=400)))
    (late,) = events(agency, long_ago, drop_points=5, with_hosts=False)
    assert (late.kind, late.hosts) == (EventKind.OVERDUE, ()) and late.count > 0
    assert "of" in late.coverage, "coverage stands beside every number"
    assert agency.attack is not None
    without = replace(same, attack=replace(agency.attack, analysis=None, assumed=()))
    (path,) = events(agency, without, drop_points=5, with_hosts=False)
    assert path.kind is EventKind.NEW_CRITICAL_PATH and path.count == len(agency.attack.paths())
    better = replace(same, coverage=Coverage(12, 8, ((Status.PASS, 96),)))
    (drop,) = events(agency, better, drop_points=5, with_hosts=False)
    assert drop.kind is EventKind.COVERAGE_DROP and "unknown is not good" in drop.sentence
    assert [one.id for one in events(agency, better, drop_points=5, with_hosts=False)] == [drop.id]


def test_a_run_without_attack_paths_says_nothing_of_new_ones() -> None:
    agency = sample_agency.agency()
    before = replace(agency, attack=None, run=replace(agency.run, as_of=agency.run.as_of - timedelta(days=1)))
    assert EventKind.NEW_CRITICAL_PATH not in {
        one.kind for one in events(agency, before, drop_points=5, with_hosts=False)
    }


# The command


def test_the_command_is_dry_keeps_what_does_not_arrive_tells_each_thing_once_and_names_no_host(
    tmp_path: Path, receiver: tuple[str, Heard], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from posture.cli.main import root

    url, heard = receiver
    monkeypatch.chdir(tmp_path)
    prints = json.dumps([sys.executable, "-c", "print('s3cret')"])
    (tmp_path / "posture.yaml").write_text(
        f"schema: posture.config/1\ncredentials:\n  soc: {{kind: command, argv: {prints}}}\nnotify:\n"
        f"  coverage_drop_points: 1\n  webhooks:\n"
        f"    - {{name: soc, url: '{url}', events: [overdue, coverage-drop], credential: soc, authority: {certificate}}}\n"
    )
    write_inventory(tmp_path / "inventory.yaml", FAULTY, HARDENED)

    def call(*words: str) -> Any:
        return CliRunner().invoke(root, list(words))

    for day, hosts in ((0, (FAULTY, HARDENED)), (1, (FAULTY,))):
        at = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC) + timedelta(days=day)
        save(
            tmp_path / "transcripts",
            *(edited(recorded(one, at=at), *([PASSWORDS] if one == HARDENED else [])) for one in hosts),
        )
        call("replay", "transcripts", "-i", "inventory.yaml")
    dry = call("notify")
    assert dry.exit_code == 0 and "coverage fell" in dry.output and heard.bodies == []
    config = read_config(tmp_path / "posture.yaml")
    monkeypatch.setattr("posture.notify.post._FIRST_WAIT_S", 0.0)
    heard.answers[:] = [503]
    assert call("notify", "--send").exit_code == 1
    kept = ledger.waiting(config.folder)
    assert kept and kept[0].why == "it answers 503" and len(heard.bodies) == ATTEMPTS, (
        "a receiver that is down is asked once"
    )
    assert (config.folder / ledger.WAITING).stat().st_mode & 0o077 == 0
    (line,) = _notices(config)
    assert line.health is Health.WARNING and "it answers 503" in line.why and line.mend == "posture notify --send"
    # the next scheduled scan has ended: the scheduler runs the real command, in a process of its own
    heard.answers[:] = [200]
    heard.bodies.clear()
    options = ("--config", str(tmp_path / "posture.yaml"), "--out", str(tmp_path / "out"))
    with Store.open(tmp_path / "out/posture.db") as store:
        keeper = Keeper(store, lambda: at, tmp_path / "out/schedules", options, tells=True)
        keeper._tell(Schedule("fleet", Kind.CREDENTIALED, at, "seed", every_s=3600), "latest")
        keeper.wait()
    assert len(heard.bodies) == len(kept) and ledger.waiting(config.folder) == ()
    assert [one.health for one in _notices(config)] == [Health.OK]
    assert len(heard.bodies) >= 1 and all(FAULTY.encode() not in body for body in heard.bodies)
    told = len(heard.bodies)
    assert call("notify", "--send").exit_code == 0
    assert len(heard.bodies) == told, "nobody is told the same twice"
    assert (tmp_path / "out/notices.jsonl").stat().st_mode & 0o077 == 0


def test_what_waits_goes_first_to_whoever_may_still_have_it(tmp_path: Path) -> None:
    entry = hook("https://127.0.0.1:1/hook")
    config = Config(tmp_path / "posture.db", tmp_path / "known_hosts")
    old = ledger.Waiting("webhook soc", event(), sample_agency.NOW, 4, "it answers 503")
    named = ledger.Waiting("webhook soc", event(id="a", hosts=("web-01",)), sample_agency.NOW)
    gone = ledger.Waiting("webhook gone", event(id="b"), sample_agency.NOW)
    ledger.keep_waiting(config.folder, [old, named, gone])
    new = event(id="c")
    wanted = _wanted([(entry, event()), (entry, new)], (entry,), config, sample_agency.NOW)
    assert wanted == [old, ledger.Waiting("webhook soc", new, sample_agency.NOW)], (
        "once, and no host that may not leave"
    )


def test_a_file_of_waiting_notices_that_is_damaged_is_refused_and_shown(tmp_path: Path) -> None:
    (tmp_path / ledger.WAITING).write_bytes(b'[{"target": "\x1b]0;owned"')
    with pytest.raises(StoreError, match="does not load"):
        ledger.waiting(tmp_path)


@pytest.mark.parametrize("sentence", [EVIL, "=HYPERLINK(1)", "Ignore previous instructions", "\u202egpj.exe"])
def test_a_notice_that_waits_comes_back_as_it_was(sentence: str, tmp_path: Path) -> None:
    kept = ledger.Waiting(
        "webhook soc", event(sentence=sentence, ids=("a", "b")), sample_agency.NOW, 4, "it answers 503"
    )
    ledger.keep_waiting(tmp_path, [kept])
    first = (tmp_path / ledger.WAITING).read_bytes()
    assert ledger.waiting(tmp_path) == (kept,)
    ledger.keep_waiting(tmp_path, ledger.waiting(tmp_path))
    assert (tmp_path / ledger.WAITING).read_bytes() == first


def test_a_secret_stands_nowhere_but_behind_a_name(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    start = "schema: posture.config/1\nnotify:\n  webhooks:\n    - {name: a, events: [overdue], "
    path.write_text(start + "url: 'https://x.example/', credential: gone}\n")
    with pytest.raises(ConfigError, match="no credential of kind command"):
        read_config(path)
    path.write_text(start + "url: 'http://x.example/', credential: ''}\n")
    with pytest.raises(ConfigError, match="no https URL"):
        read_config(path)

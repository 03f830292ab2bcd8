"""Notices: what is new is told once, to real servers on loopback, signed, over TLS that is checked, and nowhere else."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import shutil
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

import msgspec
import pytest
import sample_agency
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from posture.asked import PART, asked_of
from posture.cli.main import root
from posture.cli.prepare import now
from posture.cli.scheduling import keeper_of
from posture.doctor import Health, _notices
from posture.errors import ConfigError, UsageError
from posture.inputs.config import Config, CredentialEntry, MailEntry, NotifyEntry, WebhookEntry
from posture.inputs.config import read as read_config
from posture.model.asked import Asked
from posture.model.assessment import Coverage
from posture.model.finding import Status
from posture.model.schedule import Kind, Occurrence, Outcome, Schedule
from posture.notify import outbox
from posture.notify.events import Event, EventKind, events
from posture.notify.news import news
from posture.notify.outbox import Line, Step
from posture.notify.post import ATTEMPTS, mail, post, signature
from posture.notify.rounds import MAX_WAITING, Round
from posture.store import Store, runs
from posture.store.schema import OCCURRENCE
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
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
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
        self.to: list[list[str]] = []
        self.refuses: set[str] = set()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.got.append(envelope.content)
        self.to.append(envelope.rcpt_tos)
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


@dataclass
class Site:
    """A directory with a configuration and two runs, of which the second saw one host less."""

    folder: Path
    heard: Heard

    @property
    def config(self) -> Config:
        return read_config(self.folder / "posture.yaml")

    def call(self, *words: str) -> Any:
        return CliRunner().invoke(root, list(words))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_inventory(folder / "inventory.yaml", FAULTY, HARDENED)
    for day, hosts in ((0, (FAULTY, HARDENED)), (1, (FAULTY,))):
        at = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC) + timedelta(days=day)
        transcripts = folder / f"transcripts-{day}"
        save(transcripts, *(edited(recorded(one, at=at), *([PASSWORDS] if one == HARDENED else [])) for one in hosts))
        words = ("replay", str(transcripts), "-i", str(folder / "inventory.yaml"), "--out", str(folder / "out"))
        CliRunner().invoke(root, list(words))
    return folder


@pytest.fixture
def site(
    tmp_path: Path, replayed: Path, receiver: tuple[str, Heard], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Site:
    url, heard = receiver
    shutil.copytree(replayed, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("posture.notify.post._FIRST_WAIT_S", 0.0)
    prints = json.dumps([sys.executable, "-c", "print('s3cret')"])
    (tmp_path / "posture.yaml").write_text(
        f"schema: posture.config/1\ncredentials:\n  soc: {{kind: command, argv: {prints}}}\nnotify:\n"
        f"  coverage_drop_points: 1\n  webhooks:\n"
        f"    - {{name: soc, url: '{url}', events: [overdue, coverage-drop], credential: soc, authority: {certificate}}}\n"
    )
    return Site(tmp_path, heard)


def test_the_command_is_dry_keeps_what_does_not_arrive_tells_each_thing_once_and_names_no_host(site: Site) -> None:
    heard, config = site.heard, site.config
    dry = site.call("notify")
    assert dry.exit_code == 0 and "coverage fell" in dry.output and heard.bodies == []
    assert not (config.folder / outbox.NAME).exists(), "a dry run writes nothing down"
    heard.answers[:] = [503]
    assert site.call("notify", "--send").exit_code == 1
    kept = list(outbox.read(config.folder).waiting.values())
    assert kept and kept[0].why == "it answers 503" and len(heard.bodies) == ATTEMPTS, (
        "a receiver that is down is asked once"
    )
    assert (config.folder / outbox.NAME).stat().st_mode & 0o077 == 0
    (line,) = _notices(config, sample_agency.NOW)
    assert line.health is Health.WARNING and "it answers 503" in line.why
    assert line.mend == "posture notify --waiting --send"
    # the next scheduled scan has ended: the scheduler runs the real command, in a process of its own
    heard.answers[:] = [200]
    heard.bodies.clear()
    with Store.open(config.database) as store:
        keeper = keeper_of(store, site.folder / "posture.yaml", site.folder / "out")
        at = keeper.now()
        keeper._owe(Schedule("fleet", Kind.CREDENTIALED, at, "seed", every_s=3600), store.load_run().run.id, at)
        keeper.wait()
    assert len(heard.bodies) == len(kept) and outbox.read(config.folder).idle
    assert [one.health for one in _notices(config, at)] == [Health.OK]
    assert len(heard.bodies) >= 1 and all(FAULTY.encode() not in body for body in heard.bodies)
    told = len(heard.bodies)
    assert site.call("notify", "--send").exit_code == 0
    assert len(heard.bodies) == told, "nobody is told the same twice"


def test_a_run_whose_telling_was_killed_is_told_by_the_next_round_and_one_that_is_gone_holds_up_nothing(
    site: Site,
) -> None:
    config = site.config
    with Store.open(config.database) as store:
        run = store.load_run().run.id
    at = now()
    outbox.note(config.folder, step(at, Step.TO_TELL, run="no-such-run"), step(at, Step.TO_TELL, run=run))
    assert {one.health for one in _notices(config, at)} == {Health.WARNING}
    dry = site.call("notify", "--waiting")
    assert dry.exit_code == 0 and "coverage fell" in dry.output and "run no-such-run is still to be told" in dry.stderr
    found = site.call("notify", "--waiting", "--send")
    assert found.exit_code == 1 and "run no-such-run is still to be told" in found.stderr
    assert len(site.heard.bodies) >= 1
    left = outbox.read(config.folder)
    assert list(left.to_tell) == ["no-such-run"] and not left.waiting
    (line,) = _notices(config, at)
    assert "runs still to be told: 1" in line.why and "no-such-run" in line.why
    long_ago = at - timedelta(days=15)
    (config.folder / outbox.NAME).unlink()
    outbox.note(config.folder, step(long_ago, Step.TO_TELL, run="no-such-run"))
    site.call("notify", "--waiting", "--send")
    assert outbox.read(config.folder).idle
    (line,) = _notices(config, at)
    assert "1 given up in 30 days, the last run no-such-run" in line.why


def test_coverage_is_held_against_a_run_that_asked_the_same_however_many_looks_came_between(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify = site.config.notify

    def kinds() -> set[EventKind]:
        return {one.kind for _, one in news(store, "latest", notify)}

    with Store.open(site.config.database) as store:
        first = min(store.runs(), key=lambda one: one.run.as_of).run
        assert EventKind.COVERAGE_DROP in kinds()

        def asked(asked: Asked) -> None:
            with store.database.write() as conn:
                runs.put_part(conn, store._interned, runs.find(conn, first.id).no, PART, msgspec.json.encode(asked))

        whole = asked_of(store, first.id)
        asked(replace(whole, login=False))
        assert EventKind.COVERAGE_DROP not in kinds(), "it asked without logging in"
        asked(whole)
        edge = Schedule("edge", Kind.EXPOSURE, first.as_of, "seed", every_s=60)
        store.schedules.add(edge, by="t", at=first.as_of)
        store.schedules.settle(Occurrence("edge", first.as_of, True, Outcome.DONE, run=first.id), first.as_of)
        with store.database.write() as conn:
            row = dict(conn.execute(OCCURRENCE.select()).one()._mapping)
            later = [{**row, "due": row["due"] + at, "run": f"look-{at}"} for at in range(1, 1101)]
            conn.execute(OCCURRENCE.insert(), later)
        assert EventKind.COVERAGE_DROP in kinds(), "what the run itself says counts"
        monkeypatch.setattr("posture.asked.PART", "asked-of-old")  # as if both runs were from before that was kept
        assert EventKind.COVERAGE_DROP not in kinds(), "the schedule remembers the first of more than 1,000 looks"


# A round


def step(at: dt.datetime, which: Step, **more: Any) -> Line:
    return Line(at=at, step=which, **more)


def waits(one: Event, target: str = "webhook soc", at: dt.datetime = sample_agency.NOW) -> Line:
    return step(at, Step.WAITS, target=target, event=one.id, notice=one)


def round_of(tmp_path: Path, *targets: WebhookEntry | MailEntry, said: list[str] | None = None) -> Round:
    notify = NotifyEntry(
        webhooks=[one for one in targets if isinstance(one, WebhookEntry)],
        mail=[one for one in targets if isinstance(one, MailEntry)],
    )
    prints = CredentialEntry(kind="command", argv=[sys.executable, "-c", "print('s3cret')"])
    config = replace(
        Config(tmp_path / "posture.db", tmp_path / "known_hosts"),
        notify=notify,
        credentials={"soc": prints, "mail": prints},
    )
    told: list[str] = [] if said is None else said
    return Round(config, lambda: sample_agency.NOW, told.append)


def test_what_was_delivered_is_not_sent_again_though_it_is_said_to_wait(
    tmp_path: Path, receiver: tuple[str, Heard], certificate: Path
) -> None:
    url, heard = receiver
    told, new = event(id="a"), event(id="b")
    arrived = step(sample_agency.NOW, Step.DELIVERED, target="webhook soc", event="a", attempts=1)
    outbox.note(tmp_path, waits(told), arrived, waits(told), waits(new))
    assert [one.event for one in round_of(tmp_path, hook(url, certificate)).send()] == ["b"]
    assert [json.loads(body)["id"] for body in heard.bodies] == ["b"]
    assert outbox.read(tmp_path).idle


def test_what_waits_goes_to_whoever_asks_for_it_today_without_hosts_that_may_not_leave(
    tmp_path: Path, receiver: tuple[str, Heard], certificate: Path
) -> None:
    url, heard = receiver
    said: list[str] = []
    telling = round_of(tmp_path, hook(url, certificate), said=said)
    other = event(id="c", kind=EventKind.COVERAGE_DROP)
    outbox.note(tmp_path, waits(event(id="a", hosts=("web-01",))), waits(event(id="b"), "webhook gone"), waits(other))
    assert [one.delivered for one in telling.send()] == [True]
    assert b"web-01" not in heard.bodies[0]
    found = outbox.read(tmp_path)
    assert [(one.target, one.event) for one in found.given_up] == [("webhook gone", "b"), ("webhook soc", "c")]
    assert len(said) == 2 and "asks for no coverage-drop any more" in said[1]
    (line,) = _notices(telling.config, sample_agency.NOW)
    assert line.health is Health.WARNING and line.why.startswith("2 given up in 30 days")
    assert [one.health for one in _notices(telling.config, sample_agency.NOW + timedelta(days=31))] == [Health.OK]


def test_too_many_that_wait_are_given_up_in_writing(tmp_path: Path) -> None:
    entry = hook("https://127.0.0.1:1/hook")
    outbox.note(tmp_path, *(waits(event(id=f"{number:04}")) for number in range(MAX_WAITING + 2)))
    kept = round_of(tmp_path, entry)._kept(outbox.read(tmp_path))
    found = outbox.read(tmp_path)
    assert [one.event for one in found.given_up] == ["0000", "0001"]
    assert list(found.waiting.values()) == list(kept) and len(kept) == MAX_WAITING


def test_a_receiver_that_refuses_the_login_is_asked_once_a_round(
    tmp_path: Path, mailbox: tuple[int, Mailbox], certificate: Path
) -> None:
    port, box = mailbox
    stranger = msgspec.structs.replace(entry(port, certificate), user="nobody")
    outbox.note(tmp_path, *(waits(event(id=one), "mail isso") for one in "abc"))
    assert [one.attempts for one in round_of(tmp_path, stranger).send()] == [1, 0, 0]
    assert box.got == []


def test_who_refused_a_mail_gets_it_later_and_who_has_it_gets_no_second(
    tmp_path: Path, mailbox: tuple[int, Mailbox], certificate: Path
) -> None:
    port, box = mailbox
    both = msgspec.structs.replace(entry(port, certificate), to=["isso@example.gov", "soc@example.gov"])
    telling = round_of(tmp_path, both)
    box.refuses = {"soc@example.gov"}
    outbox.note(tmp_path, waits(event(), "mail isso"))
    (sent,) = telling.send()
    assert (sent.delivered, sent.why) == (False, "it refuses soc@example.gov (550)")
    assert box.to == [["isso@example.gov"]]
    (line,) = _notices(telling.config, sample_agency.NOW)
    assert line.health is Health.WARNING and "soc@example.gov (550)" in line.why
    box.refuses = set()
    assert [one.delivered for one in telling.send()] == [True]
    assert box.to == [["isso@example.gov"], ["soc@example.gov"]]
    assert outbox.read(tmp_path).idle


def test_a_receiver_that_drips_holds_up_no_other(
    tmp_path: Path, receiver: tuple[str, Heard], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = receiver
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        taken, _ = listening.accept()
        with contextlib.suppress(OSError), tls(certificate).wrap_socket(taken, server_side=True) as spoken:
            while not over.wait(0.02):
                spoken.send(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        slow = msgspec.structs.replace(
            hook(f"https://127.0.0.1:{listening.getsockname()[1]}/", certificate), name="slow"
        )
        outbox.note(tmp_path, *(waits(event(id=one), "webhook slow") for one in "ab"), waits(event(id="c")))
        sending = round_of(tmp_path, slow, hook(url, certificate)).send()
        monkeypatch.setattr("posture.notify.post._ATTEMPT_S", 0.5)
        first = next(sending)
        monkeypatch.undo()
        rest = list(sending)
        over.set()
    assert (first.delivered, first.attempts, first.why) == (False, 1, "it gave no whole answer within 0.5 s")
    assert [(one.event, one.attempts, one.delivered) for one in rest] == [("b", 0, False), ("c", 1, True)]
    assert len(heard.bodies) == 1


def test_a_notice_that_a_receiver_stumbles_over_keeps_no_other_from_it(
    tmp_path: Path, receiver: tuple[str, Heard], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = receiver
    monkeypatch.setattr("posture.notify.post._FIRST_WAIT_S", 0.0)
    heard.answers[:] = [500] * ATTEMPTS + [200]
    telling = round_of(tmp_path, hook(url, certificate))
    outbox.note(tmp_path, *(waits(event(id=one)) for one in "abc"))
    assert [one.attempts for one in telling.send()] == [ATTEMPTS, 0, 0]
    assert [one.event for one in telling.send()] == ["b", "c", "a"]


def test_a_receiver_that_takes_long_gets_the_rest_in_the_next_round(
    tmp_path: Path, receiver: tuple[str, Heard], certificate: Path
) -> None:
    url, heard = receiver
    clock = iter(range(0, 1000, 45))  # seconds
    telling = replace(round_of(tmp_path, hook(url, certificate)), clock=lambda: float(next(clock)))
    outbox.note(tmp_path, *(waits(event(id=one)) for one in "abc"))
    assert [one.delivered for one in telling.send()] == [True, True, False]
    assert len(outbox.read(tmp_path).waiting) == 1
    assert [one.delivered for one in telling.send()] == [True] and len(heard.bodies) == 3


def test_a_secret_stands_nowhere_but_behind_a_name(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    start = "schema: posture.config/1\nnotify:\n  webhooks:\n    - {name: a, events: [overdue], "
    path.write_text(start + "url: 'https://x.example/', credential: gone}\n")
    with pytest.raises(ConfigError, match="no credential of kind command"):
        read_config(path)
    path.write_text(start + "url: 'http://x.example/', credential: ''}\n")
    with pytest.raises(ConfigError, match="no https URL"):
        read_config(path)


def test_two_receivers_of_one_name_and_a_mail_to_nobody_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    one = "{name: a, events: [overdue], url: 'https://x.example/', credential: ''}"
    path.write_text(f"schema: posture.config/1\nnotify: {{webhooks: [{one}, {one}]}}\n")
    with pytest.raises(ConfigError, match="a second `a`"):
        read_config(path)
    mail_ = "{name: a, events: [overdue], to: [], sender: a@x.example, server: x.example}"
    path.write_text(f"schema: posture.config/1\nnotify: {{mail: [{mail_}]}}\n")
    with pytest.raises(ConfigError, match="nobody gets it"):
        read_config(path)

"""From open ports to AI services: what is asked, what is told, and what stays unknown."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.ai.fingerprints import ALLOWED, BY_ID, MARKS, ORDER, SERVICES, Hit
from collectors.ai.marks import Kind
from collectors.ai.never import is_never
from collectors.ai.scan import Looks, ai_manifest, ask_ai_services, next_path, not_asked
from collectors.ai.service import COLLECTOR, AiServiceFacts, parse
from collectors.ai.sight import Asked, found, ruled_out
from collectors.base import Answer, Command, Facts, Session, Transcript, schema_of
from collectors.network.exposure_vantages import merged
from collectors.network.probe_log import ProbeLog
from posture.inputs.scope import AiQuestions, Scope, Window
from posture.model.host import SELF_VANTAGE, DeviceClass, Host, Trust, Vantage
from posture.model.observation import Blind, Hole, Origin
from tests.collectors.ai_answers import CLOSED, DECOYS, OPEN, UNPROVEN
from tests.collectors.ai_servers import NOT_FOUND, Listening, answering, http
from tests.collectors.network.test_exposure_facts import answers, look, seen

NOW = datetime.now(UTC)
HOST = Host("gpu1", ("127.0.0.1",), "servers")
SCANNER = Vantage("scanner", "mgmt")
TRUST = {"mgmt": Trust.INTERNAL, "servers": Trust.INTERNAL, "internet": Trust.UNTRUSTED}
EVERYTHING = 40


def scope(requests: int = EVERYTHING, **more: object) -> Scope:
    window = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    questions = AiQuestions(requests) if requests else None
    return Scope("AUTH-7", "o", window, ("127.0.0.0/8",), ai_services=questions, **more)  # type: ignore[arg-type]


def nmap(*ports: str, vantage: Vantage = SCANNER, address: str = "127.0.0.1") -> Transcript:
    """Return what nmap brought: lines such as ``tcp/8000 open syn-ack http``."""
    one = look(seen(*ports, address=address), vantage=vantage, trust="internal")
    session = Session("gpu1", "", vantage.name, Origin.LIVE, NOW, transport="nmap")
    return Transcript(session, answers(one))


class Asking:
    """Asks, and keeps the probe log."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(
        self, *looks: Transcript, of: Scope | None = None, vantage: Vantage = SCANNER, host: Host = HOST
    ) -> Transcript:
        with ProbeLog(self.log, "AUTH-7") as log:
            (transcript,) = ask_ai_services(
                [Looks(host, merged(looks))],
                of or scope(),
                vantage,
                trust_of_zone=TRUST,
                log=log,
                stop=threading.Event(),
            )
        return transcript

    def sent(self) -> list[str]:
        return [json.loads(line)["what"][1] for line in self.log.read_text().splitlines()]


@pytest.fixture
def ask(tmp_path: Path) -> Asking:
    return Asking(tmp_path / "probes.jsonl")


def facts(*transcripts: Transcript) -> AiServiceFacts:
    parsed = parse(merged(transcripts).answers)
    assert isinstance(parsed, Facts), parsed
    return parsed.value


def holes(*transcripts: Transcript) -> dict[str, Blind]:
    parsed = parse(merged(transcripts).answers)
    assert isinstance(parsed, Facts), parsed
    return {hole.path: hole.reason for hole in parsed.holes}


def with_404(told: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {"*": NOT_FOUND, **told}


def asked_of(ask: Asking, told: Mapping[str, bytes], *, requests: int = EVERYTHING) -> tuple[Transcript, Listening]:
    with answering(with_404(told)) as server:
        return ask(nmap(f"tcp/{server.port} open syn-ack unknown"), of=scope(requests)), server


EACH = [(name, access, told) for access, table in (("open", OPEN), ("guarded", CLOSED), ("unknown", UNPROVEN)) for name, told in table.items()]  # fmt: skip


@pytest.mark.parametrize(("name", "access", "told"), EACH, ids=[f"{name}-{access}" for name, access, _ in EACH])
def test_a_service_is_told_by_what_it_answers_on_any_port(
    name: str, access: str, told: Mapping[str, bytes], ask: Asking
) -> None:
    transcript, server = asked_of(ask, told)
    (sighting,) = facts(transcript).services.items
    assert sighting.service == name
    assert sighting.access == ("partial" if name == "vllm" and access == "guarded" else access)
    assert sighting.version == VERSIONS.get(name, {}).get(access, sighting.version)
    assert {line.split(" ")[1] for line in server.lines} <= ALLOWED


VERSIONS: Mapping[str, Mapping[str, str]] = {
    "ollama": {"open": "0.6.2", "guarded": "0.6.2"},
    "ray": {"open": "2.40.0"},
    "vllm": {"open": "0.9.2", "guarded": "0.9.2"},
    "mlflow": {"open": "2.9.2"},
    "jupyter": {"open": "2.14.0", "guarded": "2.14.0"},
    "langflow": {"open": "1.2.0"},
    "gradio": {"open": "4.12.0"},
    "qdrant": {"open": "1.9.0", "guarded": "1.9.0"},
    "chroma": {"open": "1.0.0"},
}


def test_every_service_of_the_table_has_answers_to_be_tested_on() -> None:
    assert {*OPEN, *UNPROVEN} == set(BY_ID)


@pytest.mark.parametrize("name", DECOYS)
def test_a_decoy_is_unidentified_and_never_called_an_ai_service(name: str, ask: Asking) -> None:
    transcript, _ = asked_of(ask, DECOYS[name])
    said = facts(transcript)
    assert said.services.items == []
    assert len(said.unidentified.items) == 1


def test_names_of_models_collections_and_notebooks_are_in_no_evidence(ask: Asking) -> None:
    for told in (*OPEN.values(), *CLOSED.values()):
        transcript, _ = asked_of(ask, told)
        assert not [one for one in transcript.answers.values() if b"kanarie" in one.stdout]


@pytest.mark.parametrize("requests", [1, 3, 8, EVERYTHING])
def test_no_server_makes_it_send_more_than_the_budget_or_another_path(requests: int, ask: Asking) -> None:
    everything: dict[str, list[bytes]] = {}
    for table in (OPEN, CLOSED, UNPROVEN):
        for told in table.values():
            for path, answer in told.items():
                everything.setdefault(path, []).append(answer)
    bodies = b"".join(answer.partition(b"\r\n\r\n")[2] for kinds in everything.values() for answer in kinds)
    transcript, server = asked_of(ask, {"*": http(bodies)}, requests=requests)
    assert len(server.lines) <= requests
    paths = [line.split(" ")[1] for line in server.lines]
    assert set(paths) <= ALLOWED
    assert not [path for path in paths if is_never(path)]
    assert {line.split(" ")[0] for line in server.lines} <= {"GET"}
    assert len(set(paths)) == len(paths)
    assert facts(transcript).requests == len(paths)


REPLIES = st.builds(
    Asked,
    path=st.just("/"),
    tls=st.booleans(),
    status=st.one_of(st.none(), st.sampled_from((200, 302, 401, 403, 404, 405, 500))),
    trouble=st.just(""),
    truncated=st.booleans(),
    hits=st.lists(st.sampled_from(sorted(MARKS)).map(Hit), max_size=4).map(tuple),
)


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    port=st.sampled_from((80, 8000, 8080, 11434)),
    budget=st.integers(1, 40),
    server=st.sampled_from(("", "server: uvicorn", "server: nginx")),
)
def test_whatever_is_answered_the_next_question_is_allowed_new_and_within_the_budget(
    data: st.DataObject, port: int, budget: int, server: str
) -> None:
    asked: list[Asked] = []
    while (path := next_path(port, asked, budget, server)) is not None:
        assert path in ALLOWED
        assert path not in {one.path for one in asked}
        asked.append(msgspec.structs.replace(data.draw(REPLIES), path=path))
    assert len(asked) <= budget


@settings(max_examples=200, deadline=None)
@given(data=st.data(), service=st.sampled_from(SERVICES))
def test_a_service_that_was_found_is_never_ruled_out_and_silence_rules_out_nothing(
    data: st.DataObject, service
) -> None:  # type: ignore[no-untyped-def]
    asked = tuple(data.draw(st.lists(REPLIES, max_size=6)))
    assert not (service in found(asked) and ruled_out(service, asked))
    assert not ruled_out(service, ())
    assert not ruled_out(service, tuple(msgspec.structs.replace(one, status=401, hits=()) for one in asked))


def test_every_proof_can_be_asked_for_without_a_hint() -> None:
    proving = {MARKS[mark].path for service in SERVICES for proof in service.proofs for mark in proof}
    assert proving <= {"/", *ORDER}
    assert {mark for service in SERVICES for proof in service.proofs for mark in proof} <= set(MARKS)
    assert {kind.value for kind in Kind} <= set(AiServiceFacts.__dataclass_fields__)


def test_an_open_port_that_matched_nothing_leaves_open_what_was_not_ruled_out(ask: Asking) -> None:
    few, _ = asked_of(ask, DECOYS["nginx"], requests=3)
    (port,) = facts(few).unidentified.items
    assert "chroma" in port.could_be
    assert "ollama" not in port.could_be, "its tell-tale path was answered with something else"
    assert not facts(few).vector_store.complete
    assert facts(few).ollama.complete
    assert holes(few)["vector_store"] is Blind.TRUNCATED
    whole, _ = asked_of(ask, DECOYS["nginx"])
    assert facts(whole).unidentified.items[0].could_be == []
    assert facts(whole).vector_store.complete


def test_a_login_before_everything_rules_nothing_out(ask: Asking) -> None:
    transcript, _ = asked_of(ask, {"*": http("", "401 Unauthorized", more='WWW-Authenticate: Basic realm="x"\r\n')})
    said = facts(transcript)
    assert set(said.unidentified.items[0].could_be) >= {"qdrant", "ollama"}
    assert not said.ollama.complete


def test_what_a_get_cannot_prove_leaves_the_list_of_its_kind_open(ask: Asking) -> None:
    transcript, _ = asked_of(ask, UNPROVEN["mcp"])
    said = facts(transcript)
    assert [one.access for one in said.services.items] == ["unknown"]
    assert (said.mcp.items, said.mcp.complete) == ([], False)
    assert holes(transcript)["mcp"] is Blind.NOT_ATTEMPTED


def test_a_port_that_speaks_no_http_is_no_ai_service_and_nmaps_word_spares_it_the_question(ask: Asking) -> None:
    transcript = ask(nmap("tcp/22 open syn-ack ssh OpenSSH", "tcp/9100 open syn-ack jetdirect"))
    said = facts(transcript)
    assert said.requests == 0
    assert said.ollama.complete
    assert said.services.complete


def test_without_every_port_known_nothing_is_complete(ask: Asking) -> None:
    one = look(seen("tcp/22 open syn-ack ssh OpenSSH", address="127.0.0.1"), vantage=SCANNER, asked="T:1-100")
    part = Transcript(Session("gpu1", "", "scanner", Origin.LIVE, NOW, transport="nmap"), answers(one))
    assert not facts(ask(part)).ollama.complete if isinstance(parse(ask(part).answers), Facts) else True


def test_a_host_nobody_looked_at_and_a_fragile_one_say_why(ask: Asking) -> None:
    nothing = not_asked(HOST, SCANNER, "internal", Blind.NOT_ATTEMPTED, "nmap did not look", NOW)
    assert parse(nothing.answers) == Hole("", Blind.NOT_ATTEMPTED, "nmap did not look")
    plc = Host("plc", ("127.0.0.1",), "servers", device_class=DeviceClass.OT)
    said = parse(ask(nmap("tcp/80 open syn-ack http"), host=plc).answers)
    assert isinstance(said, Hole)
    assert "fragile" in said.detail
    assert not ask.log.read_text()


def test_outside_the_window_and_the_networks_nothing_is_sent(ask: Asking) -> None:
    with answering({"*": NOT_FOUND}) as server:
        line = f"tcp/{server.port} open syn-ack unknown"
        ended = Window(NOW - timedelta(hours=2), NOW - timedelta(hours=1))
        for refused in (
            Scope("A", "o", ended, ("127.0.0.0/8",), ai_services=AiQuestions()),
            Scope("A", "o", scope().window, ("10.0.0.0/8",), ai_services=AiQuestions()),
        ):
            said = facts(ask(nmap(line), of=refused))
            assert [gap.reason for gap in said.gaps] == ["out_of_scope"]
            assert not said.ollama.complete
        with ProbeLog(ask.log, "A") as log:
            looks = [Looks(HOST, nmap(line))]
            assert not list(
                ask_ai_services(looks, scope(0), SCANNER, trust_of_zone=TRUST, log=log, stop=threading.Event())
            )
    assert server.lines == []


def test_every_request_is_in_the_probe_log_before_it_is_sent(ask: Asking) -> None:
    _, server = asked_of(ask, OPEN["jupyter"])
    assert ask.sent() == [f"http://127.0.0.1:{server.port}{line.split(' ')[1]}" for line in server.lines]
    assert json.loads(ask.log.read_text().splitlines()[0])["authorisation"] == "AUTH-7"


def test_what_a_far_vantage_sees_open_is_told_from_where_it_could_be_asked(ask: Asking) -> None:
    outpost = Vantage("outpost", "internet", host="probe")
    with ExitStack() as stack:
        public = stack.enter_context(answering(with_404(OPEN["ollama"])))
        inner = stack.enter_context(answering(with_404(OPEN["qdrant"])))
        both = [f"tcp/{one.port} open syn-ack unknown" for one in (public, inner)]
        here = ask(nmap(*both))
        asked = len(ask.sent())
        far = ask(nmap(both[0], vantage=outpost), vantage=outpost)
    assert len(ask.sent()) == asked, "from a vantage host nothing is asked"
    said = facts(here, far)
    assert [(one.service, one.asked_from) for one in said.outside.items] == [("ollama", "scanner")]
    assert {(one.vantage, one.service) for one in said.services.items} == {
        ("scanner", "ollama"), ("scanner", "qdrant"), ("outpost", "ollama"),
    }  # fmt: skip
    assert said.services.complete
    assert said.gaps == []


def test_a_port_that_only_a_far_vantage_sees_is_a_gap(ask: Asking) -> None:
    outpost = Vantage("outpost", "internet", host="probe")
    here, far = ask(nmap()), ask(nmap("tcp/11434 open syn-ack unknown", vantage=outpost), vantage=outpost)
    said = facts(here, far)
    assert [(gap.vantage, gap.reason) for gap in said.gaps] == [("outpost", "not_attempted")]
    assert not said.ollama.complete


def test_this_machines_look_at_itself_finds_services_and_no_exposure(ask: Asking) -> None:
    with answering(with_404(OPEN["ollama"]), address="127.0.0.1") as server:
        said = facts(ask(nmap(f"tcp/{server.port} open syn-ack unknown", vantage=SELF_VANTAGE), vantage=SELF_VANTAGE))
    assert [one.service for one in said.services.items] == ["ollama"]
    assert said.outside.items == []
    assert (said.ollama.items, said.ollama.complete) == ([], True), "on loopback nobody else reaches it"


def test_the_dry_run_lists_every_path_and_nothing_without_the_owners_word() -> None:
    (planned,) = ai_manifest(scope(8), [HOST], SCANNER)
    assert planned.argv[0] == "GET"
    assert set(planned.argv[1:]) == ALLOWED
    assert "at most 8" in planned.note
    assert ai_manifest(scope(0), [HOST], SCANNER) == []


def test_the_facts_come_from_the_stored_evidence_alone(ask: Asking) -> None:
    transcript, _ = asked_of(ask, OPEN["chroma"])
    assert parse(transcript.answers) == parse(dict(reversed(transcript.answers.items())))
    value = facts(transcript)
    assert msgspec.convert(msgspec.to_builtins(value), AiServiceFacts) == value
    assert schema_of(COLLECTOR)["$ref"].endswith("AiServiceFacts")


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80), st.sampled_from((b'{"kind":"port"}', b"[" * 2000, b'{"kind":"address","vantage":1}'))
    )
)
def test_evidence_that_is_none_is_a_hole(content: bytes) -> None:
    id_ = "ai_service.port/scanner/127.0.0.1/80"
    parsed = parse({id_: Answer(Command(id_, ("GET",)), content, b"", 0, 1)})
    assert isinstance(parsed, Hole)
    assert parsed.reason is Blind.UNPARSEABLE

"""The engine: every host is visited once, within the rates, and one host's trouble is its own."""

from __future__ import annotations

import threading
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.base import Answer, Answers, Collector, Command, Facts, Session, Transcript
from collectors.transports import replay
from collectors.transports.batch import SessionBrokenError
from posture.engine import collect_hosts, visit
from posture.errors import CollectError, ConfigError
from posture.inputs.scope import Rates
from posture.model.host import Access, Host, TransportKind
from posture.model.observation import Blind, Hole, Origin

NAME = Command("os.name", ("/bin/uname", "-n"))
MORE = Command("os.more", ("/bin/uname", "-a"))


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


def collector(**more: Any) -> Collector:
    return Collector("os", 1, (NAME,), Nothing, lambda _: Facts(Nothing()), **more)


@dataclass
class Lab:
    """Transports whose hosts answer their own name, and what was open at the same time."""

    trouble: dict[str, Exception] = field(default_factory=dict)
    """Raised on login, by host."""
    later: dict[str, Exception] = field(default_factory=dict)
    """Raised by the batch, by host."""
    gate: threading.Barrier | None = None
    opened: Counter[str] = field(default_factory=Counter)
    batches: dict[str, list[tuple[Command, ...]]] = field(default_factory=dict)
    zones: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    closed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    payload: bytes = b""

    def open(self, host: Host) -> OneHost:
        with self.lock:
            self.opened[host.id] += 1
            for place in ("all", "zone " + host.zone, *("jump " + jump for jump in host.access.jump)):
                self.zones[place] += 1
                self.most[place] = max(self.most[place], self.zones[place])
        if host.id in self.trouble:
            self.leave(host)
            raise self.trouble[host.id]
        return OneHost(self, host)

    def leave(self, host: Host) -> None:
        with self.lock:
            self.closed.append(host.id)
            for place in ("all", "zone " + host.zone, *("jump " + jump for jump in host.access.jump)):
                self.zones[place] -= 1


class OneHost:
    def __init__(self, lab: Lab, host: Host) -> None:
        self.lab, self.host = lab, host
        self.session = Session(host.id, "scan", "lab", Origin.LIVE, datetime.now(UTC), "SHA256:key", "ssh")

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        if self.lab.gate is not None:
            self.lab.gate.wait(60)
        with self.lab.lock:
            self.lab.batches.setdefault(self.host.id, []).append(commands)
        if self.host.id in self.lab.later:
            raise self.lab.later[self.host.id]
        content = self.host.id.encode() + self.lab.payload * 1
        return {one.id: Answer(one, bytes(bytearray(content)), b"", 0, 1) for one in commands}

    def close(self) -> None:
        self.lab.leave(self.host)


def hosts(count: int, **more: Any) -> list[Host]:
    return [Host(f"h{n:03}", ("127.0.0.1",), **({"zone": f"z{n % 2}"} | more)) for n in range(count)]


def collect(
    lab: Lab,
    fleet: list[Host],
    rates: Rates | None = None,
    collectors: tuple[Collector, ...] | None = None,
    **more: Any,
) -> dict[str, Transcript]:
    found = collect_hosts(fleet, lab.open, collectors or (collector(),), rates or Rates(), vantage="lab", **more)
    return {transcript.session.host: transcript for transcript in found}


def test_every_host_is_visited_once_and_answers_for_itself() -> None:
    lab = Lab()
    transcripts = collect(lab, hosts(50))
    assert sorted(transcripts) == [host.id for host in hosts(50)]
    assert set(lab.opened.values()) == {1}
    assert all(one.answers["os.name"].text == id_ for id_, one in transcripts.items())
    assert sorted(lab.closed) == sorted(transcripts)


def test_no_hosts_make_no_transcripts() -> None:
    assert collect(Lab(), []) == {}


@pytest.mark.parametrize(
    ("rates", "fleet", "place", "most"),
    [
        (Rates(parallel_logins=3), hosts(30), "all", 3),
        (Rates(parallel_logins=16, parallel_logins_per_zone=2), hosts(30), "zone z0", 2),
        (
            Rates(parallel_logins=16, parallel_logins_per_jump=2),
            hosts(30, access=Access(jump=("gate",))),
            "jump gate",
            2,
        ),
    ],
    ids=["run", "zone", "jump"],
)
def test_no_more_hosts_are_open_than_the_scope_allows(rates: Rates, fleet: list[Host], place: str, most: int) -> None:
    lab = Lab()
    assert len(collect(lab, fleet, rates)) == 30
    assert 1 <= lab.most[place] <= most


def test_as_many_hosts_are_open_as_the_scope_allows() -> None:
    """The barrier opens only when four hosts are inside at the same time."""
    lab = Lab(gate=threading.Barrier(4))
    transcripts = collect(lab, hosts(8, zone="z"), Rates(parallel_logins=4, parallel_logins_per_zone=4))
    assert [one.failure for one in transcripts.values()] == [None] * 8


def test_a_full_zone_does_not_hold_up_another_zone() -> None:
    lab = Lab(gate=threading.Barrier(2))
    fleet = [*hosts(4, zone="slow"), *(replace(host, id="x" + host.id) for host in hosts(4, zone="free"))]
    transcripts = collect(lab, fleet, Rates(parallel_logins=2, parallel_logins_per_zone=1))
    assert [one.failure for one in transcripts.values()] == [None] * 8


TROUBLE = [
    (CollectError(Blind.LOGIN_REFUSED, "no"), Blind.LOGIN_REFUSED),
    (CollectError(Blind.HOST_KEY_MISMATCH, "other"), Blind.HOST_KEY_MISMATCH),
    (ConfigError("pinned key"), Blind.NOT_ATTEMPTED),
    (ZeroDivisionError("host bytes: secret"), Blind.BUG),
    (MemoryError(), Blind.BUG),
    (RecursionError(), Blind.BUG),
]


@pytest.mark.parametrize(("error", "reason"), TROUBLE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("when", ["login", "batch"])
def test_trouble_stays_with_its_host(error: Exception, reason: Blind, when: str) -> None:
    lab = Lab(**{"trouble" if when == "login" else "later": {"h003": error}})
    transcripts = collect(lab, hosts(9))
    assert len(transcripts) == 9
    failure = transcripts["h003"].failure
    assert failure is not None
    assert failure.reason is reason
    assert "secret" not in failure.detail
    assert all(one.failure is None and one.answers for id_, one in transcripts.items() if id_ != "h003")
    assert sorted(lab.closed) == sorted(transcripts)


def test_what_was_answered_before_the_session_broke_is_kept() -> None:
    host = hosts(1)[0]
    answered = {"os.name": Answer(NAME, b"x", b"", 0, 1)}
    lab = Lab(later={host.id: SessionBrokenError(Blind.TRUNCATED, "too much", answered)})
    transcript = visit(host, lab.open, (collector(),), "lab")
    assert transcript.answers == answered
    assert transcript.failure == Hole("", Blind.TRUNCATED, "too much")
    assert transcript.session.host_key == "SHA256:key"


def test_the_second_batch_asks_what_depends_on_the_first() -> None:
    def more(answers: Answers) -> tuple[Command, ...]:
        return (MORE, NAME) if answers["os.name"].text == "h000" else ()

    lab = Lab()
    transcripts = collect(lab, hosts(2), collectors=(collector(follow_up=more),))
    assert sorted(transcripts["h000"].answers) == ["os.more", "os.name"]
    assert lab.batches["h000"] == [(NAME,), (MORE,)]
    assert lab.batches["h001"] == [(NAME,)]


def test_a_collector_sees_the_answers_of_its_own_topic_only() -> None:
    seen: list[list[str]] = []
    other = Collector("net", 1, (Command("net.x", ("/bin/true",)),), Nothing, lambda _: Facts(Nothing()))

    def look(answers: Answers) -> tuple[Command, ...]:
        seen.append(sorted(answers))
        return ()

    collect(Lab(), hosts(1), collectors=(collector(follow_up=look), other))
    assert seen == [["os.name"]]


def test_a_follow_up_that_stumbles_costs_its_own_second_batch_only() -> None:
    def stumbles(answers: Answers) -> tuple[Command, ...]:
        raise IndexError("garbage")

    good = Collector(
        "net", 1, (), Nothing, lambda _: Facts(Nothing()), follow_up=lambda _: (Command("net.x", ("/bin/true",)),)
    )
    transcripts = collect(Lab(), hosts(1), collectors=(collector(follow_up=stumbles), good))
    assert sorted(transcripts["h000"].answers) == ["net.x", "os.name"]
    assert transcripts["h000"].failure is None


def test_a_host_cannot_make_the_second_batch_endless() -> None:
    def many(_: Answers) -> tuple[Command, ...]:
        return tuple(Command(f"os.more/{n}", ("/bin/true",)) for n in range(10_000))

    lab = Lab()
    collect(lab, hosts(1), collectors=(collector(follow_up=many),))
    assert len(lab.batches["h000"][1]) <= 400


def test_a_host_without_a_login_is_asked_nothing() -> None:
    lab = Lab()
    collect(lab, hosts(1, access=Access(transport=TransportKind.NONE)))
    assert lab.batches["h000"] == [()]


def test_a_stopped_run_begins_no_further_host_and_ends() -> None:
    stop = threading.Event()
    lab = Lab()
    seen = []
    for transcript in collect_hosts(
        hosts(100), lab.open, (collector(),), Rates(parallel_logins=2), vantage="lab", stop=stop
    ):
        seen.append(transcript.session.host)
        stop.set()
    assert 1 <= len(seen) < 10
    assert set(seen) == set(lab.opened)


def test_a_reader_that_leaves_early_stops_the_run_and_leaves_no_thread() -> None:
    stop = threading.Event()
    before = threading.active_count()
    found = collect_hosts(hosts(100), Lab().open, (collector(),), Rates(parallel_logins=4), vantage="lab", stop=stop)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert stop.is_set()
    assert threading.active_count() == before


def test_memory_does_not_grow_with_the_fleet() -> None:
    """300 hosts with 1 MB each would need 300 MB if transcripts were gathered."""
    lab = Lab(payload=b"x" * 1_000_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in collect_hosts(hosts(300), lab.open, (collector(),), Rates(), vantage="lab"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 300
    assert peak < 100_000_000


def test_replayed_hosts_go_through_the_same_engine(tmp_path: Path) -> None:
    fleet = hosts(3)
    for transcript in collect(Lab(), fleet[:2]).values():
        replay.write_transcript(tmp_path / f"{transcript.session.host}.json", transcript)
    found = {
        one.session.host: one
        for one in collect_hosts(
            fleet, lambda host: replay.connect(host, tmp_path), (collector(),), Rates(), vantage="lab"
        )
    }
    assert found["h001"].answers["os.name"].text == "h001"
    assert found["h001"].session.origin is Origin.REPLAYED
    assert found["h002"].failure is not None

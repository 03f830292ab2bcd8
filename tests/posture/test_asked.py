"""What a run asked is worked out host by host; attempts that asked different hosts different things are no whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collectors.base import Transcript
from posture.asked import asked_of, keep_asked, keep_asked_of
from posture.gather import Job, Work, asked_by
from posture.inputs.config import default
from posture.inputs.scope import AiQuestions
from posture.model.asked import Asked, NotKnown
from posture.model.assessment import Run, RunState
from posture.model.host import Access, TransportKind, Vantage
from posture.model.observation import Origin
from posture.run import merge, replay, scan
from posture.store import Store, Visit
from tests.posture.replays import DAY, FAULTY, HARDENED, START, job, recorded, write_inventory

BOTH = frozenset({HARDENED, FAULTY})


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Job:
    place = tmp_path_factory.mktemp("asked")
    return job(write_inventory(place / "inventory.yaml", HARDENED, FAULTY), place)


@pytest.fixture
def two(agency: Job, tmp_path: Path) -> Job:
    """Two hosts, each with a login and an address."""
    return replace(agency, config=default(tmp_path))


def visits(*hosts: str, transport: str, vantage: str = "scanner", whole: bool = True) -> frozenset[Visit]:
    return frozenset(Visit(host, transport, vantage, brought=True, whole=whole) for host in hosts)


def test_an_attempt_that_asks_everything_is_whole_whatever_was_before(two: Job) -> None:
    assert asked_by(two, frozenset(), 0) == Asked()
    assert asked_by(two, frozenset(), 0).words() == ""


@pytest.mark.parametrize(
    ("before", "asked", "words"),
    [
        (frozenset(), Asked(login=False), "looked from the network only"),
        (visits(HARDENED, transport="ssh"), Asked(no_login=1), "did not log in to 1 host"),
        (visits(*BOTH, transport="ssh"), Asked(), ""),
        (visits(*BOTH, transport="ssh", whole=False), Asked(login=False), "looked from the network only"),
        (visits(*BOTH, transport="nmap"), Asked(login=False), "looked from the network only"),
    ],
    ids=["nothing", "one login", "every login", "broken off", "looks"],
)
def test_of_a_broken_off_attempt_only_what_it_brought_counts(
    two: Job, before: frozenset[Visit], asked: Asked, words: str
) -> None:
    found = asked_by(replace(two, login=False), before, 0)
    assert (found, found.words(), found.whole) == (asked, words, not words)


def test_a_look_counts_where_every_vantage_had_it_and_asked_what_it_may(two: Job) -> None:
    later = replace(two, network=False, far=(Vantage("far", "dmz", HARDENED),))
    near, far = visits(*BOTH, transport="nmap"), visits(FAULTY, transport="nmap", vantage="far")
    assert asked_by(later, near, 0) == Asked(no_look=1)
    assert asked_by(later, near | far, 0) == Asked()  # a vantage does not look at itself
    asking = replace(later, far=(), scope=replace(two.scope, ai_services=AiQuestions()))
    assert asked_by(asking, near, 0) == Asked(network=False)
    assert asked_by(asking, near | visits(HARDENED, transport="http"), 0) == Asked(no_look=1)
    assert asked_by(asking, near, 0).words() == "logged in only"


def test_a_place_that_was_left_out_makes_no_whole_run_unless_an_earlier_attempt_looked_from_it(two: Job) -> None:
    limited = replace(two, left_out=(Vantage("far", "dmz", HARDENED),))
    found = asked_by(limited, frozenset(), 0)
    assert (found, found.words(), found.whole) == (Asked(vantages_left_out=("far",)), "did not look from far", False)
    assert asked_by(limited, visits(FAULTY, transport="nmap", vantage="far"), 0) == Asked()
    gone = visits(FAULTY, transport="nmap", vantage="far", whole=False)
    assert asked_by(limited, gone, 0) == Asked(vantages_left_out=("far",))


def test_a_host_that_nobody_can_ask_misses_nothing(two: Job) -> None:
    hosts = tuple(
        replace(host, access=Access(transport=TransportKind.NONE)) if host.id == FAULTY else host
        for host in two.inventory.hosts
    )
    only = replace(two, inventory=replace(two.inventory, hosts=hosts), login=False)
    assert asked_by(only, visits(HARDENED, transport="ssh"), 0) == Asked()
    assert asked_by(replace(only, inventory=replace(two.inventory, hosts=())), frozenset(), 0) == Asked()


def test_two_attempts_at_different_hosts_are_no_whole_run(two: Job, tmp_path: Path) -> None:
    """The first logs in to one host and is stopped, the second logs in to none."""
    work = Work(clock=lambda: START)
    with Store.open(tmp_path / "posture.db") as store:
        work.stop.set()
        run = scan(store, replace(two, network=False), START, work)
        work.stop.clear()
        store.resume_run(run, START)
        store.save_host(run, HARDENED, transcripts=[recorded(HARDENED)])
        store.interrupt_run(run, START)
        scan(store, replace(two, login=False, network=False), START, work, resume=run)
        assert store.load_run(run).run.state is RunState.COMPLETE
        assert asked_of(store, run) == Asked(network=False, no_login=1)


def test_hosts_that_were_left_out_stay_so_when_a_run_goes_on(two: Job, tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        begun(store, two)
        keep_asked(store, "latest", Asked(hosts_left_out=2))
        keep_asked(store, "latest", Asked())
        assert asked_of(store, "latest") == Asked(hosts_left_out=2)


def test_what_nobody_kept_is_not_known_and_never_whole(two: Job, tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        begun(store, two)
        found = asked_of(store, "latest")
    assert found == NotKnown()
    assert not found.whole
    assert "not kept" in found.words()


def test_a_merged_run_asked_what_all_of_its_sources_did(two: Job, tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        one = replay_of(store, two, recorded(HARDENED))
        merged = merge(store, [one], START + DAY, Work(clock=lambda: START + DAY))
        assert asked_of(store, merged) == asked_of(store, one) == Asked(network=False, no_login=1)


@pytest.mark.parametrize("ended", [True, False], ids=["nobody kept it", "it never came to its end"])
def test_of_a_source_that_is_not_known_nothing_is_kept(two: Job, tmp_path: Path, ended: bool) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        begun(store, two)
        if ended:
            source = store.finish_run("latest", START)
        else:
            keep_asked(store, "latest", Asked())
            source = store.interrupt_run("latest", START)
        begun(store, two, "20260102T000000Z-abcdef")
        keep_asked_of(store, "20260102", [source])
        assert asked_of(store, "20260102") == NotKnown()


def test_a_replay_asked_the_hosts_whose_answers_it_was_given(two: Job, tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        assert asked_of(store, replay_of(store, two, recorded(HARDENED))) == Asked(network=False, no_login=1)


def replay_of(store: Store, two: Job, *said: Transcript) -> str:
    return replay(store, said, two, START, Work(clock=lambda: START), as_of=START)


def begun(store: Store, two: Job, id_: str = "20260101T000000Z-abcdef") -> None:
    run = Run(
        id=id_,
        started_at=START,
        finished_at=None,
        state=RunState.RUNNING,
        operator="alex",
        scanner="here",
        tool_version="1",
        authorisation="TEST-1",
        profile="fceb",
        baseline_digest="",
        inventory_digest="",
        as_of=START,
        origin=Origin.LIVE,
    )
    store.begin_run(run, two.inventory, two.baseline)

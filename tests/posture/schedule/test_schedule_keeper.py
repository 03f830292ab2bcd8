"""The scheduler over a real store and scope files, with a clock that is passed in and errands that end when told to."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posture.model.schedule import Kind, Missed, Occurrence, Outcome, Schedule
from posture.schedule import times
from posture.schedule.errand import permit, words
from posture.schedule.keeper import NOT_CLAIMED, Keeper
from posture.schedule.standing import somebody_keeps, standings
from posture.store import Store
from tests.posture.store.store_samples import baseline, inventory, run

BEGUN = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCOPE = """\
schema: posture.scope/1
authorisation: AUTH-1
owner: A. Example
window: {opens: '2026-06-01T00:00:00Z', closes: '2026-06-20T00:00:00Z'}
cidrs: [127.0.0.1/32]
"""
BLACKOUT = "blackouts: [{days: [mon, tue], from: '08:00', until: '10:00', reason: office hours}]\n"


@dataclass
class Errand:
    """Stands for the process: it claims as the real one does, and ends with a code when the test says so."""

    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, _timeout: float | None = None) -> int:
        return self.returncode or 0

    def send_signal(self, _number: int) -> None:
        self.returncode = -15

    def terminate(self) -> None:
        self.returncode = -15


@dataclass
class Hand(Keeper):
    """A scheduler whose errands are begun in this process."""

    begun: list[tuple[str, datetime]] = field(default_factory=list)
    errands: list[Errand] = field(default_factory=list)
    lasting: bool = False
    """Whether errands go on until the test ends them."""

    def _spawn(self, schedule: Schedule, wanted: Occurrence) -> subprocess.Popen[bytes]:
        claim = replace(wanted, authorisation=permit(schedule, self.now()).authorisation)
        refused = self.store.schedules.claim(claim, self.now())
        if not refused:
            self.begun.append((schedule.name, wanted.due))
        self.errands.append(Errand(NOT_CLAIMED if refused else None if self.lasting else 0))
        return self.errands[-1]  # type: ignore[return-value]


@dataclass
class Clock:
    moment: datetime = BEGUN

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "posture.db") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hand(store: Store, clock: Clock, tmp_path: Path) -> Hand:
    return Hand(store, clock, tmp_path)


def feeds(name: str = "feeds", **changes: object) -> Schedule:
    return replace(Schedule(name, Kind.FEEDS, BEGUN, "seed", every_s=3600), **changes)  # type: ignore[arg-type]


def fleet(tmp_path: Path, name: str = "fleet", scope: str = SCOPE, **changes: object) -> Schedule:
    (tmp_path / "scope.yaml").write_text(scope)
    given_ = {"kind": Kind.CREDENTIALED, "inventory": "/i.yaml", "scope": str(tmp_path / "scope.yaml"), **changes}
    return feeds(name, **given_)


def look(hand: Hand, at: datetime) -> None:
    """Look twice, as the next look writes down what the first one's errands came to."""
    hand.now.moment = at  # type: ignore[attr-defined]
    hand.look()
    hand.look()


def outcomes(store: Store) -> list[tuple[str, str]]:
    return [(one.outcome.value, one.why) for one in reversed(store.schedules.occurrences())]


def test_each_time_is_begun_once_and_written_down(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds(), by="t", at=BEGUN)
    for minutes in (10, 59, 60, 61, 90, 119, 120, 121):
        look(hand, BEGUN + timedelta(minutes=minutes))
    assert hand.begun == [("feeds", BEGUN + HOUR), ("feeds", BEGUN + 2 * HOUR)]
    assert outcomes(store) == [("done", ""), ("done", "")]


def test_times_missed_while_nobody_kept_them_are_caught_up_once(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds(), by="t", at=BEGUN)
    look(hand, BEGUN + 5.5 * HOUR)
    assert hand.begun == [("feeds", BEGUN + 5 * HOUR)]
    assert outcomes(store) == [("done", "4 earlier times missed")]


def test_missed_times_are_skipped_by_choice_and_the_next_one_runs(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds(missed=Missed.SKIP), by="t", at=BEGUN)
    look(hand, BEGUN + 5.5 * HOUR)
    look(hand, BEGUN + 6 * HOUR)
    assert hand.begun == [("feeds", BEGUN + 6 * HOUR)]
    assert outcomes(store) == [
        ("skipped", "4 earlier times missed; nothing could begin it in time"),
        ("done", ""),
    ]


def test_a_clock_put_back_makes_nothing_run_twice_and_put_forward_and_back_loses_nothing(
    store: Store, hand: Hand
) -> None:
    store.schedules.add(feeds(), by="t", at=BEGUN)
    for hours in (1, 2, 1, 0, 2, 3, 100, 4, 5):
        look(hand, BEGUN + hours * HOUR)
    assert hand.begun == [("feeds", BEGUN + hours * HOUR) for hours in (1, 2, 3, 100, 4, 5)]


def test_no_scan_begins_in_a_blackout_and_it_is_caught_up_after(store: Store, hand: Hand, tmp_path: Path) -> None:
    store.schedules.add(fleet(tmp_path, scope=SCOPE + BLACKOUT), by="t", at=BEGUN)  # 1 June 2026 is a Monday
    look(hand, BEGUN + 7 * HOUR)
    look(hand, BEGUN + 8 * HOUR)
    look(hand, BEGUN + 9.5 * HOUR)
    assert [due for _, due in hand.begun] == [BEGUN + 7 * HOUR]
    assert standings(store, BEGUN + 9.5 * HOUR)[0].state == "waits: blackout until 2026-06-01 10:00 UTC: office hours"
    look(hand, BEGUN + 10 * HOUR)
    assert [due for _, due in hand.begun] == [BEGUN + 7 * HOUR, BEGUN + 10 * HOUR]
    assert outcomes(store)[-1] == ("done", "2 earlier times missed")


def test_a_schedule_that_skips_says_that_the_blackout_was_why(store: Store, hand: Hand, tmp_path: Path) -> None:
    store.schedules.add(fleet(tmp_path, scope=SCOPE + BLACKOUT, missed=Missed.SKIP), by="t", at=BEGUN + 7 * HOUR)
    store.schedules.change(
        fleet(tmp_path, scope=SCOPE + BLACKOUT, missed=Missed.SKIP, since=BEGUN + 7 * HOUR), by="t", did="x", at=BEGUN
    )
    look(hand, BEGUN + 8 * HOUR)
    assert outcomes(store) == []
    look(hand, BEGUN + 8.5 * HOUR)
    assert outcomes(store) == [("skipped", "blackout until 2026-06-01 10:00 UTC: office hours")]


def test_an_authorisation_that_has_ended_fails_and_sends_nothing(store: Store, hand: Hand, tmp_path: Path) -> None:
    store.schedules.add(fleet(tmp_path, every_s=86_400), by="t", at=BEGUN)
    look(hand, BEGUN + timedelta(days=19))
    assert hand.begun == []
    assert outcomes(store) == [
        ("failed", "18 earlier times missed; authorisation AUTH-1 ended on 2026-06-20 00:00 UTC"),
    ]


@pytest.mark.parametrize("scope", ["", "schema: posture.scope/1\n"], ids=["gone", "broken"])
def test_a_scope_that_cannot_be_read_is_no_permission(store: Store, hand: Hand, tmp_path: Path, scope: str) -> None:
    store.schedules.add(fleet(tmp_path, scope=scope), by="t", at=BEGUN)
    if not scope:
        (tmp_path / "scope.yaml").unlink()
    look(hand, BEGUN + HOUR)
    ((outcome, why),) = outcomes(store)
    assert (hand.begun, outcome) == ([], "failed")
    assert "the scope cannot be read" in why


def test_two_schedules_of_one_scope_run_one_after_the_other(store: Store, hand: Hand, tmp_path: Path) -> None:
    hand.lasting = True
    for name in ("edge", "fleet"):
        store.schedules.add(fleet(tmp_path, name), by="t", at=BEGUN)
    look(hand, BEGUN + HOUR)
    look(hand, BEGUN + 1.5 * HOUR)
    assert hand.begun == [("edge", BEGUN + HOUR)]
    assert standings(store, BEGUN + HOUR)[1].state == "waits: `edge` runs under the same scope"
    hand.errands[-1].returncode = 0
    look(hand, BEGUN + 1.6 * HOUR)
    assert hand.begun == [("edge", BEGUN + HOUR), ("fleet", BEGUN + HOUR)]


def test_a_schedule_that_cannot_be_worked_out_holds_up_no_other(store: Store, hand: Hand) -> None:
    said: list[str] = []
    hand.say = said.append
    store.schedules.add(feeds("a", every_s=0, cron="0 * * * *", time_zone="Mars/Olympus"), by="t", at=BEGUN)
    store.schedules.add(feeds("b"), by="t", at=BEGUN)
    look(hand, BEGUN + HOUR)
    assert hand.begun == [("b", BEGUN + HOUR)]
    assert any("`Mars/Olympus` is no time zone known here" in line for line in said)


def test_a_timer_counts_as_a_scheduler_for_three_minutes_and_one_run_by_hand_never(
    store: Store, hand: Hand, tmp_path: Path
) -> None:
    hand.beats_as = "-"
    hand.look()
    assert not somebody_keeps(store, BEGUN)
    beats = f"from test_schedule_keeper import *; Store.open({str(tmp_path / 'posture.db')!r}).schedules.beat(BEGUN, "
    for mark, kept in (("''", False), ("' (timer)'", True)):  # each from a process that has ended since
        subprocess.run((sys.executable, "-c", f"{beats}{mark})"), check=True, cwd=Path(__file__).parent)
        assert somebody_keeps(store, BEGUN + timedelta(minutes=2)) is kept
    assert not somebody_keeps(store, BEGUN + timedelta(minutes=3))


def test_feeds_need_no_scope_and_wait_for_nobody(store: Store, hand: Hand, tmp_path: Path) -> None:
    hand.lasting = True
    store.schedules.add(fleet(tmp_path, "a-fleet"), by="t", at=BEGUN)
    store.schedules.add(feeds(), by="t", at=BEGUN)
    look(hand, BEGUN + HOUR)
    assert [name for name, _ in hand.begun] == ["a-fleet", "feeds"]


def test_raw_answers_are_let_go_under_no_scope_and_never_beside_a_run(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds("old", kind=Kind.PRUNE), by="t", at=BEGUN)
    store.begin_run(run(1), inventory(1), baseline(1))
    look(hand, BEGUN + HOUR)
    (standing,) = standings(store, BEGUN + HOUR)
    assert (hand.begun, standing.state) == ([], f"waits: run {run(1).id} is running")
    store.finish_run(run(1).id, BEGUN + HOUR)
    look(hand, BEGUN + 1.1 * HOUR)
    assert hand.begun == [("old", BEGUN + HOUR)]
    assert words(feeds(kind=Kind.PRUNE)) == ("store", "prune")


def test_paused_begins_nothing_and_resumed_does_not_catch_up(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds(paused=True), by="t", at=BEGUN)
    look(hand, BEGUN + 3.5 * HOUR)
    assert hand.begun == []
    store.schedules.change(feeds(since=BEGUN + 3.5 * HOUR), by="t", did="resumed", at=BEGUN)
    look(hand, BEGUN + 4 * HOUR)
    assert hand.begun == []
    look(hand, BEGUN + 4.5 * HOUR)
    assert hand.begun == [("feeds", BEGUN + 4.5 * HOUR)]


def test_a_removed_schedule_begins_nothing_and_keeps_its_history(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds(), by="t", at=BEGUN)
    look(hand, BEGUN + HOUR)
    store.schedules.ask("feeds", by="t", at=BEGUN + HOUR)
    store.schedules.change(feeds(removed=True), by="t", did="removed", at=BEGUN)
    look(hand, BEGUN + 3 * HOUR)
    assert outcomes(store) == [("done", ""), ("failed", "the schedule was removed")]


def test_what_was_asked_for_is_begun_even_when_paused(store: Store, hand: Hand) -> None:
    store.schedules.add(feeds(paused=True), by="t", at=BEGUN)
    store.schedules.ask("feeds", by="t", at=BEGUN)
    look(hand, BEGUN + timedelta(minutes=1))
    assert hand.begun == [("feeds", BEGUN)]


@pytest.mark.parametrize(
    ("kind", "code", "outcome"),
    [
        (Kind.CREDENTIALED, 0, "done"),
        (Kind.CREDENTIALED, 5, "done"),
        (Kind.CREDENTIALED, 2, "failed"),
        (Kind.CREDENTIALED, 3, "failed"),
        (Kind.CREDENTIALED, 70, "failed"),
        (Kind.CREDENTIALED, -9, "interrupted"),
        (Kind.FEEDS, 1, "failed"),
        (Kind.DISCOVERY, 0, "done"),
        (Kind.PRUNE, 0, "done"),
        (Kind.PRUNE, 2, "failed"),
    ],
    ids=str,
)
def test_an_exit_code_is_read_as_what_it_means(
    store: Store, hand: Hand, tmp_path: Path, kind: Kind, code: int, outcome: str
) -> None:
    hand.lasting = True
    store.schedules.add(fleet(tmp_path, kind=kind), by="t", at=BEGUN)
    hand.now.moment = BEGUN + HOUR  # type: ignore[attr-defined]
    hand.look()
    (tmp_path / "fleet.log").write_text("much\nerror: no such file\n")
    hand.errands[-1].returncode = code
    hand._reap(BEGUN + HOUR)
    ((found, why),) = outcomes(store)
    assert found == outcome
    assert why == (f"exit code {code}: error: no such file" if outcome == "failed" else why)


def test_a_scan_that_was_killed_is_taken_up_again_but_not_for_ever(store: Store, hand: Hand, tmp_path: Path) -> None:
    hand.lasting = True
    store.schedules.add(fleet(tmp_path), by="t", at=BEGUN)
    hand.now.moment = BEGUN + HOUR  # type: ignore[attr-defined]
    for _ in range(6):
        hand.look()
        hand.errands[-1].returncode = -9
    assert Counter(hand.begun) == {("fleet", BEGUN + HOUR): 3}
    ((outcome, why),) = outcomes(store)
    assert outcome == "failed"
    assert why.endswith("interrupted 3 times")


def test_a_killed_scan_that_the_next_time_overtook_is_left(store: Store, hand: Hand, tmp_path: Path) -> None:
    hand.lasting = True
    store.schedules.add(fleet(tmp_path), by="t", at=BEGUN)
    look(hand, BEGUN + HOUR)
    hand.errands[-1].returncode = -9
    look(hand, BEGUN + 2 * HOUR)
    assert hand.begun == [("fleet", BEGUN + HOUR), ("fleet", BEGUN + 2 * HOUR)]
    assert outcomes(store)[0] == ("failed", "ended by signal 9; overtaken by the next time")


def test_told_to_end_it_stops_its_errands_and_the_next_one_takes_them_up(
    store: Store, hand: Hand, clock: Clock, tmp_path: Path
) -> None:
    hand.lasting = True
    store.schedules.add(fleet(tmp_path), by="t", at=BEGUN)
    look(hand, BEGUN + HOUR)
    hand.end()
    assert outcomes(store) == [("interrupted", "the scheduler was stopped")]
    another = Hand(store, clock, tmp_path)
    look(another, BEGUN + 1.1 * HOUR)
    assert another.begun == [("fleet", BEGUN + HOUR)]
    assert outcomes(store)[0][0] == "done"


steps = st.lists(st.tuples(st.floats(-3, 9), st.booleans()), min_size=1, max_size=25)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.sampled_from([0, 1200]), st.sampled_from([{"every_s": 3600}, {"every_s": 0, "cron": "5 */2 * * *"}]))
def test_whatever_the_clock_does_no_time_runs_twice_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[float, bool]], jitter_s: int, span: dict[str, object]
) -> None:
    place, clock = tmp_path_factory.mktemp("law"), Clock()
    schedule = feeds(jitter_s=jitter_s, **span)
    begun: list[tuple[str, datetime]] = []
    with Store.open(place / "posture.db") as store:
        store.schedules.add(schedule, by="t", at=BEGUN)
        hand = Hand(store, clock, place, begun=begun)
        for hours, killed in moves:
            hand = Hand(store, clock, place, begun=begun) if killed else hand
            look(hand, max(BEGUN, clock.moment + hours * HOUR))
        latest = max(clock.moment, BEGUN)
        look(hand, latest)
        assert max(Counter(begun).values(), default=1) == 1
        due = times.newest_due(schedule, latest)
        planned = [one for one in store.schedules.occurrences(limit=1000) if one.planned and one.due <= latest]
        assert {one.outcome for one in planned} <= {Outcome.DONE}
        assert due is None or any(one.due >= due for one in planned)
        counted = sum(int(one.why.split()[0]) for one in planned if one.why)
        every = list(takewhile(lambda moment: due is not None and moment <= due, times.due_after(schedule, BEGUN)))
        forwards_only = all(hours >= 0 for hours, _ in moves)
        assert not forwards_only or counted + len(planned) == len(every)


def test_the_command_is_a_list_of_arguments_and_names_only_what_it_was_given(tmp_path: Path) -> None:
    assert words(feeds()) == ("feeds", "update")
    one = fleet(tmp_path, kind=Kind.EXPOSURE, profile="dow")
    assert words(one, "r1") == (
        "scan", "--inventory", "/i.yaml", "--scope", one.scope, "--no-login", "--profile", "dow", "--resume", "r1",
    )  # fmt: skip
    assert words(replace(one, kind=Kind.CREDENTIALED, inventory="", profile="")) == ("scan", "--self")


CLAIMED_ELSEWHERE = """\
import sys
sys.path.insert(0, sys.argv[2])
from store_samples import NOW, baseline, inventory, run
from posture.model.schedule import Occurrence, Outcome
from posture.store import Store
from datetime import UTC, datetime
due = datetime.fromisoformat(sys.argv[3])
with Store.open(sys.argv[1]) as store:
    assert store.schedules.claim(Occurrence("fleet", due, True, Outcome.RUNNING, authorisation="AUTH-1"), due) == ""
    store.begin_run(run(1), inventory(1), baseline(1))
    if sys.argv[4] == "whole":
        store.finish_run(run(1).id, NOW)
"""


def claimed_elsewhere(tmp_path: Path, how: str) -> None:
    """Let a process of its own claim the first time and begin a run, and end without telling any scheduler."""
    samples = str(Path(__file__).parents[1] / "store")
    argv = (sys.executable, "-c", CLAIMED_ELSEWHERE, str(tmp_path / "posture.db"), samples, str(BEGUN + HOUR), how)
    subprocess.run(argv, check=True)


def test_a_scan_that_outlived_its_scheduler_and_ended_is_done(store: Store, hand: Hand, tmp_path: Path) -> None:
    store.schedules.add(fleet(tmp_path), by="t", at=BEGUN)
    claimed_elsewhere(tmp_path, "whole")
    look(hand, BEGUN + 1.1 * HOUR)
    assert (hand.begun, outcomes(store)) == ([], [("done", "ended unwatched")])


def test_a_scan_that_ended_half_done_while_nobody_watched_is_taken_up_once(
    store: Store, hand: Hand, tmp_path: Path
) -> None:
    store.schedules.add(fleet(tmp_path), by="t", at=BEGUN)
    claimed_elsewhere(tmp_path, "half")
    look(hand, BEGUN + 1.1 * HOUR)
    assert hand.begun == [("fleet", BEGUN + HOUR)]
    found = store.schedules.find("fleet", BEGUN + HOUR)
    assert found is not None
    assert (found.run, found.attempts) == (store.load_run().run.id, 2)


def test_a_claim_of_a_machine_that_nobody_can_see_waits_two_days_and_is_never_doubled(
    store: Store, hand: Hand, tmp_path: Path
) -> None:
    store.schedules.add(fleet(tmp_path, every_s=86_400), by="t", at=BEGUN)
    due = BEGUN + timedelta(days=1)
    store.schedules.claim(Occurrence("fleet", due, True, Outcome.RUNNING, authorisation="AUTH-1"), due)
    with store.database.write() as conn:
        conn.exec_driver_sql("UPDATE occurrence SET owner = json_replace(owner, '$.boot', 'x', '$.machine', 'far')")
    look(hand, due + timedelta(hours=47))
    assert (hand.begun, [outcome for outcome, _ in outcomes(store)]) == ([], ["running"])
    look(hand, due + timedelta(hours=49))
    assert hand.begun == [("fleet", due + timedelta(days=2))]
    assert outcomes(store)[0] == ("failed", "its process on far cannot be seen from here: given up")

"""Known vulnerabilities over runs: opened, dated anew when an input changes, deferred, fixed, and recalled offline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from posture.assess import stored_assessment
from posture.evaluated import evaluate
from posture.gather import Work
from posture.judged import register_of, stored
from posture.known import FeedMatcher
from posture.model.finding import Closing, Finding, Status
from posture.model.host import Host
from posture.model.observation import Observation
from posture.model.vulnerability import Advisory, CveRecord, Detection, FeedStamp, FixState
from posture.run import replay
from posture.store import Did, Store
from posture.vulnerabilities.register import Matched, in_enclave, joined
from tests.posture.replays import DAY, HARDENED, START, job, recorded, write_inventory
from tests.posture.vulnerabilities.known import Authored

CVE = "CVE-2026-4242"
SUBJECT = f"pkg:deb/debian/aide {CVE}"
KEV = FeedStamp("kev", "file:kev.json", START, "0" * 64, "2026.11.22", 1)
SAID = ("debian-tracker", Advisory(CVE, "Debian:12", "aide", FixState.FIXED_IN, fixed="99"))
ASKED = replace(SAID[1], cve="CVE-2026-1", state=FixState.INVESTIGATING, fixed="")
SSVC = CveRecord(CVE, automatable=False, technical_impact="total", ssvc_source="CISA Vulnrichment 2026-11-20")
WAITS = Authored((SAID,), (SSVC,), (KEV,))
LISTED = replace(WAITS, records=(replace(SSVC, kev_added=date(2026, 11, 25)),))
MENDED = replace(WAITS, said=((SAID[0], replace(SAID[1], fixed="0.1")),))


class Read(FeedMatcher):
    """The recordings are older than the question for Python and npm projects; here that is no gap."""

    def matched(self, host: Host, observed: Mapping[str, Observation]) -> Matched:
        found = super().matched(host, observed)
        return replace(found, gap=found.gap.replace("projects of Python and npm were not all read", "").strip("; "))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "posture.db") as opened:
        yield opened


def run(
    store: Store, tmp_path: Path, known: Authored | None, *, day: int = 0, exposure: str = "internal", **more: object
) -> str:
    path = write_inventory(tmp_path / "inventory.yaml", HARDENED)
    wanted = job(path, tmp_path)
    (host,) = wanted.inventory.hosts
    tagged = replace(host, tags=replace(host.tags, exposure=exposure))
    wanted = replace(wanted, inventory=replace(wanted.inventory, hosts=(tagged,)))
    if known is not None:
        wanted = replace(wanted, matcher=Read(known))
    wanted = replace(wanted, **more)  # type: ignore[arg-type]
    at = START + day * DAY
    said = recorded(HARDENED, at=at)
    return replay(store, [said], wanted, at, Work(clock=lambda: at), as_of=at)


def status(store: Store, ref: str) -> Status:
    (host, *_) = stored_assessment(store, ref).read_hosts()
    return next(one.verdict.status for one in host.results if one.check == "PAT-03")


def findings(store: Store) -> list[Finding]:
    return list(store.findings(check="PAT-03"))


def test_without_a_feed_nothing_passes(store: Store, tmp_path: Path) -> None:
    assert status(store, run(store, tmp_path, None)) is Status.NOT_CHECKED
    other = replace(WAITS, said=((SAID[0], replace(SAID[1], ecosystem="Debian:11")),))
    assert status(store, run(store, tmp_path, other, day=1)) is Status.NOT_CHECKED
    assert findings(store) == []


def test_what_a_vendor_still_looks_at_is_neither_found_nor_clean(store: Store, tmp_path: Path) -> None:
    known = replace(WAITS, said=((SAID[0], ASKED),))
    assert status(store, run(store, tmp_path, known)) is Status.NOT_CHECKED
    assert status(store, run(store, tmp_path, MENDED, day=1)) is Status.PASS


def test_a_date_follows_its_inputs_and_the_clock_keeps_its_start(store: Store, tmp_path: Path) -> None:
    # Inside, not in KEV: row 4, fix on system upgrade. No date, no finding, but seen all the same.
    assert status(store, run(store, tmp_path, WAITS)) is Status.PASS
    # Three days later it is listed in KEV: row 8. The clock started with our first sight, before the listing.
    listed = run(store, tmp_path, LISTED, day=3)
    assert status(store, listed) is Status.FAIL
    (opened,) = findings(store)
    assert (opened.subject, opened.first_seen) == (SUBJECT, START + 3 * DAY)
    due = opened.due[0]
    assert (due.clock, due.clock_start, due.due) == ("bod-26-04", START.date(), date(2026, 12, 6))
    assert due.binding and due.legal and "row 8" in due.row
    # The host becomes public: row 12, three days and forensic triage. The change stands in the history.
    run(store, tmp_path, LISTED, day=4, exposure="public")
    (changed,) = findings(store)
    assert changed.due[0].due == date(2026, 11, 25) and "row 12" in changed.due[0].row
    assert [one.did for one in store.finding_history(changed.id)] == [Did.OPENED, Did.DUE_CHANGED]
    # It leaves KEV again and the host the internet: still there, without a date, and therefore not "fixed".
    run(store, tmp_path, WAITS, day=5)
    assert findings(store)[0].closing is Closing.NOT_APPLICABLE
    # Patched.
    run(store, tmp_path, LISTED, day=6)
    run(store, tmp_path, MENDED, day=7)
    (fixed,) = findings(store)
    assert fixed.closing is Closing.FIXED and fixed.opened == 2


def test_every_run_keeps_what_was_known_then(store: Store, tmp_path: Path) -> None:
    then = run(store, tmp_path, WAITS)
    now = run(store, tmp_path, LISTED, day=3)
    history = [stored(store, ref).known.of_host(HARDENED)[0] for ref in (then, now)]
    assert [(one.decision.outcome, one.decision.row) for one in history] == [("FSU", 4), ("14D", 8)]
    assert [one.detections[0].first_seen for one in history] == [START, START]
    assert register_of(store, now).feeds == (KEV,)


def test_an_evaluation_years_later_needs_no_feed_and_gives_the_same(store: Store, tmp_path: Path) -> None:
    ref = run(store, tmp_path, LISTED)
    again = evaluate(store, ref)
    assert again.fingerprint == store.load_run(ref).fingerprint
    assert [one.due for one in again.findings if one.check == "PAT-03"] == [one.due for one in findings(store)]


def test_an_earlier_sight_of_somebody_else_starts_the_clock_and_is_named(store: Store, tmp_path: Path) -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)

    class Imported(Read):
        def matched(self, host: Host, observed: Mapping[str, Observation]) -> Matched:
            found = super().matched(host, observed)
            return replace(found, sights=((SUBJECT, Detection(first, START, "ACAS")),))

    run(store, tmp_path, None, matcher=Imported(LISTED))
    (opened,) = findings(store)
    due = opened.due[0]
    assert due.clock_start == first.date() and "first seen by ACAS" in due.reason
    assert opened.first_seen == START  # our own sight stays our own


def test_a_profile_that_the_directive_does_not_bind_is_informed_and_has_its_own_days(
    store: Store, tmp_path: Path
) -> None:
    from posture.catalogue.load import load

    run(store, tmp_path, LISTED, baseline=load().baseline("dow"))
    (opened,) = findings(store)
    assert [(one.clock, one.binding) for one in opened.due] == [
        ("vulnerability-days", True), ("bod-26-04", False), ("bod-26-04", False),
    ]  # fmt: skip


def test_registers_of_enclaves_join_without_losing_a_listing(store: Store, tmp_path: Path) -> None:
    refs = [run(store, tmp_path, WAITS), run(store, tmp_path, LISTED, day=3)]
    one, two = (register_of(store, ref) for ref in refs)
    both = joined([in_enclave(one, "east"), in_enclave(two, "west")])
    assert [entry.host for entry in both.hosts] == [f"east/{HARDENED}", f"west/{HARDENED}"]
    assert [record.kev_added for record in both.records] == [date(2026, 11, 25)]
    assert len(both.affected) == 1

from __future__ import annotations

from dataclasses import replace

import pytest
from store_samples import (
    NOW,
    baseline,
    finding,
    host_id,
    inventory,
    observations,
    results,
    run,
    scan,
    silence,
    transcript,
)

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.model.check import Baseline
from posture.model.finding import Status
from posture.model.observation import Blind, Origin, Unseen
from posture.store import FLEET, Store, Visit, evidence_of


def test_a_run_comes_back_as_it_was_saved(store: Store):
    id_ = scan(store)
    stored = store.load_run("latest")
    assert stored.run == replace(run(), state=RunState.COMPLETE, finished_at=stored.run.finished_at)
    assert (stored.hosts, stored.checks, stored.notes, stored.fingerprint) == (3, 4, ("slowed down",), "f" * 64)
    assert stored.pid is None and stored.provenance is None
    assert store.load_run(id_) == store.load_run(id_[:-2]) == store.runs()[0] == stored


def test_inventory_and_baseline_are_frozen_with_the_run(store: Store):
    id_ = scan(store)
    assert store.inventory(id_) == inventory()
    assert store.baseline(id_) == baseline()


def test_a_large_inventory_comes_back_in_id_order_whatever_order_it_had(store: Store):
    whole = inventory(2500)
    store.begin_run(run(), replace(whole, hosts=tuple(reversed(whole.hosts))), baseline())
    assert store.inventory("latest") == whole
    assert [one.host.id for one in store.read_hosts("latest")] == [one.id for one in whole.hosts]


def test_named_documents_stay_with_the_run(store: Store):
    id_ = scan(store)
    assert store.parts(id_) == ("scope",)
    assert store.part(id_, "scope") == b"authorisation: AUTH-7\n"
    with pytest.raises(StoreError, match="has no `plan`"):
        store.part(id_, "plan")


def test_transcripts_come_back_as_they_were_collected(store: Store):
    id_ = scan(store)
    assert list(store.read_transcripts(id_)) == [
        transcript(host_id(0)),
        transcript(host_id(1)),
        silence(host_id(2)),
    ]
    assert list(store.read_transcripts(id_, host_id(1))) == [transcript(host_id(1))]


def test_observations_come_back_as_they_were_saved(store: Store):
    id_ = scan(store)
    assert tuple(store.read_observations(id_, host_id(0))) == observations(host_id(0))
    assert len(list(store.read_observations(id_))) == 6


def test_everything_of_a_host_is_read_together(store: Store):
    id_ = scan(store)
    first = store.read_host(id_, host_id(0))
    assert list(first.results) == results(host_id(0), {1: Status.FAIL})
    assert first.evidence == tuple(sorted(evidence_of(transcript(host_id(0))), key=lambda one: one.command_id))
    assert first.unseen == (Unseen(host_id(0), "sudo", Blind.COMMAND_REFUSED, "sudo: a password is required"),)
    assert [topic for topic, _ in first.documents] == ["os", "sshd"]
    assert (first.platform, first.session, first.taken_at) == ("Debian 12", f"SHA256:{host_id(0)}", NOW)


def test_evidence_says_as_whom_and_what_was_asked(store: Store):
    asked = {one.command_id: (one.account, one.asked) for one in store.read_host(scan(store), host_id(0)).evidence}
    assert asked["os.release"] == ("scan", "/usr/bin/cat /etc/os.release")
    assert asked["sshd.effective"] == ("scan+sudo", "sudo -n /usr/bin/cat /etc/sshd.effective")


def test_a_host_nobody_judged_is_not_checked_and_in_the_denominator(store: Store):
    id_ = scan(store)
    unreached = store.read_host(id_, host_id(2))
    assert [one.verdict.status for one in unreached.results] == [Status.NOT_CHECKED] * 4
    coverage = store.coverage(id_)
    assert (coverage.possible, coverage.decided) == (12, 8)
    assert dict(coverage.by_status) == {Status.PASS: 7, Status.FAIL: 1, Status.NOT_CHECKED: 4}


def test_the_tally_of_an_ended_run_is_the_one_counted_before(store: Store):
    id_ = run().id
    store.begin_run(run(), inventory(), baseline())
    store.save_results(id_, [*results(host_id(0), {1: Status.FAIL}), *results(host_id(1))])
    before = store.tally(id_)
    store.finish_run(id_, NOW)
    assert store.tally(id_) == before
    assert sum(line.hosts for line in before) == 12


def test_a_check_without_a_result_is_not_checked(store: Store):
    store.begin_run(run(), inventory(), baseline())
    store.save_results(run().id, results(host_id(0))[:2])
    said = store.read_host("latest", host_id(0)).results
    assert [one.verdict.status for one in said] == [Status.PASS] * 2 + [Status.NOT_CHECKED] * 2


def test_results_outside_the_denominator_are_refused(store: Store):
    store.begin_run(run(), inventory(), baseline())
    with pytest.raises(StoreError, match="host `elsewhere` is not in the inventory"):
        store.save_results(run().id, results("elsewhere"))
    with pytest.raises(StoreError, match="SSH-05"):
        store.save_results(run().id, results(host_id(0), checks=5))
    with pytest.raises(StoreError, match="twice"):
        store.save_results(run().id, results(host_id(0)) + results(host_id(0)))


def test_the_fleet_may_be_judged_and_is_in_no_denominator(store: Store):
    store.begin_run(run(), inventory(), baseline())
    store.save_host(run().id, FLEET, observations=observations(FLEET))
    assert [one.host.id for one in store.read_hosts("latest")] == [host_id(n) for n in range(3)]
    store.save_results(run().id, results(FLEET, {1: Status.FAIL}))
    assert [one.host.id for one in store.read_hosts("latest")][-1] == FLEET
    assert store.coverage("latest").by_status == ((Status.NOT_CHECKED, 12),)
    assert len(list(store.read_observations("latest", FLEET))) == 3


def test_an_inventory_with_a_doubled_or_a_reserved_id_is_refused(store: Store):
    whole = inventory()
    with pytest.raises(StoreError, match="stands twice"):
        store.begin_run(run(), replace(whole, hosts=(*whole.hosts, whole.hosts[0])), baseline())
    with pytest.raises(StoreError, match="kept for facts that span hosts"):
        store.begin_run(run(), replace(whole, hosts=(replace(whole.hosts[0], id=FLEET),)), baseline())


def test_a_second_visit_from_another_vantage_is_kept_beside_the_first(store: Store):
    store.begin_run(run(), inventory(), baseline())
    for vantage in ("hq", "outside", "hq"):
        store.save_host(run().id, host_id(0), transcripts=[transcript(host_id(0), vantage=vantage)])
    assert [one.session.vantage for one in store.read_transcripts("latest")] == ["hq", "outside"]


def test_topics_that_arrive_later_join_those_that_are_there(store: Store):
    store.begin_run(run(), inventory(), baseline())
    os, sshd, sudo = observations(host_id(0))
    store.save_host(
        run().id, host_id(0), observations=[Unseen(host_id(0), "os", Blind.TIMED_OUT), sudo], platform="Debian"
    )
    store.save_host(run().id, host_id(0), observations=[os, sshd])
    assert tuple(store.read_observations("latest", host_id(0))) == (os, sshd, sudo)
    assert store.read_host("latest", host_id(0)).platform == "Debian"


def test_an_observation_of_another_host_is_refused(store: Store):
    store.begin_run(run(), inventory(), baseline())
    with pytest.raises(StoreError, match="came with"):
        store.save_host(run().id, host_id(0), observations=observations(host_id(1)))
    with pytest.raises(StoreError, match="came with"):
        store.save_host(run().id, host_id(0), transcripts=[transcript(host_id(1))])
    assert list(store.read_observations("latest")) == []


def test_a_document_that_is_not_what_its_digest_says_is_refused(store: Store):
    store.begin_run(run(), inventory(), baseline())
    forged = replace(observations(host_id(0))[0], digest="0" * 64)  # type: ignore[call-arg]
    with pytest.raises(StoreError, match="not what its digest says"):
        store.save_host(run().id, host_id(0), observations=[forged])


def test_replay_never_passes_for_live(store: Store):
    store.begin_run(run(origin=Origin.REPLAYED), inventory(), baseline())
    spoken = transcript(host_id(0))
    spoken = replace(spoken, session=replace(spoken.session, origin=Origin.REPLAYED))
    store.save_host(run().id, host_id(0), transcripts=[spoken])
    said = store.read_host("latest", host_id(0))
    assert said.session == "replay"
    assert {one.origin for one in said.evidence} == {Origin.REPLAYED}


def test_an_ended_run_takes_nothing_more(store: Store):
    id_ = scan(store)
    for write in (
        lambda: store.save_host(id_, host_id(0)),
        lambda: store.save_results(id_, results(host_id(0))),
        lambda: store.save_findings(id_, [finding(host_id(0))], NOW),
        lambda: store.save_part(id_, "plan", b""),
        lambda: store.finish_run(id_, NOW),
        lambda: store.resume_run(id_, NOW),
    ):
        with pytest.raises(StoreError, match="complete"):
            write()


def test_an_interrupted_run_is_incomplete_and_goes_on_where_it_stopped(store: Store, path):
    id_ = run().id
    store.begin_run(run(), inventory(), baseline())
    store.save_host(id_, host_id(0), transcripts=[transcript(host_id(0))])
    store.save_host(id_, host_id(1), transcripts=[silence(host_id(1))])
    assert store.interrupt_run(id_, NOW).run.state is RunState.INCOMPLETE
    with Store.open(path) as again:
        resumed = again.resume_run(id_, NOW)
        assert resumed.collected == {host_id(0)}
        assert Visit(host_id(1), "ssh", "hq", brought=False, whole=False) in resumed.visits
        assert (resumed.run.state, resumed.inventory, resumed.baseline) == (RunState.RUNNING, inventory(), baseline())
        again.save_host(id_, host_id(1), transcripts=[transcript(host_id(1))])
        assert again.finish_run(id_, NOW).run.state is RunState.COMPLETE
        assert [bool(one.answers) for one in again.read_transcripts(id_)] == [True, True]


def test_the_tally_of_a_resumed_run_is_counted_anew(store: Store):
    store.begin_run(run(), inventory(), baseline())
    store.interrupt_run(run().id, NOW)
    assert store.coverage("latest").decided == 0
    store.resume_run(run().id, NOW)
    store.save_results(run().id, results(host_id(0)))
    assert store.coverage("latest").decided == 4
    store.finish_run(run().id, NOW)
    assert store.coverage("latest").decided == 4


def test_a_running_run_names_its_process(store: Store):
    import os

    store.begin_run(run(), inventory(), baseline())
    assert store.load_run().pid == os.getpid()


def test_the_same_run_id_twice_is_refused(store: Store):
    scan(store)
    with pytest.raises(StoreError, match="already"):
        store.begin_run(run(), inventory(), baseline())


def test_a_run_that_is_not_there_is_named(store: Store):
    for ref in ("latest", "nothing", "", "%"):
        with pytest.raises(StoreError, match=r"no run"):
            store.load_run(ref)


def test_an_ambiguous_beginning_is_refused(store: Store):
    scan(store, 1)
    scan(store, 2)
    with pytest.raises(StoreError, match="more than one"):
        store.load_run("2026")


def test_a_difference_is_what_changed_and_nothing_else(store: Store):
    one, two = run(1), run(2)
    store.begin_run(one, inventory(3), baseline(4))
    store.save_results(one.id, [*results(host_id(0), {1: Status.FAIL}), *results(host_id(1))])
    store.finish_run(one.id, NOW)
    store.begin_run(two, inventory(4), baseline(3))
    store.save_results(two.id, [*results(host_id(0), checks=3), *results(host_id(1), checks=3)])
    store.finish_run(two.id, NOW)
    found = [(one.host, one.check, one.old, one.new) for one in store.diff(one.id, two.id)]
    assert (host_id(0), "SSH-01", Status.FAIL, Status.PASS) in found
    assert (host_id(0), "SSH-04", Status.PASS, None) in found
    assert (host_id(3), "SSH-03", None, Status.NOT_CHECKED) in found
    assert len(found) == 1 + 3 + 3
    assert list(store.diff(one.id, one.id)) == []


def test_evidence_is_found_by_digest_in_every_run(store: Store):
    first, second = scan(store, 1), scan(store, 2)
    mine = store.read_host(first, host_id(0)).evidence[1]
    assert mine.command_id == "os.release"
    found = list(store.find_evidence(mine.sha256))
    assert [(id_, one.host, one.command_id) for id_, one in found] == [
        (first, host_id(0), "os.release"),
        (second, host_id(0), "os.release"),
    ]
    assert list(store.find_evidence("0" * 64)) == []


def test_a_baseline_that_does_not_load_says_so(store: Store):
    from posture.store.codec import decode

    for broken in (b"[]", b"{}", b'{"$":"Baseline","profile":null}', b"\xff"):
        with pytest.raises(StoreError, match="does not load"):
            decode(Baseline, broken)

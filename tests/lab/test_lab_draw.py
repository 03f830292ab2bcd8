"""What a seed draws: always the same, never two faults that undo each other, and in time everything in the pool."""

from __future__ import annotations

import pytest

from tests.lab.agency import draw
from tests.lab.expectations import EXPECTATIONS, UNSEEABLE
from tests.lab.faults import ALWAYS, BY_ID, FAULTS
from tests.lab.places import PLACES

SEEDS = range(60)


def test_every_fault_has_an_expectation_and_every_expectation_a_fault() -> None:
    assert {fault.id for fault in FAULTS} == set(EXPECTATIONS)
    assert len(BY_ID) == len(FAULTS)


def test_every_expectation_names_a_check_that_must_fail() -> None:
    assert all(expectation.must for expectation in EXPECTATIONS.values())
    assert not any(expectation.must & UNSEEABLE for expectation in EXPECTATIONS.values())


def test_a_seed_always_draws_the_same() -> None:
    assert [draw(seed) for seed in SEEDS] == [draw(seed) for seed in SEEDS]


def test_seeds_differ() -> None:
    assert len({str(draw(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_agency_has_the_faults_the_issue_names(seed: int) -> None:
    drawn = [fault for faults in draw(seed).values() for fault in faults]
    assert set(ALWAYS) <= set(drawn)
    assert all(len(faults) >= 3 for faults in draw(seed).values())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_faults_of_a_host_touch_the_same_thing(seed: int) -> None:
    for faults in draw(seed).values():
        touched = [thing for id_ in faults for thing in BY_ID[id_].touches]
        assert len(touched) == len(set(touched))


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_opens_the_firewalled_host(seed: int) -> None:
    firewalled = next(place.id for place in PLACES if place.condition == "firewalled")
    assert not any(BY_ID[id_].touches & {"ports", "firewall"} for id_ in draw(seed)[firewalled])


def test_in_time_everything_in_the_pool_is_drawn() -> None:
    assert {fault for seed in SEEDS for faults in draw(seed).values() for fault in faults} == set(BY_ID)


def test_only_faults_of_checks_that_exist_are_drawn() -> None:
    drawn = {fault for faults in draw(3, checks={"SSH-02", "SSH-10", "IDN-07"}).values() for fault in faults}
    assert drawn == {"ssh-password", "ssh-password-match", "ssh-x11", "sudo-nopasswd"}

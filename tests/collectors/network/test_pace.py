"""A suffering network is pushed less, and then not at all."""

from __future__ import annotations

import threading

from collectors.network.nmap_xml import SeenHost, SeenPort, SeenRest
from collectors.network.pace import Pace, answered, same_silence, silent_ports, suspects


def host(srtt_us: int | None = 1000, *, timed_out: bool = False, rest: tuple[SeenRest, ...] = ()) -> SeenHost:
    return SeenHost("10.0.0.1", "up", "user-set", (), rest, timed_out, srtt_us=srtt_us)


CALM = [host() for _ in range(10)]
LATE = [host(timed_out=True), *CALM[1:]]


def test_a_calm_network_keeps_its_rate() -> None:
    pace = Pace(400)
    for _ in range(10):
        assert pace.judge("dmz", CALM) == ""
    assert (pace.packets_per_s, pace.stopped) == (400, "")


def test_hosts_that_time_out_halve_the_rate_and_calm_batches_bring_it_back() -> None:
    pace = Pace(400)
    assert "timed out" in pace.judge("dmz", LATE)
    assert pace.packets_per_s == 200
    for _ in range(4):
        pace.judge("dmz", CALM)
    assert pace.packets_per_s == 400


def test_three_strained_batches_in_a_row_stop_the_scan() -> None:
    pace = Pace(400)
    pace.judge("dmz", CALM, lossy=5)
    pace.judge("dmz", CALM, cut_short=True)
    assert not pace.stopped
    pace.judge("dmz", LATE)
    assert "3 strained batches" in pace.stopped


def test_a_calm_batch_between_starts_the_count_again() -> None:
    pace = Pace(400)
    for hosts in (LATE, LATE, CALM, LATE, LATE):
        pace.judge("dmz", hosts)
    assert not pace.stopped


def test_a_round_trip_that_rises_is_strain_in_its_own_zone_only() -> None:
    pace = Pace(400)
    assert pace.judge("dmz", [host(20_000)]) == ""
    assert pace.judge("overseas", [host(300_000)]) == ""
    assert "round trip" in pace.judge("dmz", [host(120_000)])


def test_a_round_trip_below_the_floor_is_noise() -> None:
    pace = Pace(400)
    pace.judge("dmz", [host(100)])
    assert pace.judge("dmz", [host(40_000)]) == ""


def test_the_budget_is_shared_and_a_full_house_waits() -> None:
    pace = Pace(400, lanes=2)
    given: list[int] = []
    third = threading.Event()

    def take() -> None:
        with pace.lease() as rate:
            given.append(rate)
            third.set()

    with pace.lease() as first:
        with pace.lease() as second:
            thread = threading.Thread(target=take)
            thread.start()
            assert not third.wait(0.05)
        thread.join(timeout=60)
    assert [first, second, *given] == [200, 200, 200]


def rest(state: str, reason: str, ports: str, count: int) -> SeenRest:
    return SeenRest(state, count, reason, "tcp", ports)


SCATTERED = ",".join(str(port) for port in range(3, 700, 7))


def test_silent_ports_scattered_among_answering_ones_are_lost_packets() -> None:
    lossy = host(rest=(rest("closed", "reset", "1-65535", 65000), rest("filtered", "no-response", SCATTERED, 100)))
    assert len(silent_ports(lossy)) == 100


def test_a_few_silent_ports_are_a_firewalls_rules() -> None:
    guarded = host(rest=(rest("closed", "reset", "1-65535", 65000), rest("filtered", "no-response", "135-139,445", 6)))
    assert silent_ports(guarded) == frozenset()


def test_a_host_that_drops_nearly_everything_lost_nothing() -> None:
    shut = host(rest=(rest("filtered", "no-response", SCATTERED + ",800-65535", 64000),))
    assert silent_ports(shut) == frozenset()


def test_silence_in_hundreds_of_places_is_loss_however_little_answers() -> None:
    """As seen with a rate far too high for the scanner: four answers of five lost, an open port among them."""
    runs = ",".join(f"{port}-{port + 3}" for port in range(1, 65531, 5))
    drowned = host(rest=(rest("closed", "reset", "5,10,15", 13106), rest("filtered", "no-response", runs, 52424)))
    assert len(silent_ports(drowned)) == 13106


def test_ports_listed_one_by_one_count_as_well() -> None:
    ports = tuple(SeenPort("tcp", port, "filtered", "no-response") for port in range(10, 400, 20))
    lossy = SeenHost("10.0.0.1", "up", "", ports, (rest("closed", "reset", "1-65535", 65000),), False)
    assert len(silent_ports(lossy)) == 20


def test_silent_ports_of_a_host_that_answers_are_worth_asking_again() -> None:
    single = SeenPort("tcp", 22, "filtered", "no-response")
    folded = (rest("closed", "reset", "1-65535", 65000), rest("filtered", "no-response", "135-137,445", 4))
    assert suspects(SeenHost("10.0.0.1", "up", "", (single,), folded, False)) == (22, 135, 136, 137, 445)
    shut = (rest("filtered", "no-response", "1-65535", 65535),)
    assert suspects(SeenHost("10.0.0.1", "up", "", (single,), shut, False)) == ()


def test_silence_that_repeats_is_no_loss() -> None:
    first = frozenset(SCATTERED.split(","))
    assert same_silence(first, first)
    assert not same_silence(first, frozenset(str(port) for port in range(1, 400, 4)))
    assert not same_silence(first, frozenset())


def test_old_nmaps_plural_reasons_count_as_answers() -> None:
    assert answered(host(rest=(rest("closed", "resets", "", 5),)))
    assert answered(host(rest=(rest("closed", "conn-refused", "", 5),)))
    assert not answered(host(rest=(rest("filtered", "no-responses", "", 5),)))
    assert not answered(host(rest=(rest("filtered", "host-unreaches", "", 5),)))

"""Every AI-threat category has at least three checks, one of its own and one that the network can see."""

from __future__ import annotations

from posture.catalogue.load import load
from posture.catalogue.reach import NETWORK_TOPICS, reach_of
from posture.observe import DERIVED_COLLECTORS, NETWORK_COLLECTORS

CATALOGUE = load()
REACH = {one.category: one for one in reach_of(CATALOGUE.categories, CATALOGUE.checks.values())}
LEAST = 3


def lacks(category: str) -> frozenset[str]:
    reach = REACH[category]
    short = {
        "checks": len(reach.checks) < LEAST,
        "checks of its own": not reach.first,
        "the network": not reach.from_network,
    }
    return frozenset(what for what, is_short in short.items() if is_short)


def test_no_category_lacks_checks_or_the_networks_eye() -> None:
    assert {category: lacking for category in REACH if (lacking := lacks(category))} == {}


def test_phishing_and_adaptive_malware_have_checks_of_their_own() -> None:
    assert set(REACH["AIT-05"].first) >= {"DWN-01", "DWN-02", "MAIL-01", "MAIL-02", "MAIL-03", "MAIL-04"}
    assert set(REACH["AIT-07"].first) >= {"EGR-01", "EXE-01", "EXE-02", "HRD-09", "HRD-15"}


def test_which_categories_the_network_sees() -> None:
    seen = {category: reach.from_network for category, reach in REACH.items() if reach.from_network}
    assert sorted(seen) == sorted(REACH)
    assert "MAIL-03" in seen["AIT-05"]
    assert "EXP-02" in seen["AIT-07"]


def test_network_topics_are_those_the_program_asks_of_the_network() -> None:
    assert {collector.topic for collector in (*NETWORK_COLLECTORS, *DERIVED_COLLECTORS)} == NETWORK_TOPICS


def test_what_machine_speed_defence_needs_is_tagged() -> None:
    tagged = {check.id for check in CATALOGUE.checks.values() if "defend" in check.tags}
    # sensor, audit, central log, time, program starts, updates, isolation: what policy asks for by name
    assert tagged >= {"DEF-01", "LOG-01", "LOG-03", "LOG-04", "LOG-06", "LOG-07", "PAT-06"}
    assert not {tag for check in CATALOGUE.checks.values() for tag in check.tags} - {"defend"}

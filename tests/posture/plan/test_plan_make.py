"""The plan: dates first, weights inside equal dates, the same whatever the order of findings."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.catalogue.load import load
from posture.model.check import Check, Severity
from posture.model.clock import DueDate
from posture.model.finding import Finding, Result, Status, Verdict
from posture.model.host import AssetTags, Host, Mission
from posture.model.named import Named
from posture.model.plan import Fix
from posture.plan.make import NOBODY, make_plan, tier
from posture.plan.scores import scores
from posture.plan.weights import Weights

CATALOGUE = load()
WEIGHTS, TAXONOMY = CATALOGUE.weights, CATALOGUE.taxonomy
SEEN = datetime(2026, 11, 1, tzinfo=UTC)
TODAY = date(2026, 11, 22)
BASE = CATALOGUE.checks["SSH-01"]
INTERNAL = AssetTags(exposure="internal")


def check(id_: str, category: str = "AIT-04", minutes: int = 10) -> Check:
    return replace(
        BASE,
        id=id_,
        threat=replace(BASE.threat, categories=(category,)),
        remediation=replace(BASE.remediation, minutes=minutes),
    )


CHECKS = {
    c.id: c
    for c in (
        check("TST-01", "AIT-07"),
        check("TST-02", "AIT-06"),
        check("TST-03", "AIT-06", 99),
        check("TST-04", "AIT-04"),
    )
}
HOSTS = {f"h{n}": Host(f"h{n}", (), "z", owner="web" if n % 2 else "db", tags=INTERNAL) for n in range(6)}


def due(day: date, *, legal: bool = False, binding: bool = True) -> DueDate:
    return DueDate(day, "clock", "1", "row", (), day, binding, legal, "because.")


def finding(id_: str, check_id: str, host: str, *dues: DueDate, waiver: str = "", closed: bool = False) -> Finding:
    return Finding(id_, check_id, host, "", SEEN, SEEN, due=dues, waiver=waiver, closed_at=SEEN if closed else None)


def plan(*findings: Finding) -> list[tuple[str, str]]:
    made = make_plan(findings, HOSTS, CHECKS, weights=WEIGHTS, taxonomy=TAXONOMY, today=TODAY)
    return [(fix.check, fix.owner) for fix in made.fixes]


SOON, LATER = due(TODAY + timedelta(days=3)), due(TODAY + timedelta(days=100))


def test_the_nearest_date_comes_first_whatever_it_weighs() -> None:
    heavy = [finding(f"b{n}", "TST-02", host, LATER) for n, host in enumerate(HOSTS)]
    assert plan(finding("a", "TST-01", "h1", SOON), *heavy)[0] == ("TST-01", "web")


def test_inside_equal_dates_the_worst_comes_first_whatever_it_weighs() -> None:
    mild = replace(CHECKS["TST-02"], id="TST-05", severity=Severity.LOW)
    findings = [finding("a", "TST-01", "h1", SOON), *(finding(f"b{n}", "TST-05", f"h{n}", SOON) for n in (1, 3, 5))]
    made = make_plan(findings, HOSTS, {**CHECKS, mild.id: mild}, weights=WEIGHTS, taxonomy=TAXONOMY, today=TODAY)
    assert [fix.check for fix in made.fixes] == ["TST-01", "TST-05"]


def test_inside_equal_dates_and_severities_weight_decides_then_minutes_then_id() -> None:
    one = [finding(c, c, "h1", SOON) for c in CHECKS]
    assert [c for c, _ in plan(*one)] == ["TST-02", "TST-03", "TST-04", "TST-01"]
    many = [finding(f"x{n}", "TST-01", f"h{n}", SOON) for n in (1, 3, 5)]
    assert plan(finding("y", "TST-02", "h1", SOON), *many)[0] == ("TST-01", "web")


def test_what_a_list_of_others_names_goes_first_among_equal_dates_and_no_further() -> None:
    named = [Named("TST-01", "partner", "TLP:GREEN", "", SEEN), Named("CVE-2026-0001", "CISA", "", "", SEEN)]

    def made(*findings: Finding) -> list[Fix]:
        given = {"weights": WEIGHTS, "taxonomy": TAXONOMY, "today": TODAY}
        return list(make_plan(findings, HOSTS, CHECKS, named=named, **given).fixes)

    equal = [finding("a", "TST-01", "h1", SOON), finding("b", "TST-02", "h1", SOON)]
    assert [fix.check for fix in made(*equal)] == ["TST-01", "TST-02"]
    assert [check for check, _ in plan(*equal)] == ["TST-02", "TST-01"]
    assert "Named by partner: TST-01; it sets no date." in made(*equal)[0].reason
    later = [finding("a", "TST-01", "h1", LATER), finding("b", "TST-02", "h1", SOON)]
    assert [fix.check for fix in made(*later)] == ["TST-02", "TST-01"], "a list sets no date"
    flaw = replace(finding("c", "TST-04", "h1", SOON), subject="pkg:deb/openssl CVE-2026-0001")
    assert made(*equal[1:], flaw)[0].check == "TST-04"
    assert {fix.due for fix in made(*equal)} == {fix.due for fix in made(*equal[::-1])} == {SOON.due}


def test_one_fix_for_each_check_and_owner_with_all_its_hosts() -> None:
    made = make_plan(
        [finding(f"f{n}", "TST-02", f"h{n}", SOON if n else due(TODAY - timedelta(days=2), legal=True)) for n in range(4)],
        HOSTS, CHECKS, weights=WEIGHTS, taxonomy=TAXONOMY, today=TODAY,
    )  # fmt: skip
    first, second = made.fixes
    assert (first.owner, first.hosts, first.findings, first.due) == (
        "db",
        ("h0", "h2"),
        ("f0", "f2"),
        TODAY - timedelta(days=2),
    )
    assert (second.owner, second.hosts, second.minutes) == ("web", ("h1", "h3"), 20)
    assert first.reason.startswith(
        "Overdue by 2 days (clock): high severity, 2 hosts; it prevents Autonomous multi-stage intrusion (AIT-06)"
    )
    assert "uncalibrated" in first.reason


def test_waived_closed_and_undated_findings() -> None:
    assert plan(finding("a", "TST-01", "h1", SOON, waiver="W-1"), finding("b", "TST-01", "h1", SOON, closed=True)) == []

    informative = replace(SOON, binding=False)
    assert plan(finding("a", "TST-02", "h1", informative), finding("b", "TST-01", "h1", LATER)) == [
        ("TST-01", "web"),
        ("TST-02", "web"),
    ]
    assert plan(finding("a", "TST-01", "gone", SOON)) == [("TST-01", NOBODY)]


def test_a_waiver_takes_no_known_vulnerability_out_of_the_plan() -> None:
    checks = {"TST-01": replace(CHECKS["TST-01"], deadline_class="bod_26_04")}
    waived = finding("a", "TST-01", "h1", SOON, waiver="W-1")
    (fix,) = make_plan([waived], HOSTS, checks, weights=WEIGHTS, taxonomy=TAXONOMY, today=TODAY).fixes
    assert fix.findings == ("a",) and fix.due == SOON.due


def test_tiers() -> None:
    days = [-1, 0, 7, 8, 14, 30, 31, 60, 61]
    assert [tier(TODAY + timedelta(days=n), TODAY) for n in days] == [0, 1, 1, 2, 2, 3, 4, 4, 5]
    assert tier(None, TODAY) == 6


_FINDINGS = st.lists(
    st.tuples(st.sampled_from(sorted(CHECKS)), st.sampled_from(sorted(HOSTS)), st.sampled_from([SOON, LATER, due(TODAY)]), st.booleans()),
    max_size=12, unique_by=lambda t: t[:2],
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_FINDINGS, st.integers())
def test_ranking_does_not_depend_on_input_order(rows: list[tuple[str, str, DueDate, bool]], seed: int) -> None:
    findings = [finding(f"{c}-{h}", c, h, d, waiver="W" if w else "") for c, h, d, w in rows]
    mixed = list(findings)
    random.Random(seed).shuffle(mixed)
    hosts = dict(reversed(HOSTS.items()))
    one = make_plan(findings, HOSTS, CHECKS, weights=WEIGHTS, taxonomy=TAXONOMY, today=TODAY)
    assert one == make_plan(mixed, hosts, CHECKS, weights=WEIGHTS, taxonomy=TAXONOMY, today=TODAY)
    assert sorted(id_ for fix in one.fixes for id_ in fix.findings) == sorted(f.id for f in findings if not f.waiver)


# Weights --------------------------------------------------------------------------------------------------------------


def test_category_weights_follow_their_formula() -> None:
    expected = {"AIT-01": 5.0, "AIT-02": 4.4, "AIT-03": 4.4, "AIT-04": 4.4, "AIT-05": 3.9, "AIT-06": 5.0, "AIT-07": 3.3, "AIT-08": 3.9, "AIT-09": 3.3, "AIT-10": 3.9}  # fmt: skip
    assert {id_: weight.value for id_, weight in WEIGHTS.categories.items()} == expected


def test_a_password_login_on_a_public_host_weighs_as_the_policy_page_says() -> None:
    public = Host("h", (), "z", tags=AssetTags(exposure="public"))
    assert WEIGHTS.of_check(check("TST-01")) * WEIGHTS.of_host(public) == pytest.approx(6.6)


def test_context_takes_the_largest_factor_and_undeclared_exposure_counts_as_public() -> None:
    assert WEIGHTS.of_host(Host("h", (), "z")) == 1.5
    assert WEIGHTS.of_host(Host("h", (), "z", tags=INTERNAL)) == 1.0
    assert WEIGHTS.of_host(Host("h", (), "z", tags=INTERNAL, mission=Mission.CROWN_JEWEL, roles=("ai-service",))) == 1.3


def test_weights_never_touch_a_date() -> None:
    for factor in (0.1, 10.0):
        heavier = Weights(
            WEIGHTS.categories, {k: v * factor for k, v in WEIGHTS.leverage.items()}, WEIGHTS.mandate, WEIGHTS.context
        )
        made = make_plan(
            [finding("a", "TST-01", "h1", SOON)], HOSTS, CHECKS, weights=heavier, taxonomy=TAXONOMY, today=TODAY
        )
        assert made.fixes[0].due == SOON.due


# Scores ---------------------------------------------------------------------------------------------------------------


def result(host: str, check_id: str, status: Status, waiver: str = "") -> Result:
    return Result(host, check_id, 1, Verdict(status, "", (), ()), (), waiver)


def band(*statuses: Status) -> tuple[float, float]:
    rows = [(HOSTS[f"h{n}"], [result(f"h{n}", "TST-04", status, "W")]) for n, status in enumerate(statuses)]
    found = scores(rows, CHECKS, weights=WEIGHTS, taxonomy=TAXONOMY).categories
    assert [score.category for score in found] == sorted(TAXONOMY)
    return next((score.low, score.high) for score in found if score.category == "AIT-04")


def test_unknowns_open_the_band_and_are_never_folded_in() -> None:
    assert band(Status.PASS, Status.FAIL) == (50.0, 50.0)
    assert band(Status.PASS, Status.NOT_CHECKED) == (50.0, 100.0)
    assert band(Status.FAIL, Status.ERROR, Status.MANUAL, Status.PASS) == (25.0, 75.0)


def test_what_does_not_apply_is_left_out_and_nothing_known_is_the_whole_band() -> None:
    assert band(Status.PASS, Status.NOT_APPLICABLE) == (100.0, 100.0)
    assert band(Status.NOT_APPLICABLE) == (0.0, 100.0)
    assert band(Status.NOT_CHECKED) == (0.0, 100.0)
    assert band() == (0.0, 100.0)

"""FedRAMP's matrix as far as it is known: no row is made up, and what is not rated counts as the worst."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from posture.catalogue.load import load
from posture.model.clock import Campaign
from posture.model.vulnerability import CveRecord, Detection, Exposure
from posture.vulnerabilities.assess import Rules
from posture.vulnerabilities.fedramp import fedramp_date

CATALOGUE = load()
CLOCK = next(clock for clock in CATALOGUE.clocks if clock.id == "fedramp-vdr")
INSIDE, PUBLIC, NOBODY = (Exposure(said, "tag", "said") for said in (False, True, None))
SEEN = datetime(2028, 2, 28, 23, 30, tzinfo=UTC)
SIGHT = Detection(SEEN, SEEN, "posture")


@pytest.mark.parametrize(
    ("class_", "exposure", "due"),
    [
        ("c", PUBLIC, date(2028, 3, 1)), ("c", NOBODY, date(2028, 3, 1)), ("c", INSIDE, date(2028, 3, 3)),
        ("d", PUBLIC, date(2028, 2, 28)), ("d", INSIDE, date(2028, 2, 29)),
    ],
)  # fmt: skip
def test_the_rows_that_are_known(class_: str, exposure: Exposure, due: date) -> None:
    found = fedramp_date(CLOCK, class_, exposure, SIGHT, binding=True)
    assert found is not None and found.due == due
    assert "not rated" in found.row and "reported" in found.row


def test_a_class_without_known_rows_has_no_date() -> None:
    assert fedramp_date(CLOCK, "b", PUBLIC, SIGHT, binding=True) is None


def test_it_counts_from_the_day_it_is_required() -> None:
    early = replace(SIGHT, first_seen=datetime(2026, 11, 1, tzinfo=UTC))
    found = fedramp_date(CLOCK, "c", PUBLIC, early, binding=True)
    assert found is not None and (found.clock_start, found.due) == (date(2026, 12, 7), date(2026, 12, 9))


def test_only_a_provider_has_these_dates_and_the_earliest_binding_one_leads() -> None:
    record = CveRecord("CVE-2028-1", automatable=False, technical_impact="partial")

    def clocks(class_: str) -> list[str]:
        baseline = CATALOGUE.baseline("fceb")
        rules = Rules(CATALOGUE.clocks, Campaign(date(2028, 1, 1)), baseline.profile, None, "CISA KEV 1", class_)
        return [one.clock for one in rules.decide(record, PUBLIC, (SIGHT,))[1]]

    assert clocks("") == ["bod-26-04"]
    assert clocks("c") == ["fedramp-vdr", "bod-26-04"]

"""The page of what is proven on which transcripts says what the transcripts there are say, and reports repeat it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collectors.registry import COLLECTORS
from posture.catalogue.load import load
from posture.catalogue.proven import Family, provenance_notes, read_proven
from posture.errors import BaselineError

TESTS = Path(__file__).parents[2] / "collectors"
PARSER_TESTS = "\n".join(path.read_text() for path in sorted(TESTS.glob("test_*.py")))
FIXTURES = sorted(path.stem for path in (TESTS / "fixtures").glob("*.json"))
CATALOGUE = load()
FAMILIES = {family.id: family for family in CATALOGUE.families}
TOPICS = sorted(collector.topic for collector in COLLECTORS)
SYSTEMS = {"debian": r"debian\d+", "rhel": r"(rhel|rocky|almalinux)\d+", "ubuntu": r"ubuntu\d+"}
"""How the names of transcripts begin."""


def with_fixture(kind: str, family: str) -> set[str]:
    pattern = {topic: re.compile(rf"{kind}_{SYSTEMS[family]}_{topic}(_.+)?") for topic in TOPICS}
    return {
        # firewall_ufw belongs to firewall, ssh_keys to ssh_keys and not to a topic called ssh
        max((topic for topic in TOPICS if pattern[topic].fullmatch(name)), key=len)
        for name in FIXTURES
        if any(one.fullmatch(name) for one in pattern.values())
    }


@pytest.mark.parametrize("family", sorted(SYSTEMS))
def test_recorded_means_that_there_is_a_recording(family: str) -> None:
    assert set(FAMILIES[family].recorded) == with_fixture("recorded", family)


@pytest.mark.parametrize("family", sorted(SYSTEMS))
def test_authored_means_that_somebody_wrote_one_and_nobody_recorded_one(family: str) -> None:
    said = dict(FAMILIES[family].authored)
    assert with_fixture("authored", family) - set(FAMILIES[family].recorded) <= set(said)
    for topic, place in said.items():
        assert topic in TOPICS
        file, _, name = place.partition("::")
        text = (TESTS / file).read_text()
        if name:
            assert re.search(rf"^(def {name}\(|{name} = )", text, re.MULTILINE), place
            assert name.startswith("test_") or len(re.findall(rf"\b{name}\b", text)) > 1, f"{place} is read by no test"
        else:
            assert re.fullmatch(rf"fixtures/authored_{SYSTEMS[family]}_{topic}(_.+)?\.json", file), place
            assert re.search(rf"\b{Path(file).stem}\b", PARSER_TESTS), f"{place} is read by no test"


def test_every_transcript_belongs_to_a_family_on_the_page() -> None:
    starts = [re.compile(rf"(recorded|authored)_{start}_") for start in SYSTEMS.values()]
    assert [name for name in FIXTURES if not any(start.match(name) for start in starts)] == []
    assert set(FAMILIES) == set(SYSTEMS)


def notes(*platforms: str) -> tuple[str, ...]:
    return provenance_notes(CATALOGUE.families, CATALOGUE.checks.values(), platforms)


def test_a_report_over_debian_has_nothing_to_say() -> None:
    assert notes("Debian GNU/Linux 12 (bookworm)", "Debian GNU/Linux 13 (trixie)", "") == ()


def test_a_report_over_red_hat_says_how_much_is_proven_on_authored_transcripts_only() -> None:
    (note,) = notes(
        "Debian GNU/Linux 12 (bookworm)", "Rocky Linux 9.6 (Blue Onyx)", "Red Hat Enterprise Linux 9.6 (Plow)"
    )
    assert note.startswith("2 hosts run a system of the Red Hat family.")
    total, recorded, authored, neither = (int(n) for n in re.findall(r"\b\d+\b", note.partition(".")[2]))
    assert recorded == 0 < authored
    assert total == authored + neither


def test_a_family_nobody_wrote_down_is_unproven() -> None:
    assert notes("SUSE Linux Enterprise Server 15 SP6", "Alpine Linux v3.20") == (
        "2 hosts run a system that none of our transcripts comes from: what is read there is unproven.",
    )


def test_a_check_is_as_well_proven_as_the_least_of_its_topics() -> None:
    checks = [CATALOGUE.checks["HRD-09"]]  # asks os, mac and services
    half = Family("x", "X", ("X",), ("mac", "os"), (("services", "somewhere"),))
    assert "0 are proven on transcripts recorded there, 1 only" in provenance_notes([half], checks, ["X 1"])[0]
    none = Family("x", "X", ("X",), ("mac", "os"))
    assert provenance_notes([none], checks, ["X 1"])[0].endswith("and 1 on neither.")
    whole = Family("x", "X", ("X",), ("mac", "os", "services"))
    assert provenance_notes([whole], checks, ["X 1"]) == ()


def test_without_the_page_nothing_is_claimed(tmp_path: Path) -> None:
    assert read_proven(tmp_path / "proven.yaml") == ()
    assert provenance_notes((), CATALOGUE.checks.values(), ["Rocky Linux 9"]) == ()


def test_a_topic_is_either_recorded_or_authored(tmp_path: Path) -> None:
    path = tmp_path / "proven.yaml"
    path.write_text(
        "schema: posture.proven/1\nas_of: 2026-11-22\nfamilies:\n"
        "  - {id: x, title: X, names: [X], recorded: [os], authored: {os: somewhere}}\n"
    )
    with pytest.raises(BaselineError, match="both recorded and authored"):
        read_proven(path)

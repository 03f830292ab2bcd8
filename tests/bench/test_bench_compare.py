"""The comparison's files name what exists, and its readers take from a raw answer what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.compare import lynis
from bench.compare.agreement import Cell, Pair, read_explanations, read_mapping
from bench.compare.answers import Answer
from bench.compare.page import Outcome
from posture.catalogue.load import load
from posture.evaluate.logic import assertions

LOG = """\
2026-11-23 00:05:55 Performing test ID AUTH-9204 (Check users with an UID of zero)
2026-11-23 00:05:55 Result: No accounts found with UID 0 other than root.
2026-11-23 00:05:55 Performing test ID SSH-7408 (Check SSH specific defined options)
2026-11-23 00:05:55 Result: Option LogLevel value is VERBOSE
2026-11-23 00:05:55 Result: OpenSSH option LogLevel is configured very well
2026-11-23 00:05:55 Result: Option MaxAuthTries value is 6
2026-11-23 00:05:55 Result: OpenSSH option MaxAuthTries is configured reasonably
2026-11-23 00:05:55 Suggestion: Consider hardening SSH configuration [test:SSH-7408] [details:MaxAuthTries (set 6 to 3)]
2026-11-23 00:05:55 Performing test ID KRNL-6000 (Check sysctl key pairs in scan profile)
2026-11-23 00:05:55 Result: sysctl key fs.suid_dumpable contains equal expected and current value (0)
2026-11-23 00:05:55 Result: sysctl key kernel.kptr_restrict has a different value than expected. Expected=2, Real=0
"""


def test_every_check_and_assertion_the_mapping_names_is_in_the_catalogue():
    checks = {check.id: {one.id for one in assertions(check.condition)} for check in load().checks.values()}
    pairs, not_compared = read_mapping()
    for pair in pairs:
        assert {*pair.all, *pair.any} <= checks[pair.check], pair.name
    assert {entry["check"] for entry in not_compared} <= set(checks)


def test_no_rule_of_theirs_is_mapped_twice():
    pairs, _ = read_mapping()
    rules = [(pair.tool, rule) for pair in pairs for rule in pair.theirs]
    assert len(rules) == len(set(rules))


def test_every_explanation_has_its_own_name_a_reason_and_a_source():
    found = read_explanations()
    assert len({one.id for one in found}) == len(found)
    assert all(one.why and one.source for one in found)


def test_a_lynis_log_gives_a_word_for_each_value_and_silence_for_a_silent_test(tmp_path: Path):
    (tmp_path / "lynis.log").write_text(LOG)
    found = {rule: answer.word for rule, answer in lynis.read(tmp_path).items()}
    assert found == {
        "AUTH-9204": "none",
        "SSH-7408": "fail",
        "SSH-7408:LogLevel": "pass",
        "SSH-7408:MaxAuthTries": "fail",
        "KRNL-6000": "none",
        "KRNL-6000:fs.suid_dumpable": "pass",
        "KRNL-6000:kernel.kptr_restrict": "fail",
    }


def test_a_silent_test_passes_only_where_it_complained_of_another_host():
    silent, loud = {"AUTH-9204": Answer("none"), "AUTH-9234": Answer("none")}, {"AUTH-9204": Answer("fail")}
    settled = lynis.settle({"a": silent, "b": loud})
    assert settled["a"]["AUTH-9204"].word == "pass"
    assert settled["a"]["AUTH-9234"].word == "none"


PAIR = Pair("lynis", ("SSH-7408:MaxSessions",), "SSH-05", ("maxsessions",), (), "ours_looser")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (Cell(PAIR, "d12-plain", Answer("fail"), Answer("pass")), None),
        (Cell(PAIR, "d12-plain", Answer("pass"), Answer("fail")), "unexplained"),
        (Cell(PAIR, "d12-plain", Answer("none"), Answer("fail")), None),
    ],
    ids=["explained", "the other way round", "undecided"],
)
def test_only_a_decided_difference_without_an_explanation_of_its_direction_is_a_fault(cell: Cell, says: str | None):
    outcome = Outcome([PAIR], [cell], {}, read_explanations(), [], {})
    faults = [fault for fault in outcome.faults if not fault.startswith("stale")]
    assert [fault.partition(":")[0] for fault in faults] == ([says] if says else [])

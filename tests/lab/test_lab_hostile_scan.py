"""A run with every kind of hostile host in it: each spoils its own results, and not one byte of anybody else's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from posture.observe import NETWORK_COLLECTORS
from tests.lab.agency import Agency
from tests.lab.hostile import Personality
from tests.lab.scanning import Outcome, checks_of_today, memory_file, scan, verdicts

pytestmark = pytest.mark.lab

SEED = 5
SESSION_S = 60
"""Patience with one host; an honest one takes a few seconds."""
CUT_OFF = {"truncated", "timed_out"}
HUNG_UP = {"command_refused", "unreachable"}
EXPECTED = {
    Personality.ENDLESS_OUTPUT: CUT_OFF,
    Personality.ENDLESS_STDERR: CUT_OFF,
    Personality.HUGE_LINE: CUT_OFF,
    Personality.BINARY_NOISE: {"command_refused"},
    Personality.FORGED_FRAMES: {"unparseable", "command_refused"},
    Personality.ENDLESS_BANNER: {"unparseable"},
    Personality.ENDLESS_BANNER_LINE: {"unparseable"},
    Personality.SILENT: {"timed_out"},
    Personality.HANG_AFTER_AUTH: {"timed_out"},
    Personality.HANG_AFTER_OUTPUT: {"timed_out"},
    Personality.CHANGING_KEYS: {"host_key_mismatch"},
    Personality.DROP_MID_OUTPUT: HUNG_UP,
    Personality.DROP_AFTER_AUTH: HUNG_UP,
    Personality.REFUSES_LOGIN: {"login_refused"},
}
"""Why nothing is known of the host; ``MARKUP`` answers in flawless frames and is no login that failed."""
MEMORY_KB = 300_000


@dataclass(frozen=True)
class Story:
    """The same agency without its hostile hosts, and with them."""

    agency: Agency
    quiet: Outcome
    hostile: Outcome
    seconds: float
    memory_kb: int


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with Agency(
        SEED, tmp_path_factory.mktemp("hostile"), checks=checks_of_today(), hostile=tuple(Personality)
    ) as agency:
        _edit(agency.config, lambda config: config | {"deadlines": {"connect_s": 5, "session_s": SESSION_S}})
        without = agency.work / "quiet.yaml"
        without.write_text(agency.inventory.read_text())
        _edit(
            without,
            lambda body: body | {"hosts": [host for host in body["hosts"] if not host["id"].startswith("evil-")]},
        )
        # Its first connection still has the key that is known.
        changing = agency.builds[f"evil-{Personality.CHANGING_KEYS}"].addresses[0]
        agency.run_in_scanner(["ssh-keyscan", "-T", "3", changing], capture_output=True)
        quiet = scan(agency, "quiet", "--no-network", inventory=without)
        began = time.monotonic()
        hostile = scan(agency, "hostile", "--no-network")
        seconds = time.monotonic() - began
        yield Story(agency, quiet, hostile, seconds, int(memory_file(agency, "hostile").read_text()))


def _edit(path: Path, change: Any) -> None:
    path.write_text(yaml.safe_dump(change(yaml.safe_load(path.read_text())), sort_keys=False))


@pytest.mark.parametrize("personality", EXPECTED, ids=str)
def test_a_hostile_host_is_unknown_for_the_right_reason(story: Story, personality: Personality) -> None:
    from_outside = {"fleet", *(one.topic for one in NETWORK_COLLECTORS)}  # no network probe is sent here
    reasons = {
        result["reason"]
        for check, result in story.hostile.results[f"evil-{personality}"].items()
        if check.startswith("SSH-")
        and result["status"] == "not_checked"
        and not from_outside.intersection(result["topics"])
    }
    assert reasons
    assert reasons <= EXPECTED[personality]


@pytest.mark.parametrize("personality", Personality, ids=str)
def test_a_hostile_host_passes_nothing(story: Story, personality: Personality) -> None:
    said = story.hostile.results[f"evil-{personality}"]
    decided = {check: result["status"] for check, result in said.items() if result["status"] in ("pass", "fail")}
    # What the inventory itself says of a host is known whatever the host does.
    assert {check for check in decided if set(said[check]["topics"]) != {"declared"}} == set()


def test_every_other_host_is_judged_as_if_they_were_not_there(story: Story) -> None:
    others = [host for host in story.quiet.results if host != "fleet"]
    assert len(others) == 9
    assert verdicts(story.hostile, others) == verdicts(story.quiet, others)


def test_what_they_say_acts_in_no_terminal(story: Story) -> None:
    said = story.hostile.stdout + story.hostile.stderr
    assert all(letter.isprintable() or letter == "\n" for letter in said)


def test_the_run_ends_in_time_and_in_memory(story: Story) -> None:
    assert story.hostile.code == 5
    assert story.seconds < 3 * SESSION_S
    assert story.memory_kb < MEMORY_KB

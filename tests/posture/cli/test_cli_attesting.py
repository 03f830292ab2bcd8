"""``posture attest``: kept with its author, reason, last day and the digest of its document; changed lines are refused."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from posture.cli import prepare
from posture.cli.proving import verify_command
from posture.inputs.config import default
from posture.proof.bundle import Sealing, write_bundle
from posture.proof.tarfile_strict import content_of, read_members
from posture.store import Store
from reports.formats import chosen
from tests.posture.replays import FAULTY, HARDENED, recorded, save, write_inventory

Call = Callable[..., Any]
CHECK = "SSH-02"
LATER = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"


@pytest.fixture(autouse=True)
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one second have no order: each question for the time is a second later."""
    seconds = itertools.count()
    start = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setattr(prepare, "now", lambda: start + timedelta(seconds=next(seconds)))


def replayed(posture: Call, here: Path) -> None:
    save(here / "transcripts", recorded(FAULTY))
    write_inventory(here / "inventory.yaml", FAULTY, HARDENED)
    # the second host said nothing at all
    assert posture("replay", "transcripts", "-i", "inventory.yaml").code in (4, 5)


def attest(posture: Call, *more: str, author: str = "A. Reyes, ISSO", host: str = HARDENED, until: str = LATER) -> Any:
    reason = "Looked at it on site <b>\u202e"
    return posture("attest", CHECK, host, "--author", author, "--reason", reason, "--expires", until, *more)


def test_an_attestation_shows_from_the_next_run_on_in_every_place_and_never_as_measured(
    posture: Call, here: Path
) -> None:
    replayed(posture, here)
    (here / "minutes.pdf").write_bytes(b"we looked at it")
    said = attest(posture, "--file", "minutes.pdf")
    assert said.code == 0 and hashlib.sha256(b"we looked at it").hexdigest() in said.out
    replayed(posture, here)
    shown = posture("show", "host", HARDENED).out
    assert "manual" in shown and "attested" in shown
    (row,) = posture("attestations").rows
    assert row[:3] == [CHECK, HARDENED, "A. Reyes, ISSO"]
    assert "⟨U+202E⟩" in row[4]
    found = json.loads((here / "out/assessment.json").read_bytes())
    (kept,) = found["attestations"]
    assert (kept["state"], kept["origin"], kept["file"]) == ("active", "attested", "minutes.pdf")
    (host,) = [one for one in found["hosts"] if one["id"] == HARDENED]
    (result,) = [one for one in host["results"] if one["check"] == CHECK]
    assert (result["status"], result["reason"]) == ("manual", "attested")
    assert found["coverage"]["decided"] < found["coverage"]["possible"]
    assert "attested" in (here / "out/blind_spots.csv").read_text()
    with Store.open(default(here / "out").database) as store:
        write_bundle(store, "latest", here / "e.tar", chosen(["json"]), sealing=Sealing())
    stated = next(one for one in read_members(here / "e.tar") if one.name == "attestations.jsonl")
    assert b"A. Reyes" in content_of(here / "e.tar", stated)
    told = CliRunner().invoke(verify_command, [str(here / "e.tar"), "--json"])
    wrong = [line["what"] for line in json.loads(told.output) if line["answered"] == "fails"]
    assert wrong == ["SHA256SUMS is signed by an allowed signer (ssh-keygen)"], "attested verdicts come out the same"


def test_a_verdict_of_the_scanner_stands(posture: Call, here: Path) -> None:
    replayed(posture, here)
    said = attest(posture, host=FAULTY)
    assert said.code == 0 and "that stands" in said.err


def test_who_why_and_how_long_are_asked_for(posture: Call, here: Path) -> None:
    replayed(posture, here)
    assert attest(posture, author="  ").code == 2
    assert "past" in attest(posture, until="2020-01-01").err
    assert "366 days" in attest(posture, until="2099-01-01").err
    assert "cannot be read" in attest(posture, "--file", "gone.pdf").err
    assert "no host `x`" in attest(posture, host="x").err
    assert not (here / "out/attestations.jsonl").exists()


def test_a_statement_that_was_changed_later_is_refused(posture: Call, here: Path) -> None:
    replayed(posture, here)
    assert attest(posture).code == 0
    path = here / "out/attestations.jsonl"
    path.write_text(path.read_text().replace("A. Reyes", "B. Stone"))
    said = posture("attestations")
    assert said.code == 2 and "changed after it was made" in said.err

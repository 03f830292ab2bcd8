"""An auditor's sample: drawn by anybody alike, collected again live on this machine, signed by the auditor's own key."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posture import gather
from posture.errors import UsageError
from posture.gather import Work
from posture.proof.bundle import Sealing, write_bundle
from posture.proof.reading import Bundle, written_verdicts
from posture.proof.sample import draw
from posture.proof.signing import Signer
from posture.run import replay
from posture.store import Store
from reports.formats import chosen
from tests.posture.replays import HARDENED, job, recorded

Call = Callable[..., Any]
INVENTORY = """\
schema: posture.inventory/1
zones: [{name: lab, trust: internal, cidrs: [127.0.0.0/8]}]
hosts:
  - {id: self, addresses: [127.0.0.2], zone: lab, access: {transport: local}}
"""
SCOPE = """\
schema: posture.scope/1
authorisation: AUDIT-7
owner: tests
window: {opens: '2020-01-01T00:00:00Z', closes: '2100-01-01T00:00:00Z'}
cidrs: [127.0.0.2/32]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two keys, and a bundle whose host `self` answered like a host of the demo: nothing of it is true of this machine."""
    home = tmp_path_factory.mktemp("sampled")
    (home / "inventory.yaml").write_text(INVENTORY)
    (home / "scope.yaml").write_text(SCOPE)
    for name in ("scanner-key", "auditor-key"):
        command = ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-C", "", "-f", str(home / name)]
        subprocess.run(command, check=True)
    moment = datetime.now(UTC).replace(microsecond=0)
    with Store.open(home / "other.db") as store:
        said = recorded(HARDENED, called="self", at=moment)
        replay(store, [said], job(home / "inventory.yaml", home), moment, Work(), as_of=moment)
        sealing = Sealing(Signer.read(home / "scanner-key"))
        write_bundle(store, "latest", home / "other.tar", chosen(["json"]), sealing=sealing)
    return home


@pytest.fixture
def keys(here: Path, made: Path) -> None:
    for file in made.iterdir():
        shutil.copy(file, here / file.name)


def verify(posture: Call, bundle: str, *more: str, key: str = "auditor-key", number: int = 15) -> Any:
    words = ("--sample", str(number), "--seed", "dice 4 2", "-i", "inventory.yaml", "--key", key, "--no-network")
    return posture("verify", bundle, *words, *more)


def test_verdicts_come_out_the_same_where_nothing_changed_and_the_auditor_signs_it(
    posture: Call, here: Path, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the edge is replayed: the host tells today what it told then."""
    moment = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setattr(gather, "collect_hosts", lambda *_a, **_k: iter([recorded(HARDENED, called="self", at=moment)]))
    said = verify(posture, "other.tar", "--to", "s.json", "--json")
    assert said.code in (0, 4), said.err
    record = json.loads((here / "s.json").read_bytes())
    assert record == said.json
    assert len(record["drawn"]) == 15 and {one["compared"] for one in record["drawn"]} <= {"agrees", "not seen today"}
    assert any(one["compared"] == "agrees" for one in record["drawn"])
    assert (record["origin"], record["authorisation"], record["seed"]) == ("live", "AUDIT-7", "dice 4 2")
    allowed = here / "allowed"
    allowed.write_text(f"auditor {(here / 'auditor-key.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "auditor", "-n", "posture-evidence"]
    checked = subprocess.run([*command, "-s", here / "s.json.sig"], input=(here / "s.json").read_bytes(), check=False)
    assert checked.returncode == 0
    assert (here / "s.json").stat().st_mode & 0o077 == 0


def test_a_bundle_of_another_machine_differs_and_it_says_by_which_answers(
    posture: Call, here: Path, keys: None
) -> None:
    """This machine is read, live, as far as it comes in a few seconds."""
    (here / "posture.yaml").write_text("schema: posture.config/1\ndeadlines: {session_s: 6}\n")
    said = verify(posture, "other.tar", "--to", "s.json", number=100)
    assert said.code == 1, said.out
    found = json.loads((here / "s.json").read_bytes())["drawn"]
    differing = [one["why"] for one in found if one["compared"] == "differs"]
    assert differing and any("answers otherwise to" in why for why in differing)


def test_anybody_draws_the_same_from_bundle_and_seed(here: Path, keys: None) -> None:
    tar = here / "other.tar"
    signer = Signer.read(here / "auditor-key")
    found = draw(tar, 20, "dice 4 2", signer)
    verdicts = written_verdicts(Bundle(tar))
    root = hashlib.sha256(subprocess.run(["tar", "-xOf", tar, "SHA256SUMS"], capture_output=True, check=True).stdout)
    every = [(host, check) for host, lines in verdicts.items() for check in lines]
    order = sorted(
        every, key=lambda one: hashlib.sha256(f"dice 4 2\n{root.hexdigest()}\n{one[0]}\n{one[1]}".encode()).digest()
    )
    assert [one for one in order if one in found.pairs] == list(found.pairs)
    assert found.population + found.left_out == len(every)
    assert draw(tar, 20, "dice 4 3", signer).pairs != found.pairs


def test_the_key_of_the_bundle_is_not_the_auditors(here: Path, keys: None) -> None:
    with pytest.raises(UsageError, match="the key that signed the bundle"):
        draw(here / "other.tar", 5, "x", Signer.read(here / "scanner-key"))


def test_a_sample_needs_seed_inventory_and_key(posture: Call, here: Path, keys: None) -> None:
    said = posture("verify", "other.tar", "--sample", "5")
    assert said.code == 2 and "seed" in said.err

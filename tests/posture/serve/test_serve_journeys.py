"""Three readers' ways through the dashboard in a real browser, over the agency scanned three times with two fixes between.

Needs what tests/browser.sh installs. ``POSTURE_SHOTS`` names the directory where pictures of every page on the way are kept.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agency_in_three_days import CACHE, LOGIN
from served import PASSWORD, Clock, Served
from test_serve_in_a_browser import CHROMIUM, MISSING, MODULES, NODE, listening

from posture.model.account import Role
from posture.model.finding import Finding
from posture.serve.app import Settings, create_app
from posture.serve.door import Door
from posture.store import Store

DRIVER = Path(__file__).parent / "journeys.cjs"
NAMES = {"viewer": "chief", "analyst": "soc", "auditor": "auditor", "narrow": "grants"}
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not here: {', '.join(MISSING)}; `sh tests/browser.sh` installs it"
)


@dataclass
class Walked:
    """What the browser said of each page, and the store behind it."""

    pages: dict[tuple[str, str], dict[str, Any]]
    store: Store
    folder: Path
    runs: list[str]
    mine: set[str]
    others: set[str]
    shots: Path

    def page(self, who: str, name: str) -> dict[str, Any]:
        return self.pages[who, name]

    def text(self, who: str, name: str) -> str:
        return " ".join(str(self.pages[who, name]["text"]).split())

    def fixed(self) -> list[Finding]:
        return [one for one in self.store.findings() if not one.open]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory, three_days_store: Path) -> Iterator[Walked]:
    folder, clock = tmp_path_factory.mktemp("journeys"), Clock()
    shots = Path(os.environ.get("POSTURE_SHOTS", folder / "shots"))
    shots.mkdir(parents=True, exist_ok=True)
    for old in shots.glob("*.png"):
        old.unlink()
    shutil.copy(three_days_store, folder / "posture.db")
    with Store.open(folder / "posture.db") as store:
        runs = [one.run.id for one in store.runs()][::-1]
        door = Door(store, clock, fips=False)
        hosts = {one.id: one for one in store.inventory("latest").hosts}
        system = hosts[LOGIN].system
        mine = {id_ for id_, one in hosts.items() if one.system == system}
        door.make("root.admin", PASSWORD, Role.ADMIN, (), by="test")  # until there is one, the first form makes it
        for who, role in (("viewer", Role.VIEWER), ("analyst", Role.ANALYST), ("auditor", Role.AUDITOR)):
            door.make(NAMES[who], PASSWORD, role, (), by="test")
        door.make(NAMES["narrow"], PASSWORD, Role.VIEWER, (system,), by="test")
        app = create_app(store, door, Settings(secure=False))
        asked = {"names": NAMES, "password": PASSWORD, "second": runs[1], "host": CACHE, "stranger": CACHE}
        server, thread, base = listening(Served(store, door, clock, app))
        env = {**os.environ, "NODE_PATH": str(MODULES), "SHOTS": str(shots), "ASKED": json.dumps(asked)}
        argv = [str(NODE), str(DRIVER), str(CHROMIUM), base]
        try:
            done = subprocess.run(
                argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500, check=False
            )
        finally:
            server.should_exit = True
            thread.join(timeout=20)
        assert done.returncode == 0, done.stderr[-3000:]
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        pages = {(one["who"], one["name"]): one for one in lines}
        yield Walked(pages, store, folder, runs, mine, hosts.keys() - mine, shots)


def test_axe_finds_nothing_on_any_page_on_the_way_and_a_picture_of_each_is_kept(walked: Walked) -> None:
    assert {one: page["violations"] for one, page in walked.pages.items() if page["violations"]} == {}
    assert len(list(walked.shots.glob("*.png"))) == len(walked.pages)


def test_the_head_of_security_sees_the_burn_down_and_the_trend(walked: Walked) -> None:
    text = walked.text("viewer", "overview")
    still = sum(1 for one in walked.store.findings(open_only=True))
    mended = {host: sum(one.host == host for one in walked.fixed()) for host in (CACHE, LOGIN)}
    rows = re.findall(r"\d{4}-\d\d-\d\d (\d+) (\d+) (\d+) (\d+) (\d+)", text[text.index("Days on which something") :])
    assert [(int(open_), int(fixed)) for open_, _, _, fixed, _ in rows] == [
        (still + mended[CACHE] + mended[LOGIN], 0),
        (still + mended[LOGIN], mended[CACHE]),
        (still, mended[LOGIN]),
    ]
    assert "Over 3 runs under one baseline" in text
    assert re.search(r"\+\d[\d.]* at the low end", text)


def test_the_head_of_security_gets_from_a_path_to_the_fix_that_ends_it(walked: Walked) -> None:
    assert walked.page("viewer", "path")["path"].startswith("/paths/")
    fix = walked.page("viewer", "fix")
    assert fix["path"] == "/plan"
    assert fix["title"] in fix["shown"]


def test_operations_take_a_finding_on(walked: Walked) -> None:
    assert "open findings" in walked.text("analyst", "queue")
    assert "SOC-4711" in walked.text("analyst", "finding")
    (item,) = [one for one in walked.store.work.items().values() if one.ticket == "SOC-4711"]
    assert item.ticket == "SOC-4711"


def test_operations_see_every_fix_proven_by_both_runs(walked: Walked) -> None:
    text = walked.text("analyst", "fixed")
    first, second, third = walked.runs
    assert f"{len(walked.fixed())} fixes that stand" in text
    receipts = text[: text.index("Attack paths no longer found")]
    assert receipts.count("holds") >= len(walked.fixed())
    assert all(run in receipts for run in (first, second, third))
    assert "closed (fixed)" in walked.text("analyst", "mended finding")


def test_operations_see_the_path_that_the_first_fix_ended(walked: Walked) -> None:
    text = walked.text("analyst", "paths gone")
    gone = text[text.index("Attack paths no longer found") :]
    assert f"Compared with run {walked.runs[0]}: 1 no longer found, 0 new" in gone
    assert "proven" in gone
    assert f"EXP-07 on {CACHE}" in gone


def test_the_auditor_gets_from_a_number_to_the_answer_and_finds_it_in_a_verified_bundle(walked: Walked) -> None:
    assert walked.page("auditor", "hosts")["path"] == "/hosts"
    assert walked.page("auditor", "host")["path"] == f"/hosts/{CACHE}"
    digest = walked.page("auditor", "answer")["digest"]
    assert digest in {one.sha256 for one in walked.store.read_host("latest", CACHE).evidence}
    assert re.search(r"[\d,]+ (new )?rows? (was|were) read on|No row was new on", walked.text("auditor", "audit"))
    bundle = walked.folder / "evidence.tar"
    key, signers = walked.folder / "key", walked.folder / "signers"
    said(("ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-C", "", "-f", str(key)))
    signers.write_text(f"assessor@example.gov {key.with_suffix('.pub').read_text()}")
    pem = walked.folder / "key.pem"
    pem.write_text(said(("ssh-keygen", "-e", "-m", "PKCS8", "-f", str(key.with_suffix(".pub")))))
    place = ("--to", str(bundle), "--out", str(walked.folder))
    said((*posture("bundle", walked.runs[2], "--key", str(key), "--format", "json"), *place))
    keys = ("--allowed-signers", str(signers), "--signer", "assessor@example.gov", "--public-key", str(pem))
    checked = said((*posture("verify", str(bundle)), *keys))
    assert "every verdict comes out the same from the raw evidence" in checked
    assert "fails" not in checked
    with tarfile.open(bundle) as opened:
        sums = opened.extractfile(next(name for name in opened.getnames() if name.endswith("SHA256SUMS")))
        assert sums is not None
        assert digest in sums.read().decode()


def said(argv: tuple[str, ...]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def posture(*words: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("posture")), *words)


def test_a_second_viewer_in_another_role_sees_only_what_is_theirs(walked: Walked) -> None:
    pages = [one for (who, _), one in walked.pages.items() if who == "narrow"]
    assert len(pages) == 10
    for page in pages:
        told = [host for host in walked.others if re.search(rf"(?<![\w-]){re.escape(host)}(?![\w-])", page["text"])]
        assert told == [], page["name"]
        assert {"Evidence", "Audit", "Accounts"}.isdisjoint(page["menu"])
    refused = {one["name"]: one["status"] for one in pages if one["name"].startswith("refused")}
    assert refused == {
        "refused /audit": 403,
        "refused /evidence": 403,
        "refused /accounts": 403,
        f"refused /hosts/{CACHE}": 404,
    }
    assert {one["status"] for one in pages if one["name"].startswith("page")} == {200}
    assert any(host in page["text"] for page in pages for host in walked.mine)

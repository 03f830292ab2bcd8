"""What the audit log said of a run when it was made binds whoever holds the signing key afterwards."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from posture.cli.proving import verify_command
from posture.gather import Work
from posture.proof import signing
from posture.proof.answers import Answered
from posture.proof.bundle import Sealing, write_bundle
from posture.proof.verify import verify_bundle
from posture.run import replay
from posture.store import Store
from reports.formats import chosen
from tests.posture.proof.bundles import Files, Made, failing, files_of, packed, public_check, signed_again
from tests.posture.replays import DAY, FAULTY, HARDENED, START, edited, job, recorded

ANSWERS = "every raw answer is the one the audit log ended the run with"
BEGUN = "run, inventory and baseline are those the audit log began the run with"
JUDGED_BY = "scope, circumstances and known vulnerabilities are those the audit log ended the run with"
DATES = "results and due dates come to what the audit log ended the run with"
AUDIT = "the audit log is whole"
EARLIER = "the audit log goes on from the one of the earlier bundle"
RAW = "each raw answer is what its description says"
ABOUT = ("manifest.json", "judged-by/run.json")
FORMATS = chosen(["json", "jsonl"])


@pytest.fixture(scope="module")
def invented(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of the same run id, key and moment, over evidence that was made up: it agrees with itself."""
    home = tmp_path_factory.mktemp("invented")
    run = json.loads(files_of(made.tar)["manifest.json"])["run"]
    said = [
        recorded(HARDENED),
        edited(recorded(FAULTY), ("sshd.effective", "permitrootlogin yes", "permitrootlogin no")),
    ]
    with Store.open(home / "posture.db") as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr("posture.run.secrets.token_hex", lambda _size: run.rpartition("-")[2])
        # The honest inventory: nothing but one answer is made up.
        task = job(made.home / "inventory.yaml", home)
        assert replay(store, said, task, START, Work(clock=lambda: START + DAY / 24), as_of=START) == run
        sealing = Sealing(signing.Signer.read(made.key))
        write_bundle(store, run, home / "e.tar", FORMATS, sealing=sealing, marking="CUI")
    return home / "e.tar"


def with_honest_log(files: Files, honest: Files) -> Files:
    told, kept = json.loads(files["manifest.json"]), json.loads(honest["manifest.json"])
    told |= {name: kept[name] for name in ("audit_rows", "audit_head")}
    return {**files, "audit.jsonl": honest["audit.jsonl"], "manifest.json": json.dumps(told).encode()}


def test_evidence_invented_after_the_fact_is_caught_by_the_audit_log(
    made: Made, invented: Path, tmp_path: Path
) -> None:
    forged = with_honest_log(files_of(invented), files_of(made.tar))
    broken = packed(tmp_path / "b.tar", signed_again(forged, made.key))
    assert set(failing(broken, made.keys)) == {ANSWERS, DATES}
    assert public_check(broken, tmp_path / "unpacked", made.keys) != [], "and without a program of ours"


def test_who_writes_the_whole_log_anew_is_caught_by_a_bundle_given_away_before_and_by_nothing_else(
    made: Made, invented: Path
) -> None:
    assert failing(invented, made.keys) == {}, "key and log in one hand: the bundle alone cannot show it"
    found = failing(invented, replace(made.keys, earlier=made.tar))
    assert set(found) == {EARLIER} and "are others than in" in found[EARLIER]


def test_a_bundle_made_after_another_run_holds_and_its_log_goes_on_from_the_earlier_one(
    made: Made, tmp_path: Path
) -> None:
    with Store.open(made.database) as store:
        said = [recorded(one, at=START + DAY) for one in (HARDENED, FAULTY)]
        later = job(made.home / "inventory.yaml", tmp_path)
        replay(store, said, later, START + DAY, Work(clock=lambda: START + DAY), as_of=START + DAY)
        sealing = Sealing(signing.Signer.read(made.key))
        write_bundle(store, store.runs()[-1].run.id, tmp_path / "again.tar", FORMATS, sealing=sealing)
    lines = {line.what: line for line in verify_bundle(tmp_path / "again.tar", replace(made.keys, earlier=made.tar))}
    assert {line.answered for line in lines.values()} == {Answered.HOLDS}
    rows = [files_of(tar)["audit.jsonl"].count(b"\n") for tar in (made.tar, tmp_path / "again.tar")]
    assert rows[0] < rows[1] and lines[EARLIER].detail.startswith(f"its first {rows[0]} rows are those of")


def changed(files: Files, name: str, old: bytes, new: bytes) -> Files:
    assert old in files[name], name
    return {**files, name: files[name].replace(old, new, 1)}


def ended_again(files: Files) -> Files:
    """Append a second end of the run with digests of the forger's choice: nothing stops a chain from growing."""
    rows = files["audit.jsonl"].splitlines()
    last = json.loads(rows[-1])
    content = json.loads(next(row for row in rows if b"run_ended" in row))["content"]
    content = json.dumps({**json.loads(content), "seq": last["seq"] + 1})
    digest = hashlib.sha256(bytes.fromhex(last["digest"]) + content.encode()).hexdigest()
    row = {"seq": last["seq"] + 1, "content": content, "prev": last["digest"], "digest": digest}
    manifest = {**json.loads(files["manifest.json"]), "audit_rows": row["seq"], "audit_head": digest}
    log = b"\n".join([*rows, json.dumps(row).encode()]) + b"\n"
    return {**files, "audit.jsonl": log, "manifest.json": json.dumps(manifest).encode()}


def test_each_thing_that_was_pinned_is_told_by_name(made: Made, tmp_path: Path) -> None:
    files = files_of(made.tar)
    header = json.loads(files["judged-by/inventory/header.json"])
    piece = f"judged-by/inventory/{header['pieces'][0]}.json"
    operator = json.loads(files["manifest.json"])["operator"].encode()
    sights = json.loads(files["first-sights.json"])
    earlier = json.dumps({**sights, next(iter(sights)): "2020-01-01T00:00:00Z"}).encode()
    for number, (forged, what, words) in enumerate(
        (
            (changed(files, "judged-by/scopes.json", b"TEST-1", b"TEST-2"), JUDGED_BY, "judged-by/scopes.json"),
            (changed(files, "judged-by/inventory/header.json", b'"name":"', b'"name":"x'), BEGUN, "header.json"),
            (changed(files, piece, b"team-", b"club-"), RAW, "is not the piece it is named after"),
            (changed(files, "judged-by/circumstances.json", b'"marking":""', b'"marking":"x"'), JUDGED_BY, "circum"),
            ({**files, "first-sights.json": earlier}, DATES, "other results, first sights or dates"),
            (ended_again(files), AUDIT, "the run had ended already"),
            (
                {name: changed(files, name, operator, b"nobody")[name] if name in ABOUT else content
                 for name, content in files.items()},
                BEGUN,
                "the log says",
            ),
        )
    ):  # fmt: skip
        broken = packed(tmp_path / f"{number}.tar", signed_again(forged, made.key))
        assert words in failing(broken, made.keys).get(what, ""), (number, words)
        if number < 2:
            assert public_check(broken, tmp_path / f"unpacked{number}", made.keys) == [sys.executable], number


def test_a_log_without_digests_is_not_checked_and_not_good(made: Made, tmp_path: Path) -> None:
    """As runs of earlier versions have it, and as a forger would like to have it."""
    files, prev, rows = files_of(made.tar), "00" * 32, []
    for text in files["audit.jsonl"].splitlines():
        row = json.loads(text)
        content = json.loads(row["content"])
        if content["event"] == "run_begun":
            content["detail"] = {name: content["detail"][name] for name in ("inventory", "baseline", "operator")}
        if content["event"] == "run_ended":
            content["detail"] = {name: content["detail"][name] for name in ("state", "fingerprint", "root")}
        row |= {"content": json.dumps(content), "prev": prev}
        prev = row["digest"] = hashlib.sha256(bytes.fromhex(prev) + row["content"].encode()).hexdigest()
        rows.append(json.dumps(row).encode() + b"\n")
    manifest = {**json.loads(files["manifest.json"]), "audit_head": prev}
    old = {**files, "audit.jsonl": b"".join(rows), "manifest.json": json.dumps(manifest).encode()}
    tar = packed(tmp_path / "old.tar", signed_again(old, made.key))
    lines = {line.what: line.answered for line in verify_bundle(tar, made.keys)}
    assert {what for what, answered in lines.items() if answered is Answered.OPEN} == {BEGUN, JUDGED_BY, ANSWERS}
    assert Answered.FAILS not in lines.values()
    assert public_check(tar, tmp_path / "unpacked", made.keys) == [sys.executable]


def test_the_command_takes_the_earlier_bundle(made: Made, invented: Path) -> None:
    result = CliRunner().invoke(verify_command, [str(invented), "--earlier", str(made.tar), "--json"])
    assert result.exit_code == 1
    assert [one["what"] for one in json.loads(result.output) if one["answered"] == "fails"] == [EARLIER]

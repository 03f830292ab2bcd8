"""Evidence bundles: checked by public commands alone, and by judging the raw evidence again; every tampering is caught."""

from __future__ import annotations

import base64
import copy
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from posture.cli.proving import bundle_command, verify_command
from posture.errors import UsageError
from posture.proof import layout, signing
from posture.proof.answers import Answered, Line
from posture.proof.bundle import Sealing, write_bundle
from posture.proof.copies import copies
from posture.proof.reading import Bundle
from posture.proof.tarfile_strict import read_members
from posture.proof.verify import Keys, verify_bundle
from posture.store import Store
from reports.formats import chosen
from tests.posture.proof.bundles import (
    FORMATS,
    SIGNER,
    Files,
    Made,
    failing,
    files_of,
    new_authority,
    new_key,
    packed,
    public_check,
    signed_again,
)


def test_a_bundle_as_it_was_made_holds_in_every_point(made: Made) -> None:
    lines = list(verify_bundle(made.tar, made.keys))
    assert [line for line in lines if line.answered is not Answered.HOLDS] == []
    assert any(re.fullmatch(r"\d{2,} verdicts judged again", line.detail) for line in lines)
    assert stat.S_IMODE(made.tar.stat().st_mode) == 0o600


def test_without_keys_the_signatures_are_open_and_not_good(made: Made) -> None:
    still_open = [line.what for line in verify_bundle(made.tar, Keys()) if line.answered is Answered.OPEN]
    assert len(still_open) == 3
    result = CliRunner().invoke(verify_command, [str(made.tar)])
    assert result.exit_code == 4


def test_what_is_signed_says_where_the_evidence_comes_from(made: Made) -> None:
    files = files_of(made.tar)
    manifest = json.loads(files["manifest.json"])
    assert manifest["origin"] == "replayed", "a replay never passes for live"
    assert manifest["marking"] == "CUI"
    metas = [json.loads(content) for name, content in files.items() if name.endswith(".meta.json")]
    assert metas and all(
        {"argv", "account", "host_key", "exit_code", "sha256", "redactions", "origin"} <= set(one) for one in metas
    )
    listed = {line.split("  ", 1)[1] for line in files["SHA256SUMS"].decode().splitlines()}
    assert set(files) - listed == layout.UNLISTED - {layout.TIMESTAMP, layout.COUNTERSIGNATURE}
    statement = json.loads(base64.b64decode(json.loads(files["attestation.dsse.json"])["payload"]))
    assert statement["predicate"]["result"] == "FAILED" and statement["predicate"]["failedTests"]


def test_the_same_run_gives_the_same_digests(made: Made, tmp_path: Path) -> None:
    with Store.open(made.database) as store:
        formats, sealing = chosen(FORMATS), Sealing(signing.Signer.read(made.key))
        write_bundle(store, "latest", tmp_path / "again.tar", formats, sealing=sealing, marking="CUI")
    assert files_of(made.tar)["SHA256SUMS"] == files_of(tmp_path / "again.tar")["SHA256SUMS"]


# --- the public commands, as VERIFY.md gives them -----------------------------------------------------------------


def test_the_public_commands_hold(made: Made, tmp_path: Path) -> None:
    assert public_check(made.tar, tmp_path / "unpacked", made.keys) == []


def flip(files: Files) -> Files:
    name = next(name for name, content in files.items() if name.endswith(".out") and content)
    return {**files, name: bytes([files[name][0] ^ 1]) + files[name][1:]}


def add(files: Files) -> Files:
    return {**files, "raw/extra.out": b"more"}


def lose(files: Files) -> Files:
    name = next(name for name in files if name.endswith(".out"))
    return {other: content for other, content in files.items() if other != name}


def swap(files: Files) -> Files:
    one, two = [name for name, content in files.items() if name.endswith(".out") and len(content) > 9][:2]
    return {**files, one: files[two], two: files[one]}


def cut(files: Files) -> Files:
    return {**files, "audit.jsonl": b"".join(files["audit.jsonl"].splitlines(keepends=True)[:-1])}


def edit(files: Files) -> Files:
    assert b'"fail"' in files["verdicts.jsonl"]
    return {**files, "verdicts.jsonl": files["verdicts.jsonl"].replace(b'"fail"', b'"pass"', 1)}


EVERY_FILE, MISSING, UNLISTED = (
    "every file is what it was (sha256sum)", "no file is missing", "no file is there that is not listed",
)  # fmt: skip
SSH = "SHA256SUMS is signed by an allowed signer (ssh-keygen)"
RAW = "each raw answer is what its description says"
VERDICTS = "every verdict comes out the same from the raw evidence"
AUDIT = "the audit log is whole"


@pytest.mark.parametrize(
    ("tamper", "caught"),
    [(flip, EVERY_FILE), (add, UNLISTED), (lose, MISSING), (swap, EVERY_FILE), (cut, EVERY_FILE), (edit, EVERY_FILE)],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_tampering_is_caught_by_the_digests(
    tamper: Callable[[Files], Files], caught: str, made: Made, tmp_path: Path
) -> None:
    broken = packed(tmp_path / "b.tar", tamper(files_of(made.tar)))
    assert caught in failing(broken, made.keys)
    assert public_check(broken, tmp_path / "unpacked", made.keys), "the public commands see it too"


@pytest.mark.parametrize(
    ("tamper", "caught", "words"),
    [
        (flip, RAW, "is not the answer that"),
        (add, RAW, "no host of the inventory"),
        (lose, RAW, "is missing"),
        (swap, RAW, "is not the answer that"),
        (cut, AUDIT, "it was cut"),
        (edit, VERDICTS, "written pass, the evidence says fail"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_whoever_has_the_key_is_caught_by_the_evidence(
    tamper: Callable[[Files], Files], caught: str, words: str, made: Made, tmp_path: Path
) -> None:
    broken = packed(tmp_path / "b.tar", signed_again(tamper(files_of(made.tar)), made.key))
    assert public_check(broken, tmp_path / "unpacked", made.keys) in ([], [sys.executable])
    found = failing(broken, made.keys)
    assert words in found[caught]


def test_an_edited_report_is_caught_too(made: Made, tmp_path: Path) -> None:
    files = files_of(made.tar)
    report = files["reports/assessment.json"].replace(b'"status":"fail"', b'"status":"pass"')
    broken = packed(tmp_path / "b.tar", signed_again({**files, "reports/assessment.json": report}, made.key))
    assert "the evidence says fail" in failing(broken, made.keys)["reports/assessment.json says the same"]


def test_a_report_that_lies_of_the_whole_fleet_or_adds_a_host_is_caught(made: Made, tmp_path: Path) -> None:
    files, name = files_of(made.tar), "reports/assessment.json"
    honest = json.loads(files[name])
    assert honest["fleet"]
    for number, lie in enumerate(("turned", "left out", "a host more", "a check more")):
        report = copy.deepcopy(honest)
        if lie == "turned":
            report["fleet"][0]["status"] = "fail" if report["fleet"][0]["status"] == "pass" else "pass"
        elif lie == "left out":
            del report["fleet"][0]
        elif lie == "a host more":
            report["hosts"].append({**report["hosts"][0], "id": "nowhere"})
        else:
            report["hosts"][0]["results"].append({**report["hosts"][0]["results"][0], "check": "SSH-999"})
        told = {**files, name: json.dumps(report).encode()}
        broken = packed(tmp_path / f"b{number}.tar", signed_again(told, made.key))
        assert "the evidence says" in failing(broken, made.keys)[f"{name} says the same"], lie


def test_a_due_date_or_a_finding_changed_in_every_report_alike_is_caught(made: Made, tmp_path: Path) -> None:
    files, name = files_of(made.tar), "reports/assessment.json"
    honest = json.loads(files[name])
    first = next(one for one in honest["findings"] if one["status"] == "open" and one["due"])
    due = first["due"][0]["due"]
    for number, (lie, words) in enumerate(
        (
            ("later", "due 2031-01-01"),
            ("left out", "no finding, the evidence says fail"),
            ("closed", "no finding, the evidence says fail"),
            ("invented", "nothing in the evidence fails"),
            ("seen tomorrow", "first seen after the run"),
        )
    ):
        report = copy.deepcopy(honest)
        finding = next(one for one in report["findings"] if one["id"] == first["id"])
        if lie == "later":
            finding["due"][0]["due"] = "2031-01-01"
        elif lie == "left out":
            report["findings"].remove(finding)
        elif lie == "closed":
            finding["status"] = "closed"
        elif lie == "invented":
            report["findings"].append({**finding, "id": "0" * 16})
        else:
            finding["first_seen"] = "2031-01-01T00:00:00Z"
        told = {**files, name: json.dumps(report).encode()}
        told["reports/posture.jsonl"] = files["reports/posture.jsonl"].replace(due.encode(), b"2031-01-01")
        broken = packed(tmp_path / f"b{number}.tar", signed_again(told, made.key))
        assert words in failing(broken, made.keys)[f"{name} has the findings and due dates that follow"], lie


def test_a_manifest_that_names_another_key_or_counts_fewer_hosts_is_caught(made: Made, tmp_path: Path) -> None:
    files = files_of(made.tar)
    honest = json.loads(files["manifest.json"])
    for change, what in (
        (
            {"signatures": {**honest["signatures"], "ssh": "SHA256:another"}},
            "the key that signed is the one the manifest names",
        ),
        ({"coverage": {**honest["coverage"], "hosts": 1}}, "the manifest counts what was judged"),
    ):
        manifest = json.dumps({**honest, **change}).encode()
        broken = packed(tmp_path / "b.tar", signed_again({**files, "manifest.json": manifest}, made.key))
        assert set(failing(broken, made.keys)) == {what}


def test_what_nobody_read_again_is_named(made: Made, tmp_path: Path) -> None:
    lines = {line.what: line.detail for line in verify_bundle(made.tar, made.keys)}
    said = lines["reports/assessment.json has the findings and due dates that follow"]
    assert said.endswith("not read: blind_spots.csv")
    files = {name: content for name, content in files_of(made.tar).items() if name != "reports/assessment.json"}
    lines = {line.what: line.detail for line in verify_bundle(packed(tmp_path / "b.tar", files), made.keys)}
    said = lines["reports/assessment.json says the same"]
    assert said == "there is none in this bundle; not read: blind_spots.csv, findings.csv, posture.jsonl"


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("findings.csv", b'"2026-12-22"', b'"2031-01-01"', "due 2031-01-01, the assessment says 2026-12-22"),
        ("findings.csv", b'"open","","fail"', b'"open","","pass"', "result_now pass, the assessment says fail"),
        ("findings.csv", b'"open"', b'"closed"', "status closed, the assessment says open"),
        ("findings.csv", b"\r\n", b'\r\n"000"\r\n', "not in the assessment"),
        ("posture.jsonl", b'"due":"2026-12-22"', b'"due":"2031-01-01"', "not what the assessment says of finding"),
        ("posture.jsonl", b'"result_now":"fail"', b'"result_now":"pass"', "not what the assessment says of finding"),
        ("posture.jsonl", b'"decided":', b'"decided":1', "coverage: not the assessment's"),
        ("posture.jsonl", b"{", b"", "it cannot be read"),
    ],
)
def test_a_list_of_findings_that_says_something_else_than_the_assessment_is_caught(
    name: str, old: bytes, new: bytes, words: str, made: Made
) -> None:
    member = f"reports/{name}"
    files = files_of(made.tar)
    assert old in files[member]
    other = _Altered(made.tar, member, files[member].replace(old, new, 1))
    report = json.loads(files["reports/assessment.json"])
    judged = {host["id"]: {one["check"]: one["status"] for one in host["results"]} for host in report["hosts"]}
    judged["fleet"] = {one["check"]: one["status"] for one in report["fleet"]}
    assert {line.answered for line in copies(Bundle(made.tar), judged)} == {Answered.HOLDS}
    found = {line.what: line.detail for line in copies(other, judged) if line.answered is Answered.FAILS}
    assert set(found) == {f"{member} says the same"} and words in found[f"{member} says the same"]


class _Altered(Bundle):
    """A bundle with one member changed, and nothing judged again: that the whole is judged stands elsewhere."""

    def __init__(self, path: Path, member: str, content: bytes) -> None:
        super().__init__(path)
        self._member, self._content = member, content

    def content(self, name: str) -> bytes:
        return self._content if name == self._member else super().content(name)


def test_another_key_is_caught(made: Made, tmp_path: Path) -> None:
    other = new_key(tmp_path / "other")
    forged = packed(tmp_path / "b.tar", signed_again(edit(files_of(made.tar)), other))
    found = failing(forged, made.keys)
    assert {SSH, "SHA256SUMS is signed with the ECDSA key (openssl)", VERDICTS} <= set(found)
    assert public_check(forged, tmp_path / "unpacked", made.keys) == ["ssh-keygen -Y", "openssl"]


def test_a_signature_made_for_another_purpose_does_not_count(made: Made, tmp_path: Path) -> None:
    files = files_of(made.tar)
    command = ["ssh-keygen", "-Y", "sign", "-f", str(made.key), "-n", "git"]
    files[layout.SSH_SIGNATURE] = subprocess.run(
        command, input=files["SHA256SUMS"], capture_output=True, check=True
    ).stdout
    assert SSH in failing(packed(tmp_path / "b.tar", files), made.keys)


def test_a_signature_taken_away_is_missed(made: Made, tmp_path: Path) -> None:
    files = {name: content for name, content in files_of(made.tar).items() if name != layout.ECDSA_SIGNATURE}
    found = failing(packed(tmp_path / "b.tar", files), made.keys)
    assert layout.ECDSA_SIGNATURE in found["every signature the manifest speaks of is there"]


# --- how it is made -----------------------------------------------------------------------------------------------


def run_bundle(made: Made, out: Path, *options: str) -> tuple[int, str, Exception | None]:
    config = made.home / "posture.yaml"
    config.write_text(f"schema: posture.config/1\ndatabase: {made.database}\n")
    result = CliRunner().invoke(bundle_command, ["-c", str(config), "--out", str(out), "--format", "json", *options])
    return result.exit_code, result.output, result.exception if isinstance(result.exception, UsageError) else None


def test_nothing_is_silently_left_unsigned(made: Made, tmp_path: Path) -> None:
    assert isinstance(run_bundle(made, tmp_path)[2], UsageError)
    code, output, _ = run_bundle(made, tmp_path, "--unsigned")
    assert (code, "NOT SIGNED" in output) == (0, True)
    (tar,) = tmp_path.glob("evidence-*.tar")
    assert "**This bundle is not signed.**" in files_of(tar)["VERIFY.md"].decode()
    assert failing(tar, replace(made.keys, public_key=None)) == {SSH: "the bundle is not signed"}
    assert failing(tar, made.keys).keys() > {SSH}, "a key was brought for what is not there"


def test_a_key_that_is_not_on_p256_signs_for_ssh_only_and_says_so(made: Made, tmp_path: Path) -> None:
    key = new_key(tmp_path / "ed", "ed25519")
    code, output, _ = run_bundle(made, tmp_path, "--key", str(key))
    assert code == 0 and "no ECDSA signature and no attestation" in output
    (tar,) = tmp_path.glob("evidence-*.tar")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"{SIGNER} {key.with_suffix('.pub').read_text()}")
    assert {line.answered for line in verify_bundle(tar, Keys(allowed, SIGNER))} == {Answered.HOLDS}


def test_a_bundle_names_the_one_before(made: Made, tmp_path: Path) -> None:
    code, _, _ = run_bundle(made, tmp_path, "--key", str(made.key), "--previous", str(made.tar))
    assert code == 0
    (tar,) = tmp_path.glob("evidence-*.tar")
    sums = next(member.sha256 for member in read_members(made.tar) if member.name == layout.SUMS)
    assert json.loads(files_of(tar)["manifest.json"])["previous"] == sums


def test_an_authority_of_ones_own_stamps_the_digests(made: Made, tmp_path: Path) -> None:
    config = new_authority(tmp_path)
    program = tmp_path / "stamp"
    program.write_text(
        f"#!/bin/sh\ncat > {tmp_path}/q\nopenssl ts -reply -config {config} -section here -queryfile {tmp_path}/q -out {tmp_path}/r && cat {tmp_path}/r\n"
    )
    program.chmod(0o755)
    code, output, _ = run_bundle(made, tmp_path, "--key", str(made.key), "--timestamp-with", str(program))
    assert code == 0, output
    (tar,) = tmp_path.glob("evidence-*.tar")
    keys = Keys(made.keys.allowed_signers, SIGNER, made.keys.public_key, tmp_path / "tsa.crt")
    lines = {line.what: line.answered for line in verify_bundle(tar, keys)}
    assert lines["the timestamp is the authority's (openssl ts)"] is Answered.HOLDS
    broken = files_of(tar)
    broken[layout.SUMS] += b"\n"
    assert "the timestamp is the authority's (openssl ts)" in failing(packed(tmp_path / "b.tar", broken), keys)


def test_only_a_recipient_reads_an_encrypted_bundle(made: Made, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=auditor",
         "-keyout", tmp_path / "a.key", "-out", tmp_path / "a.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    code, output, _ = run_bundle(
        made, tmp_path / "out", "--key", str(made.key), "--encrypt-to", str(tmp_path / "a.pem")
    )
    assert code == 0, output
    (sealed,) = (tmp_path / "out").iterdir()
    assert sealed.name.endswith(".tar.cms") and stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert b"manifest.json" not in sealed.read_bytes()
    with pytest.raises(UsageError):
        list(verify_bundle(sealed, made.keys))
    subprocess.run(
        ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", sealed, "-inkey", tmp_path / "a.key",
         "-recip", tmp_path / "a.pem", "-out", tmp_path / "plain.tar"],
        check=True,
    )  # fmt: skip
    assert failing(tmp_path / "plain.tar", made.keys) == {}


# --- hostile files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../b", "a//b", ".hidden", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with (
        (tmp_path / "b.tar").open("wb") as file,
        tarfile.open(fileobj=file, mode="w:", format=tarfile.USTAR_FORMAT) as archive,
    ):
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(UsageError, match="holds a member that no bundle has"):
        list(read_members(tmp_path / "b.tar"))


def test_bytes_that_no_digest_covers_are_refused(made: Made, tmp_path: Path) -> None:
    """Behind the archive, in the padding of a member, in the header of one: `tar` passes over the first two."""
    raw = made.tar.read_bytes()
    pad = next(one.offset + one.size for one in read_members(made.tar) if one.size % 512)
    setuid = tarfile.TarInfo("a")
    setuid.mode = 0o4755
    for number, forged in enumerate(
        (
            raw + b"trailer",
            raw + bytes(512) + raw,
            raw[:pad] + b"x" + raw[pad + 1 :],
            setuid.tobuf(tarfile.USTAR_FORMAT) + raw,
        )
    ):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(forged)
        with pytest.raises(UsageError):
            list(verify_bundle(path, made.keys))


def test_names_that_differ_in_case_only_are_one_name(made: Made, tmp_path: Path) -> None:
    files = files_of(made.tar)
    with pytest.raises(UsageError, match="stands in it twice"):
        list(read_members(packed(tmp_path / "b.tar", {**files, "Verdicts.jsonl": b"{}\n"})))
    assert layout.directory_of("WEB").lower() != layout.directory_of("web")
    assert layout.directory_of("web-01") == "web-01"


def test_links_and_cut_files_are_refused(made: Made, tmp_path: Path) -> None:
    link = tarfile.TarInfo("manifest.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "b.tar", "w:", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(link)
    with pytest.raises(UsageError):
        list(read_members(tmp_path / "b.tar"))
    (tmp_path / "cut.tar").write_bytes(made.tar.read_bytes()[: made.tar.stat().st_size // 2])
    with pytest.raises(UsageError):
        list(verify_bundle(tmp_path / "cut.tar", made.keys))


def test_rubbish_in_every_small_file_fails_and_never_breaks(made: Made, tmp_path: Path) -> None:
    files = files_of(made.tar)
    for name in ("manifest.json", "audit.jsonl", "verdicts.jsonl", "judged-by/run.json", "judged-by/baseline.json", "judged-by/vulnerabilities.json", "judged-by/circumstances.json",
                 "attestation.dsse.json", "SHA256SUMS.sig", "SHA256SUMS.ecdsa", "reports/assessment.json"):  # fmt: skip
        broken = packed(tmp_path / "b.tar", {**files, name: os.urandom(64)})
        found: list[Line] = list(verify_bundle(broken, made.keys))
        assert any(line.answered is Answered.FAILS for line in found), name

"""A second person's signature and an authority's timestamp, added to a bundle afterwards: what was signed first stays."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from posture.cli.proving import bundle_command, verify_command
from posture.cli.sealing import countersign_command, timestamp_command
from posture.errors import UsageError
from posture.proof import layout, signing
from posture.proof.adding import add_timestamp, countersign, timestamp_request
from posture.proof.answers import Answered
from posture.proof.layout import ECDSA_SIGNATURE
from posture.proof.stamping import query_of, stamp_of, stamped_by
from posture.proof.verify import Keys, verify_bundle
from tests.posture.proof.bundles import (
    SIGNER,
    Made,
    failing,
    files_of,
    new_authority,
    new_key,
    packed,
    public_check,
    signed_again,
    stamped,
)

REVIEWER = "reviewer@example.gov"
SECOND = "another person countersigned SHA256SUMS (ssh-keygen)"
STAMP = "the timestamp is the authority's (openssl ts)"
STAMPED_VALID = "the authority's certificate was valid when it stamped"
TRUSTED_TODAY = "the authority's certificate is trusted today"
ASKED = "the countersignature that is asked for is there"


@pytest.fixture
def mine(made: Made, tmp_path: Path) -> Made:
    """A copy of the bundle that a test may add to, and a list of signers that knows the reviewer too."""
    tar = shutil.copy2(made.tar, tmp_path / "e.tar")
    reviewer = new_key(tmp_path / "reviewer", "ed25519")
    allowed = tmp_path / "allowed"
    assert made.keys.allowed_signers is not None
    public = reviewer.with_suffix(".pub").read_text()
    allowed.write_text(f"{made.keys.allowed_signers.read_text()}{REVIEWER} {public}")
    return replace(
        made, tar=tar, key=reviewer, keys=replace(made.keys, allowed_signers=allowed, countersigner=REVIEWER)
    )


def answers(tar: Path, keys: Keys) -> dict[str, tuple[Answered, str]]:
    return {line.what: (line.answered, line.detail) for line in verify_bundle(tar, keys)}


# --- a second person's signature ----------------------------------------------------------------------------------


def test_a_second_person_signs_and_what_was_signed_first_keeps_its_bytes(mine: Made, tmp_path: Path) -> None:
    before = mine.tar.read_bytes()
    result = CliRunner().invoke(countersign_command, [str(mine.tar), "--key", str(mine.key)])
    assert result.exit_code == 0 and "countersigned with SHA256:" in result.output
    after = mine.tar.read_bytes()
    assert after.startswith(before.rstrip(b"\0")) and stat.S_IMODE(mine.tar.stat().st_mode) == 0o600
    assert {line.answered for line in verify_bundle(mine.tar, mine.keys)} == {Answered.HOLDS}
    assert public_check(mine.tar, tmp_path / "unpacked", mine.keys) == []


def test_a_link_to_a_bundle_stays_a_link_and_the_bundle_keeps_its_mode(mine: Made, tmp_path: Path) -> None:
    mine.tar.chmod(0o640)
    link = tmp_path / "latest.tar"
    link.symlink_to(mine.tar)
    countersign(link, signing.Signer.read(mine.key))
    assert link.is_symlink() and link.resolve() == mine.tar
    assert stat.S_IMODE(mine.tar.stat().st_mode) == 0o640
    assert failing(mine.tar, mine.keys) == {}


def test_adding_that_breaks_off_leaves_the_bundle_as_it_was(
    mine: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mine.tar.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UsageError, match="No space left"):
        countersign(mine.tar, signing.Signer.read(mine.key))
    assert mine.tar.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_whoever_does_not_name_the_second_person_leaves_the_question_open(mine: Made) -> None:
    countersign(mine.tar, signing.Signer.read(mine.key))
    answered, detail = answers(mine.tar, replace(mine.keys, countersigner=""))[SECOND]
    assert answered is Answered.OPEN and "no countersigner named" in detail


def test_a_countersignature_that_is_named_and_missing_fails_and_says_so(mine: Made) -> None:
    assert "MISSING" in failing(mine.tar, mine.keys)[ASKED]


def test_what_was_taken_out_again_is_missed_by_whoever_brings_the_key_for_it(mine: Made, tmp_path: Path) -> None:
    new_authority(tmp_path)
    asked = replace(mine.keys, countersigner="", authority=tmp_path / "tsa.crt")
    assert "MISSING" in failing(mine.tar, asked)["the timestamp that is asked for is there"]
    files = files_of(mine.tar)
    bare = packed(tmp_path / "bare.tar", {name: said for name, said in files.items() if name != ECDSA_SIGNATURE})
    assert mine.keys.public_key is not None
    gone = failing(bare, replace(mine.keys, countersigner=""))
    assert "no signature by one" in gone["SHA256SUMS is signed with the ECDSA key (openssl)"]
    assert "the attestation is about these digests (DSSE)" in gone


def test_the_first_signer_is_no_second_person(mine: Made, made: Made) -> None:
    with pytest.raises(UsageError, match="signed it first"):
        countersign(mine.tar, signing.Signer.read(made.key))
    files = files_of(mine.tar)
    forged = signing.Signer.read(made.key).sign_ssh(files[layout.SUMS], layout.COUNTERSIGN_NAMESPACE)
    packed(mine.tar, {**files, layout.COUNTERSIGNATURE: forged})
    assert "no second person's" in failing(mine.tar, mine.keys)[SECOND]


def test_one_name_for_both_signatures_is_refused(mine: Made) -> None:
    countersign(mine.tar, signing.Signer.read(mine.key))
    assert "first signer too" in failing(mine.tar, replace(mine.keys, countersigner=SIGNER))[SECOND]


def test_a_copy_of_the_first_signature_is_no_second_one(mine: Made, tmp_path: Path) -> None:
    files = files_of(mine.tar)
    packed(mine.tar, {**files, layout.COUNTERSIGNATURE: files[layout.SSH_SIGNATURE]})
    assert "another purpose" in failing(mine.tar, mine.keys)[SECOND]
    assert public_check(mine.tar, tmp_path / "unpacked", mine.keys) == ["ssh-keygen -Y"]


def test_a_stranger_s_signature_and_one_flipped_byte_are_caught(mine: Made, tmp_path: Path) -> None:
    stranger = new_key(tmp_path / "stranger", "ed25519")
    countersign(mine.tar, signing.Signer.read(stranger))
    assert "another key" in failing(mine.tar, mine.keys)[SECOND]
    assert public_check(mine.tar, tmp_path / "a", mine.keys) == ["ssh-keygen -Y"]
    files = files_of(mine.tar)
    signature = files[layout.COUNTERSIGNATURE]
    middle = signature.index(b"\n", 100) + 5
    flipped = bytes([signature[middle] ^ (3 if signature[middle : middle + 1].isalpha() else 1)])
    packed(mine.tar, {**files, layout.COUNTERSIGNATURE: signature[:middle] + flipped + signature[middle + 1 :]})
    assert SECOND in failing(mine.tar, mine.keys)


def test_a_countersignature_does_not_outlive_the_digests(mine: Made) -> None:
    countersign(mine.tar, signing.Signer.read(mine.key))
    files = files_of(mine.tar)
    kept = files[layout.COUNTERSIGNATURE]
    changed = {**files, "VERIFY.md": b"trust us"}
    packed(mine.tar, {**signed_again(changed, mine.key), layout.COUNTERSIGNATURE: kept})
    assert SECOND in failing(mine.tar, mine.keys)


def test_a_bundle_that_is_broken_unsigned_or_signed_twice_is_not_countersigned(mine: Made, tmp_path: Path) -> None:
    signer = signing.Signer.read(mine.key)
    files = files_of(mine.tar)
    broken = packed(tmp_path / "b.tar", {**files, "VERIFY.md": b"trust us"})
    with pytest.raises(UsageError, match=r"does not hold: 1 changed: VERIFY\.md"):
        countersign(broken, signer)
    unsigned = packed(tmp_path / "u.tar", {name: one for name, one in files.items() if name != layout.SSH_SIGNATURE})
    with pytest.raises(UsageError, match="nothing to countersign"):
        countersign(unsigned, signer)
    countersign(mine.tar, signer)
    with pytest.raises(UsageError, match="already"):
        countersign(mine.tar, signer)


def test_what_a_configuration_asks_for_is_missed_until_it_is_there(mine: Made, tmp_path: Path) -> None:
    config = tmp_path / "posture.yaml"
    config.write_text(
        f"schema: posture.config/1\ndatabase: {mine.database}\nevidence: {{asks: [countersignature, timestamp]}}\n"
    )
    first = mine.database.parent / "key"
    result = CliRunner().invoke(
        bundle_command,
        ["-c", str(config), "--out", str(tmp_path / "out"), "--format", "jsonl", "--key", str(first)],
    )
    assert result.exit_code == 0 and "not whole yet: countersignature and timestamp asked for" in result.output
    (tar,) = (tmp_path / "out").iterdir()
    signed = ["--allowed-signers", str(mine.keys.allowed_signers), "--signer", SIGNER]
    asked = CliRunner().invoke(verify_command, [str(tar), *signed, "--json"])
    assert asked.exit_code == 1
    missing = {one["what"] for one in json.loads(asked.output) if one["answered"] == "fails"}
    assert missing == {ASKED, "the timestamp that is asked for is there"}, "the bundle itself says what it asks for"
    page = files_of(tar)["VERIFY.md"].decode()
    assert "test ! -e SHA256SUMS" not in page and page.count("is not whole without") == 2
    assert public_check(tar, tmp_path / "unpacked", mine.keys) == ["ssh-keygen -Y", "openssl ts"]
    countersign(tar, signing.Signer.read(mine.key))
    authority = new_authority(tmp_path)
    (tmp_path / "q").write_bytes(timestamp_request(tar))
    add_timestamp(tar, stamped(authority, tmp_path / "q", tmp_path / "r"), tmp_path / "tsa.crt")
    keys = replace(mine.keys, authority=tmp_path / "tsa.crt")
    assert {line.answered for line in verify_bundle(tar, keys)} == {Answered.HOLDS}


def test_an_auditor_s_own_configuration_asks_too(mine: Made, tmp_path: Path) -> None:
    (tmp_path / "posture.yaml").write_text("schema: posture.config/1\nevidence: {asks: [countersignature]}\n")
    result = CliRunner().invoke(verify_command, [str(mine.tar), "-c", str(tmp_path / "posture.yaml"), "--json"])
    assert result.exit_code == 1
    assert any(one["what"] == ASKED and one["answered"] == "fails" for one in json.loads(result.output))


def test_what_a_forged_manifest_asks_for_is_told_and_printed_inert(mine: Made, made: Made) -> None:
    files = files_of(mine.tar)
    manifest = json.loads(files["manifest.json"])
    manifest["asks"] = ["\x1b]0;owned\x07"]
    packed(mine.tar, signed_again({**files, "manifest.json": json.dumps(manifest).encode()}, made.key))
    result = CliRunner().invoke(verify_command, [str(mine.tar)])
    assert result.exit_code == 1 and "\x1b]0" not in result.output


# --- an authority's timestamp -------------------------------------------------------------------------------------


def test_an_authority_s_reply_is_carried_checked_and_added(mine: Made, tmp_path: Path) -> None:
    authority, before = new_authority(tmp_path), mine.tar.read_bytes()
    query = tmp_path / "e.tsq"
    assert CliRunner().invoke(timestamp_command, [str(mine.tar), "--query", str(query)]).exit_code == 0
    assert mine.tar.read_bytes() == before, "asking changes nothing"
    reply = stamped(authority, query, tmp_path / "e.tsr")
    command = [str(mine.tar), "--token", str(reply), "--authority", str(tmp_path / "tsa.crt")]
    result = CliRunner().invoke(timestamp_command, command)
    assert result.exit_code == 0, result.output
    assert mine.tar.read_bytes().startswith(before.rstrip(b"\0"))
    keys = replace(mine.keys, authority=tmp_path / "tsa.crt", countersigner="")
    assert answers(mine.tar, keys)[STAMP][0] is Answered.HOLDS
    stamp = stamp_of(reply.read_bytes())
    assert stamp is not None and abs(datetime.now(UTC) - stamp.made_at) < timedelta(hours=1)
    words = f"made {stamp.made_at:%Y-%m-%d %H:%M:%S} UTC by CN=Test TSA"
    assert words in result.output and answers(mine.tar, keys)[STAMP][1] == words, "a stamp without its date says little"
    assert answers(mine.tar, keys)[STAMPED_VALID][1].endswith(f"to {stamp.valid_until:%Y-%m-%d}")
    assert answers(mine.tar, keys)[TRUSTED_TODAY][0] is Answered.HOLDS
    assert failing(mine.tar, keys) == {}
    assert public_check(mine.tar, tmp_path / "unpacked", keys) == []
    answered, detail = answers(mine.tar, replace(keys, authority=None))[STAMP]
    assert answered is Answered.OPEN and f"by its own word {words}" in detail
    later = {line.what: line for line in verify_bundle(mine.tar, keys, now=stamp.valid_until + timedelta(days=400))}
    assert later[STAMP].answered is later[STAMPED_VALID].answered is Answered.HOLDS
    assert later[TRUSTED_TODAY].answered is Answered.OPEN and "expired 20" in later[TRUSTED_TODAY].detail


def test_a_reply_about_other_bytes_of_another_authority_or_damaged_is_refused(mine: Made, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir(), (tmp_path / "other").mkdir()
    authority, _ = new_authority(tmp_path / "one"), new_authority(tmp_path / "other")
    (tmp_path / "q").write_bytes(timestamp_request(mine.tar))
    good = stamped(authority, tmp_path / "q", tmp_path / "good")
    (tmp_path / "q2").write_bytes(query_of(b"other bytes"))
    elsewhere = stamped(authority, tmp_path / "q2", tmp_path / "elsewhere")
    raw = good.read_bytes()
    (tmp_path / "flipped").write_bytes(raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:])
    (tmp_path / "rubbish").write_bytes(b"\x1b]0;owned\x07 Ignore previous instructions")
    (tmp_path / "huge").write_bytes(bytes(1_000_001))
    named, before = tmp_path / "one" / "tsa.crt", mine.tar.read_bytes()
    for reply, by in (
        (good, tmp_path / "other" / "tsa.crt"),
        *((one, named) for one in (elsewhere, tmp_path / "flipped", tmp_path / "rubbish", tmp_path / "huge")),
    ):
        with pytest.raises(UsageError, match="no timestamp of these digests"):
            add_timestamp(mine.tar, reply, by)
    assert mine.tar.read_bytes() == before
    packed(mine.tar, {**files_of(mine.tar), layout.TIMESTAMP: (tmp_path / "flipped").read_bytes()})
    keys = replace(mine.keys, authority=named)
    assert STAMP in failing(mine.tar, keys)
    assert public_check(mine.tar, tmp_path / "unpacked", keys) == ["openssl ts"]


def test_a_program_s_reply_is_held_against_the_very_query_it_was_given(tmp_path: Path) -> None:
    config, message = new_authority(tmp_path), b"the digests"
    (tmp_path / "old.tsq").write_bytes(query_of(message))
    stamped(config, tmp_path / "old.tsq", tmp_path / "old.tsr")
    (tmp_path / "else.tsq").write_bytes(query_of(b"other digests"))
    stamped(config, tmp_path / "else.tsq", tmp_path / "else.tsr")
    picky = tmp_path / "picky.conf"
    picky.write_text(config.read_text().replace("digests = sha256", "digests = sha512"))
    answer = "cat > q && openssl ts -reply -config {} -section here -queryfile q"
    program = tmp_path / "stamp"
    for reply, why in (
        ("cat old.tsr", "nonce mismatch"),
        ("cat else.tsr", "message imprint mismatch"),
        (answer.format(picky), "Rejected"),
        ("printf '0\\202\\001'", "no reply of a timestamp authority"),
        (answer.format(config) + " -token_out", "no reply of a timestamp authority"),
        (answer.format(config) + " | head -c 600", "no reply of a timestamp authority"),
        ("exit 1", "gave no timestamp"),
        ("head -c 1000001 /dev/zero", "longer than"),
    ):
        program.write_text(f"#!/bin/sh\ncd {tmp_path}\n{reply}\n")
        program.chmod(0o755)
        with pytest.raises(UsageError, match=why):
            stamped_by(program, message)
    program.write_text(f"#!/bin/sh\ncd {tmp_path}\n{answer.format(config)}\n")
    assert stamp_of(stamped_by(program, message)) is not None
    program.chmod(0o644)
    with pytest.raises(UsageError, match="cannot be run"):
        stamped_by(program, message)


def test_a_reply_is_never_added_unchecked(mine: Made, tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"x")
    for options in ([], ["--token", str(tmp_path / "r")], ["--query", "a", "--token", "b"]):
        result = CliRunner().invoke(timestamp_command, [str(mine.tar), *options])
        assert isinstance(result.exception, UsageError)
    with pytest.raises(UsageError, match="cannot be read"):
        add_timestamp(mine.tar, tmp_path / "nowhere", tmp_path / "tsa.crt")


# --- a key that only an agent holds -------------------------------------------------------------------------------


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real agent; its socket lies in a short directory, for the kernel takes 107 characters."""
    with tempfile.TemporaryDirectory(prefix="pa-", dir="/tmp") as place:
        done = subprocess.run(
            ["ssh-agent", "-s", "-a", f"{place}/s"], capture_output=True, text=True, check=True, timeout=60
        )
        pid = int(done.stdout.split("SSH_AGENT_PID=")[1].split(";")[0])
        monkeypatch.setenv("SSH_AUTH_SOCK", f"{place}/s")
        yield
        os.kill(pid, 15)


@pytest.mark.usefixtures("agent")
def test_a_key_in_an_agent_signs_and_countersigns_without_its_file(mine: Made, tmp_path: Path) -> None:
    keys = [new_key(tmp_path / name, "ed25519") for name in ("first", "second")]
    for key in keys:
        subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True)
        key.unlink()
    publics = [key.with_suffix(".pub") for key in keys]
    config = tmp_path / "posture.yaml"
    config.write_text(f"schema: posture.config/1\ndatabase: {mine.database}\n")
    out = tmp_path / "out"
    command = ["-c", str(config), "--out", str(out), "--format", "jsonl", "--key", str(publics[0])]
    made_now = CliRunner().invoke(bundle_command, command)
    assert made_now.exit_code == 0, made_now.output
    (tar,) = out.iterdir()
    countersign(tar, signing.Signer.read(publics[1]))
    allowed = tmp_path / "both"
    allowed.write_text(f"{SIGNER} {publics[0].read_text()}{REVIEWER} {publics[1].read_text()}")
    found = Keys(allowed, SIGNER, countersigner=REVIEWER)
    assert {line.answered for line in verify_bundle(tar, found)} == {Answered.HOLDS}
    subprocess.run(["ssh-add", "-q", "-D"], check=True, capture_output=True)
    with pytest.raises(UsageError, match="could not sign") as caught:
        signing.Signer.read(publics[0]).sign_ssh(b"x")
    assert "agent" in caught.value.hint

"""``posture exchange``: files only, in and out; a list of others moves the order within a tier and nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posture.errors import FeedError, UsageError
from posture.exchange_list import keep_list, kept_list, read_list

Call = Callable[..., Any]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: Any) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "connect", refused)


def named(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [one.id for one in read_list(path, "partner", NOW)]


def test_lists_of_every_shape_are_read(tmp_path: Path) -> None:
    path = tmp_path / "list"
    assert named(path, "CVE-2026-0001, patch first\n# words\nSSH-02\nnonsense\n") == ["CVE-2026-0001", "SSH-02"]
    assert named(path, json.dumps({"vulnerabilities": [{"cve": "CVE-2026-0002"}]})) == ["CVE-2026-0002"]
    assert named(path, json.dumps({"vulnerabilities": [{"cveID": "CVE-2026-0003"}]})) == ["CVE-2026-0003"]
    own = {"tlp": "TLP:GREEN", "vulnerabilities": [{"id": "CVE-2026-0004"}], "weaknesses": [{"check": "SSH-02"}]}
    assert named(path, json.dumps(own)) == ["CVE-2026-0004", "SSH-02"]
    assert read_list(path, "partner", NOW)[0].tlp == "TLP:GREEN"


@pytest.mark.parametrize("content", [b"", b"{", b'{"vulnerabilities": 7}', b"\xff\xfe\x00", b'{"a": ' + b"[" * 5000])
def test_a_list_that_names_nothing_or_is_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FeedError):
        named(tmp_path / "list", content)


def test_a_later_list_of_the_same_source_replaces_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("CVE-2026-0001\nCVE-2026-0002\n")
    (tmp_path / "b").write_text("CVE-2026-0003\n")
    keep_list(tmp_path, read_list(tmp_path / "a", "one", NOW))
    keep_list(tmp_path, read_list(tmp_path / "a", "two", NOW))
    keep_list(tmp_path, read_list(tmp_path / "b", "one", NOW))
    assert [(one.id, one.source) for one in kept_list(tmp_path)] == [
        ("CVE-2026-0001", "two"),
        ("CVE-2026-0002", "two"),
        ("CVE-2026-0003", "one"),
    ]
    with pytest.raises(UsageError, match="source"):
        read_list(tmp_path / "a", " ", NOW)


def test_export_writes_files_and_says_that_nothing_was_sent(reading: Call, tmp_path: Path) -> None:
    said = reading("exchange", "export", "--tlp", "TLP:AMBER", "--redact", "hosts-hashed", "--to", tmp_path / "x")
    assert said.code == 0, said.err
    assert "no official" in said.err.lower() and "no CSAF view" in said.err
    record = json.loads((tmp_path / "x/exchange.json").read_bytes())
    assert record["weaknesses"] and all(
        host.startswith("host-") for one in record["weaknesses"] for host in one["hosts"]
    )
    key = Path("out/exchange.key")
    assert key.stat().st_mode & 0o077 == 0
    again = reading("exchange", "export", "--tlp", "TLP:AMBER", "--redact", "hosts-hashed", "--to", tmp_path / "y")
    assert again.code == 0
    assert (tmp_path / "x/exchange.json").read_bytes() == (tmp_path / "y/exchange.json").read_bytes()


def test_a_notice_says_who_scans_what_when_and_how_hard(posture: Call, here: Path) -> None:
    (here / "scope.yaml").write_text(
        "schema: posture.scope/1\nauthorisation: ROE-7\nowner: ops\n"
        "window: {opens: '2026-01-01T00:00:00Z', closes: '2026-02-01T00:00:00Z'}\ncidrs: [192.0.2.0/24, 192.0.2.0/25]\n"
    )
    words = ("exchange", "notice", "--tlp", "TLP:GREEN", "--contact", "SOC \u202e", "--from", "198.51.100.7")
    assert posture(*words).code == 0
    notice = json.loads((here / "scan-notice.json").read_bytes())
    assert (notice["authorisation"], notice["addresses"], notice["from"]) == ("ROE-7", 256, ["198.51.100.7"])
    assert notice["contact"] == "SOC ⟨U+202E⟩" and notice["rates"]["packets_per_s"] == 300
    assert posture(*words, "--redact").code == 0
    assert json.loads((here / "scan-notice.json").read_bytes())["networks"] == []
    assert posture(*words[:-1], "nowhere").code == 2

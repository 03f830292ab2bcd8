"""``posture feeds``: what is there, what was taken, what was refused and why."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from posture.cli.main import root
from posture.errors import FeedError
from tests.posture.feeds import authored

TODAY = authored.kev("CVE-2026-0001", "CVE-2026-0002", released="2026-11-20T00:00:00Z")


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posture.cli.prepare.now", lambda: authored.NOW)


def _feeds(work: Path, *args: object) -> Result:
    return CliRunner().invoke(root, ["feeds", *map(str, args), "--out", str(work / "out")])


def _file(work: Path, content: bytes, name: str = "kev.json") -> Path:
    path = work / name
    path.write_bytes(content)
    return path


def test_without_any_feed_status_says_what_to_do(tmp_path: Path) -> None:
    said = _feeds(tmp_path, "status")
    assert said.exit_code == 0
    assert "`posture feeds update` fetches them" in said.output
    assert _feeds(tmp_path, "status", "--json").output.strip() == "[]"


def test_an_imported_feed_is_listed_with_its_own_age(tmp_path: Path) -> None:
    taken = _feeds(tmp_path, "import", "kev", _file(tmp_path, gzip.compress(TODAY)), "--json")
    assert taken.exit_code == 0
    assert msgspec.json.decode(taken.output)[0]["entries"] == 2
    [one] = msgspec.json.decode(_feeds(tmp_path, "status", "--json").output)
    assert (one["id"], one["url"], one["version"], one["stale"]) == ("kev", "file:kev.json", "2026.11.20", True)
    assert len(one["sha256"]) == 64
    assert "7 days (too old)" in _feeds(tmp_path, "status").output


def test_a_refused_feed_is_an_error_and_the_last_good_one_stays(tmp_path: Path) -> None:
    _feeds(tmp_path, "import", "kev", _file(tmp_path, TODAY))
    older = authored.kev("CVE-2026-0001", "CVE-2026-0002", released="2026-10-01T00:00:00Z")
    refused = _feeds(tmp_path, "import", "kev", _file(tmp_path, older))
    assert isinstance(refused.exception, FeedError)
    assert "2026.10.01 is older than 2026.11.20" in str(refused.exception)
    assert "2026.11.20" in _feeds(tmp_path, "status").output
    assert _feeds(tmp_path, "import", "kev", _file(tmp_path, older), "--allow-older").exit_code == 0


def test_an_unknown_feed_names_those_there_are(tmp_path: Path) -> None:
    said = _feeds(tmp_path, "import", "kevv", _file(tmp_path, TODAY))
    assert "one of: kev, vulnrichment" in said.exception.hint  # type: ignore[union-attr]


def test_an_update_that_reaches_nobody_says_so_for_each_feed_and_ends_with_2(tmp_path: Path) -> None:
    config = tmp_path / "posture.yaml"
    config.write_text(
        "schema: posture.config/1\nfeeds: {use: [kev, epss], urls: {kev: 'http://x.example/', epss: 'https://127.0.0.1:9/'}}\n"
    )
    said = _feeds(tmp_path, "update", "-c", config, "--json")
    assert said.exit_code == 2
    found = msgspec.json.decode(said.stdout)
    assert [one["result"] for one in found] == ["refused", "refused"]
    assert "no https URL" in found[0]["why"]
    assert "cannot be fetched" in found[1]["why"]

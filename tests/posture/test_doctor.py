"""What the doctor says: of real files, a real store, the real kernel's clock and the programs that are here."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from posture.cli.prepare import now
from posture.doctor import Health, Line, examine
from posture.inputs import config as configuration
from posture.inputs.config import Config, CredentialEntry
from posture.model.schedule import Kind, Occurrence, Outcome, Schedule
from posture.store import Store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    with Store.open(tmp_path / "out" / "posture.db"):
        pass
    return replace(configuration.default(tmp_path / "out"), known_hosts=tmp_path / "known_hosts")


def said(config: Config, about: str, config_file: Path | None = None) -> Line:
    return next(line for line in examine(config, now(), config_file) if line.about == about)


def test_every_line_that_is_not_ok_names_a_command(config: Config) -> None:
    lines = list(examine(config, now()))
    assert {"nmap", "raw packets", "python-nmap", "feeds", "clock", "disk", "permissions", "store"} <= {
        line.about for line in lines
    }
    assert all(line.why for line in lines)
    assert all(bool(line.mend) == (line.health is not Health.OK) for line in lines)


def test_without_nmap_there_is_trouble(config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert said(config, "nmap").health is Health.TROUBLE
    assert said(config, "nmap").mend == "apt-get install nmap"


def test_feeds_that_are_not_there_are_no_good_news(config: Config) -> None:
    line = said(config, "feeds")
    assert (line.health, line.mend) == (Health.WARNING, "posture feeds update")


def test_a_damaged_feed_is_trouble(config: Config) -> None:
    (config.folder / "feeds").mkdir()
    (config.folder / "feeds" / "kev.feed").write_bytes(b"\x00damaged")
    for shelf in (config.folder / "feeds").iterdir():
        shelf.rename(shelf.with_name(f"kev{configuration_suffix()}"))
    assert said(config, "feeds").health is Health.TROUBLE


def configuration_suffix() -> str:
    from posture.feeds.shelf import SUFFIX

    return SUFFIX


@pytest.mark.parametrize(
    ("mode", "health"), [(0o600, Health.OK), (0o400, Health.OK), (0o640, Health.TROUBLE), (0o604, Health.TROUBLE)]
)
def test_a_key_is_for_its_owner_only(config: Config, tmp_path: Path, mode: int, health: Health) -> None:
    key = tmp_path / "key"
    key.write_text("x")
    key.chmod(mode)
    line = said(replace(config, credentials={"scan": CredentialEntry("key", path=str(key))}), "credential scan")
    assert line.health is health
    assert health is Health.OK or line.mend == f"chmod 600 {key}"


@pytest.mark.parametrize(
    "entry",
    [
        CredentialEntry("key", path="/nowhere/key"),
        CredentialEntry("certificate", path="/etc/passwd", certificate="/nowhere/cert"),
        CredentialEntry("agent", fingerprint="SHA256:x"),
        CredentialEntry("command", argv=["/nowhere/vault"]),
        CredentialEntry("pkcs11", path="/nowhere/lib.so"),
    ],
    ids=lambda entry: entry.kind,
)
def test_a_login_that_cannot_work_is_trouble(
    config: Config, monkeypatch: pytest.MonkeyPatch, entry: CredentialEntry
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert said(replace(config, credentials={"scan": entry}), "credential scan").health is Health.TROUBLE


def test_files_that_others_may_write_are_trouble(config: Config, tmp_path: Path) -> None:
    config.known_hosts.write_text("")
    config.known_hosts.chmod(0o666)
    line = said(config, "permissions")
    assert (line.health, line.mend) == (Health.TROUBLE, f"chmod go-w {config.known_hosts}")
    config.known_hosts.chmod(0o644)
    assert said(config, "permissions").health is Health.OK
    assert isinstance(config.database, Path)
    config.database.chmod(0o644)
    assert said(config, "permissions").health is Health.WARNING


def test_a_damaged_store_is_trouble(config: Config) -> None:
    assert isinstance(config.database, Path)
    with sqlite3.connect(config.database) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(config.database.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    config.database.write_bytes(content)
    assert said(config, "store").health is Health.TROUBLE


def test_a_chain_that_was_changed_is_trouble(config: Config) -> None:
    with Store.open(config.database) as store:
        store.schedules.add(Schedule("n", Kind.FEEDS, now(), "s", every_s=60), by="t", at=now())
    with sqlite3.connect(config.database) as raw:
        raw.execute("UPDATE change SET digest = zeroblob(32)")
    line = said(config, "store")
    assert line.health is Health.TROUBLE
    assert "audit chain" in line.why


def test_schedules_that_nobody_keeps_are_trouble_and_failures_are_told(config: Config) -> None:
    assert said(config, "schedules").health is Health.OK
    moment = now()
    with Store.open(config.database) as store:
        store.schedules.add(Schedule("night", Kind.FEEDS, moment, "s", every_s=60), by="t", at=moment)
        failed = Occurrence("night", moment - timedelta(hours=1), True, Outcome.FAILED, why="exit code 2")
        store.schedules.settle(failed, moment)
        assert said(config, "scheduler").health is Health.TROUBLE
        store.schedules.beat(moment)
    assert said(config, "scheduler").health is Health.OK
    line = said(config, "schedule night")
    assert line.health is Health.WARNING
    assert "exit code 2" in line.why


def test_a_store_that_is_not_there_yet_is_said_so(tmp_path: Path) -> None:
    assert said(configuration.default(tmp_path / "none"), "store").mend == "posture scan --self"
    assert not (tmp_path / "none").exists()

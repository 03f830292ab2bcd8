"""The command line as a terminal would call it: real ``main``, real stores, in a directory of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from posture.cli import main
from tests.posture.replays import FAULTY, HARDENED, PASSWORDS, edited, recorded, save, write_inventory


@dataclass(frozen=True)
class Said:
    """What one call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The tab-separated lines, without the line of column names."""
        return [line.split("\t") for line in self.out.splitlines() if "\t" in line][1:]


class Posture:
    """Calls ``posture`` in the current directory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str | Path) -> Said:
        self._patch.setattr(sys, "argv", ["posture", *map(str, words)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return Said(int(ended.value.code or 0), out, err)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def posture(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Posture:
    return Posture(monkeypatch, capsys)


def called(*words: str | Path) -> int:
    """Return the exit code of a call for what many tests share."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["posture", *map(str, words)])
        main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="session")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory whose ``out`` holds one replayed run of a hardened, a faulty and a silent host; only to be read."""
    home = tmp_path_factory.mktemp("one-run")
    said = (edited(recorded(HARDENED), PASSWORDS), recorded(FAULTY))
    save(home / "transcripts", *said)
    inventory = write_inventory(home / "inventory.yaml", FAULTY, HARDENED, "silent")
    assert called("replay", home / "transcripts", "-i", inventory, "--out", home / "out") == 5
    yield home


@pytest.fixture(scope="session")
def enclaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``red.posture`` and ``blue.posture``: one host of the same id each, only red lets passwords in."""
    home = tmp_path_factory.mktemp("enclaves")
    for name, said in (("red", edited(recorded(HARDENED), PASSWORDS)), ("blue", recorded(HARDENED))):
        inventory = write_inventory(home / name / "inventory.yaml", HARDENED)
        called("replay", save(home / name / "t", said), "-i", inventory, "--out", home / name / "out")
        assert called("export", "latest", home / f"{name}.posture", "--out", home / name / "out") == 0
    return home


@pytest.fixture
def reading(one_run: Path, posture: Posture, monkeypatch: pytest.MonkeyPatch) -> Posture:
    """``posture`` standing beside the one run."""
    monkeypatch.chdir(one_run)
    return posture

"""What is sent is written down first, and nobody can rewrite it through us."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.network.probe_log import ProbeLog
from posture.errors import StoreError


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_when_what_where_and_by_whose_authority(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    with ProbeLog(path, "AUTH-7", clock=lambda: datetime(2026, 12, 1, tzinfo=UTC)) as log:
        log.sent(vantage="outside", what=("nmap", "-sS"), targets=("10.0.0.1",), ports="T:22")
        log.refused("evil.example", "lies outside")
        assert entries(path) == [
            {
                "when": "2026-12-01T00:00:00+00:00",
                "authorisation": "AUTH-7",
                "event": "sent",
                "vantage": "outside",
                "what": ["nmap", "-sS"],
                "targets": ["10.0.0.1"],
                "ports": "T:22",
            },
            {
                "when": "2026-12-01T00:00:00+00:00",
                "authorisation": "AUTH-7",
                "event": "refused",
                "targets": ["evil.example"],
                "reason": "lies outside",
            },
        ]


def test_a_second_log_of_the_same_name_appends(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    for target in ("10.0.0.1", "10.0.0.2"):
        with ProbeLog(path, "AUTH-7") as log:
            log.sent(vantage="v", what=("ssh", "connect"), targets=(target,))
    assert [entry["targets"] for entry in entries(path)] == [["10.0.0.1"], ["10.0.0.2"]]
    assert path.stat().st_mode & 0o777 == 0o600


def test_terminal_escapes_and_line_breaks_stay_inside_their_line(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    with ProbeLog(path, "AUTH-7") as log:
        log.refused("\x1b[2Jhost\nforged", "no name")
    assert path.read_bytes().count(b"\n") == 1
    assert b"\x1b" not in path.read_bytes()
    assert entries(path)[0]["targets"] == ["\x1b[2Jhost\nforged"]


def test_threads_never_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    with ProbeLog(path, "AUTH-7") as log:
        threads = [
            threading.Thread(
                target=lambda number=number: [
                    log.sent(vantage=f"v{number}", what=("nmap", "x" * 2000), targets=()) for _ in range(20)
                ]
            )
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = [str(entry["vantage"]) for entry in entries(path)]
    assert sorted(written) == sorted(f"v{number}" for number in range(4) for _ in range(20))


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "probes.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="cannot be written"):
        ProbeLog(tmp_path / "probes.jsonl", "AUTH-7")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_stops_the_probe() -> None:
    log = ProbeLog(Path("/dev/full"), "AUTH-7")
    with pytest.raises(StoreError, match="cannot be written"):
        log.sent(vantage="v", what=("nmap",), targets=())
    log.close()


def test_a_closed_log_refuses_to_write(tmp_path: Path) -> None:
    log = ProbeLog(tmp_path / "probes.jsonl", "AUTH-7")
    log.close()
    log.close()
    with pytest.raises(StoreError):
        log.sent(vantage="v", what=("nmap",), targets=())


def test_a_look_from_another_host_is_logged_under_that_hosts_authorisation(tmp_path: Path) -> None:
    with ProbeLog(tmp_path / "probes.jsonl", "A-1") as log:
        with log.under("OUT-7") as own:
            own.sent(vantage="outpost", what=["nmap"], targets=["10.0.0.1"])
        log.sent(vantage="scanner", what=["nmap"], targets=["10.0.0.1"])
    lines = [json.loads(line) for line in (tmp_path / "probes.jsonl").read_text().splitlines()]
    assert [(line["vantage"], line["authorisation"]) for line in lines] == [("outpost", "OUT-7"), ("scanner", "A-1")]

"""What programs ask of the server: ready or not, and numbers for who brings the token."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from served import Served, served
from starlette.testclient import TestClient

from posture.model.account import Role
from posture.model.schedule import Kind, Occurrence, Outcome, Schedule
from posture.serve.app import create_app
from posture.serve.gate import Settings
from posture.serve.watch import JsonLines


@pytest.fixture
def agency(tmp_path: Path, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path, demo_store) as found:
        yield found


def asking(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8443")


def test_it_is_ready_while_store_and_scheduler_are_well(agency: Served) -> None:
    well = True
    app = create_app(agency.store, agency.door, Settings(secure=False), lambda: well)
    assert (asking(app).get("/readyz").status_code, asking(app).get("/healthz").status_code) == (200, 200)
    well = False
    answer = asking(app).get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready\n")
    assert asking(app).get("/healthz").status_code == 200


def test_the_numbers_are_those_of_the_newest_run_and_of_the_scheduler_and_name_no_host(agency: Served) -> None:
    store, clock = agency.store, agency.clock
    store.schedules.add(Schedule("night", Kind.FEEDS, clock(), "s", every_s=60), by="t", at=clock())
    store.schedules.settle(Occurrence("night", clock(), True, Outcome.FAILED), clock())
    text = agency.program(Role.VIEWER).get("/metrics").text
    open_ = sum(1 for one in store.findings(open_only=True))
    counted = [line for line in text.splitlines() if line.startswith("posture_findings_open{")]
    assert sum(float(line.split()[-1]) for line in counted) == open_
    assert "posture_scheduler_alive 0" in text
    gauge = 'posture_schedule_last_timestamp_seconds{schedule="night",outcome="failed"}'
    assert f"{gauge} {clock().timestamp():.0f}" in text
    assert not [host.id for host in store.inventory("latest").hosts if host.id in text]


def test_who_sees_some_systems_gets_their_numbers_only(agency: Served) -> None:
    system = next(one.system for one in agency.store.inventory("latest").hosts if one.system)
    text = agency.program(Role.VIEWER, systems=(system,)).get("/metrics").text
    mine = sum(one.system == system for one in agency.store.inventory("latest").hosts)
    assert f'posture_hosts{{state="inventory"}} {mine}' in text
    assert "posture_scheduler" not in text


def test_a_line_of_the_log_is_one_json_object_whatever_is_in_it() -> None:
    record = logging.LogRecord("posture.x", logging.INFO, "", 0, "said %s", ('"\n\x1b[31m{',), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert json.loads(line)["level"] == "info"

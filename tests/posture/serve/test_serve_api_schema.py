"""The running API against its own description: schemathesis makes the requests, the same ones every time."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import served

from posture.model.account import Role

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as agency, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        agency.program(Role.ADMIN)
        server = uvicorn.Server(uvicorn.Config(agency.app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        token = agency.tokens["admin"]
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", {"Authorization": f"Bearer {token}"}
        server.should_exit = True
        thread.join()


def test_no_request_breaks_it_and_every_answer_is_as_described(running: tuple[str, dict[str, str]]) -> None:
    place, headers = running
    schema = schemathesis.openapi.from_url(f"{place}/api/v1/openapi.json", headers=headers)
    operations = [one.ok() for one in schema.get_all_operations()]
    assert len(operations) == 17
    answers: Counter[int] = Counter()
    for operation in operations:

        @settings(
            max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def asked(case: schemathesis.Case) -> None:
            answers[case.call_and_validate(headers=headers, checks=CHECKS).status_code] += 1

        asked()
    assert answers[200] > 40, answers
    assert answers.keys() <= {200, 400, 404, 422}

"""What AI services say of themselves: a table of GET paths, tell-tales and sources, and nothing that asks.

A service is told by what it answers, never by its port. Every path that may ever be sent stands in this table;
``ALLOWED`` is made from it, and ``collectors.ai.http`` sends nothing else. Its rows stand by theme in
``ai_model_servers``, ``ai_apps`` and ``ai_platforms``, its words in ``ai_marks``, what no row may hold in ``ai_never``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.ai.apps import APPS
from collectors.ai.marks import Mark, Service, Source
from collectors.ai.model_servers import MODEL_SERVERS
from collectors.ai.platforms import PLATFORMS

SERVICES: tuple[Service, ...] = (*MODEL_SERVERS, *APPS, *PLATFORMS)
BY_ID: dict[str, Service] = {service.id: service for service in SERVICES}
MARKS: dict[str, Mark] = {mark.id: mark for service in SERVICES for mark in service.marks}

ALLOWED: frozenset[str] = frozenset(
    {mark.path for mark in MARKS.values()} | {path for service in SERVICES for path in service.guards}
)
"""Every path that may be sent, exactly as it is sent."""

SEEN_LIVE: frozenset[str] = frozenset(
    (
        *("chroma.heartbeat", "chroma.open", "chroma.version"),
        *("gradio.open", "gradio.page", "gradio.version"),
        *("jupyter.api", "jupyter.open", "jupyter.tornado", "jupyter.version"),
        *("litellm.alive", "litellm.open", "litellm.title"),
        *("mcp.elsewhere", "mcp.jsonrpc", "mcp.token"),
        *("mlflow.open", "mlflow.realm", "mlflow.title", "mlflow.version"),
        *("ray.open", "ray.title", "ray.version"),
        *("triton.open", "triton.v2", "triton.version"),
    )
)
"""Marks that this project found on the real service; a test holds them against the recordings in tests/ai."""


def source_of(mark: str) -> Source:
    """Return how well a mark is known: live, whatever it was taken from, once it was seen."""
    return Source.LIVE if mark in SEEN_LIVE else MARKS[mark].source


FIRST = "/"
ORDER: tuple[str, ...] = (
    "/v1/models",
    "/mcp",
    "/api",
    "/v2",
    "/version",
    "/api/v2/heartbeat",
    "/api/version",
    "/v1/meta",
    "/health/liveliness",
    "/api/config",
    "/api/v1/version",
    "/system_stats",
    "/webui/",
    "/info",
    "/v1/metadata",
    "/hub/api",
    "/lmstudio-greeting",
    "/api/v2/version",
    "/messages/",
)
"""What is asked of an HTTP port that nothing is known of, likeliest first; a guess by prevalence, not measured."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A mark that was found, with the version it names."""

    mark: str
    version: str = ""


MAX_VERSION = 60


def hits(path: str, status: int, head: str, body: bytes) -> tuple[Hit, ...]:
    """Return the marks in one answer; nothing else of the answer is kept by anybody."""
    text = body.decode("utf-8", "replace")
    found = []
    for mark in MARKS.values():
        if mark.path != path or status not in mark.statuses:
            continue
        match = _COMPILED[mark.id].search(head if mark.in_head else text)
        if match is not None:
            version = match.groupdict().get("version") or ""
            found.append(Hit(mark.id, version[:MAX_VERSION]))
    return tuple(found)


_COMPILED = {mark.id: re.compile(mark.pattern, re.IGNORECASE if mark.in_head else 0) for mark in MARKS.values()}

"""What watches the server from outside: whether it is ready, and its numbers for Prometheus."""

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Response

from posture.errors import StoreError
from posture.model.account import Account, Act
from posture.serve.api import NeedsToken
from posture.serve.tokens import Tokens
from reports.inert import inert

Ready = Callable[[], bool]
_NAME = re.compile(r"[a-z_]{1,30}")  # ours are no longer; anything else may be a secret in the wrong place


def add_watch(app: FastAPI, tokens: Tokens, metrics: Callable[[Account], bytes], ready: Ready) -> None:
    """Add the routes that programs ask; neither names a host, and the numbers want a token of the API."""
    Reader = Annotated[Account, Depends(NeedsToken(Act.READ_POSTURE, tokens))]  # noqa: N806 - a type

    @app.get("/readyz")
    def readyz() -> Response:
        # Why stands in the log: strangers learn that it is not ready, and no more.
        if not ready():
            return _plain("not ready\n", HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            tokens.store.database.revision()
        except StoreError:
            return _plain("not ready\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return _plain("ready\n")

    @app.get("/metrics")
    def numbers(account: Reader) -> Response:
        return Response(metrics(account), media_type="text/plain; version=0.0.4")


class NamesOnly(logging.Filter):
    """Takes the values out of the query of every request that is logged: a code of single sign-on may be among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return true, with the names of the parameters left."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            caller, method, target, version, status = record.args
            path, mark, query = str(target).partition("?")
            names = "&".join(_name(part) for part in query.split("&"))
            record.args = (caller, method, f"{path}{mark}{names}", version, status)
        return True


def _name(part: str) -> str:
    name, given, _ = part.partition("=")
    return name if given and _NAME.fullmatch(name) else "…"


class JsonLines(logging.Formatter):
    """One JSON object for each line of the log; what came from outside is made harmless."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "logger": record.name}
        line["event"] = inert(record.getMessage())
        if record.exc_info:
            line["exception"] = inert(self.formatException(record.exc_info))
        return json.dumps(line, sort_keys=True)


def log_as_json() -> dict[str, Any]:
    """Return the log configuration that uvicorn takes: every line JSON on standard error, requests too."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "filters": {"names": {"()": NamesOnly}},
        "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {
            "uvicorn.access": {"filters": ["names"]},
            **{name: {"handlers": ["err"], "level": "INFO", "propagate": False} for name in ("uvicorn", "posture")},
        },
    }


def _plain(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(text, status_code=status, media_type="text/plain")

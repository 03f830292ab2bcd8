"""What nearly every command begins with: its configuration, its store, the moment."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from posture.errors import StoreError
from posture.inputs import config as configuration
from posture.inputs.config import Config
from posture.store import Store

CONFIG_FILE = Path("posture.yaml")
SCOPE_FILE = Path("scope.yaml")


def now() -> datetime:
    """Return the present moment, aware, in whole seconds: what a run is called by."""
    return datetime.now(UTC).replace(microsecond=0)


def read_config(path: Path | None, out: Path) -> Config:
    """Return the configuration named, or ``posture.yaml`` here, or what holds without one."""
    if path is not None:
        return configuration.read(path)
    return configuration.read(CONFIG_FILE) if CONFIG_FILE.is_file() else configuration.default(out)


def open_store(config: Config, *, create: bool = False) -> Store:
    """Return the store the configuration names.

    Raises:
        StoreError: there is none yet and none may be made.
    """
    if not create and isinstance(config.database, Path) and not config.database.exists():
        raise StoreError(
            f"{config.database}: nothing has been scanned yet",
            hint="`posture scan --self` or `posture demo` makes a first run",
        )
    return Store.open(config.database)


def nearest(word: str, known: Collection[str]) -> str:
    """Return what a mistyped word may have meant; at most ten words when none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    some = sorted(known)[:10]
    return f"one of: {', '.join(some)}{', …' if len(known) > len(some) else ''}" if some else ""


def utc(moment: datetime) -> datetime:
    """Return a moment given without a zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

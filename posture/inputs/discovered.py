"""What sweeps found and no inventory knew, kept beside the database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from posture.errors import StoreError
from posture.model.discovered import Found

NAME = "discovered.json"


def kept_finds(folder: Path) -> dict[str, Found]:
    """Return every find by its address.

    Raises:
        StoreError: the file does not load.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        return {one.address: one for one in msgspec.json.decode(path.read_bytes(), type=list[Found])}
    except msgspec.DecodeError as error:
        raise StoreError(f"{path} does not load: {error}", hint="move it away; first sights then count anew") from None


def keep_finds(folder: Path, found: Iterable[Found]) -> None:
    """Write what was found, beside what was found before and stayed silent this time."""
    whole = kept_finds(folder) | {one.address: one for one in found}
    path = folder / NAME
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(msgspec.json.encode(list(whole.values())))
    part.replace(path)

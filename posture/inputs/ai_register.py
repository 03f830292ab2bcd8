"""The operator's register of AI services, ``models.yaml``: what may be there, on which host, by whose word."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import msgspec

from posture import yamlfile
from posture.errors import ConfigError
from posture.model.host import RegisteredAi


class ServiceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One service as it is written."""

    service: str
    host: str
    owner: str
    port: int | None = None
    purpose: str = ""


class RegisterFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    schema: Literal["posture.ai-register/1"]
    services: list[ServiceEntry]


def read(path: Path, hosts: Collection[str]) -> tuple[RegisteredAi, ...]:
    """Return what the register holds; ``hosts`` are the ids of the inventory that names it.

    Raises:
        ConfigError: with ``file:line``, the key and a suggestion.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no AI register", hint="the inventory names it under `ai_register`")
    located = yamlfile.read(path)
    file = yamlfile.convert(located, RegisterFile)
    for index, entry in enumerate(file.services):
        place = located.at("services", index)
        if entry.host not in hosts:
            hint = yamlfile.suggestion(entry.host, set(hosts)) or "an id of the inventory"
            raise place.error(f"`{entry.host[:80]}` is no host of the inventory", "host", hint=hint)
        if not entry.owner.strip():
            raise place.error("an AI service has an owner", "owner", hint="who answers for it")
        if entry.port is not None and not 1 <= entry.port <= 65535:
            raise place.error(f"{entry.port} is no port", "port", hint="a number from 1 to 65535")
    return tuple(RegisteredAi(one.service, one.host, one.owner, one.port, one.purpose) for one in file.services)

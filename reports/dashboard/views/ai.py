"""AI services, registered and found."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view import Share


@dataclass(frozen=True, slots=True)
class AiLine:
    """One AI service that somebody saw."""

    service: str
    host: str
    host_path: str
    endpoint: str
    owner: str
    """By the register; empty for shadow AI."""
    network_says: str
    host_says: str


@dataclass(frozen=True, slots=True)
class AiMissing:
    """One entry of the register that nobody found."""

    service: str
    host: str
    host_path: str
    endpoint: str
    owner: str
    looked: str
    """Whether the host was looked at whole: what was not looked at is not absent."""


@dataclass(frozen=True, slots=True)
class AiUnidentified:
    """An open port that speaks HTTP and matched nothing: it may be an AI service all the same."""

    host: str
    host_path: str
    endpoint: str
    seen_from: str
    could_be: str


@dataclass(frozen=True, slots=True)
class AiBlind:
    """Hosts on which one side was not seen, for one reason."""

    side: str
    reason: str
    hosts: Share
    names: str
    detail: str


@dataclass(frozen=True, slots=True)
class AiPage:
    """AI services: the register against what was found."""

    register: bool
    """Whether the inventory names a register at all."""
    whole: Share
    """Hosts on which every open port was told apart and every program was seen."""
    looked: bool
    """Whether anybody looked at anything at all."""
    lead: str
    shadow: tuple[AiLine, ...]
    registered: tuple[AiLine, ...]
    missing: tuple[AiMissing, ...]
    unidentified: tuple[AiUnidentified, ...]
    blind: tuple[AiBlind, ...]
    left_out: int
    """Lines beyond the limit of each table."""

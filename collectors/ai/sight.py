"""The evidence of asking one port, or of not asking: marks, versions and status codes, and no word of any answer."""

from __future__ import annotations

import msgspec

from collectors.ai.fingerprints import BY_ID, MARKS, Hit
from collectors.ai.marks import Role, Service
from collectors.base import Answer
from posture.model.observation import Blind, Hole

RULES_OUT = frozenset({200, 204, 301, 302, 303, 307, 308, 400, 404, 405, 406, 410, 421, 501})
"""What a service that is not the one asked for answers; 401, 403 and errors of a proxy may stand before anything."""
REFUSALS = frozenset({401, 403, 407})


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request and what came of it."""

    path: str
    tls: bool
    status: int | None
    """``None`` when nobody answered in HTTP."""
    trouble: str
    truncated: bool
    hits: tuple[Hit, ...]
    duration_ms: int = 0


class PortSight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="port", tag_field="kind"):
    """One open port, seen from one vantage."""

    vantage: str
    zone: str
    trust: str
    address: str
    port: int
    budget: int
    """So many requests were authorised."""
    asked: tuple[Asked, ...]
    reason: Blind | None = None
    """Why it was not asked, or not to the end."""
    detail: str = ""


class AddressSight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="address", tag_field="kind"):
    """One address, seen from one vantage: which of its ports were to be asked."""

    vantage: str
    zone: str
    trust: str
    address: str
    complete: bool
    """Every TCP port was asked by the scan before, so that no open one is missing."""
    ports: tuple[int, ...]
    """Open ones that were asked."""
    other: tuple[tuple[int, str], ...]
    """Open ones that speak something else, with the protocol that nmap found there."""
    reason: Blind | None = None
    detail: str = ""


Sight = PortSight | AddressSight


def encoded(sight: Sight) -> bytes:
    """Return the evidence as JSON."""
    return msgspec.json.encode(sight, order="sorted") + b"\n"


def sight_of(answer: Answer) -> Sight | Hole:
    """Return what one answer holds; a ``Hole`` when it is no evidence of this scanner, or names what it never asks."""
    try:
        sight = _DECODER.decode(answer.stdout)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Hole("", Blind.UNPARSEABLE, f"{answer.command.id}: no evidence of this scanner: {str(error)[:120]}")
    if isinstance(sight, PortSight) and any(hit.mark not in MARKS for one in sight.asked for hit in one.hits):
        return Hole("", Blind.UNPARSEABLE, f"{answer.command.id}: a mark that this version does not know")
    return sight


_DECODER: msgspec.json.Decoder[Sight] = msgspec.json.Decoder(Sight)


def speaks_http(asked: tuple[Asked, ...]) -> bool:
    """Return whether anything was answered in HTTP."""
    return any(one.status is not None for one in asked)


def found(asked: tuple[Asked, ...]) -> tuple[Service, ...]:
    """Return the services that these answers prove, in the table's order."""
    marks = _marks(asked)
    return tuple(service for service in BY_ID.values() if any(marks.issuperset(proof) for proof in service.proofs))


def ruled_out(service: Service, asked: tuple[Asked, ...]) -> bool:
    """Return whether the answers show that it is another service: every proof lacks a mark that was asked for."""
    marks = _marks(asked)
    answered = {one.path for one in asked if one.status in RULES_OUT}
    return all(any(mark not in marks and MARKS[mark].path in answered for mark in proof) for proof in service.proofs)


def version(service: Service, asked: tuple[Asked, ...]) -> str:
    """Return the version that the service names; empty when it names none."""
    own = {mark.id for mark in service.marks}
    told = [hit.version for one in asked for hit in one.hits if hit.mark in own and hit.version]
    return told[0].removeprefix("v") if told else ""


def access(service: Service, asked: tuple[Asked, ...]) -> str:
    """Return open, partial, guarded or unknown: whether what should need a login answers without one."""
    marks = _marks(asked)
    roles = {mark.role for mark in service.marks if mark.id in marks}
    statuses = {one.status for one in asked if one.path in service.guards}
    if Role.OPEN in roles:
        return "open"
    if Role.GUARDED in roles or statuses & REFUSALS or _sent_to_login(service, asked):
        return "partial" if service.leaks else "guarded"
    return "unknown"


def _sent_to_login(service: Service, asked: tuple[Asked, ...]) -> bool:
    return any(one.path in service.guards and one.status in (302, 303, 307) for one in asked)


def _marks(asked: tuple[Asked, ...]) -> set[str]:
    return {hit.mark for one in asked for hit in one.hits}

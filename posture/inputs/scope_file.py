"""The scope file: the written authorisation as the owner signed it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Literal

import msgspec

from posture import yamlfile
from posture.errors import ScopeError
from posture.inputs.blackout import Blackout, Freeze, Pause
from posture.inputs.scope import AiQuestions, Grant, Rates, Scope, Window
from posture.yamlfile import Located


class WindowEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """When scanning is allowed, as it is written."""

    opens: datetime
    closes: datetime


class BlackoutEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Hours without scans, as they are written: on days of the week from and until a time, or between two moments."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    from_: str = msgspec.field(name="from", default="")
    """``HH:MM``."""
    until: str = ""
    """``HH:MM``; earlier than ``from``: on the day after."""
    time_zone: str = "UTC"
    opens: datetime | None = None
    closes: datetime | None = None
    reason: str = ""


class RatesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How hard we may push, as it is written; what is left out is conservative."""

    packets_per_s: int | None = None
    packets_per_s_per_host: int | None = None
    packets_per_s_by_zone: dict[str, int] = {}
    connections_per_host: int | None = None
    parallel_logins: int | None = None
    parallel_logins_per_zone: int | None = None
    parallel_logins_per_jump: int | None = None
    hosts_per_batch: int | None = None
    timing: int | None = None


class GrantEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A host that may look at the network, as it is written."""

    host: str
    authorisation: str


class AiServicesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """That open ports may be asked for AI services, as it is written; its being there is the word."""

    requests_per_port: int = 8


class ScopeFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    schema: Literal["posture.scope/1"]
    authorisation: str
    owner: str
    window: WindowEntry
    cidrs: list[str]
    excluded: list[str] = []
    rates: RatesEntry = msgspec.field(default_factory=RatesEntry)
    allow_passphrase_test: bool = False
    udp_ports: list[int] | None = None
    named_ports: list[int] | None = None
    probes: list[Literal["tls", "ssh", "page", "smb"]] | None = None
    vantages: list[GrantEntry] = []
    ai_services: AiServicesEntry | None = None
    blackouts: list[BlackoutEntry] = []


def read(path: Path) -> Scope:
    """Return the scope a file holds.

    Raises:
        ScopeError: there is no such file, or it does not load; with ``file:line``, the key and a suggestion.
    """
    if not path.is_file():
        raise ScopeError(f"{path}: no scope file", hint="nothing is touched without one: `posture init` writes a model")
    located = yamlfile.read(path, raises=ScopeError)
    file = yamlfile.convert(located, ScopeFile)
    if not file.authorisation.strip() or not file.owner.strip():
        raise located.error("an authorisation and its owner are named", "authorisation", hint="the signed document")
    for key in ("cidrs", "excluded"):
        for index, text in enumerate(getattr(file, key)):
            _network(located, key, index, text)
    opens, closes = _utc(file.window.opens), _utc(file.window.closes)
    if opens >= closes:
        raise located.error("the window closes before it opens", "window")
    for index, grant in enumerate(file.vantages):
        if not grant.authorisation.strip():
            hint = "the signed document of this host's owner"
            raise located.error("an authorisation is named", "vantages", index, "authorisation", hint=hint)
    optional = ("udp_ports", "named_ports", "probes")
    named = {key: tuple(getattr(file, key)) for key in optional if getattr(file, key) is not None}
    return Scope(
        authorisation=file.authorisation,
        owner=file.owner,
        window=Window(opens, closes),
        cidrs=tuple(file.cidrs),
        excluded=tuple(file.excluded),
        rates=_rates(located, file.rates),
        allow_passphrase_test=file.allow_passphrase_test,
        vantages=tuple(Grant(grant.host, grant.authorisation) for grant in file.vantages),
        ai_services=_ai_services(located, file.ai_services),
        blackouts=tuple(_blackout(located, index, entry) for index, entry in enumerate(file.blackouts)),
        **named,
    )


def _rates(located: Located, entry: RatesEntry) -> Rates:
    said = {key: value for key, value in msgspec.structs.asdict(entry).items() if value is not None}
    said["packets_per_s_by_zone"] = tuple(sorted(entry.packets_per_s_by_zone.items()))
    try:
        return Rates(**said)
    except ScopeError as error:
        raise located.error(str(error), "rates", hint=error.hint) from None


def _ai_services(located: Located, entry: AiServicesEntry | None) -> AiQuestions | None:
    try:
        return AiQuestions(entry.requests_per_port) if entry is not None else None
    except ScopeError as error:
        raise located.error(str(error), "ai_services", "requests_per_port", hint=error.hint) from None


def _blackout(located: Located, index: int, entry: BlackoutEntry) -> Pause:
    hint = "`days`, `from` and `until`, or `opens` and `closes`"
    moments, weekly = (entry.opens, entry.closes), bool(entry.days or entry.from_ or entry.until)
    try:
        if weekly and moments == (None, None):
            opens, closes = time.fromisoformat(entry.from_), time.fromisoformat(entry.until)
            if opens.tzinfo or closes.tzinfo:
                raise ScopeError("a time of day has no offset", hint="the zone stands in `time_zone`")
            return Blackout(tuple(entry.days), opens, closes, entry.time_zone, entry.reason)
        if not weekly and entry.opens is not None and entry.closes is not None:
            return Freeze(_utc(entry.opens), _utc(entry.closes), entry.reason)
    except ScopeError as error:
        raise located.error(str(error), "blackouts", index, hint=error.hint) from None
    except ValueError:
        raise located.error("a time of day is written HH:MM", "blackouts", index, hint="'08:00', in quotes") from None
    raise located.error("a blackout is weekly or between two moments", "blackouts", index, hint=hint)


def _network(located: Located, key: str, index: int, text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise located.error(str(error), key, index, hint="a network such as 10.1.0.0/16, or one address") from None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

"""The configuration file: where things are kept, who logs in with what, and how the agency's campaign runs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from posture import yamlfile
from posture.errors import ConfigError
from posture.inputs.serve_file import ServeEntry, serve_entry
from posture.model.clock import Campaign, Rebase
from posture.yamlfile import Located


class CredentialEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One named identity; it says where a secret is, never what it is."""

    kind: Literal["key", "agent", "certificate", "command", "gssapi", "pkcs11"]
    path: str = ""
    """Private key file (``key``, ``certificate``), or the library of a token (``pkcs11``)."""
    certificate: str = ""
    """Certificate file beside the key."""
    fingerprint: str = ""
    """``SHA256:…`` of the one agent key to use."""
    argv: list[str] = []
    """``command``: a program that prints a private key, such as a vault's client."""


class DeadlinesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How long we wait, in seconds."""

    connect_s: int = 10
    session_s: int = 180


class RebaseEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A new campaign start, with who moved it and why."""

    start: date
    by: str
    reason: str
    recorded_at: datetime


class CampaignEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The agency's own 30 days."""

    start: date | None = None
    days: int = 30
    rebases: list[RebaseEntry] = []


class FeedsEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Feeds of known vulnerabilities: which ones, from where, and what is too old."""

    use: list[str] = []
    """Ids for `posture feeds update`; the usual ones when empty."""
    urls: dict[str, str] = {}
    """Id to another URL, such as a mirror of the agency's own; https only."""
    max_age_h: int = 24
    """BOD 23-01: signatures at most 24 hours old."""
    shrink_percent: int = 10
    """A feed that loses a larger share of its entries at once is refused."""


class VulnerabilitiesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How known vulnerabilities are dated where the directives leave a choice."""

    missing_ssvc: Literal["", "stricter", "sixty-days", "published-defaults"] = ""
    """What sets the date of a CVE whose SSVC values nobody gave; empty as in the clock file: the stricter row."""
    fedramp_class: Literal["", "c", "d"] = ""
    """For a provider under FedRAMP's rules; rows of other classes are not known here."""


class EvidenceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What evidence bundles must carry beside the signature of who made them."""

    asks: list[Literal["countersignature", "timestamp"]] = []
    """Without what is asked for here, `posture verify` says that it is missing, and fails."""


EventWord = Literal["new-critical-path", "overdue", "coverage-drop"]


class WebhookEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One address that is told of events by HTTPS POST."""

    name: str
    url: str
    events: list[EventWord]
    credential: str
    """Name of a credential of kind ``command`` that prints the secret of the signature."""
    authority: str = ""
    """PEM file of the authority that the server's certificate comes from; this machine's own when empty."""
    hosts: bool = False
    """Let names of hosts leave this machine."""


class MailEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One mailbox that is told of events."""

    name: str
    to: list[str]
    sender: str
    server: str
    port: int = 587
    security: Literal["starttls", "tls"] = "starttls"
    user: str = ""
    credential: str = ""
    """Name of a credential of kind ``command`` that prints the password; needed with ``user``."""
    events: list[EventWord]
    authority: str = ""
    hosts: bool = False


class NotifyEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who is told what by `posture notify --send`."""

    webhooks: list[WebhookEntry] = []
    mail: list[MailEntry] = []
    coverage_drop_points: float = 5.0
    """Of coverage lost since the run before; a judgement, not a standard."""


class RetentionEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How long raw answers are kept; verdicts, findings and the audit log are never let go."""

    searchable_months: int = 6
    """In the store: shown, searched, judged again."""
    retrievable_months: int = 12
    """In the store or in an archive beside it, from which `posture store retrieve` brings them back."""
    hold: list[str] = []
    """Ids of runs under legal hold: nothing of them is let go."""

    @property
    def words(self) -> str:
        """The policy as it is written into the audit log."""
        return f"searchable {self.searchable_months} months, retrievable {self.retrievable_months}"


class ConfigFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    schema: Literal["posture.config/1"]
    database: str = "out/posture.db"
    known_hosts: str = "known_hosts"
    profile: str = "fceb"
    baselines: str = ""
    overlay: str = ""
    waivers: str = ""
    marking: str = ""
    credentials: dict[str, CredentialEntry] = {}
    deadlines: DeadlinesEntry = DeadlinesEntry()
    campaign: CampaignEntry = CampaignEntry()
    feeds: FeedsEntry = FeedsEntry()
    vulnerabilities: VulnerabilitiesEntry = VulnerabilitiesEntry()
    notify: NotifyEntry = NotifyEntry()
    serve: ServeEntry = ServeEntry()
    evidence: EvidenceEntry = EvidenceEntry()
    retention: RetentionEntry = RetentionEntry()


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration with every path made absolute."""

    database: Path | str
    """The SQLite file, or the URL of a PostgreSQL database: ``postgresql+psycopg://…``."""
    known_hosts: Path
    profile: str = "fceb"
    baselines: Path | None = None
    """A directory to use instead of the shipped baselines."""
    overlay: Path | None = None
    """The agency's tailoring."""
    waivers: Path | None = None
    marking: str = ""
    """Printed on every page, such as CUI."""
    credentials: dict[str, CredentialEntry] = field(default_factory=dict)
    deadlines: DeadlinesEntry = field(default_factory=DeadlinesEntry)
    vulnerabilities: VulnerabilitiesEntry = field(default_factory=VulnerabilitiesEntry)
    campaign: Campaign | None = None
    """``None`` until the agency has set a start: the first run's day is used and recorded."""
    feeds: FeedsEntry = field(default_factory=FeedsEntry)
    notify: NotifyEntry = field(default_factory=NotifyEntry)
    serve: ServeEntry = field(default_factory=ServeEntry)
    evidence: EvidenceEntry = field(default_factory=EvidenceEntry)
    retention: RetentionEntry = field(default_factory=RetentionEntry)

    @property
    def folder(self) -> Path:
        """Where the files beside the store lie: probe log, feeds."""
        return self.database.parent if isinstance(self.database, Path) else self.known_hosts.parent / "out"


def read(path: Path) -> Config:
    """Return the configuration of a file; its relative paths are relative to the file.

    Raises:
        ConfigError: with ``file:line``, the key and a suggestion.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such configuration", hint="`posture init` writes a commented one")
    located = yamlfile.read(path)
    file = msgspec.structs.replace(yamlfile.convert(located, ConfigFile), **_environment())
    base = path.resolve().parent
    return Config(
        database=file.database if "://" in file.database else _below(base, file.database),
        known_hosts=_below(base, file.known_hosts),
        profile=file.profile,
        baselines=_below(base, file.baselines) if file.baselines else None,
        overlay=_below(base, file.overlay) if file.overlay else None,
        waivers=_below(base, file.waivers) if file.waivers else None,
        marking=file.marking,
        credentials={name: _credential(located, base, name, entry) for name, entry in file.credentials.items()},
        deadlines=file.deadlines,
        vulnerabilities=file.vulnerabilities,
        campaign=_campaign(located, file.campaign),
        feeds=file.feeds,
        notify=_notify(located, base, file),
        serve=serve_entry(located, base, file.serve),
        evidence=file.evidence,
        retention=_retention(located, file.retention),
    )


def default(out: Path) -> Config:
    """Return what holds without a configuration file: everything below the output directory."""
    base, said = Path.cwd(), _environment()
    database = said.get("database", "")
    paths = {key: _below(base, said[key]) if key in said else None for key in ("baselines", "overlay", "waivers")}
    return Config(
        database=(database if "://" in database else _below(base, database)) if database else out / "posture.db",
        known_hosts=_below(base, said.get("known_hosts", "~/.ssh/known_hosts")),
        profile=said.get("profile", "fceb"),
        marking=said.get("marking", ""),
        baselines=paths["baselines"],
        overlay=paths["overlay"],
        waivers=paths["waivers"],
    )


ENVIRONMENT = {
    key: f"POSTURE_{key.upper()}"
    for key in ("database", "known_hosts", "profile", "baselines", "overlay", "waivers", "marking")
}
"""Settings that the environment overrides; a database URL holds a password, which stands better there."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it holds, and where it comes from."""

    key: str
    value: str
    origin: str
    """The variable, ``file:line``, or ``default``."""


def origins(path: Path | None, out: Path) -> tuple[Setting, ...]:
    """Return every setting with where it comes from; passwords in a database's URL are masked.

    Raises:
        ConfigError: the file does not load.
    """
    config = default(out) if path is None else read(path)
    located = None if path is None else yamlfile.read(path)
    file = ConfigFile("posture.config/1") if located is None else yamlfile.convert(located, ConfigFile)
    said = _environment()
    found = []
    for key in sorted(set(ConfigFile.__struct_fields__) - {"schema"}):
        value = getattr(config, key) if key in ENVIRONMENT else msgspec.to_builtins(getattr(file, key))
        origin = "default"
        if key in said:
            origin = f"environment, {ENVIRONMENT[key]}"
        elif located is not None and isinstance(located.value, dict) and key in located.value:
            origin = located.where(key)
        found.append(Setting(key, _PASSWORD.sub(r"\1***@", "" if value is None else _text(value)), origin))
    return tuple(found)


_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | Path) else msgspec.json.encode(value, order="sorted").decode()


def _environment() -> dict[str, str]:
    return {key: os.environ[name] for key, name in ENVIRONMENT.items() if os.environ.get(name)}


def _below(base: Path, text: str) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else base / path


_NEEDS = {
    "key": "path",
    "certificate": "path",
    "agent": "fingerprint",
    "command": "argv",
    "pkcs11": "path",
    "gssapi": "",
}
"""What an entry of each kind must say; a Kerberos ticket says it all itself."""


def _credential(located: Located, base: Path, name: str, entry: CredentialEntry) -> CredentialEntry:
    needs = _NEEDS[entry.kind]
    if needs and not getattr(entry, needs):
        hint = "one named identity per login, never every key of an agent"
        raise located.error(f"a credential of kind {entry.kind} needs `{needs}`", "credentials", name, hint=hint)
    changes: dict[str, Any] = {
        key: str(_below(base, getattr(entry, key))) for key in ("path", "certificate") if getattr(entry, key)
    }
    return msgspec.structs.replace(entry, **changes)


def _retention(located: Located, entry: RetentionEntry) -> RetentionEntry:
    if entry.searchable_months < 1:
        raise located.error("less than a month", "retention", "searchable_months", hint="1 or more; 6 if left out")
    if entry.retrievable_months < entry.searchable_months:
        hint = "what is searchable is retrievable too: give at least `searchable_months`"
        raise located.error("shorter than `searchable_months`", "retention", "retrievable_months", hint=hint)
    return entry


def _notify(located: Located, base: Path, file: ConfigFile) -> NotifyEntry:
    """Return who is told, with files made absolute; a secret is named, and is a program's to print."""

    def checked(kind: str, index: int, entry: Any) -> Any:
        at = ("notify", kind, index)
        if entry.name in [one.name for one in getattr(file.notify, kind)[:index]]:
            hint = "what was told is kept by name"
            raise located.error(f"a second `{entry.name}`", *at, "name", hint=hint)
        named = file.credentials.get(entry.credential)
        if entry.credential and (named is None or named.kind != "command"):
            hint = "a secret comes from a program: `NAME: {kind: command, argv: [/usr/bin/vault, …]}`"
            raise located.error(f"`{entry.credential}` is no credential of kind command", *at, "credential", hint=hint)
        if kind == "webhooks" and not entry.url.lower().startswith("https://"):
            raise located.error(f"`{entry.url}` is no https URL", *at, "url", hint="notices leave over TLS only")
        if kind == "mail" and bool(entry.user) != bool(entry.credential):
            raise located.error("`user` and `credential` belong together", *at, hint="give both, or neither")
        if kind == "mail" and not entry.to:
            raise located.error("nobody gets it", *at, "to", hint="name at least one address")
        authority = str(_below(base, entry.authority)) if entry.authority else ""
        return msgspec.structs.replace(entry, authority=authority)

    return NotifyEntry(
        webhooks=[checked("webhooks", at, one) for at, one in enumerate(file.notify.webhooks)],
        mail=[checked("mail", at, one) for at, one in enumerate(file.notify.mail)],
        coverage_drop_points=file.notify.coverage_drop_points,
    )


def _campaign(located: Located, entry: CampaignEntry) -> Campaign | None:
    if entry.start is None:
        return None
    for index, rebase in enumerate(entry.rebases):
        if not rebase.by.strip() or not rebase.reason.strip():
            hint = "fill in `by` and `reason`; the old dates are kept"
            raise located.error(
                "a campaign is re-based by a named person for a reason",
                "campaign",
                "rebases",
                index,
                hint=hint,
            )
    rebases = tuple(
        Rebase(rebase.start, rebase.by, rebase.reason, _utc(rebase.recorded_at)) for rebase in entry.rebases
    )
    return Campaign(entry.start, entry.days, rebases)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

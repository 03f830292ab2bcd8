"""How `posture serve` is reached and who vouches for those who sign in: the part `serve` of the configuration file."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from posture.yamlfile import Located

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ProxyEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The proxy in front of the dashboard, which checks clients' certificates (PIV) and says whose they are."""

    addresses: list[str]
    """Of the proxies themselves; a header from anywhere else is ignored."""
    subject_header: str = "X-Client-Subject"
    """Carries the subject of the certificate."""
    verify_header: str = "X-Client-Verify"
    """Must say ``SUCCESS``, as nginx's ``$ssl_client_verify`` does."""
    subjects: dict[str, str] = {}
    """Subject, exactly as the proxy writes it, to the account of its holder."""


class PlaceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the members of one group are here."""

    role: Literal["viewer", "analyst", "auditor", "approver", "admin"]
    systems: list[str] = []
    """The only systems they see; every one when empty."""


class OidcEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The identity provider of single sign-on; the client's secret stands elsewhere."""

    issuer: str
    """Exactly as the provider writes it into its tokens."""
    client_id: str
    public_url: str
    """Of the dashboard as browsers see it; `/sign-in/oidc/back` below it is registered at the provider."""
    secret_file: str = ""
    """Holds the client's secret and nothing else; without it the variable POSTURE_OIDC_SECRET does."""
    account_claim: str = "preferred_username"
    groups_claim: str = "groups"
    scopes: tuple[str, ...] = ("openid", "profile")
    roles: dict[str, PlaceEntry]
    """By group; the first in this order that somebody is in counts."""
    session_minutes: int = 60
    """How long a session lives, 10 to 480; a page opened after half of it has the provider asked again."""
    authority: str = ""
    """PEM file of the authority that the provider's certificate comes from; this machine's own when empty."""


class ServeEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How `posture serve` is reached."""

    proxy: ProxyEntry | None = None
    oidc: OidcEntry | None = None


def serve_entry(located: Located, base: Path, entry: ServeEntry) -> ServeEntry:
    """Return the entry with its files made absolute.

    Raises:
        ConfigError: an address is none, or the provider is not asked over https.
    """
    for text in entry.proxy.addresses if entry.proxy else ():
        try:
            ipaddress.ip_address(text)
        except ValueError:
            hint = "name the proxy's own address, as 10.1.2.3; no network and no name"
            raise located.error(f"`{text}` is no address", "serve", "proxy", "addresses", hint=hint) from None
    if entry.oidc is None:
        return entry
    at, oidc = ("serve", "oidc"), entry.oidc
    for key, address in (("issuer", oidc.issuer), ("public_url", oidc.public_url)):
        if not _safe(address):
            hint = "sign-in leaves over TLS only; plain http on loopback is for trying it out"
            raise located.error(f"`{address}` is no https URL", *at, key, hint=hint)
    if not oidc.roles:
        raise located.error("no group has a role", *at, "roles", hint="`roles: {GROUP: {role: viewer}}`")
    if "openid" not in oidc.scopes:
        raise located.error("`openid` is missing", *at, "scopes", hint="without it there is no ID token")
    if not 10 <= oidc.session_minutes <= 480:
        hint = "10 to 480; a group taken away at the provider is noticed here this late at worst"
        raise located.error(f"{oidc.session_minutes} minutes", *at, "session_minutes", hint=hint)
    files = {key: str(_below(base, getattr(oidc, key))) for key in ("secret_file", "authority") if getattr(oidc, key)}
    return msgspec.structs.replace(entry, oidc=msgspec.structs.replace(oidc, **files))


def _safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _below(base: Path, text: str) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else base / path

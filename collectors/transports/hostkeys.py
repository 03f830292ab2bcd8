"""Which host keys we trust for an address: pinned ones first, then a known_hosts file; never whatever comes."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from posture.errors import CollectError, ConfigError
from posture.model.host import Host
from posture.model.observation import Blind


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A server's public host key."""

    type: str
    """Such as ``ssh-ed25519``."""
    base64: str

    @property
    def fingerprint(self) -> str:
        """The digest people compare: ``SHA256:…`` as ssh-keygen -l prints it."""
        digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.type} {self.base64}"


@dataclass(frozen=True, slots=True)
class Trusted:
    """The keys a host may show, and those it must never show again."""

    keys: tuple[ServerKey, ...]
    revoked: tuple[ServerKey, ...] = ()

    def admit(self, shown: ServerKey, host: str) -> None:
        """Return when the key that was shown is trusted.

        Raises:
            CollectError: it is not known, is another than the known ones, or was revoked.
        """
        if shown in self.revoked:
            raise CollectError(Blind.HOST_KEY_MISMATCH, f"{host} shows the revoked key {shown.fingerprint}")
        if not self.keys:
            raise CollectError(
                Blind.HOST_KEY_UNKNOWN,
                f"no host key is recorded for {host}; it shows {shown.type} {shown.fingerprint}",
                hint="compare the fingerprint with the owner's, then record it with `posture trust`",
            )
        if shown not in self.keys:
            raise CollectError(
                Blind.HOST_KEY_MISMATCH,
                f"{host} shows {shown.type} {shown.fingerprint}, which is not the recorded key",
                hint="the host was rebuilt, or somebody answers in its place: ask the owner before `posture trust`",
            )


def trusted_keys(host: Host, names: Iterable[str], known_hosts: Path | None) -> Trusted:
    """Return the keys pinned in the inventory, or those that known_hosts has for any of the names.

    Raises:
        ConfigError: a pinned key is no public key, or the file cannot be read.
    """
    if host.access.host_keys:
        return Trusted(tuple(_pinned(host.id, text) for text in host.access.host_keys))
    if known_hosts is None:
        return Trusted(())
    try:
        text = known_hosts.read_text("utf-8", "replace")
    except FileNotFoundError:
        return Trusted(())
    except OSError as error:
        raise ConfigError(
            f"{known_hosts}: {error.strerror}", hint="the scanning user must be able to read it"
        ) from None
    return _look_up(text, _hostnames(names, host.access.port))


def known_hosts_name(address: str, port: int) -> str:
    """Return how known_hosts writes an address and port. Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""
    return address if port == 22 else f"[{address}]:{port}"


def parse_key(text: str) -> ServerKey:
    """Return the key of a ``type base64`` text.

    Raises:
        ValueError: it is none.
    """
    words = text.split()
    if len(words) < 2:
        raise ValueError("a public key has a type and a base64 text")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise ValueError("the key is not base64") from None
    kind = words[0].encode()
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind):
        raise ValueError(f"the key is not a key of type {words[0]}")
    return ServerKey(words[0], words[1])


def _pinned(host: str, text: str) -> ServerKey:
    try:
        return parse_key(text)
    except ValueError as error:
        raise ConfigError(f"host key of {host}: {error}", hint="write it as `ssh-ed25519 AAAA…`") from None


def _hostnames(names: Iterable[str], port: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(known_hosts_name(name, port) for name in names if name))


def _look_up(text: str, names: tuple[str, ...]) -> Trusted:
    keys: list[ServerKey] = []
    revoked: list[ServerKey] = []
    for line in text.splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        # A certificate authority signs host certificates, which only the system's ssh can check.
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@revoked"):
            continue
        if any(_matches(words[0], name) for name in names):
            try:
                (revoked if marker else keys).append(parse_key(" ".join(words[1:3])))
            except ValueError:
                continue
    return Trusted(tuple(dict.fromkeys(keys)), tuple(dict.fromkeys(revoked)))


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _hash_matches(patterns, name)
    matched = False
    for pattern in patterns.split(","):
        if fnmatch.fnmatchcase(name.lower(), pattern.lower().lstrip("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _hash_matches(entry: str, name: str) -> bool:
    try:
        _, _, salt, digest = entry.split("|")
        expected = base64.b64decode(digest)
        # HMAC-SHA1 is what known_hosts uses to hide names; nothing is trusted because of it.
        actual = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(expected, actual)

"""A certificate as a server presents it, read into plain values by the cryptography library."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtensionOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

PEM_CHARS = 100_000  # the longest certificates in use, with hundreds of names, have some 20,000
NAMES_MAX = 500
TEXT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands in one certificate."""

    subject: str
    """Common name, or the whole subject without one."""
    organisation: str
    issuer: str
    self_issued: bool
    """Subject and issuer are the same: nobody else vouches for it."""
    authority: bool
    """It may sign others: a CA's own certificate, no server's."""
    names: list[str]
    """Host names and IP addresses it is for (SAN), lower case, sorted."""
    not_before: str
    """Moment in UTC, as ``2026-11-27T19:13:56Z``."""
    not_after: str
    key_type: str
    """rsa, ec, ed25519, ed448, dsa or other."""
    key_bits: int
    signature_hash: str
    """sha256, sha1, md5 …; none for Ed25519 and Ed448, which hash inside."""
    fingerprint: str
    """SHA-256 of the certificate, hex."""
    spki: str
    """SHA-256 of its public key, hex: the same over renewals that keep the key."""


def read_certificate(pem: str) -> Certificate | str:
    """Return a certificate in PEM, or in one sentence why it cannot be read."""
    if len(pem) > PEM_CHARS:
        return f"it has more than {PEM_CHARS} characters"
    try:
        return _read(x509.load_pem_x509_certificate(pem.encode()))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        return f"it is damaged: {_clean(str(error))}"


def distrusted(pem: str, anchors: tuple[str, ...], moment: datetime) -> str:
    """Return why clients that trust these authorities refuse a server's certificate; empty when they take it.

    Path validation by RFC 5280 and the rules that browsers add (the verifier of the cryptography library). What the
    server sends beside its own certificate is not known: intermediates stand among the authorities. Whether the names
    fit the host is another question.
    """
    try:
        leaf = x509.load_pem_x509_certificate(pem.encode())
        subject = _first_name(leaf)
        if subject is None:
            return "it is for no name: it has no subject alternative name"
        PolicyBuilder().store(_store(anchors)).time(moment).build_server_verifier(subject).verify(leaf, [])
    except VerificationError as error:
        return _clean(str(error))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        return f"it is damaged: {_clean(str(error))}"
    return ""


@functools.lru_cache(maxsize=4)
def _store(anchors: tuple[str, ...]) -> Store:
    return Store([x509.load_pem_x509_certificate(pem.encode()) for pem in anchors])


def _first_name(leaf: x509.Certificate) -> x509.DNSName | x509.IPAddress | None:
    """Return a name that the certificate itself has, so that only its chain is in question."""
    try:
        listed = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    for name in listed:
        if isinstance(name, x509.DNSName):
            # a name of a wildcard is any name below it
            return x509.DNSName(name.value.replace("*", "any", 1))
        if isinstance(name, x509.IPAddress) and not hasattr(name.value, "prefixlen"):
            return name
    return None


def _read(found: x509.Certificate) -> Certificate:
    kind, bits = _key(found)
    public = found.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public)
    return Certificate(
        subject=_name(found.subject),
        organisation=_attribute(found.subject, NameOID.ORGANIZATION_NAME),
        issuer=_name(found.issuer),
        self_issued=found.subject == found.issuer,
        authority=_authority(found),
        names=sorted(set(_names(found)))[:NAMES_MAX],
        not_before=_moment(found.not_valid_before_utc),
        not_after=_moment(found.not_valid_after_utc),
        key_type=kind,
        key_bits=bits,
        signature_hash=_signature_hash(found),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        spki=digest.finalize().hex(),
    )


def _key(found: x509.Certificate) -> tuple[str, int]:
    match found.public_key():
        case rsa.RSAPublicKey() as key:
            return "rsa", key.key_size
        case ec.EllipticCurvePublicKey() as key:
            return "ec", key.curve.key_size
        case dsa.DSAPublicKey() as key:
            return "dsa", key.key_size
        case ed25519.Ed25519PublicKey():
            return "ed25519", 256
        case ed448.Ed448PublicKey():
            return "ed448", 456
        case _:
            return "other", 0


def _signature_hash(found: x509.Certificate) -> str:
    try:
        algorithm = found.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return algorithm.name if algorithm is not None else "none"


def _authority(found: x509.Certificate) -> bool:
    try:
        return bool(found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _names(found: x509.Certificate) -> Iterator[str]:
    try:
        listed = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return
    if isinstance(listed, x509.SubjectAlternativeName):
        yield from (_clean(name).lower() for name in listed.get_values_for_type(x509.DNSName))
        yield from (str(address) for address in listed.get_values_for_type(x509.IPAddress))


def _name(name: x509.Name) -> str:
    return _attribute(name, NameOID.COMMON_NAME) or _clean(name.rfc4514_string())


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    return next((_clean(str(one.value)) for one in name.get_attributes_for_oid(oid)), "")


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _clean(text: str) -> str:
    """A certificate is written by whoever owns the server: no control characters, and an end."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)[:TEXT_CHARS]

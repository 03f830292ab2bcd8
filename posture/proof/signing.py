"""Signatures that any Linux box can check: OpenSSH's, ECDSA P-256 as OpenSSL makes it, and DSSE around a statement."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from posture.errors import UsageError
from posture.proof.layout import NAMESPACE
from posture.proof.programs import run_program

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs bundles."""

    path: Path
    """A private key file, or a public one whose private half an agent holds."""
    ssh_fingerprint: str
    ecdsa: ec.EllipticCurvePrivateKey | None
    """The same key, where it is one on P-256 and its private half is in the file."""

    @classmethod
    def read(cls, path: Path) -> Signer:
        """Return the signer of a key file.

        Raises:
            UsageError: it is no key, or is locked with a passphrase that only an agent may know.
        """
        if not path.is_file():
            raise UsageError(f"{path}: no such key", hint="name a private key, or a public one that your agent holds")
        done = run_program(["ssh-keygen", "-l", "-E", "sha256", "-f", str(path)])
        if done.returncode != 0:
            raise UsageError(
                f"{path} is no key that ssh-keygen reads",
                hint="make one: ssh-keygen -t ecdsa -b 256 -f posture-signing",
            )
        return cls(path, done.stdout.decode("utf-8", "replace").split()[1], _p256(path))

    @property
    def fingerprints(self) -> dict[str, str]:
        """What will be made with which public key."""
        found = {"ssh": self.ssh_fingerprint}
        if self.ecdsa is not None:
            found["ecdsa-p256"] = found["dsse"] = _spki_digest(self.ecdsa.public_key())
        return found

    def sign_ssh(self, message: bytes, namespace: str = NAMESPACE) -> bytes:
        """Return the armoured SSH signature, which counts for one purpose only.

        Raises:
            UsageError: ssh-keygen refuses.
        """
        done = run_program(["ssh-keygen", "-Y", "sign", "-f", str(self.path), "-n", namespace], message)
        if done.returncode != 0 or not done.stdout:
            why = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1][:200]
            raise UsageError(f"ssh-keygen could not sign with {self.path}: {why}", hint="load the key into your agent")
        return done.stdout

    def sign_ecdsa(self, message: bytes) -> bytes | None:
        """Return the DER signature over SHA-256; ``None`` when the key is not one on P-256."""
        return self.ecdsa.sign(message, ec.ECDSA(hashes.SHA256())) if self.ecdsa is not None else None

    def envelope(self, statement: dict[str, Any]) -> bytes | None:
        """Return the statement in a DSSE envelope; ``None`` when the key is not one on P-256."""
        if self.ecdsa is None:
            return None
        payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
        signature = self.ecdsa.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(hashes.SHA256()))
        document = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": _spki_digest(self.ecdsa.public_key()), "sig": base64.b64encode(signature).decode()}
            ],
        }
        return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def pae(kind: str, payload: bytes) -> bytes:
    """Return what DSSE signs (its pre-authentication encoding, protocol version 1)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def ssh_signature_holds(
    message: bytes, signature: bytes, allowed: Path, signer: str, namespace: str = NAMESPACE
) -> bool:
    """Return whether a signer of the allowed ones made an SSH signature for this purpose."""
    with tempfile.TemporaryDirectory(prefix="posture-verify-") as place:
        path = Path(place) / "signature"
        path.write_bytes(signature)
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", signer, "-n", namespace, "-s", str(path)]
        return run_program(command, message).returncode == 0


def ssh_key_of(message: bytes, signature: bytes, namespace: str = NAMESPACE) -> str:
    """Return the fingerprint of the key that made an SSH signature, whoever's it is; empty when it does not hold."""
    with tempfile.TemporaryDirectory(prefix="posture-verify-") as place:
        path = Path(place) / "signature"
        path.write_bytes(signature)
        done = run_program(["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", str(path)], message)
    words = done.stdout.decode("utf-8", "replace").split()
    return words[-1] if done.returncode == 0 and words and words[-1].startswith("SHA256:") else ""


def read_public_key(path: Path) -> ec.EllipticCurvePublicKey:
    """Return an ECDSA public key of a PEM file.

    Raises:
        UsageError: it is none.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UsageError(
            f"{path} is no ECDSA public key in PEM", hint="ssh-keygen -e -m PKCS8 -f key.pub > signer.pub makes one"
        )
    return key


def ecdsa_holds(message: bytes, signature: bytes, key: ec.EllipticCurvePublicKey) -> bool:
    """Return whether the key made the signature."""
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def opened(envelope: bytes, key: ec.EllipticCurvePublicKey) -> dict[str, Any] | None:
    """Return the statement of a DSSE envelope that the key signed; ``None`` when it did not."""
    try:
        document = json.loads(envelope)
        payload = base64.b64decode(document["payload"], validate=True)
        signed = pae(document["payloadType"], payload)
        held = any(ecdsa_holds(signed, base64.b64decode(one["sig"]), key) for one in document["signatures"])
        statement = json.loads(payload)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return statement if held and isinstance(statement, dict) else None


def encrypt(plain: Path, encrypted: Path, recipients: Sequence[Path]) -> None:
    """Write a file encrypted to certificates, as CMS with AES-256-GCM, which `openssl cms -decrypt` opens.

    Raises:
        UsageError: OpenSSL refuses.
    """
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER"]
    done = run_program([*command, "-in", str(plain), "-out", str(encrypted), *map(str, recipients)], timeout_s=3600)
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1][:200]
        raise UsageError(f"openssl could not encrypt: {why}", hint="each recipient is an X.509 certificate in PEM")


def _p256(path: Path) -> ec.EllipticCurvePrivateKey | None:
    content = path.read_bytes()
    for load in (serialization.load_ssh_private_key, serialization.load_pem_private_key):
        try:
            key = load(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return key
    return None


def _spki_digest(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return f"SHA256:{digest.finalize().hex()}"

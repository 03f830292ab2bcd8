"""Bundles for the tests: made, taken apart, forged, and checked by the public commands of their own page."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from posture.proof import layout, signing
from posture.proof.answers import Answered
from posture.proof.tarfile_strict import TarWriter
from posture.proof.verify import Keys, verify_bundle

SIGNER = "assessor@example.gov"
Files = dict[str, bytes]
FORMATS = ("json", "jsonl", "csv", "blind-csv")


@dataclass(frozen=True)
class Made:
    """A signed bundle, and what reaches the auditor outside it."""

    home: Path
    database: Path
    tar: Path
    key: Path
    keys: Keys


def new_key(path: Path, kind: str = "ecdsa") -> Path:
    bits = ["-b", "256"] if kind == "ecdsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *bits, "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


def keys_of(key: Path) -> Keys:
    public = key.with_suffix(".pub")
    allowed, pem = key.with_name(f"{key.name}.allowed"), key.with_name(f"{key.name}.pem")
    allowed.write_text(f"{SIGNER} {public.read_text()}")
    done = subprocess.run(["ssh-keygen", "-e", "-m", "PKCS8", "-f", str(public)], capture_output=True, check=True)
    pem.write_bytes(done.stdout)
    return Keys(allowed, SIGNER, pem)


def files_of(tar: Path) -> Files:
    with tarfile.open(tar, "r:") as archive:
        return {one.name: archive.extractfile(one).read() for one in archive.getmembers()}  # type: ignore[union-attr]


def packed(path: Path, files: Files) -> Path:
    with path.open("wb") as file:
        writer = TarWriter(file)
        for name, content in files.items():
            writer.add(name, content)
        writer.close()
    return path


def signed_again(files: Files, key: Path) -> Files:
    """Return the files with digests and signatures made anew: what a forger with this key can do."""
    kept = {name: content for name, content in files.items() if name not in layout.UNLISTED}
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(kept.items()))
    sums = "".join(lines).encode()
    signer = signing.Signer.read(key)
    statement = {"subject": [{"name": layout.SUMS, "digest": {"sha256": hashlib.sha256(sums).hexdigest()}}]}
    return {
        **kept,
        layout.SUMS: sums,
        layout.SSH_SIGNATURE: signer.sign_ssh(sums),
        layout.ECDSA_SIGNATURE: signer.sign_ecdsa(sums) or b"",
        layout.ATTESTATION: signer.envelope(statement) or b"",
    }


def failing(path: Path, keys: Keys) -> dict[str, str]:
    return {line.what: line.detail for line in verify_bundle(path, keys) if line.answered is Answered.FAILS}


def public_check(tar: Path, place: Path, keys: Keys) -> list[str]:
    """Run the commands of the bundle's own VERIFY.md in an unpacked bundle, and return those that fail."""
    place.mkdir()
    subprocess.run(["tar", "-xf", str(tar), "-C", str(place)], check=True)
    page = (place / "VERIFY.md").read_text()
    blocks = [
        re.sub(r"^ {7}", "", block, flags=re.MULTILINE)
        for block in re.findall(r"(?:^ {7}.*\n|^\n(?= {7}))+", page, re.MULTILINE)
    ]
    chain = next(block for block in blocks if "hashlib" in block)
    (place.parent / f"{place.name}-chain.py").write_text(chain)
    there = place.parent / f"{place.name}-there"
    words = {
        "allowed_signers": str(keys.allowed_signers),
        "signer.pub": str(keys.public_key),
        "tsa.crt": str(keys.authority),
        "/tmp/there": str(there),
    }
    failed = []
    for block in blocks:
        command = block if block is not chain else f"{sys.executable} {place.parent / f'{place.name}-chain.py'}"
        for word, real in words.items():
            command = command.replace(word, real)
        done = subprocess.run(["sh", "-ec", command], cwd=place, capture_output=True, text=True, check=False)
        if done.returncode or ("comm -3" in command and done.stdout):
            name = (command.rpartition("|| ")[2] if "test ! -e" in command else command).strip()
            failed.append(" ".join(name.split()[: 2 if name.startswith(("ssh-keygen", "openssl ts")) else 1]))
    assert len(blocks) == 8
    return failed


AUTHORITY = """
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = Test TSA
[ext]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = {home}/serial
signer_cert = {home}/tsa.crt
certs = {home}/tsa.crt
signer_key = {home}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
"""


def new_authority(home: Path) -> Path:
    """Return the configuration of a timestamp authority of the test's own; its certificate is tsa.crt beside it."""
    config = home / "tsa.conf"
    config.write_text(AUTHORITY.format(home=home))
    (home / "serial").write_text("01\n")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-config", config, "-keyout", home / "tsa.key", "-out", home / "tsa.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return config


def stamped(config: Path, query: Path, reply: Path) -> Path:
    """Return the authority's reply to a query."""
    command = ["openssl", "ts", "-reply", "-config", config, "-section", "here", "-queryfile", query, "-out", reply]
    subprocess.run(command, check=True, capture_output=True)
    return reply

"""TLS and SSH servers of the tests' own: OpenSSL's ``s_server`` and OpenSSH's sshd, weak and strong."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
WEAK = ("-cipher", "ALL:eNULL:@SECLEVEL=0", "-dhparam", "DH1024")
STRONG = ("-no_tls1", "-no_tls1_1", "-cipher", "ECDHE+AESGCM", "-ciphersuites", "TLS_AES_256_GCM_SHA384")


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def certificate(
    key: Key,
    name: str,
    *,
    days: int = 365,
    organisation: str = "Agency",
    address: str = "",
    signer: tuple[Key, str] | None = None,
) -> x509.Certificate:
    """Return a certificate of this key for this name, signed by itself or by another."""
    now = datetime.now(UTC).replace(microsecond=0)

    def named(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    signing_key, issuer = signer or (key, name)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if address:
        names.append(x509.IPAddress(ipaddress.ip_address(address)))
    built = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return built.sign(signing_key, hashes.SHA256())


def key_files(folder: Path, name: str, key: Key, cert: x509.Certificate) -> tuple[Path, Path]:
    """Return where the key and the certificate stand, in PEM."""
    key_path, cert_path = folder / f"{name}.key", folder / f"{name}.crt"
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    cert_path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    return key_path, cert_path


def weak_files(folder: Path, name: str, organisation: str = "Dell Inc.") -> tuple[Path, Path]:
    """Return a key of 1024 bits and its certificate, signed with SHA-1 and gone in ten days: only OpenSSL makes such."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-sha1", "-nodes", "-days", "10", "-keyout", str(key),
         "-out", str(cert), "-subj", f"/O={organisation}/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


@contextlib.contextmanager
def s_server(address: str, port: int, files: tuple[Path, Path], options: Sequence[str]) -> Iterator[None]:
    """Run OpenSSL's server, which answers HTTP with a page about the connection."""
    words = list(options)
    if "DH1024" in words:
        words[words.index("DH1024")] = str(_dh1024(files[0].parent))
    argv = ["openssl", "s_server", "-accept", f"{address}:{port}", "-key", str(files[0]), "-cert", str(files[1])]
    process = subprocess.Popen(
        [*argv, "-www", "-quiet", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_open(address, port)
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def ssh_server(folder: Path, address: str, port: int, *lines: str, host_key: Path | None = None) -> Iterator[Path]:
    """Run OpenSSH's server and yield its host key: RSA, or the one that is given."""
    folder.mkdir()
    if host_key is None:
        host_key = folder / "host"
        kind = ["-t", "rsa", "-b", "2048"] if lines else ["-t", "ed25519"]
        subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", "-f", str(host_key)], check=True)
    strict = ("KexAlgorithms curve25519-sha256", "Ciphers aes256-gcm@openssh.com", "MACs hmac-sha2-512-etm@openssh.com")
    config = folder / "sshd_config"
    config.write_text(
        "\n".join(
            [
                f"ListenAddress {address}:{port}",
                f"HostKey {host_key}",
                f"PidFile {folder}/pid",
                "UsePAM no",
                *(lines or strict),
            ]
        )
        + "\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        _until_open(address, port)
        yield host_key
    finally:
        process.kill()
        process.wait()


def _dh1024(folder: Path) -> Path:
    # RFC 2409, 6.2 (Oakley group 2): 1024 bits, found in every old server.
    path = folder / "dh1024.pem"
    prime = (
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
        "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
    )
    from cryptography.hazmat.primitives.asymmetric import dh

    numbers = dh.DHParameterNumbers(int(prime, 16), 2)
    path.write_bytes(
        numbers.parameters().parameter_bytes(serialization.Encoding.PEM, serialization.ParameterFormat.PKCS3)
    )
    return path


def _until_open(address: str, port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {address}:{port}")

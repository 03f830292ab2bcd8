"""Passwords: argon2id, or PBKDF2-HMAC-SHA-256 where only approved algorithms may run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 15  # NIST SP 800-63B-4: a password that is the only factor has at least 15 characters
MAX_LENGTH = 256  # or a request could make us hash a megabyte
_ROUNDS = 600_000  # OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA-256
_FIPS = Path("/proc/sys/crypto/fips_enabled")


def fips_mode(switch: Path = _FIPS) -> bool:
    """Return whether this machine's kernel runs in FIPS mode."""
    try:
        return switch.read_text("ascii").strip() == "1"
    except OSError:
        return False


def hash_password(password: str, *, fips: bool) -> str:
    """Return the hash to keep: salted, with its algorithm and parameters in front."""
    if not fips:
        return PasswordHasher().hash(password)
    salt = secrets.token_bytes(16)
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    return f"pbkdf2-sha256${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def right(password: str, kept: str) -> bool:
    """Return whether a password is the one behind a hash; false for a hash of unknown form."""
    if len(password) > MAX_LENGTH:
        return False
    try:
        if kept.startswith("pbkdf2-sha256$"):
            _, rounds, salt, key = kept.split("$")
            made = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
            return hmac.compare_digest(made, base64.b64decode(key))
        return PasswordHasher().verify(kept, password)
    except (VerificationError, InvalidHashError, ValueError, OverflowError):
        return False


def fault(password: str, name: str) -> str:
    """Return what is wrong with a new password, in a sentence; empty when nothing is."""
    if len(password) < MIN_LENGTH:
        return f"The password needs at least {MIN_LENGTH} characters."
    if len(password) > MAX_LENGTH:
        return f"The password may have at most {MAX_LENGTH} characters."
    if len(set(password)) < 6 or name.lower() in password.lower():
        return "The password must not repeat a few characters or hold the account's name."
    return ""

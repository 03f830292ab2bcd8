"""What a login proves itself with, and the guard that stops a credential before it locks an account."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from posture.errors import CollectError, ConfigError
from posture.model.observation import Blind


class CredentialKind(StrEnum):
    """Where the one identity of a login comes from."""

    KEY = "key"
    """A private key file without a passphrase."""
    CERTIFICATE = "certificate"
    """A private key file and the OpenSSH certificate that a CA made for it."""
    AGENT = "agent"
    """One key of the running ssh-agent, named by fingerprint or comment; no other is offered."""
    COMMAND = "command"
    """What a program prints: a private key or a password, straight from a vault."""
    GSSAPI = "gssapi"
    """A Kerberos ticket; ``openssh`` transport only."""
    PKCS11 = "pkcs11"
    """A token behind a PKCS#11 library that asks for no PIN; ``openssh`` transport only. One with a PIN (PIV) is
    unlocked in an agent, `ssh-add -s LIBRARY`, and used as ``agent``."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One named way to log in; it holds no secret, only where one is."""

    name: str
    kind: CredentialKind
    path: str = ""
    """Private key file, or the PKCS#11 library."""
    certificate: str = ""
    """Certificate file; ``path`` with ``-cert.pub`` when empty."""
    fingerprint: str = ""
    """``SHA256:…`` or the comment of the agent's key."""
    argv: tuple[str, ...] = ()
    """Program of ``command``; it gets no standard input and its output is never logged."""
    timeout_s: float = 15.0


def printed_secret(credential: Credential) -> str:
    """Return what the credential's program printed, without its last line break.

    Raises:
        CollectError: it failed, took too long, or printed nothing; the message never holds what it printed.
    """
    try:
        done = subprocess.run(
            credential.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=credential.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unusable(credential, f"its program ran longer than {credential.timeout_s:g} s") from None
    except OSError as error:
        raise _unusable(credential, f"its program does not start: {error.strerror}") from None
    if done.returncode != 0 or not done.stdout.strip() or len(done.stdout) > _MAX_SECRET:
        raise _unusable(credential, f"its program ended with {done.returncode} and {len(done.stdout)} bytes")
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\r\n")


_MAX_SECRET = 64_000  # an RSA-16384 private key has 13 kB


def _unusable(credential: Credential, why: str) -> CollectError:
    return CollectError(
        Blind.NOT_ATTEMPTED,
        f"credential `{credential.name}`: {why}",
        hint="run the program by hand as the scanning user",
    )


class CredentialGuard:
    """Stops a credential for the whole run after some refusals, so that a wrong one never locks accounts.

    The limit is strict: never are more logins in flight than refusals are left, since all of them may be refused.
    """

    def __init__(self, max_refusals: int = 3, *, wait_s: float = 120.0) -> None:
        if max_refusals < 1:
            raise ConfigError(f"a limit of {max_refusals} refused logins lets nobody in", hint="use 1 or more")
        self._max_refusals = max_refusals
        self._wait_s = wait_s
        self._refused: dict[str, int] = {}
        self._in_flight: dict[str, int] = {}
        self._changed = threading.Condition()

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Wait for a place among the logins in flight; a ``CollectError`` for LOGIN_REFUSED inside counts as a refusal.

        Raises:
            CollectError: the credential is stopped for this run.
        """
        self._enter(name)
        refused = False
        try:
            yield
        except CollectError as error:
            refused = error.reason is Blind.LOGIN_REFUSED
            raise
        finally:
            with self._changed:
                self._in_flight[name] -= 1
                self._refused[name] = self._refused.get(name, 0) + refused
                self._changed.notify_all()

    def stopped(self) -> tuple[str, ...]:
        """Return the names of the credentials that were stopped, sorted."""
        with self._changed:
            return tuple(sorted(name for name, count in self._refused.items() if count >= self._max_refusals))

    def _enter(self, name: str) -> None:
        with self._changed:
            free = self._changed.wait_for(
                lambda: self._left(name) <= 0 or self._flying(name) < self._left(name), self._wait_s
            )
            if self._left(name) <= 0 or not free:
                why = f"was refused {self._refused.get(name, 0)} times" if free else "waited too long for other logins"
                raise CollectError(
                    Blind.NOT_ATTEMPTED,
                    f"credential `{name}` {why}: no further login is tried in this run",
                    hint="mend the credential, then scan the remaining hosts again",
                )
            self._in_flight[name] = self._flying(name) + 1

    def _left(self, name: str) -> int:
        return self._max_refusals - self._refused.get(name, 0)

    def _flying(self, name: str) -> int:
        return self._in_flight.get(name, 0)

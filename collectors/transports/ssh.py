"""The default transport: paramiko with strict host keys, one named identity per login, and an end to everything."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import paramiko

from collectors.base import Answer, Command
from collectors.transports.batch import Budget, run_batch
from collectors.transports.credentials import Credential, CredentialKind, printed_secret
from collectors.transports.hostkeys import ServerKey, Trusted
from collectors.transports.reach import Hop, Reach, route, session_of
from collectors.transports.script import SessionLimits
from collectors.transports.ssh_link import BoundedSocket, ChannelStream, Client, Link, plain, printable
from posture.errors import CollectError
from posture.model.host import Host
from posture.model.observation import Blind

DISABLED = {
    "ciphers": ("3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc"),
    "macs": ("hmac-md5", "hmac-md5-96", "hmac-sha1", "hmac-sha1-96"),
    "kex": (
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
    ),
    "keys": ("ssh-rsa", "ssh-dss"),
    "pubkeys": ("ssh-rsa", "ssh-rsa-cert-v01@openssh.com", "ssh-dss"),
}
"""What we never speak. Source: NIST SP 800-131A (3DES, SHA-1 signatures), RFC 9142 (SHA-1 key exchange)."""


class SshTransport:
    """Runs batches over one login; its host key was checked before anything was sent."""

    def __init__(self, host: Host, reach: Reach, links: list[Link], budget: Budget) -> None:
        self.session = session_of(host, reach, transport="ssh", host_key=links[-1].key.fingerprint)
        self._links = links
        self._budget = budget

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        """Run them all and return every answer; see ``collectors.base.Transport``."""
        return run_batch(self._open, commands, self._budget)

    def close(self) -> None:
        """Log out, of the jump hosts too."""
        for link in reversed(self._links):
            link.close()

    def _open(self, argv: Sequence[str]) -> ChannelStream:
        return self._links[-1].shell(argv, self._budget.limits)


def connect(host: Host, reach: Reach) -> SshTransport:
    """Return a transport that is logged in to the host, through its jump hosts.

    Raises:
        CollectError: with the reason why there is no session.
    """
    budget = Budget.start(reach.limits, reach.stop)
    links: list[Link] = []
    try:
        for hop in route(host, reach):
            sock = links[-1].forward(hop, reach.limits) if links else _dial(hop, reach.limits)
            links.append(_log_in(hop, sock, reach, budget))
        return SshTransport(host, reach, links, budget)
    except BaseException:
        for link in reversed(links):
            link.close()
        raise


def scan_host_key(address: str, port: int, timeout_s: float) -> ServerKey:
    """Return the host key a server shows, without logging in; the caller has had the address admitted by the scope.

    Raises:
        CollectError: nobody answers, or not as SSH does.
    """
    where = f"{address} port {port}"
    try:
        raw = socket.create_connection((address, port), timeout=timeout_s)
    except OSError as error:
        raise CollectError(Blind.UNREACHABLE, f"{where}: {error}") from None
    sock = BoundedSocket(raw, deadline=time.monotonic() + timeout_s, bytes_left=HANDSHAKE_BYTES)
    client = _client(sock, Trusted(()), timeout_s)
    try:
        with _handshake_errors(where, sock):
            client.start_client(timeout=timeout_s)
            return _shown(client)
    finally:
        client.close()


HANDSHAKE_BYTES = 300_000  # a login exchanges some 5 kB; banners may add 64 kB each
_OVERHEAD_BYTES = 4_000_000  # packet framing and padding on top of what a session may say


def _dial(hop: Hop, limits: SessionLimits) -> socket.socket:
    try:
        return socket.create_connection((hop.address, hop.host.access.port), timeout=limits.connect_s)
    except TimeoutError:
        raise CollectError(Blind.UNREACHABLE, f"{hop.where}: no answer within {limits.connect_s:g} s") from None
    except OSError as error:
        raise CollectError(Blind.UNREACHABLE, f"{hop.where}: {error.strerror or error}") from None


def _log_in(hop: Hop, raw: Any, reach: Reach, budget: Budget) -> Link:
    """Return the link after handshake, host key check and login."""
    limits = reach.limits
    sock = BoundedSocket(raw, deadline=time.monotonic() + limits.login_s, bytes_left=HANDSHAKE_BYTES)
    client = _client(sock, hop.trusted, limits.login_s)
    try:
        with _handshake_errors(hop.where, sock):
            client.start_client(timeout=limits.login_s)
            key = _shown(client)
        hop.trusted.admit(key, hop.where)
        # Waiting for a turn must not use up the time of the login itself.
        sock.allow(deadline=time.monotonic() + _WAIT_FOR_TURN_S, bytes_left=HANDSHAKE_BYTES)
        with reach.guard.attempt(hop.credential.name):
            sock.allow(deadline=time.monotonic() + limits.login_s, bytes_left=HANDSHAKE_BYTES)
            _authenticate(client, hop, sock)
        sock.allow(deadline=budget.deadline + 1, bytes_left=limits.total_bytes + _OVERHEAD_BYTES)
        return Link(client, key, hop.where)
    except BaseException:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            client.close()
        raise


_WAIT_FOR_TURN_S = 110.0  # below sshd's default LoginGraceTime of 120 s


def _client(sock: BoundedSocket, trusted: Trusted, timeout_s: float) -> Client:
    disabled = {kind: list(names) for kind, names in DISABLED.items()}
    client = Client(sock, disabled_algorithms=disabled)  # type: ignore[arg-type] # the stubs want a real socket
    client.banner_timeout = client.handshake_timeout = client.auth_timeout = client.channel_timeout = timeout_s
    _prefer(client, trusted)
    return client


def _prefer(client: Client, trusted: Trusted) -> None:
    """Ask first for the key types we know, or a host with several keys would look like a changed one."""
    options = client.get_security_options()
    known = {key.type for key in trusted.keys}
    if "ssh-rsa" in known:
        known |= {"rsa-sha2-512", "rsa-sha2-256"}
    offered = [kind for kind in options.key_types if kind not in DISABLED["keys"]]
    options.key_types = tuple(sorted(offered, key=lambda kind: kind not in known))


@contextlib.contextmanager
def _handshake_errors(where: str, sock: BoundedSocket) -> Iterator[None]:
    """Turn everything that can go wrong before the login into one reason."""
    try:
        yield
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise CollectError(
            Blind.UNREACHABLE,
            f"{where}: no common algorithm: {plain(error)}",
            hint="use `transport: openssh` for this host if its algorithms are allowed",
        ) from None
    except (paramiko.SSHException, OSError, EOFError, ValueError, IndexError, TypeError, OverflowError) as error:
        if sock.overrun == "time" or sock.late() or isinstance(error, TimeoutError):
            raise CollectError(Blind.TIMED_OUT, f"{where}: the handshake took too long") from None
        if sock.overrun == "bytes" or str(error).startswith(("Indecipherable", "Invalid SSH banner")):
            raise CollectError(Blind.UNPARSEABLE, f"{where}: talks, but not SSH: {plain(error)}") from None
        raise CollectError(Blind.UNREACHABLE, f"{where}: the handshake failed: {plain(error)}") from None


def _shown(client: Client) -> ServerKey:
    if not client.is_active() or not client.initial_kex_done:
        raise TimeoutError("no key exchange")
    key = client.get_remote_server_key()
    return ServerKey(key.get_name(), key.get_base64())


def _authenticate(client: Client, hop: Hop, sock: BoundedSocket) -> None:
    secret = _identity(hop.credential)
    user = hop.host.access.user
    try:
        more = (
            client.auth_password(user, secret, fallback=False)
            if isinstance(secret, str)
            else client.auth_publickey(user, secret)
        )
    except paramiko.AuthenticationException as error:
        # paramiko uses one exception for "no", for silence and for a connection that was cut.
        if sock.overrun or "timeout" in str(error).lower():
            raise CollectError(Blind.TIMED_OUT, f"{hop.where}: the login was never answered") from None
        # sshd hangs up after MaxAuthTries; a hang-up therefore counts as a refusal, or it would lock the account.
        raise CollectError(
            Blind.LOGIN_REFUSED,
            f"{hop.where} refuses {user} with credential `{hop.credential.name}`",
            hint="log in by hand with the same key and read sshd's log",
        ) from None
    except (paramiko.SSHException, OSError, EOFError, ValueError) as error:
        reason = Blind.TIMED_OUT if sock.overrun == "time" else Blind.UNREACHABLE
        raise CollectError(reason, f"{hop.where}: the login broke off: {plain(error)}") from None
    if more:
        raise CollectError(Blind.LOGIN_REFUSED, f"{hop.where} asks {user} for more: {', '.join(map(printable, more))}")


def _identity(credential: Credential) -> paramiko.PKey | str:
    """Return the one identity this credential names: a key, or a password."""
    match credential.kind:
        case CredentialKind.KEY:
            return _key_file(credential)
        case CredentialKind.CERTIFICATE:
            key = _key_file(credential)
            _load_certificate(key, credential)
            return key
        case CredentialKind.AGENT:
            return _agent_key(credential)
        case CredentialKind.COMMAND:
            secret = printed_secret(credential)
            return _parse_private(secret, credential) if secret.startswith("-----BEGIN ") else secret
        case CredentialKind.GSSAPI | CredentialKind.PKCS11:
            raise CollectError(
                Blind.NOT_ATTEMPTED,
                f"credential `{credential.name}`: paramiko knows no {credential.kind}",
                hint="use `transport: openssh` for hosts with this credential",
            )


def _key_file(credential: Credential) -> paramiko.PKey:
    try:
        text = Path(credential.path).expanduser().read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise _unusable(credential, f"{credential.path}: {error.strerror}") from None
    return _parse_private(text, credential)


def _parse_private(text: str, credential: Credential) -> paramiko.PKey:
    """Return the key of a PEM or OpenSSH text; nothing of the text reaches a message."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text if text.endswith("\n") else text + "\n"))
        except paramiko.PasswordRequiredException:
            raise _unusable(credential, "the key has a passphrase; use an agent") from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError):
            continue
    raise _unusable(credential, "no private key that can be read")


def _load_certificate(key: paramiko.PKey, credential: Credential) -> None:
    path = Path(credential.certificate or credential.path + "-cert.pub").expanduser()
    try:
        key.load_certificate(path.read_text("utf-8"))
    except (OSError, ValueError, IndexError, paramiko.SSHException) as error:
        raise _unusable(credential, f"certificate {path}: {plain(error)}") from None


def _agent_key(credential: Credential) -> paramiko.PKey:
    try:
        keys = paramiko.Agent().get_keys()
    except (paramiko.SSHException, OSError) as error:
        raise _unusable(credential, f"the agent does not answer: {plain(error)}") from None
    for key in keys:
        fingerprint = ServerKey(key.get_name(), key.get_base64()).fingerprint
        if credential.fingerprint in (fingerprint, getattr(key, "comment", "")):
            return key
    raise _unusable(credential, f"the agent has no key `{credential.fingerprint}` among {len(keys)}")


def _unusable(credential: Credential, why: str) -> CollectError:
    return CollectError(Blind.NOT_ATTEMPTED, f"credential `{credential.name}`: {why}", hint="see the configuration")

"""The system's own ssh behind the same seam: Kerberos, PIV tokens, host CAs, a FIPS module."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from collectors.base import Answer, Command
from collectors.transports.batch import Budget, run_batch
from collectors.transports.credentials import Credential, CredentialKind
from collectors.transports.hostkeys import ServerKey, parse_key
from collectors.transports.process import ProcessStream
from collectors.transports.reach import Hop, Reach, route, session_of
from collectors.transports.script import SessionLimits
from posture.errors import CollectError
from posture.model.host import Host
from posture.model.observation import Blind


class OpensshTransport:
    """Runs batches over one master connection of the system's ssh, which this object owns and ends."""

    def __init__(self, host: Host, reach: Reach, master: _Master, budget: Budget) -> None:
        self.session = session_of(host, reach, transport="openssh", host_key=master.fingerprint)
        self._master = master
        self._budget = budget

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        """Run them all and return every answer; see ``collectors.base.Transport``."""
        return run_batch(lambda shell: ProcessStream(self._master.argv(*shell)), commands, self._budget)

    def close(self) -> None:
        """Log out and remove the files of this session."""
        self._master.close()


def connect(host: Host, reach: Reach) -> OpensshTransport:
    """Return a transport that is logged in to the host, through its jump hosts.

    Raises:
        CollectError: with the reason why there is no session.
    """
    if shutil.which("ssh") is None:
        raise CollectError(
            Blind.NOT_ATTEMPTED, "there is no ssh program here", hint="install openssh-client, or use `transport: ssh`"
        )
    hops = route(host, reach)
    budget = Budget.start(reach.limits, reach.stop)
    home = Path(tempfile.mkdtemp(prefix="posture-ssh-"))
    master = _Master(home)
    try:
        (home / "config").write_text(config(hops, home, reach.limits), "utf-8")
        with contextlib.ExitStack() as turns:
            # ssh logs in to all hops in one go, so a turn is needed for each credential on the way.
            for name in sorted({hop.credential.name for hop in hops}):
                turns.enter_context(reach.guard.attempt(name))
            master.start(hops[-1], reach)
        return OpensshTransport(host, reach, master, budget)
    except BaseException:
        master.close()
        raise


def config(hops: tuple[Hop, ...], home: Path, limits: SessionLimits) -> str:
    """Return the ssh_config of one session: one block per hop, nothing of the user's own configuration.

    Source: ssh_config(5). ProxyJump hands the file on to the jump's own ssh, which command line options are not.
    """
    blocks = []
    for index, hop in enumerate(hops):
        known = home / f"known-{index}"
        known.write_text("".join(f"hop-{index} {key}\n" for key in hop.trusted.keys)
            + "".join(f"@revoked hop-{index} {key}\n" for key in hop.trusted.revoked), "utf-8")  # fmt: skip
        pairs = [
            *_hop_options(index, hop, known, limits),
            *_identity_options(hop.credential, home / f"key-{index}.pub"),
        ]
        if index:
            pairs.append(("ProxyJump", f"hop-{index - 1}"))
        blocks.append(f"Host hop-{index}\n" + "".join(f"  {name} {_plain_value(value)}\n" for name, value in pairs))
    return "\n".join(blocks)


def blind_reason(stderr: str) -> Blind:
    """Return what ssh's complaint means when it ends with 255."""
    for pattern, reason in _REASONS:
        if re.search(pattern, stderr):
            return reason
    return Blind.UNREACHABLE


_REASONS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|is revoked|Host key for .{1,200} has changed",
        Blind.HOST_KEY_MISMATCH,
    ),
    (r"No \S{1,40} host key is known|Host key verification failed", Blind.HOST_KEY_UNKNOWN),
    (
        r"Permission denied \(|Too many authentication failures|No more authentication methods|authentication failures",
        Blind.LOGIN_REFUSED,
    ),
    (r"timed out during banner exchange|Timeout before|banner exchange: .{0,200}timed out", Blind.TIMED_OUT),
    (r"banner line contains invalid|before SSH version|[Bb]ad remote protocol|invalid format", Blind.UNPARSEABLE),
    (r"administratively prohibited|stdio forwarding failed", Blind.UNREACHABLE),
)
_NOISE_BYTES = 64_000
_CONNECTED = b"Entering interactive session"
_SERVER_KEY = re.compile(rb"debug1: Server host key: \S{1,80} (SHA256:[A-Za-z0-9+/]{43})")


class _Master:
    """The ssh process that holds the connection; batches go through its control socket."""

    def __init__(self, home: Path) -> None:
        self.fingerprint = ""
        self._home = home
        self._target = ""
        self._stream: ProcessStream | None = None

    def argv(self, *command: str) -> tuple[str, ...]:
        """Return the ssh command line that runs a command over the connection."""
        return (
            "ssh",
            "-F",
            str(self._home / "config"),
            "-S",
            str(self._home / "m"),
            "-T",
            "-q",
            "--",
            self._target,
            *command,
        )

    def start(self, hop: Hop, reach: Reach) -> None:
        """Return when the connection is there.

        Raises:
            CollectError: it is not.
        """
        self._target = f"hop-{sum(1 for _ in self._home.glob('known-*')) - 1}"
        argv = (
            "ssh",
            "-F",
            str(self._home / "config"),
            "-S",
            str(self._home / "m"),
            "-M",
            "-N",
            "-T",
            "-v",
            "--",
            self._target,
        )
        stream = self._stream = ProcessStream(argv)
        deadline = time.monotonic() + reach.limits.connect_s + reach.limits.login_s
        said = b""
        while not (_CONNECTED in said and (self._home / "m").exists()):
            pumped = stream.pump(b"", 0.25)
            said = (said + pumped.stderr)[-_NOISE_BYTES:]
            if pumped.ended:
                raise _refusal(hop, said)
            if reach.stop.is_set():
                raise CollectError(Blind.NOT_ATTEMPTED, "the run was stopped")
            if time.monotonic() > deadline:
                raise CollectError(Blind.TIMED_OUT, f"{hop.where}: no session within the time for a login")
        # The jump hosts' keys come first in what ssh says; the last one is the host's own.
        found = _SERVER_KEY.findall(said)
        self.fingerprint = found[-1].decode() if found else ""

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        shutil.rmtree(self._home, ignore_errors=True)


def _refusal(hop: Hop, said: bytes) -> CollectError:
    text = said.decode("utf-8", "replace")
    if hop.credential.kind is CredentialKind.PKCS11 and "returned no keys" in text:
        return CollectError(
            Blind.NOT_ATTEMPTED,
            f"{hop.where}: credential `{hop.credential.name}`: the token shows no key without its PIN",
            hint=f"unlock it once (`ssh-add -s {hop.credential.path}`) and use `kind: agent` with its fingerprint",
        )
    lines = [line for line in text.splitlines() if not line.startswith(("debug", "OpenSSH_", "Authenticated to"))]
    last = lines[-1] if lines else "ssh ended without a word"
    reason = blind_reason("\n".join(lines))
    if reason is Blind.HOST_KEY_UNKNOWN and hop.trusted.keys:
        reason = Blind.HOST_KEY_MISMATCH  # keys are recorded, and the one it showed is of another type
    printable = "".join(letter if letter.isprintable() else "?" for letter in last)[:200]
    return CollectError(reason, f"{hop.where}: {printable}", hint="see `ssh -v` by hand")


def _hop_options(index: int, hop: Hop, known: Path, limits: SessionLimits) -> list[tuple[str, str]]:
    return [
        ("HostName", hop.address),
        ("Port", str(hop.host.access.port)),
        ("User", hop.host.access.user),
        ("HostKeyAlias", f"hop-{index}"),
        ("UserKnownHostsFile", str(known)),
        ("GlobalKnownHostsFile", "none"),
        ("StrictHostKeyChecking", "yes"),
        ("UpdateHostKeys", "no"),
        ("CheckHostIP", "no"),
        ("BatchMode", "yes"),
        ("ConnectTimeout", str(max(1, round(limits.connect_s)))),
        ("ServerAliveInterval", "15"),
        ("ServerAliveCountMax", "3"),
        ("ForwardAgent", "no"),
        ("ForwardX11", "no"),
        ("PermitLocalCommand", "no"),
        ("ClearAllForwardings", "yes"),
        ("IdentitiesOnly", "yes"),
    ]


def _identity_options(credential: Credential, public: Path) -> list[tuple[str, str]]:
    """Return the options that offer one identity and no other."""
    keys_only = [("PreferredAuthentications", "publickey"), ("GSSAPIAuthentication", "no")]
    match credential.kind:
        case CredentialKind.KEY:
            return [
                *keys_only,
                ("IdentityFile", credential.path),
                ("CertificateFile", "none"),
                ("IdentityAgent", "none"),
            ]
        case CredentialKind.CERTIFICATE:
            certificate = credential.certificate or credential.path + "-cert.pub"
            return [
                *keys_only,
                ("IdentityFile", credential.path),
                ("CertificateFile", certificate),
                ("IdentityAgent", "none"),
            ]
        case CredentialKind.AGENT:
            public.write_text(f"{_agent_public_key(credential)}\n", "utf-8")
            return [*keys_only, ("IdentityFile", str(public))]
        case CredentialKind.GSSAPI:
            return [
                ("PreferredAuthentications", "gssapi-with-mic"),
                ("GSSAPIAuthentication", "yes"),
                ("IdentityAgent", "none"),
            ]
        case CredentialKind.PKCS11:
            return [
                *keys_only,
                ("PKCS11Provider", credential.path),
                ("IdentityAgent", "none"),
                ("IdentityFile", "none"),
            ]
        case CredentialKind.COMMAND:
            raise CollectError(
                Blind.NOT_ATTEMPTED,
                f"credential `{credential.name}`: ssh takes no secret from a program",
                hint="use `transport: ssh` for hosts with this credential",
            )


def _agent_public_key(credential: Credential) -> ServerKey:
    """Return the public half of the agent's key with this fingerprint or comment."""
    done = subprocess.run(("ssh-add", "-L"), stdin=subprocess.DEVNULL, capture_output=True, timeout=15, check=False)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        with contextlib.suppress(ValueError):
            key = parse_key(line)
            comment = line.split(" ", 2)[2] if line.count(" ") >= 2 else ""
            if credential.fingerprint in (key.fingerprint, comment):
                return key
    raise CollectError(
        Blind.NOT_ATTEMPTED,
        f"credential `{credential.name}`: the agent has no key `{credential.fingerprint}`",
        hint="see `ssh-add -l`",
    )


def _plain_value(value: str) -> str:
    """Return a value of ssh_config(5) in quotes where it needs them; what could end the line is refused."""
    if re.search(r"[\x00-\x1f\x7f\"\\%$]", value):
        raise CollectError(
            Blind.NOT_ATTEMPTED,
            "a user name, path or address holds a character that ssh_config cannot",
            hint="no quotes, % or $",
        )
    return f'"{value}"' if " " in value else value

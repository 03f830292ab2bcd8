"""The one module that knows python-nmap: typed probes in, typed hosts out, one bounded batch per call (ADR 0003)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shlex
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import nmap

from collectors.network.nmap_watch import Watch
from collectors.network.nmap_xml import RunHeader, SeenHost, read_bytes
from posture.errors import CollectError
from posture.model.observation import Blind


class Phase(StrEnum):
    """What a batch is after."""

    TCP = "tcp"
    """Which TCP ports are open."""
    RECHECK = "recheck"
    """TCP ports that stayed silent among answering ones, asked once more: an open port looks the same when its
    packets are lost. All of them, where both scans lost packets."""
    UDP = "udp"
    """Which UDP ports answer."""
    VERSIONS = "versions"
    """What is behind the ports found open."""
    TLS = "tls"
    """Certificates, protocol versions and suites of the ports that speak TLS."""
    SSH = "ssh"
    """Algorithms and host keys of the ports that speak SSH."""
    PAGE = "page"
    """Title and headers of the page at / of the ports that speak HTTP."""
    SMB = "smb"
    """Dialects and signing of the ports where Windows shares files."""
    SWEEP = "sweep"
    """Which addresses of a network answer at all, and on which of a few ports; no part of a look at a host."""


ALL_TCP = range(1, 65536)
SCRIPTS: Mapping[Phase, tuple[str, ...]] = {
    Phase.TLS: ("ssl-cert", "ssl-enum-ciphers"),
    Phase.SSH: ("ssh2-enum-algos", "ssh-hostkey"),
    Phase.PAGE: ("http-title", "http-headers"),
    Phase.SMB: ("smb-protocols", "smb2-security-mode"),
}
"""nmap's own, all of its classes "safe" or "discovery": they greet, read and hang up. None of them logs in, guesses or
writes; what is no row here is never run."""
SCRIPT_S: Mapping[Phase, int] = {Phase.TLS: 90, Phase.SSH: 20, Phase.PAGE: 30, Phase.SMB: 30}
"""How long one script may take. A server with every old suite answers some hundred greetings, 20 s on the spot. nmap
keeps to this only where a port is silent, so a port that floods is ended by the host timeout."""
PAGE_BYTES = 65_536
SCRIPT_ARGS = f"http.useragent=posture-scanner,http.max-body-size={PAGE_BYTES},http.truncated-ok=true"


@dataclass(frozen=True, slots=True)
class Probe:
    """One nmap run, in typed options; there is no field that could carry free text."""

    phase: Phase
    tcp_ports: Sequence[int] = ()
    udp_ports: Sequence[int] = ()
    half_open: bool = True
    """``-sS``, which needs raw sockets; ``-sT`` otherwise."""
    ipv6: bool = False
    packets_per_s: int = 300
    """Never faster."""
    min_packets_per_s: int = 0
    """Never slower, whatever nmap thinks of the network; 0 leaves it to nmap."""
    timing: int = 3
    retries: int = 2
    parallelism: int = 0
    """At most so many probes or connections at once; 0 leaves it to nmap."""
    connections: int = 0
    """At most so many whole connections at once, whatever is asked; 0 sets no bound."""
    host_timeout_s: int = 900

    @property
    def at_once(self) -> int:
        """How many probes or connections may wait for an answer; 0 leaves it to nmap.

        A half-open scan opens none. nmap counts over all its hosts, any of which may have them all.
        """
        half_open = self.half_open and self.phase in (Phase.TCP, Phase.RECHECK, Phase.UDP)
        bounds = (self.parallelism, 0 if half_open else self.connections)
        return min(filter(None, bounds), default=0)

    @property
    def asked(self) -> str:
        """The ports in nmap's notation, such as ``T:22,80-89,U:53``."""
        parts = [
            f"{letter}:{_runs(ports)}" for letter, ports in (("T", self.tcp_ports), ("U", self.udp_ports)) if ports
        ]
        return ",".join(parts)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one nmap run brought; hosts that were complete when it died are kept."""

    argv: tuple[str, ...]
    hosts: tuple[SeenHost, ...]
    duration_ms: int
    header: RunHeader = field(default_factory=RunHeader)
    stderr: str = ""
    reason: Blind | None = None
    """Why it did not end as it should; ``None`` when it did."""
    detail: str = ""


PROGRAMS = ("/usr/bin/nmap", "/usr/local/bin/nmap", "/opt/homebrew/bin/nmap", "nmap")
TARGETS_PLACEHOLDER = Path("TARGETS")
MAX_STDERR_CHARS = 4_000
BACKSTOP_S = 30  # python-nmap's own timeout throws everything away, so ours must come first


def can_send_raw() -> bool:
    """Return whether this process may open raw sockets, which half-open and UDP scans need."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP).close()
    except OSError:
        return False
    # nmap itself asks for the user id, not for the capability, unless it is told; Source: nmap(1), --privileged.
    return os.geteuid() == 0 or bool(os.environ.get("NMAP_PRIVILEGED"))


def arguments(probe: Probe, targets_file: Path) -> tuple[str, ...]:
    """Return nmap's arguments for a probe, without the program and its ``-oX -``.

    Raises:
        ValueError: a number is out of range, or there is nothing to ask.
    """
    return (*options(probe), "-iL", str(targets_file))


def options(probe: Probe) -> tuple[str, ...]:
    """Return nmap's options for a probe, without its targets.

    Raises:
        ValueError: a number is out of range, or there is nothing to ask.
    """
    _check(probe)
    words = ["-n", *_who_is_there(probe), "--noninteractive"]  # no DNS, no keys read from the operator's terminal
    if probe.ipv6:
        words.append("-6")
    words += [*_techniques(probe), "-p", probe.asked, f"-T{probe.timing}", "--max-rate", str(probe.packets_per_s)]
    if probe.min_packets_per_s:
        words += ["--min-rate", str(probe.min_packets_per_s)]
    if at_once := probe.at_once:
        words += ["--max-parallelism", str(at_once)]
    words += ["--max-retries", str(probe.retries), "--host-timeout", f"{probe.host_timeout_s}s"]
    if probe.phase is Phase.VERSIONS:
        # -sV also runs nmap's scripts of class "version"; none of them may hold the host up.
        words += ["-sV", "--version-light", "--script-timeout", "30s"]
    if probe.phase in SCRIPTS:
        # The plus runs a script whatever the port's number: the phase before has found out what is spoken there.
        scripts = ",".join(f"+{name}" for name in SCRIPTS[probe.phase])
        words += ["--script", scripts, "--script-timeout", f"{SCRIPT_S[probe.phase]}s", "--script-args", SCRIPT_ARGS]
    return tuple(words)


def far_command_line(probe: Probe, targets: Sequence[str], program: str) -> tuple[str, ...]:
    """Return the command line for an nmap on another machine, which gets no file from us.

    Raises:
        ValueError: a number is out of range, or a target is not an IP address of the probe's family.
    """
    _target_lines(targets, ipv6=probe.ipv6)
    # A word now and then keeps the connection awake, and lets nmap notice when we have gone.
    return (program, "-oX", "-", *options(probe), "--stats-every", "30s", *targets)


def command_line(probe: Probe, targets_file: Path = TARGETS_PLACEHOLDER, program: str = "nmap") -> tuple[str, ...]:
    """Return the whole command line as python-nmap will run it."""
    return (program, "-oX", "-", *arguments(probe, targets_file))


def run_nmap(
    probe: Probe,
    targets: Sequence[str],
    *,
    timeout_s: float,
    stop: threading.Event,
    programs: tuple[str, ...] = PROGRAMS,
) -> Reply:
    """Return what nmap says of the targets; it is killed after ``timeout_s`` or when ``stop`` is set.

    Raises:
        ValueError: a target is not an IP address of the probe's family.
    """
    lines = _target_lines(targets, ipv6=probe.ipv6)
    started = time.monotonic()
    try:
        scanner = nmap.PortScanner(nmap_search_path=programs)
    except nmap.PortScannerError as error:
        return Reply((), (), 0, reason=Blind.COMMAND_MISSING, detail=f"nmap cannot be run: {_clean(str(error))[:200]}")
    with _in_memory(lines) as targets_file:
        argv = (str(scanner._nmap_path), "-oX", "-", *arguments(probe, targets_file))
        with Watch(targets_file, timeout_s, stop) as watch:
            output, stderr = _scan(scanner, argv[3:], backstop_s=int(timeout_s) + BACKSTOP_S)
    duration_ms = int((time.monotonic() - started) * 1000)
    return reply_of(argv, output, stderr, duration_ms, cause=watch.cause, why=watch.detail)


def _check(probe: Probe) -> None:
    ports = (*probe.tcp_ports, *probe.udp_ports)
    if not ports or not all(isinstance(port, int) and 1 <= port <= 65535 for port in ports):
        raise ValueError("ports must be numbers from 1 to 65535, at least one")
    bounds = {
        "packets_per_s": (probe.packets_per_s, 1, 1_000_000),
        "min_packets_per_s": (probe.min_packets_per_s, 0, probe.packets_per_s),
        "timing": (probe.timing, 2, 4),
        "retries": (probe.retries, 0, 10),
        "parallelism": (probe.parallelism, 0, 1000),
        "connections": (probe.connections, 0, 1000),
        "host_timeout_s": (probe.host_timeout_s, 1, 1_000_000),
    }
    for name, (value, low, high) in bounds.items():
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{name} is {value!r}, it must lie between {low} and {high}")


def _who_is_there(probe: Probe) -> tuple[str, ...]:
    """Return no ping at all for a look at known hosts; for a sweep an echo request and the probe's own TCP ports."""
    if probe.phase is not Phase.SWEEP:
        return ("-Pn",)
    ports = _runs(probe.tcp_ports)
    return ("-PE", f"-PS{ports}", f"-PA{ports}") if probe.half_open else (f"-PS{ports}",)


def _techniques(probe: Probe) -> list[str]:
    words = []
    if probe.tcp_ports:
        words.append("-sS" if probe.half_open else "-sT")
    if probe.udp_ports:
        words.append("-sU")
    return words


def _runs(ports: Sequence[int]) -> str:
    """Write sorted ports as runs: ``1-3,5``."""
    runs: list[list[int]] = []
    for port in ports if isinstance(ports, range) else sorted(set(ports)):
        if runs and port == runs[-1][1] + 1:
            runs[-1][1] = port
        else:
            runs.append([port, port])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _target_lines(targets: Sequence[str], *, ipv6: bool) -> bytes:
    if not targets:
        raise ValueError("no targets")
    for target in targets:
        ip = ipaddress.ip_address(target)
        if (ip.version == 6) is not ipv6 or str(ip) != target:
            raise ValueError(f"{target!r} is not a canonical IPv{6 if ipv6 else 4} address")
    return "".join(f"{target}\n" for target in targets).encode("ascii")


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    """Yield a path that our children can read from: on no disk, and gone with us however we end (memfd_create(2))."""
    with os.fdopen(os.memfd_create("posture-targets"), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def _scan(scanner: Any, words: Sequence[str], backstop_s: int) -> tuple[bytes, str]:
    """Run python-nmap and return standard output and error; what its own parser thinks of them does not matter."""
    before = scanner.get_nmap_last_output()
    stderr = ""
    try:
        # `hosts` is split by shlex into options: it stays empty for ever.
        result = scanner.scan(hosts="", arguments=shlex.join(words), timeout=backstop_s)
        notes = result["nmap"]["scaninfo"]
        stderr = "".join([*notes.get("warning", ()), *notes.get("error", ())[:1]])
    except nmap.PortScannerTimeout:
        return b"", f"nmap did not end {backstop_s} s after it was started"
    except nmap.PortScannerError as error:
        stderr = error.value if isinstance(error.value, str) else ""
    except (AttributeError, KeyError, TypeError, ValueError):
        # Well-formed XML without <runstats>, or with numbers that are none: our reader says what is wrong with it.
        pass
    output = scanner.get_nmap_last_output()
    return (output, stderr) if isinstance(output, bytes) and output is not before else (b"", stderr)


def reply_of(
    argv: tuple[str, ...],
    output: bytes,
    stderr: str,
    duration_ms: int,
    *,
    cause: Blind | None = None,
    why: str = "",
) -> Reply:
    """Return what nmap's XML says, wherever it ran; ``cause`` and ``why`` say that it was ended from outside."""
    reading = read_bytes(output)
    hosts: list[SeenHost] = []
    reason: Blind | None = None
    detail = ""
    stderr = _clean(stderr)[:MAX_STDERR_CHARS]
    try:
        hosts.extend(reading)
        if not reading.complete:
            reason = Blind.TRUNCATED
            detail = reading.trouble or (reading.end.error if reading.end else "") or "nmap ended with an error"
    except CollectError as error:
        reason, detail = error.reason, str(error)
    if cause is not None:
        reason, detail = cause, why
    elif reason is not None and "requires root privileges" in stderr:
        reason, detail = Blind.COMMAND_REFUSED, "nmap: this kind of scan requires root privileges"
    elif reason is not None and stderr:
        detail = f"{detail}; nmap: {stderr.splitlines()[0][:200]}"
    return Reply(argv, tuple(hosts), duration_ms, reading.header, stderr, reason, detail)


def _clean(text: str) -> str:
    return "".join(char for char in text if char.isprintable() or char == "\n").strip()

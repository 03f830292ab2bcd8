"""The packet budget of one vantage: shared by its scans, halved when the network suffers, spent when it goes on."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from collectors.network.nmap_xml import SeenHost, ports_of

STRAINED_IN_A_ROW = 3  # full, half and quarter rate have then all been too much
CALM_TO_RECOVER = 4  # doubling sooner makes a saw-tooth of every congested link
LOSSY_RUNS = 16  # a firewall's own rules leave a handful of gaps between answering ports; random loss leaves hundreds
SCATTERED_RUNS = 256  # no firewall is written like that, however little answers
LOSSY_ANSWERS = 1000  # below this many answers a share says nothing
SUSPECTS_MAX = 4096  # more silence than that among answers is the loss above, or a firewall's default
SLOW_FACTOR = 4
SLOW_FLOOR_US = 50_000  # below 50 ms a multiple of the best round trip is noise of the scanner itself
STRAINED_SHARE = 0.1

ANSWERING = frozenset(
    {
        "syn-ack", "reset", "conn-refused", "udp-response", "port-unreach", "proto-unreach",
        "admin-prohibited", "host-prohibited", "net-prohibited", "echo-reply", "proto-response",
    }
)  # fmt: skip
"""Reasons nmap gives when something came back (portreasons.cc); silence and "no route" are not among them."""


class Pace:
    """How many packets a second may leave this vantage now; safe to share between threads."""

    def __init__(self, packets_per_s: int, lanes: int = 1) -> None:
        """Share ``packets_per_s`` evenly between at most ``lanes`` scans that run at the same time."""
        self._full = packets_per_s
        self._lanes = lanes
        self._busy = 0
        self._divisor = 1
        self._strained = 0
        self._calm = 0
        self._stopped = ""
        self._best_rtt_us: dict[str, float] = {}
        self._changed = threading.Condition()

    @property
    def stopped(self) -> str:
        """Why nothing more may be sent; empty while it may."""
        return self._stopped

    @property
    def packets_per_s(self) -> int:
        """The whole vantage's rate now."""
        return max(1, self._full // self._divisor)

    @contextmanager
    def lease(self) -> Iterator[int]:
        """Wait for a free lane and return its packets per second."""
        with self._changed:
            while self._busy >= self._lanes:
                self._changed.wait()
            self._busy += 1
        try:
            yield max(1, self.packets_per_s // self._lanes)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def judge(self, zone: str, hosts: Sequence[SeenHost], lossy: int = 0, *, cut_short: bool = False) -> str:
        """Slow down, stop or recover by what a batch showed; return what was noticed, empty when all was calm.

        ``lossy`` is how many of the hosts lost packets, ``cut_short`` that the batch ran out of time.
        """
        with self._changed:
            signs = self._signs(zone, hosts, lossy, cut_short)
            if signs:
                self._slow_down(signs)
            elif hosts:
                self._recover()
            return signs

    def _signs(self, zone: str, hosts: Sequence[SeenHost], lossy: int, cut_short: bool) -> str:
        signs = ["the batch ran out of time"] if cut_short else []
        late = sum(host.timed_out for host in hosts)
        if hosts and late / len(hosts) >= STRAINED_SHARE:
            signs.append(f"{late} of {len(hosts)} hosts timed out")
        if hosts and lossy / len(hosts) >= STRAINED_SHARE:
            signs.append(f"packets were lost on {lossy} of {len(hosts)} hosts")
        times = [host.srtt_us for host in hosts if host.srtt_us is not None]
        if times:
            now = statistics.median(times)
            best = self._best_rtt_us[zone] = min(now, self._best_rtt_us.get(zone, now))
            if now > max(SLOW_FACTOR * best, SLOW_FLOOR_US):
                signs.append(f"the median round trip rose from {best / 1000:.0f} to {now / 1000:.0f} ms")
        return ", ".join(signs)

    def _slow_down(self, signs: str) -> None:
        self._calm = 0
        self._strained += 1
        self._divisor *= 2
        if self._strained >= STRAINED_IN_A_ROW:
            self._stopped = f"stopped after {self._strained} strained batches in a row: {signs}"

    def _recover(self) -> None:
        self._strained = 0
        self._calm += 1
        if self._calm >= CALM_TO_RECOVER and self._divisor > 1:
            self._calm = 0
            self._divisor //= 2


def answered(host: SeenHost) -> bool:
    """Return whether anything at all came back from the address, or from a firewall that speaks for it."""
    return any(
        _came_back(reason) for reason in (*(port.reason for port in host.ports), *(rest.reason for rest in host.rest))
    )


def silent_ports(host: SeenHost) -> frozenset[str]:
    """Return the silent ports of a host whose other ports answer, as runs, when they lie scattered as lost packets do.

    An open port whose packets were lost looks filtered, so a scan with such holes cannot be believed.
    """
    answers = sum(rest.count for rest in host.rest if _came_back(rest.reason))
    runs = {run for rest in host.rest if not _came_back(rest.reason) for run in rest.ports.split(",") if run}
    # nmap folds ports together from about 26 of a kind on; fewer are listed one by one.
    runs |= {str(port.port) for port in host.ports if not _came_back(port.reason)}
    silent = sum(rest.count for rest in host.rest if not _came_back(rest.reason))
    runs_of_loss = SCATTERED_RUNS if silent > answers else LOSSY_RUNS
    if answers < LOSSY_ANSWERS or len(runs) < runs_of_loss:
        return frozenset()
    return frozenset(runs)


def suspects(host: SeenHost) -> tuple[int, ...]:
    """Return the silent TCP ports of a host that otherwise answers: an open one looks so when its packets are lost."""
    silent = [port.port for port in host.ports if port.proto == "tcp" and not _came_back(port.reason)]
    for rest in host.rest:
        if rest.proto == "tcp" and not _came_back(rest.reason):
            silent += ports_of(rest.ports)
    answers = sum(rest.count for rest in host.rest if _came_back(rest.reason)) + len(host.ports)
    return tuple(sorted(set(silent))) if len(silent) <= min(SUSPECTS_MAX, answers) else ()


def same_silence(first: frozenset[str], second: frozenset[str]) -> bool:
    """Return whether two scans found the same silent ports: then it is a firewall's doing, and no loss."""
    return bool(second) and len(first & second) >= 0.9 * max(len(first), len(second))


def _came_back(reason: str) -> bool:
    # nmap before 7.92 wrote the reasons of folded ports in the plural.
    return reason in ANSWERING or reason.removesuffix("s") in ANSWERING or reason.removesuffix("es") in ANSWERING

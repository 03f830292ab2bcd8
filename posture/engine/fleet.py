"""Many hosts at once: bounded threads, fair to zones and jump hosts, one transcript at a time to the reader."""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from collectors.base import Collector, Transcript
from posture.engine.visit import OpenTransport, visit
from posture.inputs.scope import Rates
from posture.model.host import Host


def collect_hosts(
    hosts: Iterable[Host],
    open_transport: OpenTransport,
    collectors: Sequence[Collector],
    rates: Rates,
    *,
    vantage: str,
    stop: threading.Event | None = None,
) -> Iterator[Transcript]:
    """Yield one transcript per host, as they come.

    At most ``parallel_logins`` hosts are open at a time, and as many finished transcripts wait for the reader: memory
    does not grow with the fleet. When ``stop`` is set, no further host is begun, and hosts that were never begun are
    not yielded: the run is incomplete, and can be resumed. A reader that leaves early sets ``stop``, which ends the
    sessions in flight when ``Reach.stop`` is the same event.
    """
    fleet = _Fleet(deque(hosts), rates, stop or threading.Event())
    workers = max(1, min(rates.parallel_logins, len(fleet.waiting)))
    finished: queue.Queue[Transcript | None] = queue.Queue(maxsize=workers)

    def work() -> None:
        try:
            while (host := fleet.next()) is not None:
                try:
                    transcript = visit(host, open_transport, collectors, vantage)
                finally:
                    fleet.done(host)
                finished.put(transcript)
        finally:
            finished.put(None)

    threads = [threading.Thread(target=work, name=f"visit-{n}", daemon=True) for n in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield from _until_all_left(finished, workers)
    except BaseException:
        fleet.stop.set()
        raise
    finally:
        _drain(finished, threads)


def _until_all_left(finished: queue.Queue[Transcript | None], workers: int) -> Iterator[Transcript]:
    while workers:
        transcript = finished.get()
        if transcript is None:
            workers -= 1
        else:
            yield transcript


def _drain(finished: queue.Queue[Transcript | None], threads: Sequence[threading.Thread]) -> None:
    """Wait for the workers, who may be waiting for room in the queue: nobody reads it any more."""
    for thread in threads:
        while thread.is_alive():
            try:
                finished.get(timeout=0.1)
            except queue.Empty:
                continue


@dataclass(slots=True)
class _Fleet:
    """The hosts still to be visited, and how many are open in each zone and through each jump host."""

    waiting: deque[Host]
    rates: Rates
    stop: threading.Event
    _zones: Counter[str] = field(default_factory=Counter)
    _jumps: Counter[str] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def next(self) -> Host | None:
        """Return the first host that may be opened now, waiting for one if need be; ``None`` when there is no more."""
        with self._changed:
            while self.waiting and not self.stop.is_set():
                for index, host in enumerate(self.waiting):
                    if self._has_room(host):
                        del self.waiting[index]
                        self._count(host, 1)
                        return host
                self._changed.wait(0.5)
            return None

    def done(self, host: Host) -> None:
        """Free the places the host took."""
        with self._changed:
            self._count(host, -1)
            self._changed.notify_all()

    def _has_room(self, host: Host) -> bool:
        return self._zones[host.zone] < max(1, self.rates.parallel_logins_per_zone) and all(
            self._jumps[jump] < max(1, self.rates.parallel_logins_per_jump) for jump in host.access.jump
        )

    def _count(self, host: Host, by: int) -> None:
        self._zones[host.zone] += by
        for jump in host.access.jump:
            self._jumps[jump] += by

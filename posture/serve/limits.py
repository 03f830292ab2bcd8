"""How many requests one caller may make: a bucket for each, that fills again with time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_CALLERS = 10_000  # remembered at once; the longest unseen is forgotten, and begins with a full bucket again


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many more each second."""

    burst: int
    per_s: float


class Kind(Enum):
    """What is asked for; each kind is counted apart."""

    SIGN_IN = Rate(10, 1 / 6)
    """A person types a password every few seconds at most; the account's own lockout counts over all addresses."""
    PROVIDER = Rate(60, 1)
    """Out to an identity provider and back: no guess, and each person behind one address comes by twice an hour."""
    REFUSAL = Rate(60, 1 / 60)
    """Rows of the audit log that anybody can cause without an account."""
    API = Rate(600, 10)
    PAGE = Rate(600, 10)
    """A page is one request and a style sheet."""


class Limits:
    """Counts requests; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[tuple[Kind, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, kind: Kind, caller: str) -> float:
        """Return 0 and count the request, or how many seconds the caller must wait for the next one."""
        rate, now, key = kind.value, self._clock(), (kind, caller)
        with self._lock:
            left, at = self._left.pop(key, (float(rate.burst), now))
            left = min(rate.burst, left + max(0.0, now - at) * rate.per_s)
            allowed = left >= 1
            self._left[key] = (left - 1 if allowed else left, now)
            while len(self._left) > _CALLERS:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / rate.per_s

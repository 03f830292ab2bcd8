"""The first few of many by a key, kept while the many pass by."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=tuple[Any, ...])
T = TypeVar("T")


class First(Generic[K, T]):
    """Keeps the values of the smallest keys, ``limit`` at most; keys are unlike each other."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: list[tuple[K, T]] = []

    def __iter__(self) -> Iterator[T]:
        return (value for _, value in self._rows)

    def wants(self, key: K) -> bool:
        """Return whether a value of this key would be kept."""
        return len(self._rows) < self._limit or bool(self._rows and key < self._rows[-1][0])

    def add(self, key: K, value: T) -> None:
        """Keep the value, as long as no others come first."""
        if self.wants(key):
            insort(self._rows, (key, value), key=itemgetter(0))
            del self._rows[self._limit :]

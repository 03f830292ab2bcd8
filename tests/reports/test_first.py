"""The first few by a key are the same as after sorting all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.first import First


@given(st.lists(st.tuples(st.integers(), st.text(max_size=3)), unique=True), st.integers(0, 5))
def test_what_is_kept_is_the_head_of_the_sorted_list(keys: list[tuple[int, str]], limit: int) -> None:
    first: First[tuple[int, str], int] = First(limit)
    for number, key in enumerate(keys):
        first.add(key, number)
    assert list(first) == [keys.index(key) for key in sorted(keys)[:limit]]

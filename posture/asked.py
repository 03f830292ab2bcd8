"""What a run set out to ask, kept with it: one that asked a part leaves all else unknown."""

from __future__ import annotations

import msgspec

from posture.model.asked import Asked
from posture.store import Store

PART = "asked"
"""Name of the part of a run that says so."""


def keep_asked(store: Store, run_id: str, asked: Asked) -> None:
    """Keep it with the run; what an earlier attempt at the same run asked was asked too."""
    before = asked_of(store, run_id) if PART in store.parts(run_id) else asked
    both = Asked(
        login=asked.login or before.login,
        network=asked.network or before.network,
        hosts_left_out=min(asked.hosts_left_out, before.hosts_left_out),
    )
    store.save_part(run_id, PART, msgspec.json.encode(both))


def asked_of(store: Store, ref: str) -> Asked:
    """Return what a run set out to ask; everything, for a run from before this was kept.

    Raises:
        StoreError: there is no such run.
    """
    return msgspec.json.decode(store.part(ref, PART), type=Asked) if PART in store.parts(ref) else Asked()

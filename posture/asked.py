"""What a run set out to ask, and who did not look, kept with it: one that asked a part leaves all else unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

import msgspec

from posture.model.asked import Asked, NotKnown, Unlooked
from posture.model.assessment import RunState
from posture.model.host import IMPORTED_FROM, Host, TransportKind
from posture.store import Store, StoredRun

PART, UNLOOKED = "asked", "unlooked"
"""Names of the parts of a run that say so."""


def asked_over(hosts: Iterable[Host], logged_in: Set[str], looked_at: Set[str], left_out: int = 0) -> Asked:
    """Return what a run asked that logged in to some of its hosts and looked at some: those that are not, it did not.

    A host without a login, without an address, or that only an import knows misses nothing where nobody can ask.
    """
    logins, looks = [], []
    for host in hosts:
        if host.access.transport is not TransportKind.NONE:
            logins.append(host.id in logged_in)
        if host.addresses and IMPORTED_FROM not in dict(host.declared):
            looks.append(host.id in looked_at)
    login, network = any(logins) or not logins, any(looks) or not looks
    return Asked(
        login=login,
        network=network,
        hosts_left_out=left_out,
        no_login=logins.count(False) if login else 0,
        no_look=looks.count(False) if network else 0,
    )


def keep_asked(store: Store, run_id: str, asked: Asked) -> None:
    """Keep it with the run, in place of what was said of an earlier attempt; the hosts that one left out stay so."""
    if isinstance(before := asked_of(store, run_id), Asked):
        asked = replace(asked, hosts_left_out=max(asked.hosts_left_out, before.hosts_left_out))
    store.save_part(run_id, PART, msgspec.json.encode(asked))


def keep_asked_of(store: Store, run_id: str, sources: Iterable[StoredRun]) -> None:
    """Keep what the sources of a merged run asked; nothing when one is not known, or never came to its end."""
    found = [(asked_of(store, one.run.id), one.run.state) for one in sources]
    known = [asked for asked, state in found if isinstance(asked, Asked) and state is RunState.COMPLETE]
    if len(known) < len(found):
        return
    both = Asked(
        login=all(one.login for one in known),
        network=all(one.network for one in known),
        hosts_left_out=sum(one.hosts_left_out for one in known),
        no_login=sum(one.no_login for one in known),
        no_look=sum(one.no_look for one in known),
        vantages_left_out=tuple(sorted({name for one in known for name in one.vantages_left_out})),
    )
    keep_asked(store, run_id, both)


def asked_of(store: Store, ref: str) -> Asked | NotKnown:
    """Return what a run set out to ask.

    Raises:
        StoreError: there is no such run.
    """
    if PART not in store.parts(ref):
        return NotKnown()
    return msgspec.json.decode(store.part(ref, PART), type=Asked)


def keep_unlooked(store: Store, run_id: str, unlooked: Mapping[str, Unlooked]) -> None:
    """Keep with the run who did not look at hosts, by name, in place of what was said of an earlier attempt."""
    store.save_part(run_id, UNLOOKED, msgspec.json.encode([one for _, one in sorted(unlooked.items())]))


def keep_unlooked_of(store: Store, run_id: str, sources: Iterable[StoredRun]) -> None:
    """Keep with a merged run who did not look in its sources, named as the merged run names them."""
    found: dict[str, Unlooked] = {}
    for source in sources:
        enclave = f"{source.provenance.enclave}/" if source.provenance and source.provenance.enclave else ""
        for one in unlooked_of(store, source.run.id):
            name = enclave + one.vantage
            before = found[name].hosts if name in found else 0
            found[name] = Unlooked(name, one.hosts + before, one.why)
    keep_unlooked(store, run_id, found)


def unlooked_of(store: Store, ref: str) -> tuple[Unlooked, ...]:
    """Return which vantages did not look in a run, by name; none of a run from before that was kept.

    Raises:
        StoreError: there is no such run.
    """
    if UNLOOKED not in store.parts(ref):
        return ()
    return msgspec.json.decode(store.part(ref, UNLOOKED), type=tuple[Unlooked, ...])

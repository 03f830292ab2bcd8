"""Rules 4 and 21: known vulnerabilities in what listens, and in what gives root to anybody on the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from posture.graph import draft as d
from posture.graph.draft import Draft
from posture.graph.evidence import HostView
from posture.graph.reach import Endpoint, endpoint_node
from posture.model.path import Tier
from posture.model.vulnerability import FixState, Vulnerability

_CERTAIN = 90  # of 100: a vendor's word on an installed package


def add_flaws(draft: Draft, view: HostView, endpoints: Iterable[Endpoint]) -> None:
    """Add the edges of the vulnerabilities of one host."""
    known = tuple(endpoints)
    programs = dict(draft.book.programs)
    for subject, one in view.evidence.vulnerabilities:
        name = one.affected.package.name
        if one.affected.state is FixState.INVESTIGATING:
            continue
        if name in draft.book.local_packages:
            _add_local(draft, view, one, _conditions(draft, view, subject, one))
        for endpoint in _listening(known, name, programs):
            _add_remote(draft, view, one, endpoint, _conditions(draft, view, subject, one))


def _listening(
    endpoints: tuple[Endpoint, ...], package: str, programs: Mapping[str, tuple[str, ...]]
) -> Iterable[Endpoint]:
    return (one for one in endpoints if one.user and package in programs.get(one.process, (one.process,)))


def flaw_tier(one: Vulnerability) -> Tier:
    """Return how likely the flaw is to be used with success."""
    record = one.record
    if record.kev_added is not None or record.exploitation == "active":
        return Tier.WEAPONISED
    return Tier.PUBLIC_EXPLOIT if record.exploitation == "poc" else Tier.NO_EXPLOIT


def _conditions(draft: Draft, view: HostView, subject: str, one: Vulnerability) -> list[str]:
    """Return the finding that has a day, or the flaw itself where it has none."""
    package = one.affected.package
    fixed = f"install {package.name} {one.affected.fixed}" if one.affected.fixed else "no fixed version exists yet"
    return draft.found_or_setting(
        view,
        [("PAT-03", subject)],
        key=f"flaw|{one.affected.cve}|{package.name}",
        why=f"{package.name} {package.version} on {view.id} has {one.affected.cve}",
        remedy=f"{fixed} on {view.id}",
    )


def _add_local(draft: Draft, view: HostView, one: Vulnerability, conditions: list[str]) -> None:
    package = one.affected.package
    draft.edge(
        "local-flaw",
        [d.somebody(draft, view)],
        d.root(draft, view),
        f"{one.affected.cve} in {package.name} {package.version} on {view.id} may give root to anybody on it: "
        f"{_known(one)}",
        conditions=conditions,
        sure=_sure(draft, one, local=True),
        tier=flaw_tier(one),
        cause=f"flaw|{one.affected.cve}|{package.name}",
        attempt=1.0 if one.record.epss is None else one.record.epss,
        evidence=view.ref("vulnerabilities", "known"),
    )


def _add_remote(draft: Draft, view: HostView, one: Vulnerability, endpoint: Endpoint, conditions: list[str]) -> None:
    package = one.affected.package
    draft.edge(
        "remote-flaw",
        [endpoint_node(draft, view, endpoint.name)],
        d.account(draft, view, endpoint.user),
        f"{one.affected.cve} in {package.name} {package.version}, which runs as {endpoint.user} behind {endpoint.name} "
        f"of {view.id}: {_known(one)}",
        conditions=conditions,
        sure=_sure(draft, one, local=False),
        tier=flaw_tier(one),
        cause=f"flaw|{one.affected.cve}|{package.name}",
        attempt=1.0 if one.record.epss is None else one.record.epss,
        evidence=(*view.ref("vulnerabilities", "known"), *view.ref("listeners", "sockets")),
    )


def _sure(draft: Draft, one: Vulnerability, *, local: bool) -> float:
    """Return how sure the step is: no feed says which part of a package a flaw is in, so total impact must be told."""
    told = one.record.technical_impact == "total" and (local or one.record.automatable is True)
    known = one.affected.confidence >= _CERTAIN and told
    return draft.sure("read-on-host") if known else draft.sure("doubt")


def _known(one: Vulnerability) -> str:
    if one.record.kev_added is not None:
        return f"in CISA's catalogue of exploited vulnerabilities since {one.record.kev_added}"
    return {"active": "exploited", "poc": "a proof of concept is public"}.get(
        one.record.exploitation or "", "no public exploit is known to us"
    )

"""One made-up agency: hosts in zones, keys, secrets and services, what is wrong with them, and who mends it.

The shares stand here as constants and come from nobody's network: they make estates in which about two thirds of all
fixes touch a way in, and some ways need one, some two capabilities at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Ids = NDArray[np.int64]

ACCOUNTS = 3
CLASSES = 4  # of ports: remote login, web, application, administration
LOGIN, WEB, APPLICATION, ADMINISTRATION = range(CLASSES)
TIER_KEV, TIER_EXPLOIT, TIER_NONE = 0.67, 0.45, 0.15
BY_DESIGN, TRICK = 0.95, 0.8


class Topology(StrEnum):
    """How the zones lie to each other."""

    LAYERED = "layered"
    """A public zone, then layers behind each other, and a management zone that reaches all."""
    FLAT = "flat"
    """Few large zones that reach each other nearly everywhere."""
    BRANCHES = "branches"
    """A headquarters that reaches every branch and is reached by all; no branch reaches another."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, one row each; the columns are what the usual orders sort by."""

    fix: Ids
    host: Ids
    severity: Ids
    """1 low to 4 critical."""
    cvss: NDArray[np.float64]
    epss: NDArray[np.float64]
    kev: NDArray[np.bool_]
    automatable: NDArray[np.bool_]
    total: NDArray[np.bool_]
    public: NDArray[np.bool_]
    cve: NDArray[np.bool_]
    """False for a misconfiguration: no feed speaks of it and no directive dates it."""


@dataclass(frozen=True, slots=True)
class Estate:
    """An agency as it is."""

    seed: int
    topology: Topology
    hosts: int
    nodes: int
    premises: Ids
    """Two columns; -1 where there is no second premise."""
    conclusion: Ids
    finding: Ids
    """The finding that enables the edge; -1 when nothing is wrong about it."""
    p: NDArray[np.float64]
    cause: Ids
    origin: int
    objectives: Ids
    weights: NDArray[np.float64]
    findings: Findings
    owner: Ids
    """Team of each fix."""
    hours: NDArray[np.float64]
    """Of each fix: a base and a little for each host."""


@dataclass
class _Draft:
    """Edges and findings while they are written, in blocks."""

    rng: Rng
    premises: list[Ids] = field(default_factory=list)
    conclusion: list[Ids] = field(default_factory=list)
    finding: list[Ids] = field(default_factory=list)
    p: list[NDArray[np.float64]] = field(default_factory=list)
    cause: list[Ids] = field(default_factory=list)
    rows: list[tuple[NDArray[np.generic], ...]] = field(default_factory=list)
    count: int = 0
    causes: int = 0

    def edges(self, one: Ids, two: Ids | int, to: Ids | int, p: NDArray[np.float64] | float,
              finding: Ids | int = -1, cause: Ids | None = None) -> None:  # fmt: skip
        size = len(one)
        self.premises.append(np.stack([one, np.broadcast_to(two, size)], axis=1))
        self.conclusion.append(np.broadcast_to(to, size).astype(np.int64))
        self.p.append(np.broadcast_to(p, size).astype(np.float64))
        self.finding.append(np.broadcast_to(finding, size).astype(np.int64))
        self.cause.append(self.fresh(size) if cause is None else cause)

    def fresh(self, size: int) -> Ids:
        self.causes += size
        return np.arange(self.causes - size, self.causes)

    def findings(self, host: Ids, group: Ids, *, kind: int, severity: Ids | int, cvss: NDArray[np.float64] | float,
                 epss: NDArray[np.float64] | float = 0.0, kev: NDArray[np.bool_] | bool = False,
                 automatable: NDArray[np.bool_] | bool = False, total: NDArray[np.bool_] | bool = False,
                 cve: bool = False) -> Ids:  # fmt: skip
        """Return the numbers of new findings; those of one kind, group and owner are one fix."""
        size = len(host)
        wide = [np.broadcast_to(one, size) for one in (kind, severity, cvss, epss, kev, automatable, total, cve)]
        self.rows.append((host, group, *wide))
        self.count += size
        return np.arange(self.count - size, self.count)


def estate(seed: int, hosts: int, topology: Topology, *, objective_share: float = 0.03) -> Estate:
    """Return an agency; equal arguments, equal agency."""
    rng = np.random.default_rng([seed, hosts, list(Topology).index(topology)])
    draft = _Draft(rng)
    place = _Places.of(rng, hosts, topology)
    _network(draft, place, topology)
    _vulnerabilities(draft, place)
    _accounts(draft, place)
    _keys(draft, place)
    _secrets(draft, place)
    _managers(draft, place)
    _dead_ends(draft, place)
    objectives, weights = _objectives(draft, place, max(3, round(objective_share * hosts)))
    findings, owner, hours = _fixes(draft, place)
    return Estate(
        seed, topology, hosts, place.nodes + len(objectives), np.concatenate(draft.premises),
        np.concatenate(draft.conclusion), np.concatenate(draft.finding), np.concatenate(draft.p),
        np.concatenate(draft.cause), 0, objectives, weights, findings, owner, hours,
    )  # fmt: skip


@dataclass(frozen=True)
class _Places:
    """Which number is which node: zones, reaches, then per host root, accounts and endpoints, then keys and secrets."""

    hosts: int
    zones: int
    zone: Ids
    team: Ids
    teams: int
    keys: int
    secrets: int

    @classmethod
    def of(cls, rng: Rng, hosts: int, topology: Topology) -> _Places:
        zones = {Topology.FLAT: max(3, hosts // 400)}.get(topology, max(6, hosts // 80)) + 1
        # zone 0 is the internet and has no host; zone 1 is what faces it, and is small
        crowd = rng.pareto(1.5, zones - 1) + 0.5
        crowd[0] = crowd.mean() * (0.4 if topology is not Topology.FLAT else 0.8)
        zone = rng.choice(np.arange(1, zones), hosts, p=crowd / crowd.sum())
        teams = max(4, min(40, hosts // 80))
        team = (zone * 7 + rng.integers(0, 3, hosts)) % teams
        return cls(hosts, zones, zone, team, teams, max(8, int(0.8 * hosts)), max(4, hosts // 12))

    @property
    def _base(self) -> int:
        return self.zones * (1 + CLASSES)

    def reach(self, zone: Ids, class_: int) -> Ids:
        return self.zones + zone * CLASSES + class_

    def root(self, host: Ids) -> Ids:
        return self._base + host * (1 + ACCOUNTS + CLASSES)

    def account(self, host: Ids, which: Ids | int) -> Ids:
        return self.root(host) + 1 + which

    def endpoint(self, host: Ids, class_: Ids | int) -> Ids:
        return self.root(host) + 1 + ACCOUNTS + class_

    def key(self, which: Ids) -> Ids:
        return self._base + self.hosts * (1 + ACCOUNTS + CLASSES) + which

    def secret(self, which: Ids) -> Ids:
        return self._base + self.hosts * (1 + ACCOUNTS + CLASSES) + self.keys + which

    @property
    def nodes(self) -> int:
        return self._base + self.hosts * (1 + ACCOUNTS + CLASSES) + self.keys + self.secrets

    @property
    def every(self) -> Ids:
        return np.arange(self.hosts)


def _network(draft: _Draft, place: _Places, topology: Topology) -> None:
    rng, zones = draft.rng, np.arange(place.zones)
    internet = np.zeros(1, np.int64)
    for class_ in (LOGIN, WEB):
        draft.edges(internet, -1, place.reach(np.ones(1, np.int64), class_), 1.0)
    inner = zones[1:]
    for class_ in range(CLASSES):
        draft.edges(inner, -1, place.reach(inner, class_), 1.0)
        for from_, to in _allowed(rng, inner, topology, class_):
            draft.edges(from_, -1, place.reach(to, class_), 1.0)
        # a firewall of its own on two hosts in ten
        open_ = place.every[rng.random(place.hosts) > 0.2]
        draft.edges(place.reach(place.zone[open_], class_), -1, place.endpoint(open_, class_), 1.0)
    for which in range(ACCOUNTS):
        draft.edges(place.root(place.every), -1, place.account(place.every, which), 1.0)
        draft.edges(place.account(place.every, which), -1, place.zone[place.every], 1.0)


def _allowed(rng: Rng, inner: Ids, topology: Topology, class_: int) -> list[tuple[Ids, Ids]]:
    """Return which zones reach which, in blocks."""
    if topology is Topology.FLAT:
        from_, to = np.meshgrid(inner, inner)
        keep = (from_ != to) & (rng.random(from_.shape) < 0.7)
        return [(from_[keep], to[keep])]
    hub = np.full(len(inner), inner[-1])
    if topology is Topology.BRANCHES:
        both = [(hub, inner)] if class_ in (LOGIN, ADMINISTRATION) else []
        return [*both, (inner, hub), (np.full(2, inner[0]), inner[1:3])] if class_ in (WEB, LOGIN) else both
    layer = [(inner[:-1], inner[1:])] if class_ in (WEB, APPLICATION) else []
    steps = inner[: -2 or None]
    skip = rng.random(len(steps)) < 0.3
    jump = [(steps[skip], inner[2:][: len(steps)][skip])] if class_ == LOGIN else []
    return [*layer, *jump, *([(hub, inner)] if class_ in (LOGIN, ADMINISTRATION) else [])]


def _vulnerabilities(draft: _Draft, place: _Places) -> None:
    rng = draft.rng
    products = 18
    chance = rng.beta(1.2, 14, products)
    for product in range(products):
        class_ = int(rng.choice(CLASSES, p=(0.15, 0.4, 0.3, 0.15)))
        kev, exploit = rng.random() < 0.15, rng.random() < 0.35
        p = TIER_KEV if kev else TIER_EXPLOIT if exploit else TIER_NONE
        epss = float(np.clip(rng.beta(2, 3) if kev else rng.beta(1, 8) if exploit else rng.beta(0.4, 20), 0.0, 1.0))
        cvss = float(np.clip(rng.normal(8.4, 1.1), 4.0, 10.0))
        bad = place.every[rng.random(place.hosts) < chance[product]]
        found = draft.findings(
            bad, np.full(len(bad), product), kind=product, severity=_severity(cvss), cvss=cvss, epss=epss, kev=kev,
            automatable=bool(rng.random() < 0.5), total=bool(rng.random() < 0.4), cve=True,
        )  # fmt: skip
        runs = rng.random(len(bad)) < 0.75  # the rest have the package and not the service
        as_root = rng.random(len(bad)) < 0.25
        to = np.where(as_root, place.root(bad), place.account(bad, 0))
        cause = np.full(len(bad), int(draft.fresh(1)[0]))
        draft.edges(place.endpoint(bad, class_)[runs], -1, to[runs], p, found[runs], cause[runs])
    for kernel in range(5):
        p = float(rng.choice((TIER_KEV, TIER_EXPLOIT, TIER_NONE), p=(0.2, 0.4, 0.4)))
        bad = place.every[rng.random(place.hosts) < 0.12]
        cvss = float(np.clip(rng.normal(7.4, 0.6), 4.0, 10.0))
        found = draft.findings(
            bad, np.full(len(bad), 100 + kernel), kind=100 + kernel, severity=_severity(cvss), cvss=cvss,
            epss=float(rng.beta(0.5, 20)), kev=p == TIER_KEV, automatable=False, total=True, cve=True,
        )  # fmt: skip
        cause = np.full(len(bad), int(draft.fresh(1)[0]))
        for which in range(ACCOUNTS):
            draft.edges(place.account(bad, which), -1, place.root(bad), p, found, cause)


def _severity(cvss: float) -> int:
    return 4 if cvss >= 9 else 3 if cvss >= 7 else 2 if cvss >= 4 else 1


def _accounts(draft: _Draft, place: _Places) -> None:
    rng = draft.rng
    for kind, share, severity, cvss in ((200, 0.10, 3, 7.8), (201, 0.05, 3, 7.8), (202, 0.06, 2, 6.7)):
        bad = place.every[rng.random(place.hosts) < share]
        found = draft.findings(bad, place.zone[bad], kind=kind, severity=severity, cvss=cvss)
        which = rng.integers(0, ACCOUNTS, len(bad))
        draft.edges(place.account(bad, which), -1, place.root(bad), TRICK if kind == 202 else BY_DESIGN, found)
    bad = place.every[rng.random(place.hosts) < 0.02]  # a service that runs what it is told and asks nobody
    found = draft.findings(bad, place.zone[bad], kind=203, severity=4, cvss=9.1)
    draft.edges(place.endpoint(bad, APPLICATION), -1, place.account(bad, 1), BY_DESIGN, found)


def _keys(draft: _Draft, place: _Places) -> None:
    rng = draft.rng
    popular = rng.zipf(1.7, 4 * place.hosts) % place.keys
    for turn in range(4):
        host = place.every
        key = popular[turn * place.hosts : (turn + 1) * place.hosts]
        spread = np.where(rng.random(place.hosts) < 0.7, (host // 6) % place.keys, key)
        wrong = rng.random(place.hosts) < 0.3
        # most keys are meant to be there; the finding is that this one should not be
        found = np.full(place.hosts, -1)
        found[wrong] = draft.findings(host[wrong], place.zone[host[wrong]], kind=300, severity=2, cvss=5.9)
        account = place.account(host, rng.integers(0, ACCOUNTS, place.hosts))
        draft.edges(place.key(spread), place.endpoint(host, LOGIN), account, BY_DESIGN, found)
    holder = place.every[rng.random(place.hosts) < 0.35]
    which = np.where(rng.random(len(holder)) < 0.6, ((holder + rng.integers(1, 60, len(holder))) // 6) % place.keys,
                     rng.zipf(1.7, len(holder)) % place.keys)  # fmt: skip
    found = draft.findings(holder, place.zone[holder], kind=301, severity=2, cvss=5.5)
    draft.edges(place.account(holder, rng.integers(0, ACCOUNTS, len(holder))), -1, place.key(which), BY_DESIGN, found)


def _secrets(draft: _Draft, place: _Places) -> None:
    rng = draft.rng
    image = (place.zone * 3 + rng.integers(0, 3, place.hosts)) % place.secrets
    alike = place.every[rng.random(place.hosts) < 0.4]
    weak = draft.findings(alike, place.zone[alike], kind=400, severity=2, cvss=5.3)
    draft.edges(place.root(alike), -1, place.secret(image[alike]), TIER_EXPLOIT, weak, image[alike] + draft.causes)
    draft.fresh(place.secrets)
    shared = draft.findings(alike, place.zone[alike], kind=401, severity=3, cvss=6.8)
    draft.edges(place.secret(image[alike]), place.endpoint(alike, LOGIN), place.account(alike, 2), BY_DESIGN, shared)


def _managers(draft: _Draft, place: _Places) -> None:
    rng = draft.rng
    managed = place.every[rng.random(place.hosts) < 0.8]
    scope = managed // 250
    manager = np.minimum(scope * 250 + 7, place.hosts - 1)
    own = rng.random(len(managed)) < 0.5
    found = np.full(len(managed), -1)
    found[own] = draft.findings(managed[own], scope[own], kind=500, severity=3, cvss=7.1)
    keep = manager != managed
    draft.edges(place.root(manager[keep]), -1, place.root(managed[keep]), BY_DESIGN, found[keep])


def _dead_ends(draft: _Draft, place: _Places) -> None:
    """Findings that no way goes through: banners, logs, permissions, libraries nobody loads."""
    rng = draft.rng
    for kind in range(600, 612):
        cve = kind % 2 == 0
        bad = place.every[rng.random(place.hosts) < rng.beta(1.2, 6)]
        cvss = float(np.clip(rng.normal(7.2 if cve else 5.5, 1.6), 2.0, 10.0))
        draft.findings(
            bad, place.zone[bad], kind=kind, severity=_severity(cvss), cvss=cvss,
            epss=float(rng.beta(0.5, 12)) if cve else 0.0, kev=bool(cve and rng.random() < 0.1),
            automatable=bool(cve and rng.random() < 0.4), total=bool(cve and rng.random() < 0.4), cve=cve,
        )  # fmt: skip


def _objectives(draft: _Draft, place: _Places, count: int) -> tuple[Ids, NDArray[np.float64]]:
    """Return what must not be reached: on hosts behind the public zone."""
    behind = place.every[place.zone > 1]
    host = np.sort(draft.rng.choice(behind, min(count, len(behind)), replace=False))
    nodes = place.nodes + np.arange(len(host))
    draft.edges(place.root(host), -1, nodes, 1.0)
    return nodes, draft.rng.choice((1.0, 2.0, 5.0), len(host), p=(0.6, 0.3, 0.1))


def _fixes(draft: _Draft, place: _Places) -> tuple[Findings, Ids, NDArray[np.float64]]:
    columns = [np.concatenate([row[at] for row in draft.rows]) for at in range(len(draft.rows[0]))]
    host, group, kind, severity, cvss, epss, kev, automatable, total, cve = columns
    team = place.team[host]
    # an update goes out per product and team; what is set by hand, per team and zone as well
    key = (kind.astype(np.int64) * 1_000_003 + np.where(kind < 200, 0, group)) * place.teams + team
    kinds, fix = np.unique(key, return_inverse=True)
    owner = (kinds % place.teams).astype(np.int64)
    base = draft.rng.choice((0.5, 1.0, 2.0, 4.0), len(kinds), p=(0.3, 0.35, 0.25, 0.1))
    each = draft.rng.choice((0.05, 0.15, 0.4), len(kinds))
    hours = base + each * np.bincount(fix)
    findings = Findings(
        fix, host.astype(np.int64), severity.astype(np.int64), cvss.astype(np.float64), epss.astype(np.float64),
        kev.astype(np.bool_), automatable.astype(np.bool_), total.astype(np.bool_), place.zone[host] == 1,
        cve.astype(np.bool_),
    )  # fmt: skip
    return findings, owner, np.round(hours, 2)

"""A run with all that it was judged by, as the store keeps it: circumstances, baseline, results host by host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import msgspec

from posture.attack import attack_of
from posture.catalogue.proven import Family
from posture.catalogue.waivers import WaiverBook
from posture.clocks.due import due_dates
from posture.errors import StoreError
from posture.evaluate.attested import AttestationBook
from posture.evaluate.lifecycle import DueFor
from posture.histories import score_trend
from posture.inputs.scope import Scope
from posture.model.assessment import HostAssessment, Run
from posture.model.attack import AttackReport, Dispute
from posture.model.attestation import Attestation
from posture.model.check import Baseline, Check
from posture.model.clock import Campaign, Clock, DueDate
from posture.model.discovered import Found
from posture.model.finding import Result, Waiver
from posture.model.host import FLEET, Host, Inventory
from posture.model.named import Named
from posture.model.receipt import Unsettled
from posture.model.rule import RuleBook
from posture.model.trend import ScoreTrend
from posture.model.vulnerability import AssessedHost, FeedStamp, HostCadence
from posture.plan.weights import Weights
from posture.store import Store
from posture.vulnerabilities.assess import Rules
from posture.vulnerabilities.register import PART, Reader, Register, kev_source, nothing_known, sights_of
from posture.vulnerabilities.topic import of_vulnerabilities

CIRCUMSTANCES = "circumstances"
"""Name of the part of a run that holds what else a report needs."""
SCOPES = "scopes"
"""Name of the part that holds the written authorisations a run was made under: one, or more where it was resumed."""
RECEIPTS, UNSETTLED = "receipts", "unsettled"
"""Names of the parts with what a run proved mended, and with what is good on one side only."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run is judged by beside its baseline; kept with the run, so that no file is needed later."""

    campaign: Campaign
    clocks: tuple[Clock, ...]
    waivers: tuple[Waiver, ...]
    weights: Weights
    taxonomy: dict[str, str]
    marking: str = ""
    families: tuple[Family, ...] = ()
    """What our reading of each family of systems is proven on."""
    fedramp_class: str = ""
    """``c`` or ``d`` for a provider under FedRAMP's rules; empty for everybody else."""
    rulebook: RuleBook = field(default_factory=RuleBook)
    """The rules of attack paths; without any, no graph is built."""
    disputes: tuple[Dispute, ...] = ()
    """Edges of the graph that somebody calls wrong."""
    attestations: tuple[Attestation, ...] = ()
    """What people answer for where no program could look."""
    named: tuple[Named, ...] = ()
    """What lists of others call urgent."""
    discovered: tuple[Found, ...] = ()
    """What sweeps found and no inventory knew."""

    def due(self, baseline: Baseline, known: Reader) -> DueFor:
        """Return what gives a failure its due dates; a known vulnerability has those of its own inputs."""

        made: dict[tuple[str, date], tuple[DueDate, ...]] = {}  # a fleet fails alike: few checks, few days

        def dates(check: Check, host: str, subject: str, first_seen: datetime) -> tuple[DueDate, ...] | None:
            if of_vulnerabilities(check):
                return known.dates(host, subject)
            key = check.id, first_seen.astimezone(UTC).date()
            if key not in made:
                made[key] = due_dates(check, first_seen, self.clocks, self.campaign, baseline.profile)
            return made[key]

        return dates

    def rules(self, baseline: Baseline, feeds: Iterable[FeedStamp]) -> Rules:
        """Return what vulnerabilities are judged by."""
        return Rules(
            clocks=self.clocks,
            campaign=self.campaign,
            profile=baseline.profile,
            check=next((check for check in baseline.checks if of_vulnerabilities(check)), None),
            kev_source=kev_source(feeds),
            fedramp_class=self.fedramp_class,
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A run's results under one baseline, to be walked through as often as needed."""

    run: Run
    inventory: Inventory
    baseline: Baseline
    circumstances: Circumstances
    read_hosts: Callable[[], Iterator[HostAssessment]]
    """Every host of the inventory in id order, then ``fleet`` with the checks asked of the whole fleet."""
    notes: tuple[str, ...] = ()
    known: Reader = field(default_factory=nothing_known)
    """The known vulnerabilities of its hosts."""
    attack: Callable[[], AttackReport | None] = lambda: None
    """Attack paths by the same results."""
    unsettled: Callable[[], tuple[Unsettled, ...]] = lambda: ()
    """What is good in one of two states only."""
    trend: Callable[[], ScoreTrend | None] = lambda: None
    """How the run stands among those before it."""

    def unassessed(self) -> tuple[Found, ...]:
        """Return what answers on the network and is no host of the inventory."""
        known = {address for host in self.inventory.hosts for address in host.addresses}
        return tuple(one for one in self.circumstances.discovered if one.address not in known)

    def assessed(self) -> tuple[AssessedHost, ...]:
        """Return the hosts whose known vulnerabilities were looked at."""
        return tuple(
            AssessedHost(entry.host, entry.exposure, entry.assessed_by, entry.gap, entry.packages)
            for entry in self.known.register.hosts
        )

    def book(self) -> WaiverBook:
        """Return the waivers, to be held against every result."""
        return WaiverBook(
            self.circumstances.waivers,
            checks=[check.id for check in self.baseline.checks],
            hosts=(*self.inventory.hosts, Host(FLEET, (), "")),
            today=self.run.as_of.date(),
        )

    def attested(self) -> AttestationBook:
        """Return the attestations, to be held against every result."""
        return AttestationBook(self.circumstances.attestations, self.run.as_of.date())


def circumstances_of(store: Store, ref: str) -> Circumstances:
    """Return the circumstances a run was judged in.

    Raises:
        StoreError: the run has none.
    """
    return msgspec.json.decode(store.part(ref, CIRCUMSTANCES), type=Circumstances)


def keep_circumstances(store: Store, run_id: str, circumstances: Circumstances) -> None:
    """Keep them with the run."""
    store.save_part(run_id, CIRCUMSTANCES, msgspec.json.encode(circumstances, order="sorted"))


def keep_scope(store: Store, run_id: str, scope: Scope) -> None:
    """Keep the authorisation with the run, behind those that it was under before."""
    before = store.part(run_id, SCOPES) if SCOPES in store.parts(run_id) else b"[]"
    scopes = msgspec.json.decode(before, type=list[msgspec.Raw])
    this = msgspec.Raw(msgspec.json.encode(scope, order="sorted"))
    if bytes(this) not in map(bytes, scopes):
        store.save_part(run_id, SCOPES, msgspec.json.encode([*scopes, this]))


def register_of(store: Store, ref: str) -> Register:
    """Return the known vulnerabilities of a run; an empty register for a run from before there were any."""
    return msgspec.json.decode(store.part(ref, PART), type=Register) if PART in store.parts(ref) else Register()


def earlier_cadences(store: Store, run: Run, inventory: Inventory) -> dict[str, HostCadence]:
    """Return when each host was last found and read before this run; what was replayed is no word on live hosts."""
    left = {host.id for host in inventory.hosts}
    found: dict[str, HostCadence] = {}
    for earlier in store.runs():
        if not left:
            break
        if earlier.run.id == run.id or earlier.run.as_of > run.as_of or earlier.run.origin is not run.origin:
            continue
        found |= {one.host: one for one in register_of(store, earlier.run.id).cadence if one.host in left}
        left -= found.keys()
    return found


def first_sights(store: Store, run: Run, inventory: Inventory, baseline: Baseline) -> dict[tuple[str, str], datetime]:
    """Return by host and subject when we first saw each vulnerability, over all runs before this one.

    Findings remember those that ever had a date, the register of a host's last run those that may wait.
    """
    check = next((one.id for one in baseline.checks if of_vulnerabilities(one)), None)
    found = {} if check is None else {(one.host, one.subject): one.first_seen for one in store.findings(check=check)}
    left = {host.id for host in inventory.hosts}
    for earlier in store.runs():
        if not left:
            break
        if earlier.run.id == run.id or earlier.run.as_of > run.as_of:
            continue
        register = register_of(store, earlier.run.id)
        for place, moment in sights_of(register).items():
            if place[0] in left:
                found[place] = min(moment, found.get(place, moment))
        left -= {entry.host for entry in register.hosts}
    return found


def keep_register(store: Store, run_id: str, register: Register) -> None:
    """Keep the known vulnerabilities with the run."""
    store.save_part(run_id, PART, msgspec.json.encode(register, order="sorted"))


def merged_circumstances(store: Store, sources: Iterable[str]) -> Circumstances:
    """Return the circumstances of the first run with the waivers of all; those of an enclave carry its name.

    Raises:
        StoreError: two runs have unlike waivers of one id.
    """
    found = [(store.load_run(ref), circumstances_of(store, ref)) for ref in sources]
    waivers: dict[str, Waiver] = {}
    attested: list[Attestation] = []
    for stored_run, circumstances in found:
        enclave = stored_run.provenance.enclave if stored_run.provenance else ""
        attested += (
            replace(one, host=f"{enclave}/{one.host}" if enclave else one.host) for one in circumstances.attestations
        )
        for waiver in circumstances.waivers:
            here = _in_enclave(waiver, enclave) if enclave else waiver
            if waivers.setdefault(here.id, here) != here:
                raise StoreError(
                    f"waiver `{here.id}` says something else in another run",
                    hint="import each file with its own enclave name: NAME=FILE",
                )
    return replace(
        found[0][1], waivers=tuple(waivers[id_] for id_ in sorted(waivers)), attestations=tuple(sorted(attested))
    )


def _in_enclave(waiver: Waiver, enclave: str) -> Waiver:
    return replace(
        waiver,
        id=f"{enclave}/{waiver.id}",
        hosts=tuple(f"{enclave}/{pattern}" for pattern in waiver.hosts),
        zones=tuple(f"{enclave}/{zone}" for zone in waiver.zones),
    )


def stored(store: Store, ref: str) -> Judged:
    """Return a run as it was judged when it was made."""
    found = store.load_run(ref)
    baseline = store.baseline(found.run.id)
    circumstances, register = circumstances_of(store, found.run.id), register_of(store, found.run.id)
    asked = frozenset(check.id for check in baseline.checks if check.scope == FLEET)
    return Judged(
        run=found.run,
        inventory=store.inventory(found.run.id),
        baseline=baseline,
        circumstances=circumstances,
        read_hosts=lambda: (_own_checks(host, asked) for host in store.read_hosts(found.run.id)),
        notes=found.notes,
        known=Reader(register, circumstances.rules(baseline, register.feeds)),
        attack=lambda: attack_of(store, found.run.id),
        unsettled=lambda: unsettled_of(store, found.run.id),
        trend=lambda: score_trend(store, found.run.id),
    )


def unsettled_of(store: Store, ref: str) -> tuple[Unsettled, ...]:
    """Return what a run found good in one of two states only."""
    if UNSETTLED not in store.parts(ref):
        return ()
    return tuple(msgspec.json.decode(store.part(ref, UNSETTLED), type=list[Unsettled]))


def _own_checks(host: HostAssessment, asked: frozenset[str]) -> HostAssessment:
    """Return the host; ``fleet`` without the checks that were never asked of it."""
    if host.host.id != FLEET:
        return host
    return replace(host, results=tuple(result for result in host.results if result.check in asked))


def stored_host(store: Store, ref: str, host_id: str) -> HostAssessment:
    """Return what was said of one host, or of ``fleet``, with the waivers that cover it.

    Raises:
        StoreError: there is no such run, or no such host in it.
    """
    judged = stored(store, ref)
    book, attested = judged.book(), judged.attested()
    asked = frozenset(check.id for check in judged.baseline.checks if check.scope == FLEET)
    host = _own_checks(store.read_host(judged.run.id, host_id), asked)
    return replace(host, results=tuple(attested.cover(book.cover(result)) for result in host.results))


def covered_results(judged: Judged) -> Iterator[Result]:
    """Yield every result with the waiver that covers it; what is attested stays unknown here, and closes nothing."""
    book = judged.book()
    return (book.cover(result) for host in judged.read_hosts() for result in host.results)


def keep_unsettled(store: Store, run_id: str, found: Iterable[Unsettled]) -> None:
    """Keep with a run what is good in one of two states only."""
    if rows := sorted(found):
        store.save_part(run_id, UNSETTLED, msgspec.json.encode(rows))

"""From the operator's files to a job of the pipeline: whom to ask, by which baseline, in which circumstances."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from posture.catalogue.load import Catalogue, load
from posture.catalogue.waivers import read_waivers
from posture.cli import prepare
from posture.errors import UsageError
from posture.feeds.library import PLACE as FEEDS_PLACE
from posture.feeds.library import Library
from posture.gather import Job
from posture.imports import external
from posture.imports.book import Book
from posture.imports.scan import PLACE as IMPORTS_PLACE
from posture.inputs import inventory, scope_file, this_machine
from posture.inputs.attestations import read_attestations
from posture.inputs.config import Config, VulnerabilitiesEntry
from posture.inputs.discovered import kept_finds
from posture.inputs.disputes import read_disputes
from posture.inputs.exchange_list import kept_list
from posture.inputs.scope import Scope, Window
from posture.judged import CIRCUMSTANCES, Circumstances, circumstances_of
from posture.known import FeedMatcher, Matcher, Nothing
from posture.model.clock import Campaign, Clock
from posture.model.host import SELF_VANTAGE, Inventory, Vantage
from posture.store import Store
from posture.vulnerabilities.assess import TABLE_CLOCK


def circumstances(catalogue: Catalogue, config: Config, store: Store, moment: datetime) -> Circumstances:
    """Return what a new run is judged by; without a campaign start of its own, the first run's day is kept."""
    campaign = config.campaign or _campaign_so_far(store) or Campaign(moment.date())
    return Circumstances(
        campaign=campaign,
        clocks=_with_readings(catalogue.clocks, config.vulnerabilities),
        fedramp_class=config.vulnerabilities.fedramp_class,
        waivers=read_waivers(config.waivers) if config.waivers else (),
        weights=catalogue.weights,
        taxonomy=dict(catalogue.taxonomy),
        families=catalogue.families,
        marking=config.marking,
        rulebook=catalogue.rulebook,
        disputes=read_disputes(config.folder),
        attestations=read_attestations(config.folder),
        named=kept_list(config.folder),
        discovered=tuple(sorted(kept_finds(config.folder).values(), key=lambda one: one.address)),
    )


def matcher(config: Config, of: Inventory) -> Matcher:
    """Return what matches packages: the feeds and imports beside the database, or nothing without any."""
    feeds, imports = (config.folder / place for place in (FEEDS_PLACE, IMPORTS_PLACE))
    sights = external.sights(external.kept(config.folder), prepare.now().date())
    if not feeds.is_dir() and not imports.is_dir():
        return Nothing(sights)
    return FeedMatcher(Library(feeds), sights, book=Book(imports, of))


def with_imported(config: Config, read: Inventory) -> Inventory:
    """Return the inventory with the hosts that only an import knows."""
    others = Book(config.folder / IMPORTS_PLACE, read).only_imported()
    return replace(read, hosts=tuple(sorted((*read.hosts, *others), key=lambda host: host.id)))


def _with_readings(clocks: tuple[Clock, ...], entry: VulnerabilitiesEntry) -> tuple[Clock, ...]:
    """Return the clocks with the agency's reading of what nobody said; only one with SSVC inputs has such a gap."""
    return tuple(
        replace(clock, table=replace(clock.table, missing_metadata=entry.missing_ssvc))
        if clock.id == TABLE_CLOCK and clock.table is not None and entry.missing_ssvc
        else clock
        for clock in clocks
    )


def _campaign_so_far(store: Store) -> Campaign | None:
    """Return the campaign of the newest run made here; an enclave's own is no business of ours."""
    made_here = (one.run.id for one in store.runs() if one.provenance is None)
    judged = next((run for run in made_here if CIRCUMSTANCES in store.parts(run)), "")
    return circumstances_of(store, judged).campaign if judged else None


def self_job(config: Config, store: Store, profile: str, moment: datetime) -> Job:
    """Return the job of scanning this machine."""
    catalogue = load(config.baselines)
    machine = this_machine.inventory()
    return Job(
        inventory=machine,
        scope=this_machine.scope(machine.hosts[0].addresses, moment),
        config=config,
        baseline=catalogue.baseline(profile or config.profile, overlay=config.overlay),
        circumstances=circumstances(catalogue, config, store, moment),
        matcher=matcher(config, machine),
        vantage=SELF_VANTAGE,
    )


def fleet_job(
    config: Config,
    store: Store,
    profile: str,
    moment: datetime,
    files: tuple[Path, Path | None],
    *,
    only: tuple[str, ...] = (),
    vantage: str = "",
) -> Job:
    """Return the job of scanning an inventory; ``files`` are inventory and scope.

    Raises:
        UsageError: a file does not load, or a host or vantage that was asked for is not in the inventory.
    """
    inventory_path, scope_path = files
    scope = scope_file.read(scope_path or inventory_path.parent / prepare.SCOPE_FILE)
    scope.admit_moment(moment)
    catalogue = load(config.baselines)
    whole = inventory.read(inventory_path)
    read = _named(whole, inventory_path, only)
    read = read if only else with_imported(config, read)
    near, far, look_here = _places(vantage, read, scope, inventory_path)
    usual_near, usual_far, _ = _places("", read, scope, inventory_path)
    looking = (*((near,) if look_here else ()), *far)
    return Job(
        inventory=read,
        jump_hosts=whole.hosts,
        scope=scope,
        config=config,
        baseline=catalogue.baseline(profile or config.profile, overlay=config.overlay),
        circumstances=circumstances(catalogue, config, store, moment),
        matcher=matcher(config, read),
        vantage=near,
        far=far,
        look_here=look_here,
        left_out=tuple(one for one in (usual_near, *usual_far) if one not in looking),
    )


def replay_job(
    config: Config, store: Store, profile: str, moment: datetime, inventory_path: Path, authorisation: str
) -> Job:
    """Return the job of judging recorded answers of an inventory: no scope, since nothing is touched.

    Raises:
        UsageError: a file does not load.
    """
    catalogue = load(config.baselines)
    read = _named(inventory.read(inventory_path), inventory_path, ())
    return Job(
        inventory=read,
        scope=Scope(authorisation, "", Window(moment, moment + timedelta(seconds=1)), cidrs=()),
        config=config,
        baseline=catalogue.baseline(profile or config.profile, overlay=config.overlay),
        circumstances=circumstances(catalogue, config, store, moment),
        matcher=matcher(config, read),
        vantage=Vantage("replay", ""),
        network=False,
        login=False,
    )


def _named(read: Inventory, path: Path, only: tuple[str, ...]) -> Inventory:
    """Return the inventory, or a part of it, under a name that no other inventory or part has.

    Hosts missing from an inventory of the same name count as gone: two agencies' files called ``inventory.yaml``, and
    the hosts a partial scan leaves out, must never meet there.
    """
    known = {host.id for host in read.hosts}
    strange = sorted(set(only) - known)
    if strange:
        raise UsageError(f"no host `{strange[0]}` in {path}", hint=prepare.nearest(strange[0], known))
    name = str(path.resolve())
    if not only:
        return replace(read, name=name)
    chosen = tuple(host for host in read.hosts if host.id in only)
    ids = "\n".join(host.id for host in chosen)
    part = f"{name}, {len(chosen)} of {len(read.hosts)} hosts, {hashlib.sha256(ids.encode()).hexdigest()[:12]}"
    return replace(read, hosts=chosen, name=part)


def standing_at(read: Inventory) -> Vantage:
    """Return where this scanner stands: the first vantage that is no host of the inventory."""
    return next((one for one in read.vantages if not one.host), Vantage("scanner", ""))


def _places(vantage: str, read: Inventory, scope: Scope, path: Path) -> tuple[Vantage, tuple[Vantage, ...], bool]:
    """Return where this scanner stands, the hosts that look as well, and whether the scanner itself looks."""
    granted = {grant.host for grant in scope.vantages}
    far = tuple(one for one in read.vantages if one.host in granted)
    if not vantage:
        return standing_at(read), far, True
    found = {one.name: one for one in read.vantages}
    if vantage not in found:
        hint = prepare.nearest(vantage, found) or "the file describes none"
        raise UsageError(f"no vantage `{vantage}` in {path}", hint=hint)
    chosen = found[vantage]
    if not chosen.host:
        return chosen, (), True
    if chosen not in far:
        raise UsageError(
            f"vantage `{vantage}` is not authorised",
            hint=f"the owner of `{chosen.host}` signs for it, then it stands in the scope file under `vantages`",
        )
    return standing_at(read), (chosen,), False

"""From options to what the pipeline needs: files read, defaults filled in, nothing decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from posture import config as configuration
from posture import inventory, scope_file, this_machine
from posture.assess import Circumstances, circumstances_of
from posture.catalogue.load import Catalogue, load
from posture.catalogue.waivers import read_waivers
from posture.config import Config
from posture.errors import StoreError, UsageError
from posture.model.clock import Campaign
from posture.model.host import SELF_VANTAGE, Vantage
from posture.run import Job
from posture.store import Store

CONFIG_FILE = Path("posture.yaml")
SCOPE_FILE = Path("scope.yaml")


def now() -> datetime:
    """Return the present moment, aware, in whole seconds: what a run is called by."""
    return datetime.now(UTC).replace(microsecond=0)


def read_config(path: Path | None, out: Path) -> Config:
    """Return the configuration named, or ``posture.yaml`` here, or what holds without one."""
    if path is not None:
        return configuration.read(path)
    return configuration.read(CONFIG_FILE) if CONFIG_FILE.is_file() else configuration.default(out)


def open_store(config: Config, *, create: bool = False) -> Store:
    """Return the store the configuration names.

    Raises:
        StoreError: there is none yet and none may be made.
    """
    if not create and not config.database.exists():
        raise StoreError(
            f"{config.database}: nothing has been scanned yet",
            hint="`posture scan --self` or `posture demo` makes a first run",
        )
    return Store.open(config.database)


def circumstances(catalogue: Catalogue, config: Config, store: Store, moment: datetime) -> Circumstances:
    """Return what a new run is judged by; without a campaign start of its own, the first run's day is kept."""
    campaign = config.campaign or _campaign_so_far(store) or Campaign(moment.date())
    return Circumstances(
        campaign=campaign,
        clocks=catalogue.clocks,
        waivers=read_waivers(config.waivers) if config.waivers else (),
        weights=catalogue.weights,
        taxonomy=dict(catalogue.taxonomy),
        marking=config.marking,
    )


def _campaign_so_far(store: Store) -> Campaign | None:
    runs = store.runs()
    return circumstances_of(store, runs[0].run.id).campaign if runs else None


def self_job(config: Config, store: Store, profile: str, moment: datetime, *, network: bool) -> Job:
    """Return the job of scanning this machine."""
    catalogue = load(config.baselines)
    machine = this_machine.inventory()
    return Job(
        inventory=machine,
        scope=this_machine.scope(machine.hosts[0].addresses, moment),
        config=config,
        baseline=catalogue.baseline(profile or config.profile, overlay=config.overlay),
        circumstances=circumstances(catalogue, config, store, moment),
        vantage=SELF_VANTAGE,
        network=network,
    )


def fleet_job(
    config: Config, store: Store, profile: str, moment: datetime, files: tuple[Path, Path | None], only: tuple[str, ...]
) -> Job:
    """Return the job of scanning an inventory; ``files`` are inventory and scope.

    Raises:
        UsageError: a file does not load, or a host that was asked for is not in the inventory.
    """
    inventory_path, scope_path = files
    scope = scope_file.read(scope_path or inventory_path.parent / SCOPE_FILE)
    scope.admit_moment(moment)
    catalogue = load(config.baselines)
    read = inventory.read(inventory_path)
    strange = sorted(set(only) - {host.id for host in read.hosts})
    if strange:
        raise UsageError(f"no host `{strange[0]}` in {inventory_path}", hint="`--host` takes host ids of the inventory")
    if only:
        # A partial scan keeps its own name, so that the hosts left out do not count as gone.
        name = f"{read.name}, {len(only)} of {len(read.hosts)} hosts"
        read = replace(read, hosts=tuple(host for host in read.hosts if host.id in only), name=name)
    return Job(
        inventory=read,
        scope=scope,
        config=config,
        baseline=catalogue.baseline(profile or config.profile, overlay=config.overlay),
        circumstances=circumstances(catalogue, config, store, moment),
        vantage=read.vantages[0] if read.vantages else Vantage("scanner", ""),
    )


def utc(moment: datetime) -> datetime:
    """Return a moment given without a zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

"""Several runs made into one, to be judged anew; hosts of unlike networks are never taken for one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, literal, null, select

from posture.errors import StoreError
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.host import Flow, Host, Inventory, RegisteredAi, Vantage, Zone
from posture.store import runs
from posture.store.inventories import (
    get_inventory,
    put_inventory,
)
from posture.store.names import Interned
from posture.store.schema import HOST_SCAN, SESSION
from posture.store.values import FLEET


def merge_runs(conn: Connection, interned: Interned, run: Run, sources: Sequence[Any], baseline: Baseline) -> int:
    """Return the number of a new running run with the hosts and all evidence of others; results are judged anew.

    Raises:
        StoreError: two sources have a host of the same id, or unlike zones of the same name.
    """
    inventories = [get_inventory(conn, interned.blobs, runs.header(conn, interned, source)) for source in sources]
    whole = _union([source.id for source in sources], inventories)
    frozen = runs.Frozen(
        put_inventory(conn, interned.blobs, whole),
        runs.put_baseline(conn, interned, baseline),
        len(whole.hosts),
        len(baseline.checks),
    )
    run_no = runs.begin(conn, interned, replace(run, merged_from=tuple(source.id for source in sources)), frozen)
    fleet_no = interned.hosts.number(conn, [FLEET])[FLEET]
    for source in sources:
        _copy(conn, source.no, run_no, fleet_no)
    return run_no


def _union(names: Sequence[str], inventories: Sequence[Inventory]) -> Inventory:
    hosts: dict[str, Host] = {}
    zones: dict[str, Zone] = {}
    vantages: dict[str, Vantage] = {}
    for name, inventory in zip(names, inventories, strict=True):
        for host in inventory.hosts:
            if host.id in hosts:
                raise StoreError(f"host `{host.id}` is in more than one run, {name} among them", hint=_CONFLICT)
            hosts[host.id] = host
        for zone in inventory.zones:
            if zones.setdefault(zone.name, zone) != zone:
                raise StoreError(f"zone `{zone.name}` of {name} is not the zone of that name elsewhere", hint=_CONFLICT)
        for vantage in inventory.vantages:
            if vantages.setdefault(vantage.name, vantage) != vantage:
                raise StoreError(f"vantage `{vantage.name}` of {name} is another elsewhere", hint=_CONFLICT)
    return Inventory(
        tuple(hosts[id_] for id_ in sorted(hosts)),
        tuple(zones[name] for name in sorted(zones)),
        tuple(vantages[name] for name in sorted(vantages)),
        "merged",
        _flows(inventories),
        tuple(dict.fromkeys(one for inventory in inventories for one in inventory.published)),
        _ai_register(inventories),
        _trust_anchors(inventories),
    )


def _ai_register(inventories: Sequence[Inventory]) -> tuple[RegisteredAi, ...] | None:
    """Return every register together; none when no part has one. Entries name hosts, so parts cannot mix."""
    named = [inventory.ai_register for inventory in inventories if inventory.ai_register is not None]
    return tuple(dict.fromkeys(one for register in named for one in register)) if named else None


def _trust_anchors(inventories: Sequence[Inventory]) -> tuple[str, ...] | None:
    """Return every named authority once; none when no part names any."""
    named = [inventory.trust_anchors for inventory in inventories if inventory.trust_anchors is not None]
    return tuple(dict.fromkeys(one for anchors in named for one in anchors)) if named else None


def _flows(inventories: Sequence[Inventory]) -> tuple[Flow, ...] | None:
    """Return every declared flow; none where a part declares none, since its own ways would all look undeclared."""
    if any(inventory.flows is None for inventory in inventories):
        return None
    return tuple(dict.fromkeys(flow for inventory in inventories for flow in inventory.flows or ()))


_CONFLICT = "import each file with its own enclave name: its hosts, zones and vantages then carry it as a prefix"


def _copy(conn: Connection, source_no: int, run_no: int, fleet_no: int) -> None:
    """Copy references; the packs and blobs are shared. Facts of the fleet and results are made anew."""
    for table, blank in ((SESSION, ()), (HOST_SCAN, ("results",))):
        columns = [column.name for column in table.columns]
        chosen = [
            literal(run_no) if name == "run_no" else null() if name in blank else table.c[name] for name in columns
        ]
        here = (table.c.run_no == source_no) & (table.c.host_no != fleet_no)
        conn.execute(insert(table).from_select(columns, select(*chosen).where(here)))

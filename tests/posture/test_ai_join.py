"""AI services from both sides against the register, and the register as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from posture.derived.ai import ai_of
from posture.errors import ConfigError
from posture.evaluate.documents import make_document
from posture.inputs import inventory as inventories
from posture.model.host import Host, Inventory, RegisteredAi
from posture.model.observation import Blind, FactDocument, Observation, Origin, Unseen

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
HOST = Host("gpu1", ("10.0.0.1",), "servers")
NOBODY = Unseen("gpu1", "ai_service", Blind.NOT_ATTEMPTED, "nobody asked")
NO_LOGIN = Unseen("gpu1", "ai_host", Blind.LOGIN_REFUSED, "denied")


def made(topic: str, name: str, items: list[Mapping[str, Any]], *, complete: bool = True) -> FactDocument:
    facts = {name: {"complete": complete, "items": items}}
    return make_document(host="gpu1", topic=topic, facts=facts, taken_at=MOMENT, origin=Origin.LIVE)


def network(*found: tuple[str, int, str], complete: bool = True) -> FactDocument:
    rows = [{"service": service, "port": port, "access": access, "vantage": "scanner", "zone": "mgmt"} for service, port, access in found]  # fmt: skip
    return made("ai_service", "services", rows, complete=complete)


def programs(*found: str, complete: bool = True) -> FactDocument:
    return made("ai_host", "processes", [{"service": one, "account": "llm"} for one in found], complete=complete)


def joined(network: Observation, own: Observation, *register: RegisteredAi, named: bool = True) -> Mapping[str, Any]:
    observed = ai_of(HOST, Inventory((HOST,), (), ai_register=register if named else None), network, own)
    assert isinstance(observed, FactDocument), observed
    return msgspec.json.decode(observed.content)["facts"]


def test_one_service_seen_from_both_sides_is_one_and_what_no_register_knows_is_shadow() -> None:
    entry = RegisteredAi("ollama", "gpu1", "ai-team", 11434)
    said = joined(network(("ollama", 11434, "open"), ("jupyter", 8888, "guarded")), programs("ollama", "mcp"), entry)
    rows = {(one["service"], one["endpoint"]): (one["sides"], one["registered"]) for one in said["found"]["items"]}
    assert rows == {
        ("ollama", "tcp/11434"): (["host", "network"], True),
        ("jupyter", "tcp/8888"): (["network"], False),
        ("mcp", "host"): (["host"], False),
    }
    assert said["found"]["complete"] is True
    assert said["missing"] == []


def test_an_entry_for_another_port_covers_nothing_and_is_missed() -> None:
    said = joined(network(("ollama", 9999, "open")), programs(), RegisteredAi("ollama", "gpu1", "ai-team", 11434))
    assert [one["registered"] for one in said["found"]["items"]] == [False]
    assert [one["service"] for one in said["missing"]] == ["ollama"]


def test_with_one_side_unseen_nothing_is_complete_and_with_both_nothing_is_known() -> None:
    for sides in ((NOBODY, programs("ollama")), (network(("ollama", 1, "open")), NO_LOGIN)):
        said = joined(*sides)
        assert len(said["found"]["items"]) == 1
        assert said["found"]["complete"] is False
    assert isinstance(ai_of(HOST, Inventory((HOST,), ()), NOBODY, NO_LOGIN), Unseen)
    empty = ai_of(HOST, Inventory((HOST,), ()), NOBODY, programs())
    assert isinstance(empty, FactDocument)
    assert msgspec.json.decode(empty.content)["holes"][0][:2] == ["found", "not_attempted"]


def test_no_register_is_not_an_empty_one() -> None:
    assert joined(network(), programs(), named=False)["register"] is False
    assert joined(network(), programs())["register"] is True


INVENTORY = """\
schema: posture.inventory/1
zones: [{name: servers, trust: internal, cidrs: [10.0.0.0/24]}]
hosts: [{id: gpu1, addresses: [10.0.0.1]}]
ai_register: models.yaml
"""
REGISTER = """\
schema: posture.ai-register/1
services:
  - {service: ollama, host: gpu1, port: 11434, owner: ai-team, purpose: summaries}
"""


def written(folder: Path, register: str = REGISTER) -> Path:
    (folder / "models.yaml").write_text(register)
    (folder / "inventory.yaml").write_text(INVENTORY)
    return folder / "inventory.yaml"


def test_the_inventory_names_the_register_beside_it(tmp_path: Path) -> None:
    read = inventories.read(written(tmp_path))
    assert read.ai_register == (RegisteredAi("ollama", "gpu1", "ai-team", 11434, "summaries"),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gpu1", "gpu2", "models.yaml:3.*gpu2"),
        ("ai-team", "' '", "models.yaml:3.*owner"),
        ("11434", "99999", "models.yaml:3.*99999"),
        ("purpose", "purpos", "models.yaml:3.*purpos"),
        ("ai-register/1", "ai-register/9", "models.yaml:1"),
    ],
)
def test_a_mistake_in_the_register_names_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        inventories.read(written(tmp_path, REGISTER.replace(old, new)))


def test_a_register_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "models.yaml").unlink()
    with pytest.raises(ConfigError, match="no AI register"):
        inventories.read(path)

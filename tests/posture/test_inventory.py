"""The inventory file, ours and Ansible's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from posture.errors import ConfigError
from posture.inputs import config, inventory
from posture.model.host import Mission, TransportKind, Trust

OURS = """\
schema: posture.inventory/1
zones:
  - {name: dmz, trust: untrusted, cidrs: [10.77.1.0/24]}
  - {name: core, trust: restricted, cidrs: [10.77.0.0/16]}
vantages:
  - {name: outside, zone: dmz}
groups:
  - name: servers
    owner: web-team
    mission: essential
    declared: {sensor: falcon}
    access: {transport: ssh, user: posture, credential: lab}
hosts:
  - id: web1
    groups: [servers]
    addresses: [10.77.1.10]
    mission: crown_jewel
    access: {port: 2222}
    declared: {services: [{port: 22, proto: tcp}]}
  - id: db1
    addresses: [10.77.2.10]
"""


def _read(tmp_path: Path, text: str, name: str = "inventory.yaml") -> inventory.Inventory:
    path = tmp_path / name
    path.write_text(text)
    return inventory.read(path)


def test_a_host_takes_from_its_group_what_it_does_not_say_itself(tmp_path: Path) -> None:
    db1, web1 = _read(tmp_path, OURS).hosts
    assert (web1.owner, web1.mission, web1.access.user, web1.access.port) == (
        "web-team",
        Mission.CROWN_JEWEL,
        "posture",
        2222,
    )
    assert dict(web1.declared) == {"sensor": "falcon", "services": [{"port": 22, "proto": "tcp"}]}
    assert (db1.owner, db1.mission, db1.access.transport) == ("", Mission.NONE, TransportKind.SSH)


def test_a_host_without_a_zone_lives_in_the_narrowest_one_around_its_address(tmp_path: Path) -> None:
    assert [host.zone for host in _read(tmp_path, OURS).hosts] == ["core", "dmz"]


@pytest.mark.parametrize(
    ("wrong", "right", "line", "hint"),
    [
        ("ownr: web-team", "owner: web-team", ":9:", "`owner`"),
        ("groups: [server]", "groups: [servers]", ":15:", "servers"),
        ("mission: crown_jewels", "mission: crown_jewel", ":17:", "crown_jewel"),
        ("addresses: ['10.77.1.10 --script=x']", "addresses: [10.77.1.10]", ":16:", "without port"),
        ("id: -oProxyCommand", "id: web1", ":14:", "no dash first"),
        ("cidrs: [10.77.1.1/24]", "cidrs: [10.77.1.0/24]", ":3:", "network address"),
        ("zone: dmzz}", "zone: dmz}", ":6:", "dmz"),
    ],
    ids=str,
)
def test_an_error_names_file_line_key_and_a_way_out(
    tmp_path: Path, wrong: str, right: str, line: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, OURS.replace(right, wrong))
    assert f"inventory.yaml{line}" in str(caught.value)
    assert hint in f"{caught.value} {caught.value.hint}"


def test_two_hosts_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stands twice"):
        _read(tmp_path, OURS.replace("id: db1", "id: web1"))


def test_an_ini_inventory_is_read_as_ansible_does(tmp_path: Path) -> None:
    text = """\
jump.x ansible_host=10.0.0.9
[web]
web[01:03].x ansible_host=10.0.0.1 ansible_password=canary-secret
[db]
db[a:b].x ansible_port=2222  # the old ones
[prod:children]
web
db
[prod:vars]
posture_owner=ops
posture_zone=inside
[db:vars]
posture_owner=dba
"""
    read = _read(tmp_path, text, "hosts")
    hosts = {host.id: host for host in read.hosts}
    assert sorted(hosts) == ["dba.x", "dbb.x", "jump.x", "web01.x", "web02.x", "web03.x"]
    assert (hosts["dba.x"].owner, hosts["dba.x"].access.port, hosts["dba.x"].zone) == ("dba", 2222, "inside")
    assert (hosts["web02.x"].owner, hosts["web02.x"].groups) == ("ops", ("prod", "web"))
    assert "canary-secret" not in repr(read)


def test_a_zone_nobody_described_counts_as_untrusted(tmp_path: Path) -> None:
    assert [zone.trust for zone in _read(tmp_path, "a.x\n", "hosts").zones] == [Trust.UNTRUSTED]


def test_the_json_of_ansible_inventory_list_is_read(tmp_path: Path) -> None:
    listing = {
        "_meta": {
            "hostvars": {
                "a": {"ansible_host": "10.0.0.1", "posture_mission": "vital"},
                "b": {"ansible_connection": "local"},
            }
        },
        "all": {"children": ["ungrouped", "web"]},
        "web": {"hosts": ["a", "b"], "vars": {}},
    }
    a, b = _read(tmp_path, json.dumps(listing), "list.json").hosts
    assert (a.addresses, a.mission, a.groups) == (("10.0.0.1",), Mission.VITAL, ("web",))
    assert b.access.transport is TransportKind.LOCAL


def test_a_yaml_inventory_is_read(tmp_path: Path) -> None:
    text = "all:\n  vars: {posture_zones: {default: internal}}\n  children:\n    web:\n      hosts:\n        w[1:2].x: {ansible_user: scan, become: yes}\n"
    read = _read(tmp_path, text, "hosts.yml")
    assert [(host.id, host.access.user) for host in read.hosts] == [("w1.x", "scan"), ("w2.x", "scan")]
    assert read.zones[0].trust is Trust.INTERNAL


@pytest.mark.parametrize("text", ["", "[web\n", "a[1:99999999].x\n", "{", "{}", "[]"], ids=repr)
def test_what_is_no_inventory_is_refused_with_a_hint(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, text, "hosts")
    assert caught.value.hint


def test_a_group_that_contains_itself_ends(tmp_path: Path) -> None:
    assert len(_read(tmp_path, "[a]\nh.x\n[a:children]\nb\n[b:children]\na\n", "hosts").hosts) == 1


def test_a_credential_names_where_a_secret_is_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    path.write_text("schema: posture.config/1\ndatabase: db/p.db\ncredentials:\n  lab: {kind: key, path: keys/id}\n")
    read = config.read(path)
    assert read.database == tmp_path / "db/p.db"
    assert read.credentials["lab"].path == str(tmp_path / "keys/id")


def test_a_rebase_without_name_and_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    rebase = "{start: '2026-08-01', by: '', reason: '', recorded_at: '2026-08-01T00:00:00Z'}"
    path.write_text(f"schema: posture.config/1\ncampaign:\n  start: '2026-07-01'\n  rebases: [{rebase}]\n")
    with pytest.raises(ConfigError, match=r"posture.yaml:4.*named person"):
        config.read(path)

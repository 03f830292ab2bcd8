"""Roads out: which rules let a new connection to anywhere leave, and when their list is not whole."""

from __future__ import annotations

import json

import pytest

from collectors import firewall
from collectors.egress import roads_out
from collectors.iptables import iptables_chains
from collectors.nftables import nft_chains
from tests.collectors.nft_rules import ACCEPT, DPORT, DROP, STATE, match
from tests.collectors.transcripts import as_declared, facts_of, recorded, refused

OUT = {"family": "inet", "table": "t"}
DADDR: dict[str, object] = {"payload": {"protocol": "ip", "field": "daddr"}}
SKUID: dict[str, object] = {"meta": {"key": "skuid"}}
OIF: dict[str, object] = {"meta": {"key": "oifname"}}
HTTPS = match(DPORT, 443)


def _roads(
    *rules: list[dict[str, object]], policy: str = "drop", jumps: tuple[list[dict[str, object]], ...] = ()
) -> list[str]:
    chain = {**OUT, "name": "out", "type": "filter", "hook": "output", "prio": 0, "policy": policy}
    body: list[dict[str, object]] = [{"chain": chain}, {"chain": {**OUT, "name": "more"}}]
    body += [{"rule": {**OUT, "chain": "out", "expr": rule}} for rule in rules]
    body += [{"rule": {**OUT, "chain": "more", "expr": rule}} for rule in jumps]
    chains = nft_chains(json.dumps({"nftables": body}))
    assert chains is not None
    return roads_out([chains])


@pytest.mark.parametrize(
    ("rules", "open_road"),
    [
        ([[HTTPS, ACCEPT]], True),
        ([[match(DPORT, {"set": [80, 443]}), ACCEPT]], True),
        ([[match(DPORT, {"range": [1, 1023]}), ACCEPT]], True),
        ([[match(DPORT, 22, "!="), ACCEPT]], True),
        ([[match(DPORT, "@web"), ACCEPT]], True),
        ([[match(OIF, "eth0"), ACCEPT]], True),
        ([[match(DADDR, "0.0.0.0/0"), HTTPS, ACCEPT]], True),
        ([[match(DADDR, {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!="), HTTPS, ACCEPT]], True),
        ([[match(SKUID, "root"), HTTPS, ACCEPT]], True),
        ([[match(DPORT, 53), ACCEPT]], False),
        ([[match(DPORT, 443, "!="), ACCEPT]], False),
        ([[match(DADDR, "192.0.2.10"), HTTPS, ACCEPT]], False),
        ([[match(DADDR, "@mirrors"), HTTPS, ACCEPT]], False),
        ([[match(SKUID, "_apt"), HTTPS, ACCEPT]], False),
        ([[match(OIF, "lo"), ACCEPT]], False),
        ([[match(STATE, ["established", "related"], "in"), ACCEPT]], False),
        ([[HTTPS, DROP], [match(OIF, "eth0"), ACCEPT]], False),
        ([[ACCEPT]], False),  # then the chain accepts by default, which is a verdict of its own
        ([], False),
    ],
    ids=str,
)
def test_a_rule_is_a_road_when_nothing_but_the_port_limits_it(rules, open_road):
    assert bool(_roads(*rules)) is open_road


def test_a_road_is_shown_with_its_chain_and_port():
    assert _roads([HTTPS, ACCEPT]) == ["inet t out: tcp/443 accept"]


def test_a_jump_hands_its_port_and_its_peers_on():
    jump: dict[str, object] = {"jump": {"target": "more"}}
    assert _roads([HTTPS, jump], jumps=([ACCEPT],)) == ["inet t more: tcp/443 accept"]
    assert _roads([match(DADDR, "192.0.2.10"), jump], jumps=([ACCEPT],)) == []
    assert _roads([match(DPORT, 53), jump], jumps=([ACCEPT],)) == []


def test_a_chain_that_accepts_by_default_is_no_filter_and_has_no_roads():
    assert _roads([HTTPS, ACCEPT], policy="accept") == []


def test_one_chain_that_names_its_peers_closes_the_road_another_leaves_open():
    def chain(name: str) -> dict[str, object]:
        return {"chain": {**OUT, "name": name, "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}}

    wide = {"rule": {**OUT, "chain": "wide", "expr": [HTTPS, ACCEPT]}}
    named = {"rule": {**OUT, "chain": "named", "expr": [match(DADDR, "192.0.2.10"), HTTPS, ACCEPT]}}
    chains = nft_chains(json.dumps({"nftables": [chain("wide"), chain("named"), wide, named]}))
    assert chains is not None
    assert roads_out([chains]) == []


@pytest.mark.parametrize(
    ("rule", "open_road"),
    [
        ("-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT", True),
        ("-A OUTPUT -o eth0 -p tcp -m multiport --dports 80,443 -j ACCEPT", True),
        ("-A OUTPUT -d 192.0.2.10/32 -p tcp -m tcp --dport 443 -j ACCEPT", False),
        ("-A OUTPUT ! -d 10.0.0.0/8 -p tcp -m tcp --dport 443 -j ACCEPT", True),
        ("-A OUTPUT -p tcp -m owner --uid-owner 105 -m tcp --dport 443 -j ACCEPT", False),
        ("-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", False),
        ("-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_roads_in_iptables(rule, open_road):
    text = f"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n{rule}\nCOMMIT\n"
    chains = iptables_chains(text, "ip")
    assert chains is not None
    assert bool(roads_out([chains])) is open_road


def test_a_host_that_refuses_sudo_has_no_complete_list_of_roads():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_nftables"))
    withheld = facts_of(firewall.COLLECTOR, refused(answers, "firewall.nft"))
    assert not withheld.value.roads_out.complete

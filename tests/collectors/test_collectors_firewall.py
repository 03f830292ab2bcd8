"""The firewall topic: the fate of a connection nobody named, in every dialect, and when it cannot be told."""

from __future__ import annotations

import json

import pytest

from collectors import firewall
from collectors.base import Facts
from collectors.firewall import FirewallFacts
from collectors.iptables import iptables_chains
from collectors.netfilter import fate, strictest, wide_accepts
from collectors.nftables import nft_chains
from posture.model.observation import Blind
from tests.collectors.nft_rules import ACCEPT, DPORT, DROP, IIF, STATE, match
from tests.collectors.transcripts import as_declared, facts_of, holes_of, recorded, refused, told


def _parsed(name: str) -> Facts:
    return facts_of(firewall.COLLECTOR, as_declared(firewall.COLLECTOR, recorded(f"recorded_debian12_firewall_{name}")))


def _verdicts(facts: FirewallFacts) -> tuple[str, str, str, str]:
    return facts.inbound_ipv4, facts.inbound_ipv6, facts.outbound_ipv4, facts.outbound_ipv6


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("none", ("none", "none", "none", "none")),
        ("nftables", ("drop", "drop", "accept", "accept")),
        ("iptables_nft", ("reject", "accept", "accept", "accept")),
        ("iptables_legacy", ("drop", "drop", "drop", "accept")),
        ("ufw", ("drop", "drop", "accept", "accept")),
    ],
)
def test_recorded_firewalls(name, verdicts):
    parsed = _parsed(name)
    assert _verdicts(parsed.value) == verdicts
    assert not parsed.holes


def test_the_kernel_is_asked_for_its_symbols_only_where_nft_shows_nothing():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_nftables"))
    assert firewall.follow_up(answers) == ()
    assert [one.id for one in firewall.follow_up(refused(answers, "firewall.nft"))] == ["firewall.kernel"]
    assert [one.id for one in firewall.follow_up({})] == ["firewall.kernel"]


def test_recorded_rules_are_condensed():
    facts = _parsed("nftables").value
    rules = {(rule.chain, tuple(rule.ports)): rule for rule in facts.rules.items if rule.ports}
    assert rules["input", ("tcp/22",)].sources == ["@admins"]
    assert ("input", ("tcp/443", "tcp/80", "tcp/8000-8010")) in rules
    assert rules["output", ("tcp/25",)].verdict == "reject"
    assert facts.wide_accepts.items == ["inet filter input: eth1 accept"]


def test_recorded_iptables_names_sources_and_ports():
    rules = [rule for rule in _parsed("iptables_nft").value.rules.items if rule.ports]
    assert [(rule.view, rule.ports, rule.sources) for rule in rules] == [
        ("iptables", ["tcp/22", "tcp/2222"], ["10.0.0.0/8"])
    ]


def test_rules_shown_by_two_tools_are_listed_once():
    views = {(rule.view, rule.family) for rule in _parsed("ufw").value.rules.items}
    assert views == {("iptables", "ip"), ("ip6tables", "ip6")}


def test_tools_are_named():
    assert _parsed("ufw").value.tools == ["ip6tables", "iptables", "ufw"]
    assert "nftables" in _parsed("nftables").value.tools


def _nft(*rules: list[dict[str, object]], policy: str = "accept", extra: tuple[dict[str, object], ...] = ()) -> str:
    base = {"family": "inet", "table": "t"}
    chain = {**base, "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": policy}
    body = [{"chain": chain}, *extra, *({"rule": {**base, "chain": "in", "expr": rule}} for rule in rules)]
    return json.dumps({"nftables": body})


def _fate(text: str, version: str = "ip") -> str:
    chains = nft_chains(text)
    assert chains is not None
    return fate(chains, "input", version)


@pytest.mark.parametrize(
    ("rules", "policy", "verdict"),
    [
        ([], "drop", "drop"),
        ([], "accept", "accept"),
        ([[ACCEPT]], "drop", "accept"),
        ([[DROP], [ACCEPT]], "accept", "drop"),
        ([[match(IIF, "lo"), ACCEPT]], "drop", "drop"),
        ([[match(IIF, "lo", "!="), ACCEPT]], "drop", "accept"),
        ([[match(IIF, "eth0"), ACCEPT]], "drop", "drop"),
        ([[match(STATE, ["established", "related"], "in"), ACCEPT]], "drop", "drop"),
        ([[match(STATE, "new", "in"), ACCEPT]], "drop", "accept"),
        ([[match(STATE, "invalid", "!="), ACCEPT]], "drop", "accept"),
        ([[match({"meta": {"key": "l4proto"}}, "tcp"), ACCEPT]], "drop", "accept"),
        ([[match({"meta": {"key": "l4proto"}}, {"set": ["icmp", "ipv6-icmp"]}), ACCEPT]], "drop", "drop"),
        ([[match(DPORT, {"range": [1, 65535]}), ACCEPT]], "drop", "accept"),
        ([[match(DPORT, {"set": [22, {"range": [0, 65535]}]}), ACCEPT]], "drop", "accept"),
        ([[match(DPORT, 22), ACCEPT]], "drop", "drop"),
        ([[{"limit": {"rate": 1}}, DROP]], "accept", "accept"),
        ([[{"counter": {"packets": 1}}, {"log": None}, DROP]], "accept", "drop"),
        ([[{"xt": None}]], "accept", "accept"),
        ([[{"vmap": {"key": STATE, "data": {"set": [["new", {"drop": None}]]}}}]], "accept", "drop"),
        ([[{"vmap": {"key": IIF, "data": {"set": [["eth0", {"drop": None}]]}}}]], "accept", "accept"),
    ],
    ids=str,
)
def test_the_fate_of_a_connection_nobody_named(rules, policy, verdict):
    assert _fate(_nft(*rules, policy=policy)) == verdict


def _chain(name: str, *rules: list[dict[str, object]]) -> tuple[dict[str, object], ...]:
    base = {"family": "inet", "table": "t"}
    return ({"chain": {**base, "name": name}}, *({"rule": {**base, "chain": name, "expr": rule}} for rule in rules))


def test_a_jump_that_decides_is_followed_and_one_that_returns_is_not():
    decides = _nft([{"jump": {"target": "x"}}], [DROP], extra=_chain("x", [ACCEPT]))
    returns = _nft([{"jump": {"target": "x"}}], [DROP], extra=_chain("x", [{"return": None}], [ACCEPT]))
    assert _fate(decides) == "accept"
    assert _fate(returns) == "drop"


def test_goto_does_not_come_back():
    assert _fate(_nft([{"goto": {"target": "x"}}], [DROP], extra=_chain("x"))) == "accept"


def test_chains_that_jump_in_circles_end():
    loop = _chain("x", [{"jump": {"target": "y"}}]) + _chain("y", [{"jump": {"target": "x"}}])
    assert _fate(_nft([{"jump": {"target": "x"}}], [DROP], extra=loop)) == "drop"


def test_the_strictest_chain_wins_because_all_must_let_a_packet_through():
    assert strictest(["accept", "drop", "none"]) == "drop"
    assert strictest(["accept", "reject"]) == "reject"
    assert strictest([]) == "none"


AUTHORED_RHEL9_FIREWALLD = _nft(
    [match(STATE, {"set": ["established", "related"]}), ACCEPT],
    [match({"ct": {"key": "status"}}, "dnat"), ACCEPT],
    [match(IIF, "lo"), ACCEPT],
    [match(STATE, "invalid"), DROP],
    [{"jump": {"target": "filter_INPUT_ZONES"}}],
    [{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}],
    extra=(
        _chain("filter_INPUT_ZONES", [match(IIF, "eth0"), {"goto": {"target": "zone"}}], [{"goto": {"target": "zone"}}])
        + _chain("zone", [match(DPORT, 22), match(STATE, {"set": ["new", "untracked"]}), ACCEPT])
    ),
)
AUTHORED_ZONES = """\
block
  target: %%REJECT%%
  interfaces:
  services:

public (active)
  target: default
  icmp-block-inversion: no
  interfaces: eth0
  sources:
  services: cockpit dhcpv6-client ssh
  ports: 8080/tcp
  rich rules:

trusted
  target: ACCEPT
  interfaces:
"""


def test_firewalld_rejects_what_no_zone_names():
    assert _fate(AUTHORED_RHEL9_FIREWALLD) == "reject"


def test_firewalld_zones_are_read():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_none"))
    answers = told(answers, "firewall.programs", "0755 f 0 0 1 root root /usr/bin/firewall-cmd\0")
    answers = told(answers, "firewall.zones", AUTHORED_ZONES)
    facts = facts_of(firewall.COLLECTOR, told(answers, "firewall.default_zone", "public\n")).value
    assert facts.firewalld.default_zone == "public"
    assert facts.firewalld.default_target == "default"
    assert facts.firewalld.zones["public"].services == ["cockpit", "dhcpv6-client", "ssh"]
    assert facts.firewalld.zones["trusted"].target == "ACCEPT"
    assert facts.tools == ["firewalld"]


def test_firewalld_that_is_installed_and_does_not_run_says_so():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_none"))
    answers = told(answers, "firewall.programs", "0755 f 0 0 1 root root /usr/bin/firewall-cmd\0")
    answers = told(answers, "firewall.zones", "", "FirewallD is not running\n", 252)
    facts = facts_of(firewall.COLLECTOR, told(answers, "firewall.default_zone", "", "", 252)).value
    assert facts.firewalld.running is False


def test_an_unseen_rule_set_is_no_missing_firewall():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_none"))
    parsed = facts_of(firewall.COLLECTOR, refused(answers, "firewall.nft"))
    assert holes_of(parsed)["inbound_ipv4"] is Blind.COMMAND_REFUSED
    assert not parsed.value.rules.complete


def test_a_drop_that_was_seen_stands_whatever_was_not():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_iptables_legacy"))
    parsed = facts_of(firewall.COLLECTOR, refused(answers, "firewall.nft"))
    assert parsed.value.inbound_ipv4 == "drop"
    assert "inbound_ipv4" not in holes_of(parsed)
    assert "outbound_ipv6" in holes_of(parsed)


def test_without_any_tool_the_kernel_itself_is_asked():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_none"))
    for id_ in ("nft", "iptables", "ip6tables", "iptables_legacy", "ip6tables_legacy"):
        answers = told(answers, f"firewall.{id_}", "", "", 127)
    answers = as_declared(firewall.COLLECTOR, answers)
    could_hold = told(answers, "firewall.kernel", "0000000000000000 t nf_tables_newtable\t[nf_tables]\n")
    cannot = told(answers, "firewall.kernel", "", "", 1)
    assert holes_of(facts_of(firewall.COLLECTOR, could_hold))["inbound_ipv4"] is Blind.COMMAND_MISSING
    assert not facts_of(firewall.COLLECTOR, cannot).holes


def test_old_tables_in_use_that_no_tool_shows_are_a_hole():
    answers = as_declared(firewall.COLLECTOR, recorded("recorded_debian12_firewall_none"))
    for id_ in ("iptables", "iptables_legacy"):
        answers = told(answers, f"firewall.{id_}", "", "", 127)
    answers = told(answers, "firewall.legacy_tables", "/proc/net/ip_tables_names\x001:filter\n")
    assert holes_of(facts_of(firewall.COLLECTOR, answers))["inbound_ipv4"] is Blind.COMMAND_MISSING


def test_iptables_that_says_something_else_is_not_believed():
    assert iptables_chains("iptables v1.8: Permission denied (you must be root)\n", "ip") is None
    assert nft_chains("Operation not permitted") is None
    assert nft_chains('{"nftables": 7}') is None


def _wide(text: str) -> list[tuple[str, tuple[str, ...]]]:
    chains = nft_chains(text)
    assert chains is not None
    return [(chain.name, rule.interfaces) for chain, rule in wide_accepts(chains, "input")]


def test_a_rule_for_one_address_family_decides_for_that_one_only():
    only_ipv4 = _nft([match({"meta": {"key": "nfproto"}}, "ipv4"), ACCEPT], policy="drop")
    assert (_fate(only_ipv4, "ip"), _fate(only_ipv4, "ip6")) == ("accept", "drop")
    only_ipv6 = _nft([match({"payload": {"protocol": "ip6", "field": "nexthdr"}}, "tcp"), ACCEPT], policy="drop")
    assert (_fate(only_ipv6, "ip"), _fate(only_ipv6, "ip6")) == ("drop", "accept")


@pytest.mark.parametrize(
    "match",
    [
        match(IIF, "eth0"),
        match({"payload": {"protocol": "tcp", "field": "flags"}}, "syn"),
        match({"payload": {"protocol": "ip", "field": "daddr"}}, "192.0.2.7"),
        {"xt": {"type": "match", "name": "string"}},
    ],
    ids=str,
)
def test_an_accept_that_may_let_everything_in_is_wide(match):
    assert _wide(_nft([match, ACCEPT], policy="drop"))


@pytest.mark.parametrize(
    "match",
    [
        match(IIF, "lo"),
        match(DPORT, 22),
        match({"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "10.0.0.0", "len": 8}}),
        match(STATE, ["established", "related"], "in"),
        match({"ct": {"key": "status"}}, "dnat", "in"),
        match({"meta": {"key": "l4proto"}}, "ipv6-icmp"),
        match({"payload": {"protocol": "icmpv6", "field": "type"}}, {"set": ["nd-neighbor-solicit", "echo-request"]}),
    ],
    ids=str,
)
def test_an_accept_that_names_what_it_lets_in_is_not_wide(match):
    assert not _wide(_nft([match, ACCEPT], policy="drop"))


def test_a_trusted_zone_behind_one_interface_is_wide_and_a_chain_behind_a_port_is_not():
    behind = _chain("x", [ACCEPT])
    assert _wide(_nft([match(IIF, "eth1"), {"goto": {"target": "x"}}], policy="drop", extra=behind)) == [("x", ())]
    assert not _wide(_nft([match(DPORT, 22), {"goto": {"target": "x"}}], policy="drop", extra=behind))
    by_map = {"vmap": {"key": IIF, "data": {"set": [["eth1", {"goto": {"target": "x"}}]]}}}
    assert _wide(_nft([by_map], policy="drop", extra=behind)) == [("x", ())]


def test_firewalld_and_ufw_as_shipped_have_no_wide_accept():
    assert not _wide(AUTHORED_RHEL9_FIREWALLD)
    assert not _parsed("ufw").value.wide_accepts.items

"""What the host's own packet filter does with a new connection that no rule names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.egress import roads_out
from collectors.iptables import iptables_chains
from collectors.listed import Entries, entries_of, list_paths
from collectors.netfilter import Chain, Chains, Matches, RuleLine, fate, strictest, wide_accepts
from collectors.nftables import nft_chains
from collectors.textfiles import TextFiles, files_of, read_files, settings
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that accepts, drops or rejects, condensed."""

    view: str
    """nftables, iptables or ip6tables: which tool showed it."""
    family: str
    """ip, ip6 or inet."""
    table: str
    chain: str
    hook: str
    """input, output or forward for a base chain; empty for a chain others jump to."""
    verdict: str
    """accept, drop or reject."""
    ports: list[str]
    """``tcp/22``, ``udp/53``, ranges as ``tcp/1000-2000``; empty when the rule names none."""
    sources: list[str]
    """Source networks it names; empty for any."""
    interfaces: list[str]
    """Interfaces it names; empty for any."""
    conditions: int
    """How many matches it has beyond those (states, rates, marks)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One firewalld zone."""

    name: str
    target: str
    """default (reject), DROP, ACCEPT or ``%%REJECT%%``."""
    active: bool
    interfaces: list[str]
    sources: list[str]
    services: list[str]
    ports: list[str]


@dataclass(frozen=True, slots=True)
class Firewalld:
    """firewalld's own view."""

    running: bool
    default_zone: str | None
    default_target: str | None
    zones: dict[str, Zone]


@dataclass(frozen=True, slots=True)
class Ufw:
    """ufw's configuration; what it loaded stands in the rules."""

    enabled: bool
    default_incoming: str
    """drop, reject or accept."""
    default_outgoing: str


@dataclass(frozen=True, slots=True)
class FirewallFacts:
    """Packet filtering in this network namespace.

    The four verdicts are ``drop``, ``reject``, ``accept`` (a chain lets it through) or ``none`` (nothing filters).
    They are what becomes of a new TCP connection that no rule names by port, address, interface or state.
    """

    inbound_ipv4: str
    inbound_ipv6: str
    outbound_ipv4: str
    outbound_ipv6: str
    tools: list[str]
    """Who manages rules: firewalld, iptables, ip6tables, nftables, ufw; sorted."""
    rules: Listing[Rule]
    """Filter rules with a verdict of their own."""
    wide_accepts: Listing[str]
    """Inbound rules that accept new connections without naming a port or a source: whole interfaces other than ``lo``,
    everything, or a match this program does not understand; sorted."""
    roads_out: Listing[str]
    """Outbound rules that let a new connection to TCP port 443 of any address pass a chain that drops by default;
    sorted. UDP (QUIC) is not in it."""
    ufw: Ufw | None
    firewalld: Firewalld | None


COMMANDS = (
    list_paths(
        "firewall.programs",
        "/usr/sbin/nft",
        "/usr/sbin/iptables-save",
        "/usr/sbin/ip6tables-save",
        "/usr/sbin/iptables-legacy-save",
        "/usr/sbin/ip6tables-legacy-save",
        "/usr/sbin/ufw",
        "/usr/bin/firewall-cmd",
        "/usr/sbin/firewalld",
        depth=0,
    ),
    Command("firewall.nft", ("/usr/sbin/nft", "-j", "list", "ruleset"), sudo=True),
    Command("firewall.iptables", ("/usr/sbin/iptables-save",), sudo=True),
    Command("firewall.ip6tables", ("/usr/sbin/ip6tables-save",), sudo=True),
    Command("firewall.iptables_legacy", ("/usr/sbin/iptables-legacy-save",), sudo=True),
    Command("firewall.ip6tables_legacy", ("/usr/sbin/ip6tables-legacy-save",), sudo=True),
    read_files("firewall.ufw", "/etc/ufw/ufw.conf", "/etc/default/ufw"),
    Command("firewall.zones", ("/usr/bin/firewall-cmd", "--list-all-zones"), sudo=True, ok_exit=(0, 252)),
    Command("firewall.default_zone", ("/usr/bin/firewall-cmd", "--get-default-zone"), sudo=True, ok_exit=(0, 252)),
    # These two name the old-style tables in use, whether or not a tool could show them.
    read_files("firewall.legacy_tables", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names", sudo=True),
)
# Without nft only the kernel's own symbols tell whether nftables could be filtering at all. The kernel writes a hundred
# thousand lines for that, so it is asked only then.
SECOND = (
    Command(
        "firewall.kernel",
        ("/usr/bin/grep", "-m", "1", "-w", "nf_tables_newtable", "/proc/kallsyms"),
        ok_exit=(0, 1),
    ),
)


def follow_up(answers: Answers) -> tuple[Command, ...]:
    """Return what is asked when nft did not show its rules."""
    return () if hole(answers.get("firewall.nft")) is None else SECOND


def parse(answers: Answers) -> Facts | Hole:
    """Return what the filters in force do with unnamed connections, over every view of them.

    A drop or reject that one view shows is true whatever the others would have shown; an accept is only believed when
    every way to hold rules was looked at.

    Source: nft(8), iptables-save(8), ufw-framework(8), firewalld.zone(5).
    """
    views = _views(answers)
    programs = entries_of(answers.get("firewall.programs"))
    ufw = files_of(answers.get("firewall.ufw"))
    verdicts = {
        "inbound_ipv4": _verdict(views, "input", "ip"),
        "inbound_ipv6": _verdict(views, "input", "ip6"),
        "outbound_ipv4": _verdict(views, "output", "ip"),
        "outbound_ipv6": _verdict(views, "output", "ip6"),
    }
    firewalld, firewalld_holes = _firewalld(answers, programs)
    ufw_facts = None if isinstance(ufw, Hole) else _ufw(ufw)
    rules = list(_rules(views))
    facts = FirewallFacts(
        tools=_tools(views, ufw_facts, firewalld),
        rules=Listing(rules, views.unseen is None),
        wide_accepts=Listing(_wide(views), views.unseen is None),
        roads_out=Listing(roads_out(_shown_once(views)), views.unseen is None),
        ufw=ufw_facts,
        firewalld=firewalld,
        **verdicts,
    )
    holes = [*firewalld_holes, *_ufw_holes(ufw)]
    if views.unseen is not None:
        weak = [path for path, verdict in verdicts.items() if verdict in {"accept", "none"}]
        holes.extend(Hole(path, views.unseen.reason, views.unseen.detail) for path in (*weak, "tools"))
    else:
        holes.extend(_hidden_tools(answers))
    return Facts(facts, tuple(holes))


def _hidden_tools(answers: Answers) -> Iterator[Hole]:
    """nft shows the rules of iptables too, but not that iptables made them."""
    for id_ in ("firewall.iptables", "firewall.ip6tables"):
        why = hole(answers.get(id_), "tools")
        if why is not None and why.reason is not Blind.COMMAND_MISSING:
            yield why
            return


@dataclass(frozen=True, slots=True)
class _Views:
    """What each tool showed."""

    nft: Chains
    iptables: tuple[tuple[str, Chains], ...]
    """``iptables`` and ``ip6tables``, once per backend."""
    shadowed: frozenset[tuple[str, str]]
    """Family and table in ``nft`` that iptables manages and shows better."""
    unseen: Hole | None


def _views(answers: Answers) -> _Views:
    nft, nft_hole = _nft(answers.get("firewall.nft"))
    tables: list[tuple[str, Chains]] = []
    shadowed: set[tuple[str, str]] = set()
    legacy_seen: set[str] = set()
    for view, id_, family in _SAVES:
        answer = answers.get(id_)
        chains = None if answer is None or hole(answer) is not None else iptables_chains(answer.text, family)
        if answer is None or chains is None:
            continue
        tables.append((view, chains))
        if "nf_tables" in answer.text.partition("\n")[0] or (not answer.text.strip() and "legacy" not in id_):
            shadowed |= {(family, table) for family, table, _ in chains}
        else:
            legacy_seen.add(view)
    problem = nft_hole if _kernel_has_nftables(answers.get("firewall.kernel")) else None
    legacy = _legacy_tables(answers.get("firewall.legacy_tables"))
    if problem is None and isinstance(legacy, Hole):
        problem = legacy if len(legacy_seen) < len(_LEGACY) else None
    elif problem is None and not isinstance(legacy, Hole):
        for view in sorted(legacy - legacy_seen):
            problem = hole(answers.get(_LEGACY[view])) or Hole("", Blind.UNPARSEABLE, f"{_LEGACY[view]} cannot be read")
    return _Views(nft, tuple(tables), frozenset(shadowed), problem)


_SAVES = (
    ("iptables", "firewall.iptables", "ip"),
    ("ip6tables", "firewall.ip6tables", "ip6"),
    ("iptables", "firewall.iptables_legacy", "ip"),
    ("ip6tables", "firewall.ip6tables_legacy", "ip6"),
)
_LEGACY = {"iptables": "firewall.iptables_legacy", "ip6tables": "firewall.ip6tables_legacy"}


def _kernel_has_nftables(answer: Answer | None) -> bool:
    """Return whether the kernel can hold nftables rules now; True when that cannot be told."""
    return answer is None or hole(answer) is not None or answer.exit_code == 0


def _legacy_tables(answer: Answer | None) -> frozenset[str] | Hole:
    """Return which of iptables and ip6tables have old-style tables in use.

    Source: net/ipv4/netfilter/ip_tables.c; a table is listed once anything used it in this network namespace.
    """
    files = files_of(answer)
    if isinstance(files, Hole):
        return files
    why = files.hole("")
    if why is not None:
        return why
    return frozenset(
        view
        for view, path in (
            ("iptables", "/proc/net/ip_tables_names"),
            ("ip6tables", "/proc/net/ip6_tables_names"),
        )
        if files.of(path)
    )


def _nft(answer: Answer | None) -> tuple[Chains, Hole | None]:
    problem = hole(answer)
    if answer is None or problem is not None:
        return {}, problem
    if not answer.ran_as_root and not answer.command.sudo:
        return {}, Hole("", Blind.COMMAND_REFUSED, "nft did not run as root")
    chains = nft_chains(answer.text) if answer.text.strip() else {}
    return (chains, None) if chains is not None else ({}, Hole("", Blind.UNPARSEABLE, "nft printed no rule set"))


def _verdict(views: _Views, hook: str, version: str) -> str:
    return strictest([fate(chains, hook, version) for chains in (views.nft, *(shown for _, shown in views.iptables))])


def _rules(views: _Views) -> Iterator[Rule]:
    for chain in views.nft.values():
        if (chain.family, chain.table) not in views.shadowed:
            yield from _chain_rules("nftables", chain)
    for view, chains in views.iptables:
        for chain in chains.values():
            yield from _chain_rules(view, chain)


def _chain_rules(view: str, chain: Chain) -> Iterator[Rule]:
    for rule in chain.rules:
        if rule.verdict in {"accept", "drop", "reject"} and chain.filters:
            yield Rule(
                view=view,
                family=chain.family,
                table=chain.table,
                chain=chain.name,
                hook=chain.hook,
                verdict=rule.verdict,
                ports=list(rule.ports),
                sources=list(rule.sources),
                interfaces=list(rule.interfaces),
                conditions=rule.conditions,
            )


def _wide(views: _Views) -> list[str]:
    found = [pair for pair in wide_accepts(views.nft, "input") if (pair[0].family, pair[0].table) not in views.shadowed]
    found += [pair for _, chains in views.iptables for pair in wide_accepts(chains, "input")]
    return sorted({_shown(chain, rule) for chain, rule in found})


def _shown_once(views: _Views) -> list[Chains]:
    """Return every view, without the tables in nft's that iptables shows better."""
    own = {key: chain for key, chain in views.nft.items() if (chain.family, chain.table) not in views.shadowed}
    return [own, *(chains for _, chains in views.iptables)]


def _shown(chain: Chain, rule: RuleLine) -> str:
    what = ",".join(rule.interfaces) or ("anything" if rule.matches is Matches.ALWAYS else "a match that names no port")
    return f"{chain.family} {chain.table} {chain.name}: {what} accept"


def _tools(views: _Views, ufw: Ufw | None, firewalld: Firewalld | None) -> list[str]:
    own = any((chain.family, chain.table) not in views.shadowed and chain.hook for chain in views.nft.values())
    named = {view for view, chains in views.iptables if chains}
    named |= {"nftables"} if own else set()
    named |= {"ufw"} if ufw is not None and ufw.enabled else set()
    named |= {"firewalld"} if firewalld is not None and firewalld.running else set()
    return sorted(named)


def _ufw(files: TextFiles) -> Ufw | None:
    conf = settings(files.of("/etc/ufw/ufw.conf"))
    defaults = settings(files.of("/etc/default/ufw"))
    if not conf and not defaults:
        return None
    return Ufw(
        enabled=conf.get("ENABLED", "").strip('"').lower() == "yes",
        default_incoming=defaults.get("DEFAULT_INPUT_POLICY", "").strip('"').lower(),
        default_outgoing=defaults.get("DEFAULT_OUTPUT_POLICY", "").strip('"').lower(),
    )


def _ufw_holes(files: TextFiles | Hole) -> list[Hole]:
    if isinstance(files, Hole):
        return [Hole("ufw", files.reason, files.detail)]
    return list(filter(None, [files.hole("ufw")]))


def _firewalld(answers: Answers, programs: Entries | Hole) -> tuple[Firewalld | None, list[Hole]]:
    if not isinstance(programs, Hole) and programs.complete and programs.at("/usr/bin/firewall-cmd") is None:
        return None, []
    zones = answers.get("firewall.zones")
    default = answers.get("firewall.default_zone")
    problem = hole(zones) or hole(default)
    if zones is None or default is None or problem is not None:
        reason = problem or Hole("", Blind.NOT_ATTEMPTED)
        return None, [Hole("firewalld", reason.reason, reason.detail)]
    if zones.exit_code == _NOT_RUNNING:
        return Firewalld(running=False, default_zone=None, default_target=None, zones={}), []
    found = _zones(zones.text)
    name = default.text.strip() or None
    zone = found.get(name or "")
    return Firewalld(True, name, zone.target if zone else None, found), []


_NOT_RUNNING = 252  # firewall-cmd(1), EXIT CODES


def _zones(text: str) -> dict[str, Zone]:
    zones: dict[str, Zone] = {}
    for block in text.split("\n\n"):
        head, _, body = block.strip("\n").partition("\n")
        name, _, state = head.partition(" ")
        if not name or ":" in head:
            continue
        values = {key.strip(): value.split() for key, _, value in (line.partition(":") for line in body.splitlines())}
        zones[name] = Zone(
            name=name,
            target=" ".join(values.get("target", ["default"])),
            active="active" in state,
            interfaces=sorted(values.get("interfaces", [])),
            sources=sorted(values.get("sources", [])),
            services=sorted(values.get("services", [])),
            ports=sorted(values.get("ports", [])),
        )
    return zones


COLLECTOR = Collector("firewall", 1, COMMANDS, FirewallFacts, parse, follow_up, SECOND)

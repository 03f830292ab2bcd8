"""A packet filter's rule while it is read, in either language.

Each ``match_…`` notes on the draft what one match says; ``equal`` is False for a match that is turned round.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.netfilter import Matches, RuleLine


@dataclass(slots=True)
class Draft:
    """A rule while its expressions are read."""

    matches: Matches = Matches.ALWAYS
    verdict: str = ""
    target: str = ""
    ports: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    conditions: int = 0
    only: str = ""
    destinations: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)

    def narrow(self, matches: Matches) -> None:
        """Apply to less: what never matches stays so, whatever else the rule says."""
        if self.matches is Matches.ALWAYS or matches is Matches.NEVER:
            self.matches = matches

    def done(self) -> RuleLine:
        """Return the rule as read."""
        return RuleLine(
            self.matches,
            self.verdict,
            self.target,
            tuple(sorted(self.ports)),
            tuple(sorted(self.sources)),
            tuple(sorted(self.interfaces)),
            self.conditions,
            self.only,
            tuple(sorted(self.destinations)),
            tuple(sorted(self.owners)),
        )


def match_interfaces(draft: Draft, names: list[str], equal: bool) -> None:
    if equal and names == ["lo"]:
        draft.interfaces.append("lo")
        draft.narrow(Matches.NEVER)
    elif not equal and names == ["lo"]:
        draft.narrow(Matches.ALWAYS)
    else:
        draft.interfaces.extend(names if equal else [f"!{name}" for name in names])
        draft.narrow(Matches.NAMED)


def match_transport(draft: Draft, names: list[str], equal: bool) -> None:
    if bool({"tcp", "6"} & set(names)) == equal:
        draft.narrow(Matches.ALWAYS)
    else:
        draft.conditions += 1
        draft.narrow(Matches.NEVER)


_EVERY_PORT = frozenset({"0-65535", "1-65535"})


def match_ports(draft: Draft, proto: str, ports: list[str], equal: bool) -> None:
    proto = "tcp" if proto == "th" else proto
    if proto == "tcp" and equal and _EVERY_PORT & set(ports):
        draft.narrow(Matches.ALWAYS)
        return
    draft.ports.extend(f"{'' if equal else '!'}{proto}/{port}" for port in ports)
    draft.narrow(Matches.NAMED)
    draft.conditions += not ports


def match_sources(draft: Draft, networks: list[str], equal: bool) -> None:
    if equal and any(network in {"0.0.0.0/0", "::/0"} for network in networks):
        draft.narrow(Matches.ALWAYS)
        return
    draft.sources.extend(networks if equal else [f"!{network}" for network in networks])
    draft.narrow(Matches.NAMED)
    draft.conditions += not networks


def match_destinations(draft: Draft, networks: list[str], equal: bool) -> None:
    if not (equal and any(network in {"0.0.0.0/0", "::/0"} for network in networks)):
        draft.destinations.extend(networks if equal else [f"!{network}" for network in networks])
    # What a rule says of where a connection goes never makes it one for every address of this host.
    draft.narrow(Matches.NAMED)
    draft.conditions += 1


def match_owners(draft: Draft, names: list[str], equal: bool) -> None:
    draft.owners.extend(names if equal else [])
    draft.narrow(Matches.NAMED)
    draft.conditions += 1


def match_states(draft: Draft, states: list[str], equal: bool) -> None:
    applies = ("new" in {state.lower() for state in states}) == equal
    draft.narrow(Matches.ALWAYS if applies else Matches.NEVER)
    draft.conditions += not applies

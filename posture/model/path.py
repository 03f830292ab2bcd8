"""What an attacker could do next: capabilities, the rules that join them, and the ways through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NodeKind(StrEnum):
    """What an attacker holds when the node is reached."""

    VANTAGE = "vantage"
    ZONE = "zone"
    """May send packets from inside the zone."""
    REACH = "reach"
    """May reach one class of ports of a zone that the same vantages see open."""
    ENDPOINT = "endpoint"
    ACCOUNT = "account"
    ROOT = "root"
    CONTAINER = "container"
    KEY = "key"
    KEY_USE = "key-use"
    CA = "ca"
    CERT_USE = "cert-use"
    SECRET = "secret"  # noqa: S105 - a kind of node
    IDENTITY = "identity"
    SECRET_USE = "secret-use"  # noqa: S105 - a kind of node
    VULN_USE = "vuln-use"
    SHARE = "share"
    MANAGER = "manager"
    OBJECTIVE = "objective"


class Tier(StrEnum):
    """How likely a capable attacker succeeds who tries; the numbers stand in ``baselines/graph/tiers.yaml``."""

    STRUCTURAL = "S"
    BY_DESIGN = "A"
    KNOWN_TRICK = "B"
    WEAPONISED = "C"
    PUBLIC_EXPLOIT = "D"
    NO_EXPLOIT = "E"
    RESIDUAL = "R"


class Basis(StrEnum):
    """What an edge rests on; each is drawn differently."""

    OBSERVED = "observed"
    DERIVED = "derived"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One capability of an attacker."""

    id: str
    """Stable across runs: ``account:web1/deploy``, ``endpoint:web1/tcp/22``, ``key:SHA256:…``."""
    kind: NodeKind
    label: str
    """For people: "deploy on web1"."""
    host: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """A configuration fact that a rule needs: not a node but a label on edges, and what a fix takes away."""

    id: str
    """Stable across runs: ``web1|SSH-02|`` for a finding, ``web1|key|SHA256:…|deploy`` for a legitimate setting."""
    host: str
    why: str
    """One sentence: what is configured."""
    check: str = ""
    """The check whose remediation takes it away; empty where no check speaks of it."""
    finding: str = ""
    """Id of the open finding that says so; empty for a legitimate setting."""
    remedy: str = ""
    """What to change where no check says it."""


@dataclass(frozen=True, slots=True, order=True)
class EvidenceRef:
    """Where a rule's fact stands: a fact document, and the raw answer behind it."""

    host: str
    topic: str
    path: str
    document: str
    """Hex sha256 of the fact document."""
    observed_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One rule at one place: the conclusion holds if every premise does, as long as every condition stands."""

    id: str
    """Digest over rule, premises, conclusion and conditions: stable across runs."""
    rule: str
    """Id in the rule catalogue."""
    revision: int
    premises: tuple[str, ...]
    """Node ids, sorted; more than one is an AND."""
    conclusion: str
    conditions: tuple[str, ...]
    """Ids of conditions, sorted. Taking away any one of them removes the edge; none: nothing here can be mended."""
    tier: Tier
    p: float
    """P(success | a capable attacker tries), from the tier."""
    confidence: float
    """How sure it is that the edge exists, 0 to 1; 0.9 and above counts as confirmed."""
    cause: str
    """Edges of one cause succeed or fail together (one CVE and product, one technique and class); own id otherwise."""
    minutes_human: float
    minutes_machine: float
    basis: Basis
    why: str
    """One sentence with the evidence in it."""
    attempt: float = 1.0
    """P(somebody tries it within 30 days), EPSS where a CVE is used; the opportunistic profile counts it on entry."""
    attack: tuple[str, ...] = ()
    """ATT&CK technique ids."""
    evidence: tuple[EvidenceRef, ...] = ()
    disputed_by: str = ""


@dataclass(frozen=True, slots=True, order=True)
class AttackOrigin:
    """Where an attacker starts, and how likely that is in this scenario."""

    node: str
    prior: float
    why: str
    assumed: bool = False
    """True for an assumed breach: shown apart."""


@dataclass(frozen=True, slots=True, order=True)
class Objective:
    """What must not be reached."""

    node: str
    weight: float
    """Mission value; ordinal and uncalibrated."""
    why: str
    certified: bool
    """True where the operator says so; False for a candidate of ours."""


@dataclass(frozen=True, slots=True, order=True)
class NotEvaluated:
    """A rule that could not be asked somewhere: its edges are unknown there, never absent."""

    rule: str
    host: str
    """Empty for a rule that no collector serves at all."""
    why: str
    lets_in: bool = False
    """Somebody whom nothing that was read names may get in on this host."""


@dataclass(frozen=True, slots=True)
class AttackGraph:
    """All that an attacker could do by the evidence of one run. Everything is sorted; equal evidence, equal graph."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    conditions: tuple[Condition, ...]
    origins: tuple[AttackOrigin, ...]
    objectives: tuple[Objective, ...]
    not_evaluated: tuple[NotEvaluated, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a way: an edge, and the steps its premises came from."""

    number: int
    edge: str
    after: tuple[int, ...]
    """Numbers of the steps that bring its premises; empty for what an origin gives."""
    sentence: str


@dataclass(frozen=True, slots=True)
class AttackPath:
    """One derivation of an objective: a tree of rules, told as numbered steps with the joins named."""

    id: str
    """Digest over the edges; stable across runs."""
    origin: str
    objective: str
    steps: tuple[Step, ...]
    probability: float
    """Its origins' priors times the product over distinct causes of ``p``, were every step as good as seen.

    Other ways may lead there too, so it is a lower bound for the objective; uncalibrated.
    """
    confidence: float
    """The least of its steps."""
    minutes_human: float
    minutes_machine: float
    breaks: tuple[str, ...]
    """Ids of the conditions whose end would end this way, sorted."""
    assumed: bool = False
    """It starts from an assumed breach."""

    @property
    def confirmed(self) -> bool:
        """Whether every step is as good as seen."""
        return self.confidence >= 0.9

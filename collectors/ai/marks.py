"""Words of the table of AI services: what a tell-tale is, what a service is, and patterns that many rows share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """How well a tell-tale is known."""

    LIVE = "live"
    """Seen by this project on the real service (docs/ai-services.md says which version)."""
    SRC = "src"
    """Read in the service's own source."""
    DOC = "doc"
    """Its documentation."""
    AIG = "aig"
    """A matcher of Tencent/AI-Infra-Guard (Apache-2.0), as a source of facts; not seen on a real one here."""
    K = "K"
    """General knowledge, not confirmed on a real one."""


class Kind(StrEnum):
    """What a service is for; each is a list of its own in the facts."""

    OLLAMA = "ollama"
    VLLM = "vllm"
    RAY = "ray"
    NOTEBOOK = "notebook"
    TRACKING = "tracking"
    TRITON = "triton"
    MODEL_SERVER = "model_server"
    GATEWAY = "gateway"
    APP_BUILDER = "app_builder"
    VECTOR_STORE = "vector_store"
    MCP = "mcp"
    AGENT = "agent"
    PIPELINE = "pipeline"


class Role(StrEnum):
    """What a tell-tale says."""

    IDENTITY = "identity"
    VERSION = "version"
    OPEN = "open"
    """What should need a login answered without one."""
    GUARDED = "guarded"
    """It says itself that a login is needed, with status 200."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One tell-tale in the answer to one path."""

    id: str
    path: str
    pattern: str
    """Regular expression over the body, or over the head where ``in_head``; a group ``version`` is the version."""
    role: Role = Role.IDENTITY
    source: Source = Source.K
    statuses: tuple[int, ...] = (200,)
    """Only in answers with one of these status codes."""
    in_head: bool = False
    """Look at ``name: value`` lines of the headers in ``HEAD_FIELDS``, names in lower case, not at the body."""


@dataclass(frozen=True, slots=True)
class Service:
    """One product."""

    id: str
    name: str
    kind: Kind
    marks: tuple[Mark, ...]
    proofs: tuple[tuple[str, ...], ...]
    """Sets of marks; every mark of one set must be there."""
    guards: tuple[str, ...] = ()
    """Paths that should need a login: 401, 403, 407 or a redirect there means that it is guarded."""
    leaks: bool = False
    """Its key covers only a part of what it serves, so a guarded one is ``partial``."""
    ports: tuple[int, ...] = ()
    """Usual ports: they say what to ask first, never what it is."""
    servers: tuple[str, ...] = ()
    """Words of the ``Server`` header that make it likelier; the same."""


HEAD_FIELDS = ("server", "content-type", "allow", "www-authenticate", "location")
V = r"(?P<version>v?[0-9]{1,6}(?:\.[0-9A-Za-z+-]{1,24}){0,5})"
JSON = r"(?m)^content-type: application/json"
ONLY_VERSION = rf'\A\s{{0,9}}\{{\s{{0,9}}"version"\s{{0,9}}:\s{{0,9}}"{V}"\s{{0,9}}\}}\s{{0,9}}\Z'
SOME_VERSION = rf'"version"\s{{0,9}}:\s{{0,9}}"{V}"'
SRC, DOC, AIG, K = Source.SRC, Source.DOC, Source.AIG, Source.K


def owned_by(id_: str, owner: str, source: Source) -> Mark:
    """Return a mark of a model list that names this owner."""
    return Mark(id_, "/v1/models", rf'"owned_by"\s{{0,9}}:\s{{0,9}}"{owner}"', source=source)


def open_json(id_: str, path: str, source: Source) -> Mark:
    """Return a mark that JSON came without a login."""
    return Mark(id_, path, JSON, Role.OPEN, source, in_head=True)


def title(id_: str, title: str, source: Source) -> Mark:
    """Return a mark of the front page by its title."""
    return Mark(id_, "/", rf"<title>\s{{0,40}}{title}", source=source)

"""Settings of agents and their MCP servers, by structure: names, programs, hosts, and whether a value stands there.

The pattern stops before each value, so that none ever leaves the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.records import FoundFile

_S = "[[:space:]]*"
_PARTS = (
    # "command": "npx", without its arguments
    rf'"command"{_S}:{_S}"[A-Za-z0-9_./+-]{{1,120}}"',
    # "url": "https://host:port and no path; an address with a name before @ does not fit at all
    rf'"(url|serverUrl|httpUrl)"{_S}:{_S}"https?://[A-Za-z0-9.-]{{1,120}}(:[0-9]{{1,5}})?[/"]',
    # "NAME": " and at most a $ or the closing quote after it: whether a value stands here, not which
    rf'"[A-Z][A-Z0-9_]{{2,60}}"{_S}:{_S}"[$"]?',
    rf'"(Authorization|X-Api-Key|apiKey|api_key|token|bearer_token)"{_S}:{_S}"(Bearer )?[$"]?',
    # "name": {
    rf'"[A-Za-z0-9_.-]{{1,64}}"{_S}:{_S}[{{]',
    # a version at the end of an argument
    '@(latest|[0-9]+[.][0-9]+([.][0-9]+)?)"',
    '==[0-9]+[.][0-9.]+"',
)
PATTERN = "|".join(_PARTS)
"""For `grep -oE`."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """One MCP server that an agent starts or calls."""

    name: str
    command: str | None
    """Program without its arguments; ``None`` for one that is called over the network."""
    host: str | None
    """Host and port of its URL."""
    encrypted: bool | None
    """Whether the URL is https; ``None`` without one."""
    fetched_unpinned: bool
    """It is fetched from a registry at every start (npx, uvx, …) in whatever version is there."""


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One file of settings."""

    path: str
    kind: str
    """Its last name, such as ``mcp.json``."""
    mode: str
    owner: str
    readable_by_others: bool
    writable_by_others: bool
    servers: list[McpServer]
    """Of JSON files; those of other formats are not read."""
    literal_secrets: list[str]
    """Names that promise a secret and have a value written out beside them, sorted; never the value."""


def config_of(file: FoundFile) -> AgentConfig:
    """Return what the structure of one file says."""
    mode = int(file.mode, 8)
    return AgentConfig(
        path=file.path,
        kind=file.path.rpartition("/")[2],
        mode=file.mode,
        owner=file.owner,
        readable_by_others=bool(mode & 0o044),
        writable_by_others=bool(mode & 0o022),
        servers=list(_servers(file.text)),
        literal_secrets=sorted(set(_literals(file.text))),
    )


_OPENS = re.compile(r'"(?P<name>[^"]{1,64})"\s*:\s*\{')
_COMMAND = re.compile(r'"command"\s*:\s*"(?P<command>[^"]{1,120})"')
_URL = re.compile(r'"(?:url|serverUrl|httpUrl)"\s*:\s*"(?P<scheme>https?)://(?P<host>[^/"]{1,130})[/"]')
_NAMED = re.compile(r'"(?P<name>[A-Za-z0-9_-]{2,62})"\s*:\s*"(?:Bearer ?)?(?P<rest>[$"]?)')
_PINNED = re.compile(r"(?:@|==)[0-9]")
_PROMISES = re.compile(r"KEY|TOKEN|SECRET|PASS|AUTH|CREDENTIAL|BEARER", re.IGNORECASE)
_CONTAINERS = frozenset(
    ("mcpServers", "servers", "mcp", "context_servers", "env", "headers", "inputs", "projects", "http")
)
_FETCHERS = frozenset({"npx", "uvx", "bunx", "pnpx", "pipx", "dlx"})


def _servers(text: str) -> Iterator[McpServer]:
    """Yield a server for every named object in which a program or an address stands."""
    name, seen = "", list[str]()
    for line in text.split("\n"):
        opened = _OPENS.fullmatch(line.strip())
        if opened is None:
            seen.append(line.strip())
        elif opened["name"] not in _CONTAINERS:
            yield from _server(name, seen)
            name, seen = opened["name"], []
    yield from _server(name, seen)


def _server(name: str, seen: list[str]) -> Iterator[McpServer]:
    commands = [found["command"] for line in seen if (found := _COMMAND.fullmatch(line)) is not None]
    urls = [found for line in seen if (found := _URL.fullmatch(line)) is not None]
    if not commands and not urls:
        return
    program = commands[0].rpartition("/")[2] if commands else ""
    pinned = any(_PINNED.match(line) for line in seen)
    yield McpServer(
        name=name,
        command=commands[0] if commands else None,
        host=urls[0]["host"] if urls else None,
        encrypted=urls[0]["scheme"] == "https" if urls else None,
        fetched_unpinned=program in _FETCHERS and not pinned,
    )


def _literals(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        found = _NAMED.fullmatch(line.strip())
        if found is not None and not found["rest"] and _PROMISES.search(found["name"]):
            yield found["name"]

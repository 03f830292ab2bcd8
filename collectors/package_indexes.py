"""The `package_indexes` topic: where pip and npm take packages from on the whole host, and whether they verify it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, Listing
from collectors.textfiles import Line, files_of
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class Setting:
    """One line that names an index, or loosens how it is checked."""

    path: str
    line: int
    tool: str
    """pip or npm."""
    key: str
    """As pip and npm spell it: ``index-url``, ``extra-index-url``, ``trusted-host``, ``registry``, ``strict-ssl``, …"""
    host: str
    """The host of the address, without account or password; empty when the line names none."""
    verified: bool
    """False for an address without TLS, a trusted host, or TLS that is not verified."""
    second_index: bool
    """A further index that is asked beside the first: whoever owns a name there wins by a higher version."""


@dataclass(frozen=True, slots=True)
class PackageIndexFacts:
    """Settings of the machine and of root; those of other accounts, projects and environments are not read."""

    settings: Listing[Setting]
    """Sorted by path and line."""


_FILES = (
    "/etc/pip.conf",
    "/etc/xdg/pip/pip.conf",
    "/root/.config/pip/pip.conf",
    "/root/.pip/pip.conf",
    "/etc/npmrc",
    "/usr/etc/npmrc",
    "/usr/local/etc/npmrc",
    "/root/.npmrc",
)
_KEYS = (
    *("index-url", "index_url", "extra-index-url", "extra_index_url", "trusted-host", "trusted_host"),
    *("find-links", "find_links", "strict-ssl", "registry"),
)
_WANTED = f"^( +|)(@.+:|)({'|'.join(_KEYS)})( +|)="
"""Without the characters that mean something in a sudo rule; a key behind a tab is missed, as pip writes none."""

COMMANDS = (
    # Lines with these keys only: the same files hold tokens.
    Command(
        "package_indexes.files",
        ("/usr/bin/grep", "-RHaZniE", "-D", "skip", _WANTED, *_FILES),
        sudo=True,
        ok_exit=(0, 1, 2),
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the settings.

    Source: pip documentation, Configuration and the warning on ``--extra-index-url``; npm documentation, config.
    """
    files = files_of(answers.get("package_indexes.files"))
    if isinstance(files, Hole):
        return files
    return Facts(PackageIndexFacts(Listing(list(_settings(files.lines)), files.complete)))


_LINE = re.compile(r"\s*(?P<key>[^=\s]+)\s*=\s*(?P<value>.*?)\s*")
_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,15})://(?:[^/@\s]*@)?(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])"
)


def _settings(lines: tuple[Line, ...]) -> Iterator[Setting]:
    for line in lines:
        found = _LINE.fullmatch(line.text)
        if found is None:
            continue
        tool = "npm" if line.path.endswith("npmrc") else "pip"
        key = found["key"].lower().replace("_", "-")
        addresses = list(_ADDRESS.finditer(found["value"]))
        plain = any(one["scheme"].lower() == "http" for one in addresses)
        loose = key == "trusted-host" or (key == "strict-ssl" and found["value"].lower() == "false")
        yield Setting(
            path=line.path,
            line=line.number,
            tool=tool,
            key=key,
            host=addresses[0]["host"] if addresses else "",
            verified=not (plain or loose),
            second_index=key == "extra-index-url" or (key in {"index-url", "find-links"} and len(addresses) > 1),
        )


COLLECTOR = Collector(topic="package_indexes", version=1, commands=COMMANDS, facts=PackageIndexFacts, parse=parse)

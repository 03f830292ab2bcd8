"""The `browsers` topic: web browsers on the host, and whether a policy of the machine restricts what they download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from collectors.base import Answers, Collector, Facts, Listing
from collectors.listed import entries_of, list_paths
from collectors.textfiles import TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser."""

    name: str
    path: str
    policies: list[str]
    """Policy files the machine's administrator set, sorted; users cannot change them."""
    downloads_restricted: bool
    """Dangerous downloads are refused, and the user cannot overrule that."""


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """Browsers in the usual places; those unpacked into a home directory are not looked for."""

    installed: Listing[Browser]
    """Sorted by path."""


_FIREFOX = (
    "/etc/firefox/policies/policies.json",
    "/usr/lib/firefox/distribution/policies.json",
    "/usr/lib/firefox-esr/distribution/policies.json",
    "/usr/lib64/firefox/distribution/policies.json",
)
"""Firefox reads one file: that of /etc before that of its own directory."""
_CHROME = "/etc/opt/chrome/policies/managed"
_CHROMIUM = ("/etc/chromium/policies/managed", "/etc/chromium-browser/policies/managed")
_EDGE = "/etc/opt/edge/policies/managed"
_BRAVE = "/etc/brave/policies/managed"

_PROGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "/snap/bin/chromium": ("chromium", _CHROMIUM),
    "/snap/bin/firefox": ("firefox", _FIREFOX),
    "/usr/bin/brave-browser-stable": ("brave", (_BRAVE,)),
    "/usr/bin/chromium": ("chromium", _CHROMIUM),
    "/usr/bin/chromium-browser": ("chromium", _CHROMIUM),
    "/usr/bin/epiphany": ("epiphany", ()),
    "/usr/bin/falkon": ("falkon", ()),
    "/usr/bin/firefox": ("firefox", _FIREFOX),
    "/usr/bin/firefox-esr": ("firefox", _FIREFOX),
    "/usr/bin/google-chrome-stable": ("chrome", (_CHROME,)),
    "/usr/bin/konqueror": ("konqueror", ()),
    "/usr/bin/microsoft-edge-stable": ("edge", (_EDGE,)),
    "/var/lib/flatpak/exports/bin/com.google.Chrome": ("chrome", (_CHROME,)),
    "/var/lib/flatpak/exports/bin/org.chromium.Chromium": ("chromium", _CHROMIUM),
    "/var/lib/flatpak/exports/bin/org.mozilla.firefox": ("firefox", _FIREFOX),
}
"""Program to name and the places of its policies; the last three know no policy for downloads."""

_POLICIES = (*_FIREFOX, _BRAVE, *_CHROMIUM, _CHROME, _EDGE)

COMMANDS = (
    list_paths("browsers.programs", *_PROGRAMS, depth=0),
    read_files("browsers.policies", *_POLICIES),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the browsers with their policies.

    Source: chromium.org, "Linux Quick Start" for policies and DownloadRestrictions (1 to 4 restrict);
    mozilla.github.io/policy-templates, DisableSecurityBypass.
    """
    listed = entries_of(answers.get("browsers.programs"))
    if isinstance(listed, Hole):
        return listed
    files = files_of(answers.get("browsers.policies"))
    found = [path for path in sorted(_PROGRAMS) if listed.at(path) is not None]
    holes: list[Hole] = []
    installed: list[Browser] = []
    for path in found:
        name, places = _PROGRAMS[path]
        policy = _policy(files, places)
        installed.append(_browser(path, name, policy if isinstance(policy, dict) else {}))
        if isinstance(policy, Hole) and places:
            at = f"installed[path={path}]"
            holes += [
                Hole(f"{at}.{field}", policy.reason, policy.detail) for field in ("policies", "downloads_restricted")
            ]
    return Facts(BrowserFacts(Listing(installed, listed.complete)), tuple(holes))


def _policy(files: TextFiles | Hole, places: tuple[str, ...]) -> dict[str, dict[str, Any]] | Hole:
    """Return the policy files of one browser, path to content, in the order in which the last one wins."""
    if isinstance(files, Hole):
        return files
    unread = files.hole("")
    if unread is not None:
        return unread
    paths = [path for place in places for path in files.paths() if path == place or path.startswith(f"{place}/")]
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        if not path.endswith(".json"):
            continue
        try:
            content = msgspec.json.decode("\n".join(line.text for line in files.of(path)))
        except (msgspec.DecodeError, RecursionError):
            return Hole("", Blind.UNPARSEABLE, f"{path} is not JSON")
        if not isinstance(content, dict):
            return Hole("", Blind.UNPARSEABLE, f"{path} holds no object")
        found[path] = content
    return found


def _browser(path: str, name: str, policy: dict[str, dict[str, Any]]) -> Browser:
    restricted = _firefox(policy) if name == "firefox" else _chromium(policy)
    return Browser(name, path, sorted(policy), restricted)


def _chromium(policy: dict[str, dict[str, Any]]) -> bool:
    values = [content["DownloadRestrictions"] for content in policy.values() if "DownloadRestrictions" in content]
    return bool(values) and values[-1] in (1, 2, 3, 4) and values[-1] is not True


def _firefox(policy: dict[str, dict[str, Any]]) -> bool:
    return next(_bypass_closed(policy), False)


def _bypass_closed(policy: dict[str, dict[str, Any]]) -> Iterator[bool]:
    for content in policy.values():
        rules = content.get("policies")
        bypass = rules.get("DisableSecurityBypass") if isinstance(rules, dict) else None
        yield isinstance(bypass, dict) and bypass.get("SafeBrowsing") is True


COLLECTOR = Collector(topic="browsers", version=1, commands=COMMANDS, facts=BrowserFacts, parse=parse)

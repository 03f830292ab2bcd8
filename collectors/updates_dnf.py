"""Updates and package sources of dnf."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from collectors.base import Answer, Answers, Facts, Listing, hole
from collectors.listed import Entries
from collectors.textfiles import Line, TextFiles, files_of
from collectors.updates_facts import TRUE, Automatic, Pending, Repository, facts_of, is_security
from posture.model.observation import Blind, Hole


def from_dnf(answers: Answers, cache: Entries) -> Facts | Hole:
    """Return what dnf says: its files, its advisories and the times of its cache."""
    files = files_of(answers.get("updates.dnf_files"))
    if isinstance(files, Hole):
        return files
    main_path = "/etc/dnf/dnf.conf" if files.has("/etc/dnf/dnf.conf") else "/etc/yum.conf"
    main = dict(_sections(files.of(main_path))).get("main", (0, {}))[1]
    checked = main.get("gpgcheck", "0").lower() in TRUE
    repositories = [
        _section(path, start, name, values, checked)
        for path in files.paths()
        if path.endswith(".repo")
        for name, (start, values) in _sections(files.of(path))
    ]
    sections = [values for path in files.paths() for _, (_, values) in _sections(files.of(path))]
    listed = sorted(repositories, key=lambda r: (r.path, r.line))
    refused = Hole("refreshed_at", Blind.COMMAND_REFUSED, "; ".join(cache.unreadable)[:200])
    return facts_of(
        manager="dnf",
        pending=_dnf_pending(answers.get("updates.dnf")) or _any_advisories(answers.get("updates.dnf_advisories")),
        refreshed_at=_refreshed_dnf(cache),
        automatic=_dnf_automatic(files),
        repositories=Listing(listed, files.complete),
        checked=checked,
        held_back=any("exclude" in values or "excludepkgs" in values for values in (main, *sections)),
        kept={"dnf": main},
        holes=[refused] if cache.unreadable else [],
    )


def _sections(lines: Iterable[Line]) -> Iterator[tuple[str, tuple[int, dict[str, str]]]]:
    name = ""
    start = 0
    values: dict[str, str] = {}
    for line in lines:
        text = line.text.strip()
        if text.startswith("[") and text.endswith("]"):
            if name:
                yield name, (start, values)
            name, start, values = text[1:-1], line.number, {}
        elif "=" in text and not text.startswith(("#", ";")):
            key, _, value = text.partition("=")
            values[key.strip().lower()] = re.sub(r"//[^/@]*@", "//", value.strip())
    if name:
        yield name, (start, values)


_URLS = ("baseurl", "mirrorlist", "metalink")


def _section(path: str, start: int, name: str, values: Mapping[str, str], checked: bool) -> Repository:
    urls = [url for key in _URLS for url in re.split(r"[\s,]+", values.get(key, "")) if url]
    own = values.get("gpgcheck")
    return Repository(
        id=name,
        path=path,
        line=start,
        enabled=values.get("enabled", "1").lower() in TRUE,
        signed=own.lower() in TRUE if own is not None else checked,
        encrypted=all(url.startswith(("https:", "file:")) for url in urls),
        security=is_security(name),
    )


_ADVISORY = re.compile(r"(?P<advisory>\S+-\d{4}\S*)\s+(?P<kind>\S+)\s+(?P<nevra>\S+\.\w+)(?:\s.*)?$")
_NEVRA = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?P<arch>\w+)$")


def _dnf_pending(answer: Answer | None) -> list[Pending] | Hole:
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    found: list[Pending] = []
    for line in answer.text.splitlines():
        row = _ADVISORY.match(line.strip())
        parts = _NEVRA.match(row["nevra"]) if row is not None else None
        if row is None or parts is None:
            continue
        severity = row["kind"].removesuffix("/Sec.").lower()
        kind = severity if severity in {"critical", "important", "moderate", "low"} else ""
        found.append(Pending(parts["name"], "", parts["version"], True, row["advisory"], kind))
    if answer.text.strip() and not found:
        return Hole("", Blind.UNPARSEABLE, "dnf printed no advisory we can read")
    return found


def _any_advisories(answer: Answer | None) -> list[Pending] | Hole:
    """Return that nothing is pending, or why an empty list says nothing: CentOS Stream publishes no advisories.

    Source: dnf(8), UPDATEINFO COMMAND: dnf 4 counts ``notice(s)`` by kind, dnf 5 prints a table with zeros in it.
    """
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED, "whether the repositories publish advisories was not asked")
    if not re.search(r"\b[1-9][0-9]*\b", answer.text):
        return Hole("", Blind.NOT_ATTEMPTED, "the repositories publish no advisories: which updates are security's?")
    return []


def _refreshed_dnf(cache: Entries) -> str | None:
    times = [
        entry.modified_s for entry in cache.found if entry.path.endswith((".solv", "-repodata", "/last_makecache"))
    ]
    times += [entry.modified_s for entry in cache.found if re.search(r"-[0-9a-f]{16}$", entry.path)]
    return datetime.fromtimestamp(max(times), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if times else None


def _dnf_automatic(files: TextFiles) -> Automatic:
    lines = files.of("/etc/dnf/automatic.conf")
    if not lines:
        return Automatic("none", enabled=False, security=False)
    commands = dict(_sections(lines)).get("commands", (0, {}))[1]
    return Automatic("dnf-automatic", commands.get("apply_updates", "no").lower() in TRUE, security=True)

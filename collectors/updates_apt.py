"""Updates and package sources of apt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from collectors.base import Answer, Answers, Facts, Listing, hole
from collectors.listed import Entries, entries_of
from collectors.textfiles import Line, TextFiles, files_of
from collectors.updates_facts import TRUE, Automatic, Pending, Repository, facts_of, is_security
from posture.model.observation import Blind, Hole


def from_apt(answers: Answers) -> Facts:
    """Return what apt says: its configuration, its simulation, its sources and the times of its lists."""
    config = _apt_config(answers["updates.apt_config"])
    sources = files_of(answers.get("updates.apt_sources"))
    lists = entries_of(answers.get("updates.apt_lists"))
    repositories = [] if isinstance(sources, Hole) else sorted(_apt_sources(sources), key=lambda r: (r.path, r.line))
    holes: list[Hole] = []
    if isinstance(lists, Hole):
        holes += [Hole(path, lists.reason, lists.detail) for path in ("refreshed_at", "automatic")]
    elif not lists.complete:
        why = "; ".join(lists.unreadable)[:200] or "the list of package lists was cut off"
        holes += [Hole(path, Blind.TRUNCATED, why) for path in ("refreshed_at", "automatic")]
    if isinstance(sources, Hole):
        holes += [Hole(path, sources.reason, sources.detail) for path in ("repositories", "signatures_enforced")]
    return facts_of(
        manager="apt",
        pending=_apt_pending(answers, repositories, lists),
        refreshed_at=None if isinstance(lists, Hole) else _refreshed(lists, "/var/lib/apt/lists"),
        automatic=_unattended(config, lists),
        repositories=Listing(repositories, not isinstance(sources, Hole) and sources.complete),
        checked=not any(config.get(key, "").lower() in TRUE for key in _UNSIGNED),
        held_back=_keeps_back(answers.get("updates.apt")),
        kept={"apt": {key: value for key, value in config.items() if key.startswith(_KEPT)}},
        holes=holes,
    )


_UNSIGNED = (
    "APT::Get::AllowUnauthenticated",
    "Acquire::AllowInsecureRepositories",
    "Acquire::AllowWeakRepositories",
)
_KEPT = ("APT::Periodic::", "Unattended-Upgrade::", "APT::Get::AllowUnauthenticated", "Acquire::Allow")
_SETTING = re.compile(r'(?P<key>\S+) "(?P<value>.*)";$')


def _apt_config(answer: Answer) -> dict[str, str]:
    """Return every setting; list items (``Key::``) are joined by new lines."""
    values: dict[str, str] = {}
    for line in answer.text.splitlines():
        found = _SETTING.match(line)
        if found is not None:
            key, value = found["key"], found["value"]
            values[key] = f"{values[key]}\n{value}" if key.endswith("::") and key in values else value
    return values


_INST = re.compile(
    r"Inst (?P<package>\S+)(?: \[(?P<installed>[^\]]*)\])? \((?P<candidate>\S+) (?P<origins>.*?) ?\[\w[\w-]*\]\)"
)


def _apt_pending(answers: Answers, repositories: list[Repository], lists: Entries | Hole) -> list[Pending] | Hole:
    answer = answers.get("updates.apt")
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    if isinstance(lists, Hole):
        return lists
    fetched = [entry.path for entry in lists.found if "_dists_" in entry.path and entry.path.endswith("Release")]
    if not fetched:
        return Hole("", Blind.STALE, "apt has never fetched a package list here, so it knows of no update")
    if not any(repo.security and repo.enabled for repo in repositories):
        return Hole("", Blind.NOT_ATTEMPTED, "no security source is configured, so apt cannot know its updates")
    if not any(is_security(path) or "_updates_" in path for path in fetched):
        return Hole("", Blind.STALE, "apt has never fetched the list of a security source")
    found = [_INST.match(line) for line in answer.text.splitlines() if line.startswith("Inst ")]
    if None in found or not _SUMMARY.search(answer.text):
        return Hole("", Blind.UNPARSEABLE, "apt-get printed no simulation we can read")
    return [
        Pending(
            package=row["package"],
            installed=row["installed"] or "",
            candidate=row["candidate"],
            security=is_security(row["origins"]),
            advisory="",
            severity="",
        )
        for row in found
        if row is not None
    ]


_SUMMARY = re.compile(r"^(?:\d+ upgraded, \d+ newly installed|Summary:)", re.MULTILINE)


def _keeps_back(answer: Answer | None) -> bool:
    """Return whether apt keeps packages back: held ones have updates that a simulation never names as such."""
    return answer is not None and "packages have been kept back" in answer.text


def _refreshed(listed: Entries, directory: str) -> str | None:
    """Return when the cache last changed; the lists keep their server's times, the directory has ours."""
    own = [entry.modified_s for entry in listed.found if entry.path in {directory, f"{directory}/partial"}]
    lists = [entry for entry in listed.found if entry.path.startswith(directory + "/") and entry.kind == "file"]
    if not own or not any(entry.path.rsplit("/", 1)[1] != "lock" for entry in lists):
        return None
    return datetime.fromtimestamp(max(own), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_PERIODIC = ("Update-Package-Lists", "Unattended-Upgrade")


def _unattended(config: Mapping[str, str], lists: Entries | Hole) -> Automatic:
    installed = not isinstance(lists, Hole) and lists.at("/usr/bin/unattended-upgrade") is not None
    periodic = config.get("APT::Periodic::Enable", "1") != "0"
    # Without fresh package lists it finds nothing to install.
    on = all(config.get(f"APT::Periodic::{key}", "0") not in {"", "0"} for key in _PERIODIC)
    origins = "\n".join(
        config.get(f"Unattended-Upgrade::{key}::", "") for key in ("Allowed-Origins", "Origins-Pattern")
    )
    tool = "unattended-upgrades" if installed else "none"
    return Automatic(tool, installed and periodic and on, is_security(origins))


def _apt_sources(files: TextFiles) -> Iterator[Repository]:
    for path in files.paths():
        if path.endswith(".sources"):
            yield from _deb822(files.of(path))
        elif path.endswith(".list"):
            yield from filter(None, map(_one_line, files.of(path)))


_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)")


def _one_line(line: Line) -> Repository | None:
    found = _ONE_LINE.match(line.text.strip())
    if found is None:
        return None
    options = dict(word.partition("=")[::2] for word in (found["options"] or "").lower().split())
    return _repository([found["uri"]], [found["suite"]], options, line)


def _deb822(lines: tuple[Line, ...]) -> Iterator[Repository]:
    """Yield one repository per stanza; a gap in the line numbers is the empty line that ends one."""
    stanza: dict[str, str] = {}
    start: Line | None = None
    key = ""
    last = 0
    for line in (*lines, Line("", 0, "")):
        if start is not None and (line.number != last + 1 or not line.path):
            if "uris" in stanza and "deb" in stanza.get("types", "deb").split():
                yield _repository(stanza["uris"].split(), stanza.get("suites", "").split(), stanza, start)
            stanza, start, key = {}, None, ""
        last = line.number
        if line.text.startswith("#"):
            continue
        start = start or line
        name, colon, value = line.text.partition(":")
        if line.text[:1].isspace():
            stanza[key] = f"{stanza.get(key, '')} {line.text.strip()}"
        elif colon:
            key = name.strip().lower()
            stanza[key] = value.strip()


def _repository(uris: list[str], suites: list[str], options: Mapping[str, str], line: Line) -> Repository:
    plain = [re.sub(r"//[^/@]*@", "//", uri) for uri in uris]
    unchecked = options.get("trusted", "").lower() in TRUE or any(
        options.get(key, "").lower() in TRUE for key in ("allow-insecure", "allow-weak")
    )
    return Repository(
        id=" ".join([*plain[:1], *suites[:1]]),
        path=line.path,
        line=line.number,
        enabled=options.get("enabled", "yes").lower() not in {"no", "false", "0", "off", "without", "disable"},
        signed=not unchecked,
        encrypted=all(uri.startswith(("https:", "file:", "cdrom:", "copy:", "tor+https:")) for uri in plain),
        security=any(is_security(word) or word.endswith("/updates") for word in (*plain, *suites)),
    )

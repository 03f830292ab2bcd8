"""Updates that wait, from the package manager's cache only, and whether packages are installed unasked and signed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.listed import Entries, entries_of, list_paths
from collectors.textfiles import Line, TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Pending:
    """One package with a newer version in the cache."""

    package: str
    installed: str
    """Empty when it would be newly installed, or the manager does not say."""
    candidate: str
    security: bool
    advisory: str
    """RHSA-… and the like; empty where the manager names none."""
    severity: str
    """critical, important, moderate, low; empty where the manager names none."""


@dataclass(frozen=True, slots=True)
class Automatic:
    """Unattended installation of updates."""

    tool: str
    """unattended-upgrades, dnf-automatic or none."""
    enabled: bool
    """Switched on in the configuration; whether its timer runs stands in the ``services`` topic."""
    security: bool
    """Security updates are among what it installs."""


@dataclass(frozen=True, slots=True)
class Repository:
    """One place packages come from."""

    id: str
    """Section name, or the first URI and suite; without credentials."""
    path: str
    line: int
    enabled: bool
    signed: bool
    """Signatures are checked: no trusted=yes, gpgcheck not 0."""
    encrypted: bool
    """Every URI is https or local."""
    security: bool
    """Its name or suite says that it carries security updates."""


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """The state of patching."""

    manager: str
    """apt, dnf or none."""
    refreshed_at: str | None
    """When the cache was last refreshed, ``2026-06-20T04:05:06Z``; ``None`` when it never was."""
    pending: Listing[Pending]
    """Every update the cache offers; unseen when the cache holds no security source."""
    pending_security: Listing[Pending]
    """The security updates among them, sorted by package."""
    automatic: Automatic
    repositories: Listing[Repository]
    unsigned_repositories: Listing[str]
    """``path:line`` of enabled repositories whose signatures are not checked."""
    signatures_enforced: bool
    """No global setting turns signature checks off, and no enabled repository does."""
    apt: dict[str, str]
    """apt's settings on periodic work, unattended upgrades and signatures, by their full names."""
    dnf: dict[str, str]
    """[main] of dnf.conf."""


COMMANDS = (
    Command(
        "updates.apt",
        (
            "/usr/bin/apt-get",
            "-s",
            "-q",
            "-o",
            "Debug::NoLocking=true",
            # Root would rewrite these two caches; empty names keep them in memory.
            "-o",
            "Dir::Cache::pkgcache=",
            "-o",
            "Dir::Cache::srcpkgcache=",
            "dist-upgrade",
        ),
        timeout_s=60,
    ),
    Command("updates.apt_config", ("/usr/bin/apt-config", "dump")),
    read_files("updates.apt_sources", "/etc/apt/sources.list", "/etc/apt/sources.list.d"),
    list_paths("updates.apt_lists", "/var/lib/apt/lists", "/usr/bin/unattended-upgrade", sudo=False),
    Command(
        "updates.dnf",
        ("/usr/bin/dnf", "-q", "-C", "--setopt=logfilelevel=0", "updateinfo", "list", "--security"),
        sudo=True,
        timeout_s=60,
    ),
    # An empty list says that nothing is pending only where the repositories publish advisories at all.
    Command(
        "updates.dnf_advisories",
        ("/usr/bin/dnf", "-q", "-C", "--setopt=logfilelevel=0", "updateinfo", "summary", "--all"),
        sudo=True,
        max_bytes=64_000,
        timeout_s=60,
    ),
    read_files(
        "updates.dnf_files",
        "/etc/dnf/dnf.conf",
        "/etc/yum.conf",
        "/etc/yum.repos.d",
        "/etc/dnf/automatic.conf",
    ),
    list_paths("updates.dnf_cache", "/var/cache/dnf", "/var/cache/libdnf5", "/usr/bin/dnf"),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return what waits and how packages get in.

    Source: apt-get(8), apt.conf(5), sources.list(5); dnf.conf(5), dnf-automatic(8).
    """
    apt = answers.get("updates.apt_config")
    dnf_cache = entries_of(answers.get("updates.dnf_cache"))
    if apt is not None and hole(apt) is None:
        return _apt(answers)
    if not isinstance(dnf_cache, Hole) and dnf_cache.at("/usr/bin/dnf") is not None:
        return _dnf(answers, dnf_cache)
    if isinstance(dnf_cache, Hole):
        return dnf_cache
    return hole(apt) or Hole("", Blind.COMMAND_MISSING, "neither apt nor dnf is on the host")


def _facts(
    *,
    manager: str,
    pending: list[Pending] | Hole,
    refreshed_at: str | None,
    automatic: Automatic,
    repositories: Listing[Repository],
    checked: bool,
    kept: Mapping[str, dict[str, str]],
    holes: list[Hole],
    held_back: bool,
) -> Facts:
    unsigned = [f"{repo.path}:{repo.line}" for repo in repositories.items if repo.enabled and not repo.signed]
    if isinstance(pending, Hole):
        holes += [Hole(path, pending.reason, pending.detail) for path in ("pending", "pending_security")]
    if not repositories.complete and checked and not unsigned:
        holes.append(Hole("signatures_enforced", Blind.COMMAND_REFUSED, "not every source file could be read"))
    found = [] if isinstance(pending, Hole) else sorted(pending, key=lambda p: (p.package, p.candidate, p.advisory))
    complete = not isinstance(pending, Hole) and not held_back
    facts = UpdateFacts(
        manager=manager,
        refreshed_at=refreshed_at,
        pending=Listing(found, complete),
        pending_security=Listing([update for update in found if update.security], complete),
        automatic=automatic,
        repositories=repositories,
        unsigned_repositories=Listing(sorted(unsigned), repositories.complete),
        signatures_enforced=checked and not unsigned,
        apt=kept.get("apt", {}),
        dnf=kept.get("dnf", {}),
    )
    return Facts(facts, tuple(holes))


def _apt(answers: Answers) -> Facts:
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
    return _facts(
        manager="apt",
        pending=_apt_pending(answers, repositories, lists),
        refreshed_at=None if isinstance(lists, Hole) else _refreshed(lists, "/var/lib/apt/lists"),
        automatic=_unattended(config, lists),
        repositories=Listing(repositories, not isinstance(sources, Hole) and sources.complete),
        checked=not any(config.get(key, "").lower() in _TRUE for key in _UNSIGNED),
        held_back=_keeps_back(answers.get("updates.apt")),
        kept={"apt": {key: value for key, value in config.items() if key.startswith(_KEPT)}},
        holes=holes,
    )


_TRUE = frozenset({"1", "true", "yes", "on", "enable", "with"})
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
    if not any(_is_security(path) or "_updates_" in path for path in fetched):
        return Hole("", Blind.STALE, "apt has never fetched the list of a security source")
    found = [_INST.match(line) for line in answer.text.splitlines() if line.startswith("Inst ")]
    if None in found or not _SUMMARY.search(answer.text):
        return Hole("", Blind.UNPARSEABLE, "apt-get printed no simulation we can read")
    return [
        Pending(
            package=row["package"],
            installed=row["installed"] or "",
            candidate=row["candidate"],
            security=_is_security(row["origins"]),
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


def _is_security(text: str) -> bool:
    return re.search(r"[-/]security\b|\bsecurity\.|ESM(?:Apps|Infra)?\b|-security", text, re.IGNORECASE) is not None


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
    return Automatic(tool, installed and periodic and on, _is_security(origins))


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
    unchecked = options.get("trusted", "").lower() in _TRUE or any(
        options.get(key, "").lower() in _TRUE for key in ("allow-insecure", "allow-weak")
    )
    return Repository(
        id=" ".join([*plain[:1], *suites[:1]]),
        path=line.path,
        line=line.number,
        enabled=options.get("enabled", "yes").lower() not in {"no", "false", "0", "off", "without", "disable"},
        signed=not unchecked,
        encrypted=all(uri.startswith(("https:", "file:", "cdrom:", "copy:", "tor+https:")) for uri in plain),
        security=any(_is_security(word) or word.endswith("/updates") for word in (*plain, *suites)),
    )


def _dnf(answers: Answers, cache: Entries) -> Facts | Hole:
    files = files_of(answers.get("updates.dnf_files"))
    if isinstance(files, Hole):
        return files
    main_path = "/etc/dnf/dnf.conf" if files.has("/etc/dnf/dnf.conf") else "/etc/yum.conf"
    main = dict(_sections(files.of(main_path))).get("main", (0, {}))[1]
    checked = main.get("gpgcheck", "0").lower() in _TRUE
    repositories = [
        _section(path, start, name, values, checked)
        for path in files.paths()
        if path.endswith(".repo")
        for name, (start, values) in _sections(files.of(path))
    ]
    sections = [values for path in files.paths() for _, (_, values) in _sections(files.of(path))]
    listed = sorted(repositories, key=lambda r: (r.path, r.line))
    refused = Hole("refreshed_at", Blind.COMMAND_REFUSED, "; ".join(cache.unreadable)[:200])
    return _facts(
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
        enabled=values.get("enabled", "1").lower() in _TRUE,
        signed=own.lower() in _TRUE if own is not None else checked,
        encrypted=all(url.startswith(("https:", "file:")) for url in urls),
        security=_is_security(name),
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
    return Automatic("dnf-automatic", commands.get("apply_updates", "no").lower() in _TRUE, security=True)


COLLECTOR = Collector(topic="updates", version=2, commands=COMMANDS, facts=UpdateFacts, parse=parse)

"""The `packages` topic: every installed package with its version, and the Python and npm projects beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.records import garbled, lines
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One installed package."""

    name: str
    version: str
    """As the manager orders it: ``[epoch:]version[-release]``, no epoch when it is 0."""
    arch: str
    source: str
    """Name of the source package; what most advisories speak of."""
    source_version: str


@dataclass(frozen=True, slots=True, order=True)
class Project:
    """One project that a language's own installer put there; what the package manager owns is not looked for."""

    manager: str
    """``python`` or ``npm``."""
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What is installed."""

    manager: str
    """``dpkg`` or ``rpm``; also the version scheme (``deb``, ``rpm``)."""
    names: Listing[str]
    """Every name once, sorted: ``contains`` and ``disjoint`` ask here."""
    versions: dict[str, str]
    """Name to version; of several installed at once (kernels) the lowest, so that an old one is never hidden."""
    installed: Listing[Package]
    """Sorted by name, version, architecture."""
    projects: Listing[Project]
    """Below /usr/local, /opt, /srv and /var/www; homes are not searched. Sorted, each once."""


_PLACES = ("/usr/local/lib", "/usr/local/lib64", "/opt", "/srv", "/var/www")

COMMANDS = (
    Command(
        "packages.dpkg",
        (
            "/usr/bin/dpkg-query",
            "-W",
            "-f=${Package}\\t${Version}\\t${Architecture}\\t${db:Status-Status}\\t${source:Package}\\t${source:Version}\\n",
        ),
        timeout_s=60,
        max_bytes=8_000_000,
    ),
    Command(
        "packages.rpm",
        (
            "/usr/bin/rpm",
            "-qa",
            "--qf",
            "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n",
        ),
        timeout_s=60,
        max_bytes=8_000_000,
    ),
    # Names of directories only; they end with NUL, since a name may hold a line break.
    Command(
        "packages.python",
        (
            "/usr/bin/find",
            "-H",
            *_PLACES,
            "-xdev",
            "-maxdepth",
            "8",
            "(",
            "-name",
            "*.dist-info",
            "-o",
            "-name",
            "*.egg-info",
            ")",
            "-prune",
            "-printf",
            r"%f\0",
        ),
        timeout_s=60,
        max_bytes=2_000_000,
        ok_exit=(0, 1),
    ),
    # One line of each package.json, the one with its version.
    Command(
        "packages.npm",
        (
            "/usr/bin/grep",
            "-rHZE",
            "-m1",
            "--include=package.json",
            "-D",
            "skip",
            '^[[:space:]]*"version":[[:space:]]*"[^"]{1,60}"',
            "/usr/lib/node_modules",
            *_PLACES,
        ),
        timeout_s=60,
        max_bytes=4_000_000,
        ok_exit=(0, 1, 2),
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the packages of the manager that has any; a host with neither is unseen, never clean.

    Source: dpkg-query(1); rpm(8), query options.
    """
    kept = []
    holes = []
    for manager, read in (("dpkg", _dpkg_row), ("rpm", _rpm_row)):
        answer = answers.get(f"packages.{manager}")
        unseen = hole(answer)
        rows = _rows(answer, read) if answer and (unseen is None or answer.truncated) else ([], True)
        if rows[0]:
            kept.append((len(rows[0]), manager, rows[0], rows[1] and unseen is None))
        else:
            holes.append(unseen or garbled("", f"packages.{manager}: no package in it"))
    if not kept:
        return min(holes, key=lambda unseen: unseen.reason == "command_missing")
    _, manager, packages, complete = max(kept)
    projects, blind = _projects(answers)
    return Facts(_facts(manager, packages, complete, projects), blind)


COLLECTOR = Collector("packages", 2, COMMANDS, PackageFacts, parse)

_NOT_THERE = ("not-installed", "config-files")
_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:no)?src\.rpm")
_Reader = Callable[[list[str]], Package | None]


def _rows(answer: Answer, read: _Reader) -> tuple[list[Package], bool]:
    """Return what could be read, and whether every line could."""
    rows = [read(line.split("\t")) for line in lines(answer)]
    return [row for row in rows if row is not None and row.version], None not in rows


def _dpkg_row(fields: list[str]) -> Package | None:
    if len(fields) != 6 or not all(fields[:4]):
        return _left_over(fields)
    name, version, arch, status, source, source_version = fields
    if status in _NOT_THERE:
        return _left_over(fields)
    return Package(name, version, arch, source or name, source_version or version)


def _left_over(fields: list[str]) -> Package | None:
    """Return a package without a version for a line that is well read and means "not installed"."""
    gone = len(fields) == 6 and bool(fields[0]) and fields[3] in _NOT_THERE
    return Package(fields[0], "", "", "", "") if gone else None


def _rpm_row(fields: list[str]) -> Package | None:
    if len(fields) != 4 or not all(fields):
        return None
    name, version, arch, source_rpm = fields
    if name == "gpg-pubkey":  # a trusted key that rpm keeps in the same database
        return Package(name, "", "", "", "")
    epoch, _, rest = version.partition(":")
    version = rest if epoch in ("0", "(none)") else version
    source = _SOURCE_RPM.fullmatch(source_rpm)
    return Package(name, version, arch, source["name"] if source else name, source["version"] if source else version)


def _facts(manager: str, packages: list[Package], complete: bool, projects: Listing[Project]) -> PackageFacts:
    installed = sorted(set(packages))
    versions: dict[str, str] = {}
    for package in sorted(installed, key=lambda one: (one.name, _natural(one.version))):
        versions.setdefault(package.name, package.version)
    return PackageFacts(manager, Listing(sorted(versions), complete), versions, Listing(installed, complete), projects)


_PYTHON = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*?)-(?P<version>[0-9][^-]*)(?:-py[0-9.]+)?\.(?:dist|egg)-info")
_NPM = re.compile(r"/node_modules/(?P<name>(?:@[\w.-]+/)?[\w.-]+)/package\.json")
_NPM_VERSION = re.compile(r'\s*"version":\s*"(?P<version>[^"]+)"')


def _projects(answers: Answers) -> tuple[Listing[Project], tuple[Hole, ...]]:
    """Return the projects, and why the list is not whole."""
    found: set[Project] = set()
    holes = []
    for manager, read in (("python", _python_projects), ("npm", _npm_projects)):
        answer = answers.get(f"packages.{manager}")
        unseen = hole(answer, "projects")
        # A place that is not there is fine, one that may not be read is not.
        refused = [one for one in (answer.stderr if answer else b"").decode("utf-8", "replace").splitlines() if one]
        refused = [one for one in refused if not one.endswith("No such file or directory")]
        if answer is not None and (unseen is None or answer.truncated):
            found |= read(answer.text)
        if unseen is None and refused:
            unseen = Hole("projects", Blind.COMMAND_REFUSED, f"packages.{manager}: {refused[0][:200]}")
        holes += [unseen] if unseen is not None else []
    return Listing(sorted(found), complete=not holes), tuple(holes[:1])


def _python_projects(text: str) -> set[Project]:
    names = filter(None, map(_PYTHON.fullmatch, text.split("\0")))
    return {Project("python", one["name"], one["version"]) for one in names}


def _npm_projects(text: str) -> set[Project]:
    found = set()
    for line in text.split("\n"):
        path, _, content = line.partition("\0")
        # Anything deeper than a project's own file is a sample or a test of it.
        tail = _NPM.fullmatch(path[path.rfind("/node_modules/") :]) if "/node_modules/" in path else None
        version = _NPM_VERSION.match(content)
        if tail and version:
            found.add(Project("npm", tail["name"], version["version"]))
    return found


def _natural(version: str) -> list[tuple[int, str]]:
    """Order numbers as numbers: enough to tell the older of two kernels; never used to judge a package."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"[0-9]{1,18}|[^0-9]+", version)]

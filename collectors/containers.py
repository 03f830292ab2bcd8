"""Container engines: their control sockets, the groups that reach them, and containers without walls."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from collectors.listed import Entries, Entry, entries_of, list_paths
from collectors.textfiles import TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class ControlSocket:
    """One control socket; who may write it is root on this host."""

    path: str
    mode: str
    """Octal, four digits."""
    owner: str
    group: str
    writable_by_all: bool


@dataclass(frozen=True, slots=True)
class RootGroup:
    """A group whose members can become root through an engine."""

    group: str
    members: list[str]
    """Sorted; those whose primary group it is are not listed here."""


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """Container engines of the host."""

    engines: list[str]
    """Which of containerd, crio, docker, incus, lxd, podman have a program or a socket here, sorted."""
    sockets: Listing[ControlSocket]
    groups: Listing[RootGroup]
    """docker, incus, incus-admin, libvirt, lxd and podman, those that exist."""
    network_listeners: list[str]
    """``tcp://`` addresses in Docker's daemon.json, sorted."""
    tls_verified: bool
    """daemon.json demands client certificates."""
    privileged: Listing[str]
    """Docker containers (first 12 digits) that run privileged, sorted."""
    holds_docker_socket: Listing[str]
    """Docker containers with the engine's own socket mounted, sorted."""


COMMANDS = (
    list_paths(
        "containers.paths",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/var/lib/lxd/unix.socket",
        "/var/snap/lxd/common/lxd/unix.socket",
        "/var/lib/incus/unix.socket",
        "/usr/bin/docker",
        "/usr/bin/dockerd",
        "/usr/bin/podman",
        "/usr/bin/containerd",
        "/usr/bin/crio",
        "/usr/bin/lxd",
        "/usr/bin/incusd",
        "/var/lib/docker/containers",
        depth=0,
        sudo=True,
    ),
    Command(
        "containers.groups",
        ("/usr/bin/getent", "group", "docker", "incus", "incus-admin", "libvirt", "lxd", "podman"),
        ok_exit=(0, 2),
    ),
    read_files("containers.daemon", "/etc/docker/daemon.json"),
    Command(
        "containers.walls",
        (
            "/usr/bin/grep",
            "-rHoaZE",
            "--include=hostconfig.json",
            '"Privileged":true|docker[.]sock',
            "/var/lib/docker/containers",
        ),
        sudo=True,
        ok_exit=(0, 1, 2),
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return who can reach an engine, and which containers can reach the host.

    Source: dockerd(8), daemon.json; getent(1); /var/lib/docker/containers/ID/hostconfig.json.
    """
    seen = entries_of(answers.get("containers.paths"))
    groups = _groups(answers)
    daemon = files_of(answers.get("containers.daemon"))
    if isinstance(seen, Hole) and (isinstance(groups, Hole) or isinstance(daemon, Hole)):
        return seen
    listed = Entries((), frozenset(), (seen.detail,), complete=False) if isinstance(seen, Hole) else seen
    walls = _walls(answers, listed)
    hosts, verified, daemon_hole = _daemon(daemon)
    holes = [Hole("sockets", seen.reason, seen.detail)] if isinstance(seen, Hole) else []
    if daemon_hole is not None:
        holes += [Hole(path, daemon_hole.reason, daemon_hole.detail) for path in ("network_listeners", "tls_verified")]
    sockets = [
        _socket(entry) for entry in listed.found if entry.path.endswith(".sock") or entry.path.endswith(".socket")
    ]
    facts = ContainerFacts(
        engines=_engines(listed),
        sockets=Listing(sockets, listed.complete),
        groups=Listing([] if isinstance(groups, Hole) else groups, not isinstance(groups, Hole)),
        network_listeners=hosts,
        tls_verified=verified,
        privileged=_containers(walls, '"Privileged":true'),
        holds_docker_socket=_containers(walls, "docker.sock"),
    )
    if isinstance(groups, Hole):
        holes.append(Hole("groups", groups.reason, groups.detail))
    if isinstance(walls, Hole):
        holes += [Hole(path, walls.reason, walls.detail) for path in ("privileged", "holds_docker_socket")]
    if not listed.complete:
        holes.append(Hole("engines", Blind.COMMAND_REFUSED, "; ".join(listed.unreadable)[:200]))
    return Facts(facts, tuple(holes))


_ENGINES = {
    "docker": ("/run/docker.sock", "/usr/bin/dockerd", "/usr/bin/docker"),
    "podman": ("/run/podman/podman.sock", "/usr/bin/podman"),
    "containerd": ("/run/containerd/containerd.sock", "/usr/bin/containerd"),
    "crio": ("/run/crio/crio.sock", "/usr/bin/crio"),
    "lxd": ("/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket", "/usr/bin/lxd"),
    "incus": ("/var/lib/incus/unix.socket", "/usr/bin/incusd"),
}


def _engines(listed: Entries) -> list[str]:
    there = {entry.path for entry in listed.found}
    return sorted(engine for engine, paths in _ENGINES.items() if there & set(paths))


def _socket(entry: Entry) -> ControlSocket:
    return ControlSocket(entry.path, entry.mode, entry.owner, entry.group, bool(int(entry.mode, 8) & 0o002))


_NOT_ALL_FOUND = 2  # getent(1), EXIT STATUS: one or more of the groups do not exist


def _groups(answers: Answers) -> list[RootGroup] | Hole:
    answer = answers.get("containers.groups")
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    if answer.exit_code == _NOT_ALL_FOUND and b"denied" in answer.stderr:
        return Hole("", Blind.COMMAND_REFUSED, answer.stderr.decode("utf-8", "replace").strip()[:200])
    found: list[RootGroup] = []
    for line in answer.text.splitlines():
        words = line.split(":")
        if len(words) != 4:
            return Hole("", Blind.UNPARSEABLE, "getent printed a line that is no group")
        found.append(RootGroup(words[0], sorted(name for name in words[3].split(",") if name)))
    return sorted(found, key=lambda group: group.group)


def _daemon(files: TextFiles | Hole) -> tuple[list[str], bool, Hole | None]:
    if isinstance(files, Hole):
        return [], False, files
    why = files.hole("")
    lines = files.of("/etc/docker/daemon.json")
    if why is not None or not lines:
        return [], False, why
    try:
        body = msgspec.json.decode("\n".join(line.text for line in lines))
    except (msgspec.MsgspecError, RecursionError):
        return [], False, Hole("", Blind.UNPARSEABLE, "daemon.json is not JSON")
    if not isinstance(body, dict):
        return [], False, Hole("", Blind.UNPARSEABLE, "daemon.json is no object")
    hosts = body.get("hosts")
    named = [host for host in hosts if isinstance(host, str)] if isinstance(hosts, list) else []
    return sorted(host for host in named if host.startswith("tcp://")), body.get("tlsverify") is True, None


_HIT = re.compile(r"/var/lib/docker/containers/(?P<id>[0-9a-f]{12})[0-9a-f]*/hostconfig\.json")


def _walls(answers: Answers, listed: Entries) -> dict[str, set[str]] | Hole:
    answer = answers.get("containers.walls")
    problem = hole(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    if answer.exit_code == 2 and listed.at("/var/lib/docker/containers") is None and listed.complete:
        return {}
    if answer.exit_code == 2 or problem is not None:
        return problem or Hole("", Blind.COMMAND_REFUSED, "not every container's configuration could be read")
    found: dict[str, set[str]] = {}
    for row in answer.text.split("\n"):
        path, _, hit = row.partition("\0")
        matched = _HIT.fullmatch(path)
        if row and matched is None:
            return Hole("", Blind.UNPARSEABLE, "a line that grep did not write")
        if matched is not None:
            found.setdefault(hit, set()).add(matched["id"])
    return found


def _containers(walls: dict[str, set[str]] | Hole, hit: str) -> Listing[str]:
    if isinstance(walls, Hole):
        return Listing([], complete=False)
    return Listing(sorted(walls.get(hit, ())))


COLLECTOR = Collector(topic="containers", version=1, commands=COMMANDS, facts=ContainerFacts, parse=parse)

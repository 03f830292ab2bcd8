"""What is mounted where, with which options, now and at the next boot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from collectors.textfiles import TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system; the uppermost where several cover each other."""

    source: str
    fstype: str
    options: list[str]
    """Sorted."""
    network: bool
    """The file system lives on another machine."""


@dataclass(frozen=True, slots=True)
class FstabLine:
    """One line of /etc/fstab."""

    line: int
    source: str
    target: str
    fstype: str
    options: list[str]


@dataclass(frozen=True, slots=True)
class MountFacts:
    """Mounts in force, and those configured."""

    targets: dict[str, Mount]
    """By mount point; a directory that is no mount point of its own is left out."""
    network: list[str]
    """Mount points of network file systems, sorted."""
    fstab: Listing[FstabLine]


COMMANDS = (
    # findmnt reads /proc/self/mountinfo only: it never touches the file systems, so a dead NFS server cannot hang it.
    Command("mounts.now", ("/usr/bin/findmnt", "-J", "-l", "-o", "TARGET,SOURCE,FSTYPE,OPTIONS")),
    read_files("mounts.fstab", "/etc/fstab"),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return mounts now and at boot.

    Source: findmnt(8), fstab(5).
    """
    now = _now(answers)
    fstab = files_of(answers.get("mounts.fstab"))
    holes: list[Hole] = []
    if isinstance(now, Hole):
        holes += [Hole(path, now.reason, now.detail) for path in ("targets", "network")]
    if isinstance(fstab, Hole):
        holes.append(Hole("fstab", fstab.reason, fstab.detail))
    if isinstance(now, Hole) and isinstance(fstab, Hole):
        return now
    targets = {} if isinstance(now, Hole) else now
    lines = [] if isinstance(fstab, Hole) else list(_fstab(fstab))
    facts = MountFacts(
        targets=targets,
        network=sorted(target for target, mount in targets.items() if mount.network),
        fstab=Listing(lines, not isinstance(fstab, Hole) and fstab.complete),
    )
    return Facts(facts, tuple(holes))


_NETWORK = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "coda",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    }
)


def _now(answers: Answers) -> dict[str, Mount] | Hole:
    answer = answers.get("mounts.now")
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    try:
        body = msgspec.json.decode(answer.stdout, type=_Findmnt)
    except (msgspec.MsgspecError, RecursionError):
        return Hole("", Blind.UNPARSEABLE, "findmnt printed no JSON list of file systems")
    # Later mounts cover earlier ones on the same directory.
    return {row.target: _mount(row) for row in body.filesystems}


class _Row(msgspec.Struct):
    target: str
    source: str | None = None
    fstype: str | None = None
    options: str | None = None


class _Findmnt(msgspec.Struct):
    filesystems: list[_Row]


def _mount(row: _Row) -> Mount:
    fstype = row.fstype or ""
    return Mount(row.source or "", fstype, _options(row.options or ""), fstype in _NETWORK)


def _fstab(files: TextFiles) -> Iterator[FstabLine]:
    for line in files.lines:
        words = line.text.split("#", 1)[0].split() if line.text.lstrip().startswith("#") else line.text.split()
        if len(words) >= 3 and not words[0].startswith("#"):
            source, target, fstype = (re.sub(r"\\0([0-7]{2})", _octal, word) for word in words[:3])
            options = _options(words[3]) if len(words) > 3 else ["defaults"]
            yield FstabLine(line.number, source, target, fstype, options)


def _octal(found: re.Match[str]) -> str:
    return chr(int(found[1], 8))


_SECRET = re.compile(r"(pass|password|password2|cred|secret)=.*")


def _options(text: str) -> list[str]:
    return sorted({_SECRET.sub(r"\1=", option) for option in text.split(",") if option})


COLLECTOR = Collector(topic="mounts", version=1, commands=COMMANDS, facts=MountFacts, parse=parse)

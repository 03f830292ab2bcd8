"""The `os` topic: which operating system this is, as it names itself."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, hole
from collectors.records import blind, garbled, lines
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class OsFacts:
    """What the host says of its operating system; nothing in it differs between two hosts installed alike."""

    family: str | None
    """Kernel name in lower case: ``linux``; what applicability asks for."""
    architecture: str | None
    """Machine as uname(1) prints it, such as ``x86_64``."""
    id: str | None
    """``debian``, ``ubuntu``, ``rhel``, …"""
    id_like: list[str]
    """Distributions it descends from, nearest first."""
    distribution: str | None
    """The line it belongs to: ``debian``, ``rhel``, ``suse``, or its own id."""
    version_id: str | None
    """``12``, ``22.04``, ``9.4``."""
    major: int | None
    release: str | None
    """``id`` and ``version_id`` with a space between, such as ``rhel 9.4``: the key of lifecycle tables."""
    codename: str | None
    pretty_name: str | None
    cpe: str | None
    """``CPE_NAME`` as the vendor gives it; Debian and Ubuntu give none."""


COMMANDS = (
    Command("os.release", ("/usr/bin/cat", "/etc/os-release"), max_bytes=64_000),
    Command("os.release_vendor", ("/usr/bin/cat", "/usr/lib/os-release"), max_bytes=64_000),
    Command("os.uname", ("/usr/bin/uname", "-s", "-m"), max_bytes=4_000),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the identity of the system; `/etc/os-release` goes before `/usr/lib/os-release`.

    Source: os-release(5); uname(1).
    """
    told = _told(answers)
    fields = told if isinstance(told, dict) else {}
    kernel = _uname(answers)
    family, machine = kernel if isinstance(kernel, tuple) else (None, None)
    holes = (
        [Hole(path, kernel.reason, kernel.detail) for path in ("family", "architecture")]
        if isinstance(kernel, Hole)
        else []
    )
    if isinstance(told, Hole):
        holes += [Hole(path, told.reason, told.detail) for path in _FROM_FILE]
    return Facts(_facts(fields, family, machine), tuple(holes))


COLLECTOR = Collector("os", 1, COMMANDS, OsFacts, parse)

_FROM_FILE = (
    "id",
    "id_like",
    "distribution",
    "version_id",
    "major",
    "release",
    "codename",
    "pretty_name",
    "cpe",
)
_LINES = {
    "debian": ("debian", "ubuntu"),
    "rhel": ("rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn"),
    "suse": ("suse", "sles", "opensuse"),
}
_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.ASCII)


def _told(answers: Answers) -> dict[str, str] | Hole:
    own, vendor = answers.get("os.release"), answers.get("os.release_vendor")
    missing = hole(own) is not None and blind(own) is None
    unseen = hole(vendor if missing else own)
    if unseen is not None:
        return unseen
    fields = _assignments(lines(vendor if missing else own))
    return fields if "ID" in fields else garbled("", "os-release: no ID= line")


def _assignments(text: list[str]) -> dict[str, str]:
    matches = (_ASSIGNMENT.fullmatch(line.strip()) for line in text)
    return {match[1]: _unquoted(match[2]) for match in matches if match}


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip("\"'")


def _uname(answers: Answers) -> tuple[str, str] | Hole:
    answer = answers.get("os.uname")
    unseen = hole(answer)
    if unseen is not None:
        return unseen
    words = " ".join(lines(answer)).split()
    return (words[0].lower(), words[1]) if len(words) == 2 else garbled("", "os.uname: not two words")


def _facts(fields: dict[str, str], family: str | None, machine: str | None) -> OsFacts:
    id_ = fields.get("ID", "").lower() or None
    like = fields.get("ID_LIKE", "").lower().split()
    version = fields.get("VERSION_ID") or None
    major = re.match(r"[0-9]{1,9}", version, re.ASCII) if version else None
    return OsFacts(
        family=family,
        architecture=machine,
        id=id_,
        id_like=like,
        distribution=_distribution([id_, *like]) if id_ else None,
        version_id=version,
        major=int(major[0]) if major else None,
        release=" ".join(filter(None, (id_, version))) or None,
        codename=fields.get("VERSION_CODENAME") or None,
        pretty_name=fields.get("PRETTY_NAME") or None,
        cpe=fields.get("CPE_NAME") or None,
    )


def _distribution(names: list[str]) -> str:
    for name in names:
        for line, members in _LINES.items():
            if name in members or name.split("-")[0] in members:
                return line
    return names[0]

"""The `sshd` topic: the configuration the SSH server acts on, for everybody and for each class a Match block names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from collectors.records import blind, garbled, lines
from collectors.ssh_match import ANYONE
from collectors.sshd_contexts import Context, contexts_of, of_anyone, probes
from collectors.sshd_daemon import CONFIG, PID_FILE, all_dated, listening, newest, options_of
from collectors.sshd_dump import Found, Settings, dump
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class SshdFacts:
    """The SSH server; without one only ``present`` is there."""

    present: bool
    """`/usr/sbin/sshd` is installed."""
    version: str | None = None
    """Of OpenSSH, dotted: ``9.2``; compare with scheme ``dotted``."""
    release: str | None = None
    """With the portable suffix when the program tells it: ``9.2p1``."""
    effective: dict[str, int | str] | None = None
    """Every key of `sshd -T`, lower case; whole numbers are numbers, all else is text (``yes``, ``no``, ``10:30:100``).
    Keys on several lines are joined with a space; `maxstartups` is there once more in three numbers:
    ``maxstartups_start``, ``maxstartups_rate``, ``maxstartups_full``."""
    lists: dict[str, list[str]] | None = None
    """The keys of ``LISTS`` again, split: ``ciphers``, ``macs``, ``allowusers``, … A key `sshd -T` does not print (no
    AllowUsers at all) is absent."""
    contexts: Listing[Context] | None = None
    """One for each Match block; incomplete when a block cannot be turned into a question."""
    options: list[str] = field(default_factory=list)
    """`-o` and `-f` options on the command line of the running server; `effective` was asked with the same ones."""
    config_newer_than_daemon: bool | None = None
    """A configuration file changed after the server last read it; absent when no server is running."""
    binary_newer_than_daemon: bool | None = None
    """The program was replaced after the server started; absent when no server is running."""
    smartcard_login: bool | None = None
    """`pam_cert_auth` is true in sssd.conf: a PIV card can log in."""


SSHD = "/usr/sbin/sshd"

COMMANDS = (
    Command("sshd.program", ("/usr/bin/find", SSHD, "-maxdepth", "0", "-printf", "%T@ %C@ %p\\n"), max_bytes=4_000),
    Command("sshd.version", ("/usr/bin/ssh", "-V"), max_bytes=4_000),
    Command("sshd.version_server", (SSHD, "-V"), max_bytes=4_000, ok_exit=(0, 1, 255)),
    Command("sshd.effective", (SSHD, "-T"), sudo=True, max_bytes=256_000),
    # With a `Match LocalPort` anywhere, plain `sshd -T` refuses to answer (seen with 9.2): then this one counts.
    Command("sshd.anyone", (SSHD, "-T", "-C", ANYONE), sudo=True, max_bytes=256_000),
    Command(
        "sshd.blocks",
        ("/usr/bin/grep", "-rHZIiw", "-D", "skip", "-e", "match", "-e", "include", *CONFIG),
        sudo=True,
        max_bytes=1_000_000,
        ok_exit=(0, 1),
    ),
    Command(
        "sshd.changed",
        ("/usr/bin/find", *CONFIG, "-maxdepth", "1", "-printf", "%T@ %C@ %p\\n"),
        sudo=True,
        max_bytes=256_000,
    ),
    Command("sshd.pid", ("/usr/bin/cat", PID_FILE), max_bytes=4_000),
    Command(
        "sshd.read_at",
        ("/usr/bin/find", PID_FILE, "-maxdepth", "0", "-printf", "%T@ %C@ %p\\n"),
        max_bytes=4_000,
    ),
    Command(
        "sshd.daemon",
        ("/usr/bin/ps", "-ww", "-C", "sshd", "-o", "pid=,ppid=,etimes=,args="),
        max_bytes=256_000,
        ok_exit=(0, 1),
    ),
    Command("sshd.passwd", ("/usr/bin/cut", "-d:", "-f1,4", "/etc/passwd"), max_bytes=1_000_000),
    Command("sshd.group", ("/usr/bin/cut", "-d:", "-f1,3,4", "/etc/group"), max_bytes=2_000_000),
    Command(
        "sshd.sources",
        ("/usr/bin/grep", "-E", "^(passwd|group):", "/etc/nsswitch.conf"),
        max_bytes=4_000,
        ok_exit=(0, 1),
    ),
    Command(
        "sshd.smartcard",
        (
            "/usr/bin/grep",
            "-rhIi",
            "-D",
            "skip",
            "-e",
            "pam_cert_auth",
            "/etc/sssd/sssd.conf",
            "/etc/sssd/conf.d",
        ),
        sudo=True,
        max_bytes=4_000,
        ok_exit=(0, 1),
    ),
)

SECOND = (
    Command("sshd.running", (SSHD, "-T", "-o{option}"), sudo=True, max_bytes=256_000),
    Command("sshd.running_anyone", (SSHD, "-T", "-o{option}", "-C", ANYONE), sudo=True, max_bytes=256_000),
    Command("sshd.context/{n}", (SSHD, "-T", "-C", "{probe}"), sudo=True, max_bytes=256_000),
)


def follow_up(answers: Answers) -> tuple[Command, ...]:
    """Return `sshd -T -C` for each Match block, and `sshd -T` again with the options of the running server."""
    if hole(answers.get("sshd.program")) is not None:
        return ()
    options = options_of(answers) or []
    asked: list[tuple[str, tuple[str, ...]]] = []
    if options:
        asked += [("sshd.running", ()), ("sshd.running_anyone", ("-C", ANYONE))]
    asked += [(id_, ("-C", what)) for id_, _, what in probes(answers)[0]]
    return tuple(Command(id_, (SSHD, "-T", *options, *end), sudo=True, max_bytes=256_000) for id_, end in asked)


def parse(answers: Answers) -> Facts | Hole:
    """Return the server's effective configuration.

    Source: sshd(8), -T and -C; sshd_config(5), Match.
    """
    program = answers.get("sshd.program")
    unseen = blind(program)
    if unseen is not None:
        return unseen
    if not lines(program):
        return Facts(SshdFacts(present=False))
    if newest(program) is None:
        return garbled("", "sshd.program: not a listing")
    found = Found()
    version, release = _version(answers, found)
    settings = _settings(answers, found)
    newer_config, newer_program = _compared(answers, found)
    return Facts(
        SshdFacts(
            present=True,
            version=version,
            release=release,
            effective=settings.effective if settings else None,
            lists=settings.lists if settings else None,
            contexts=contexts_of(answers, settings, found),
            options=options_of(answers) or [],
            config_newer_than_daemon=newer_config,
            binary_newer_than_daemon=newer_program,
            smartcard_login=_smartcard(answers, found),
        ),
        tuple(found.holes),
    )


COLLECTOR = Collector("sshd", 1, COMMANDS, SshdFacts, parse, follow_up, SECOND)

_VERSION = re.compile(r"OpenSSH_(?:for_\w+_)?([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})(p[0-9]{1,4})?", re.ASCII)


def _version(answers: Answers, found: Found) -> tuple[str | None, str | None]:
    """Return version and release; only the client tells the portable suffix, servers before 9.2 print their usage."""
    matches = []
    for id_ in ("sshd.version_server", "sshd.version"):
        answer = answers.get(id_)
        if answer is not None and not answer.timed_out:
            match = _VERSION.search(answer.stderr.decode("utf-8", "replace") + answer.text)
            matches += [match] if match else []
    if not matches:
        unseen = hole(answers.get("sshd.version"), "version") or garbled("version", "ssh -V names no version")
        found.add(unseen)
        found.add(Hole("release", unseen.reason, unseen.detail))
        return None, None
    version = matches[0][1]
    suffix = next((match[2] for match in matches if match[2] and match[1] == version), "")
    return version, version + suffix


def _settings(answers: Answers, found: Found) -> Settings | None:
    """Return what everybody gets; notes why when that is unknown."""
    read = _everybody(answers)
    if isinstance(read, Settings):
        return read
    for path in ("effective", "lists", "contexts"):
        found.add(Hole(path, read.reason, read.detail))
    return None


def _everybody(answers: Answers) -> Settings | Hole:
    """Return the configuration outside of Match blocks, asked with the running server's own options."""
    options = options_of(answers)
    if options is None:
        return Hole("", Blind.UNPARSEABLE, "the running server has options that we cannot repeat")
    plain = dump(answers.get("sshd.running" if options else "sshd.effective"))
    return plain if isinstance(plain, Settings) else of_anyone(answers, plain)


def _compared(answers: Answers, found: Found) -> tuple[bool | None, bool | None]:
    """Return whether the configuration, and the program, are newer than what the running server has read."""
    runs = listening(answers.get("sshd.daemon"))
    read_at = newest(answers.get("sshd.read_at"))
    unseen = hole(answers.get("sshd.daemon")) or blind(answers.get("sshd.read_at"))
    if unseen is None and runs != (read_at is not None):
        unseen = garbled("", f"the process list and {PID_FILE} disagree about a running server")
    if unseen is not None and (not runs or hole(answers.get("sshd.daemon"))):
        found.add(Hole("options", unseen.reason, unseen.detail))
    changes = []
    for id_, path in (("sshd.changed", "config_newer_than_daemon"), ("sshd.program", "binary_newer_than_daemon")):
        doubt = blind(answers.get(id_)) or (unseen if read_at is None else blind(answers.get("sshd.read_at")))
        changed = newest(answers.get(id_))
        if doubt is None and not all_dated(answers.get(id_)):
            doubt = garbled("", f"{id_}: not a listing")
        if doubt is not None:
            found.add(Hole(path, doubt.reason, doubt.detail))
        changes.append(None if doubt or changed is None or read_at is None else changed > read_at)
    return changes[0], changes[1]


def _smartcard(answers: Answers, found: Found) -> bool | None:
    answer = answers.get("sshd.smartcard")
    unseen = blind(answer, "smartcard_login")
    if unseen is not None:
        found.add(unseen)
        return None
    told = [line.partition("=") for line in lines(answer)]
    values = [value.strip().lower() for key, _, value in told if key.strip().lower() == "pam_cert_auth"]
    return bool(values) and values[-1] in ("true", "1", "yes")

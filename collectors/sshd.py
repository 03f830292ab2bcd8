"""The `sshd` topic: the configuration the SSH server acts on, for everybody and for each class a Match block names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.records import blind, garbled, lines, settled
from collectors.ssh_match import ANYONE, Block, Blocks, Dead, People, blocks_of, probe
from collectors.sshd_daemon import PID_FILE, all_dated, listening, newest, options_of
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Context:
    """What a connection gets that a Match block applies to."""

    match: str
    """The criteria as the file has them, such as ``User deploy`` or ``Group sftponly Address 10.0.0.0/8``; empty for a
    connection from outside by somebody unknown, which is there only when it gets something else than ``effective``."""
    probe: str
    """The connection we asked about, as `sshd -T -C` takes it."""
    effective: dict[str, int | str]
    lists: dict[str, list[str]]


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


_COMMAS = (
    "casignaturealgorithms",
    "ciphers",
    "hostbasedacceptedalgorithms",
    "hostbasedacceptedkeytypes",
    "hostkeyalgorithms",
    "kexalgorithms",
    "macs",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
)
_SPACES = (
    "authenticationmethods",
    "authorizedkeysfile",
    "authorizedprincipalsfile",
    "logverbose",
    "permitlisten",
    "permitopen",
    "persourcepenalties",
)
_LINES = (
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostkey",
    "listenaddress",
    "port",
    "setenv",
    "subsystem",
)
LISTS = {**dict.fromkeys(_COMMAS, ","), **dict.fromkeys(_SPACES, " "), **dict.fromkeys(_LINES, "\n")}
"""Keys that hold several values, with what stands between them."""

NUMBER_OR_WORD = ("persourcemaxstartups",)
"""Keys that say a number or ``none``: they stay text, so that a check can tell one from the other."""

CONFIG = (
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d",
    "/etc/crypto-policies/back-ends/opensshserver.config",
)
"""The last one is included by RHEL's first drop-in; elsewhere it is missing, which is no reason to doubt."""
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
    asked += [(id_, ("-C", what)) for id_, _, what in _probes(answers)[0]]
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
    found = _Found()
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
            contexts=_contexts(answers, settings, found),
            options=options_of(answers) or [],
            config_newer_than_daemon=newer_config,
            binary_newer_than_daemon=newer_program,
            smartcard_login=_smartcard(answers, found),
        ),
        tuple(found.holes),
    )


COLLECTOR = Collector("sshd", 1, COMMANDS, SshdFacts, parse, follow_up, SECOND)

MAX_CONTEXTS = 64  # each is one more run of sshd, 10 ms of CPU on the target


@dataclass(slots=True)
class _Found:
    """Holes collected on the way."""

    holes: list[Hole] = field(default_factory=list)

    def add(self, unseen: Hole | None) -> None:
        if unseen is not None:
            self.holes.append(unseen)


@dataclass(frozen=True, slots=True)
class _Settings:
    effective: dict[str, int | str]
    lists: dict[str, list[str]]


_VERSION = re.compile(r"OpenSSH_(?:for_\w+_)?([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})(p[0-9]{1,4})?", re.ASCII)
_KEY = re.compile(r"[a-z][a-z0-9]{2,60}", re.ASCII)


def _version(answers: Answers, found: _Found) -> tuple[str | None, str | None]:
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


def _settings(answers: Answers, found: _Found) -> _Settings | None:
    """Return what everybody gets; notes why when that is unknown."""
    read = _everybody(answers)
    if isinstance(read, _Settings):
        return read
    for path in ("effective", "lists", "contexts"):
        found.add(Hole(path, read.reason, read.detail))
    return None


def _everybody(answers: Answers) -> _Settings | Hole:
    """Return the configuration outside of Match blocks, asked with the running server's own options."""
    options = options_of(answers)
    if options is None:
        return Hole("", Blind.UNPARSEABLE, "the running server has options that we cannot repeat")
    plain = _dump(answers.get("sshd.running" if options else "sshd.effective"))
    return plain if isinstance(plain, _Settings) else _anyone(answers, plain)


def _anyone(answers: Answers, otherwise: Hole) -> _Settings | Hole:
    """Return what somebody unknown gets from outside."""
    read = _dump(answers.get("sshd.running_anyone" if options_of(answers) else "sshd.anyone"))
    return read if isinstance(read, _Settings) else otherwise


def _dump(answer: Answer | None) -> _Settings | Hole:
    unseen = hole(answer)
    if unseen is not None:
        return _last_word(answer, unseen)
    values: dict[str, list[str]] = {}
    for line in lines(answer):
        key, _, value = line.strip().partition(" ")
        if not _KEY.fullmatch(key):
            return garbled("", "sshd -T: a line without a key")
        values.setdefault(key, []).append(value.strip())
    if not values.keys() >= {"port", "passwordauthentication", "permitrootlogin"}:
        return garbled("", "sshd -T: not a whole configuration")
    effective: dict[str, int | str] = {
        key: " ".join(told) if key in NUMBER_OR_WORD else settled(" ".join(told)) for key, told in values.items()
    }
    steps = str(effective.get("maxstartups", "")).split(":")
    if len(steps) == 3:
        effective |= {
            f"maxstartups_{name}": settled(step) for name, step in zip(("start", "rate", "full"), steps, strict=True)
        }
    return _Settings(effective, {key: list(_split(told, LISTS[key])) for key, told in values.items() if key in LISTS})


def _last_word(answer: Answer | None, unseen: Hole) -> Hole:
    """Return the hole with the last line of standard error: sshd warns of many things before it says why it stops."""
    words = answer.stderr.decode("utf-8", "replace").split("\n") if answer is not None else []
    said = [word.strip() for word in words if word.strip()]
    return Hole("", unseen.reason, said[-1][:200]) if said and unseen.reason is Blind.UNPARSEABLE else unseen


def _split(told: list[str], separator: str) -> Iterator[str]:
    for value in told:
        yield from (part.strip() for part in value.split(separator) if part.strip())


def _compared(answers: Answers, found: _Found) -> tuple[bool | None, bool | None]:
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


def _probes(answers: Answers) -> tuple[list[tuple[str, Block, str]], str]:
    """Return command id, block and `-C` argument of every block, and why these may not be all (empty when they are)."""
    named = _blocks(answers)
    if isinstance(named, Hole):
        return [], named.detail or named.reason.value
    people = _people(answers)
    effective = _dump(answers.get("sshd.effective"))
    ports = effective.lists.get("port", []) if isinstance(effective, _Settings) else []
    port = int(ports[0]) if ports and ports[0].isdecimal() and len(ports[0]) < 6 else 22
    doubt = f"{named.unread} Match lines could not be read" if named.unread else _outside(named)
    asked: list[tuple[str, Block, str]] = []
    for block in named.blocks:
        what = probe(block, people, port=port, others=named.blocks)
        if what is Dead.UNKNOWN or len(asked) >= MAX_CONTEXTS:
            doubt = doubt or f"Match {block.text}: {Dead.UNKNOWN.value}"
        elif isinstance(what, str):
            asked.append((f"sshd.context/{len(asked) + 1}", block, what))
    return asked, doubt


def _blocks(answers: Answers) -> Blocks | Hole:
    answer = answers.get("sshd.blocks")
    unseen = blind(answer)
    if unseen is not None:
        return unseen
    if not all(line.startswith("/") and "\0" in line for line in lines(answer)):
        return garbled("", "sshd.blocks: a line that grep did not write")
    return blocks_of(line.partition("\0")[2] for line in lines(answer))


def _outside(named: Blocks) -> str:
    """Return a sentence when files are included that we did not read."""
    own = (CONFIG[1] + "/", CONFIG[2])
    other = [path for path in named.includes if not path.startswith(own) or "/../" in path]
    return f"{other[0]} is included and was not read" if other else ""


def _people(answers: Answers) -> People:
    names: dict[str, str] = {}
    groups_of: dict[str, set[str]] = {}
    rows = [line.split(":") for line in lines(answers.get("sshd.group"))]
    for name, gid, members in (row for row in rows if len(row) == 3):
        names[gid] = name
        for member in filter(None, members.split(",")):
            groups_of.setdefault(member, set()).add(name)
    for row in (line.split(":") for line in lines(answers.get("sshd.passwd"))):
        if len(row) == 2:
            groups_of.setdefault(row[0], set()).update([names[row[1]]] if row[1] in names else [])
    whole = all(_has_columns(answers.get(f"sshd.{name}"), count) for name, count in (("passwd", 2), ("group", 3)))
    return People({name: frozenset(groups) for name, groups in groups_of.items()}, whole and _local_only(answers))


def _has_columns(answer: Answer | None, count: int) -> bool:
    told = lines(answer)
    return hole(answer) is None and bool(told) and all(line.count(":") == count - 1 for line in told)


def _local_only(answers: Answers) -> bool:
    told = answers.get("sshd.sources")
    words = {word for line in lines(told) for word in line.partition(":")[2].split()}
    return blind(told) is None and words <= {"files", "compat", "systemd"}


def _contexts(answers: Answers, settings: _Settings | None, found: _Found) -> Listing[Context] | None:
    if settings is None:
        return None
    asked, doubt = _probes(answers)
    items = []
    for id_, block, _ in asked:
        answer = answers.get(id_)
        read = _dump(answer)
        if isinstance(read, Hole):
            doubt = doubt or f"Match {block.text}: {read.reason.value}"
        elif answer is not None:
            # As it was asked: another version of this program may choose another connection.
            items.append(Context(block.text, answer.command.argv[-1], read.effective, read.lists))
    anyone = _anyone(answers, Hole("", Blind.NOT_ATTEMPTED))
    if isinstance(anyone, _Settings) and anyone != settings:
        items.insert(0, Context("", ANYONE, anyone.effective, anyone.lists))
    if doubt and not items:
        found.add(Hole("contexts", Blind.UNPARSEABLE, doubt[:200]))
    return Listing(items, not doubt)


def _smartcard(answers: Answers, found: _Found) -> bool | None:
    answer = answers.get("sshd.smartcard")
    unseen = blind(answer, "smartcard_login")
    if unseen is not None:
        found.add(unseen)
        return None
    told = [line.partition("=") for line in lines(answer)]
    values = [value.strip().lower() for key, _, value in told if key.strip().lower() == "pam_cert_auth"]
    return bool(values) and values[-1] in ("true", "1", "yes")

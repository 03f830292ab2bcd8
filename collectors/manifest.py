"""What a host's owner reviews before the first login: every command as whom, the sudo rules, and what it all costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.base import Collector, Command
from posture.errors import UsageError


@dataclass(frozen=True, slots=True)
class Entry:
    """One command that may run on a host."""

    topic: str
    id: str
    argv: tuple[str, ...]
    as_root: bool
    batch: int
    """1 is always sent; 2 only when the answers of the first ask for it."""
    varies: tuple[str, ...]
    """Names of the parts that depend on the host; empty when the command is the same everywhere."""
    timeout_s: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one scan of one host leaves behind and takes."""

    logins: int
    commands: int
    """Processes of the first batch, the shell's own tools apart."""
    root_commands: int
    log_lines: int
    """Lines sudo and PAM write to the authentication log."""
    audit_records: int
    """Records of the audit system without any execve rule."""
    audit_execve_events: int
    """Further events where privileged execve is recorded (STIG RHEL-09-654010)."""
    output_limit_bytes: int
    time_limit_s: int
    """The sum of the commands' own limits; a session ends earlier."""
    expected_s: float
    """At lowest priority on a small idle server; measured, see the constants."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that may be asked of a host."""

    entries: tuple[Entry, ...]
    """Sorted by batch, topic and id."""
    cost: Cost
    """With a login that may run by sudo exactly these commands."""
    cost_in_one_shell: Cost
    """With a login that may run anything as root by sudo."""
    cost_as_root: Cost


def manifest(collectors: Iterable[Collector]) -> Manifest:
    """Return every command of these collectors, and the cost of the first batch."""
    known = list(collectors)
    entries = [_entry(collector, command, 1) for collector in known for command in collector.commands]
    entries += [_entry(collector, command, 2) for collector in known for command in collector.second]
    entries.sort(key=lambda entry: (entry.batch, entry.topic, entry.id))
    first = [entry for entry in entries if entry.batch == 1]
    rooted = sum(entry.as_root for entry in first)
    return Manifest(
        tuple(entries), _cost(first, rooted), _cost(first, min(rooted, _SUDOS_IN_ONE_SHELL)), _cost(first, 0)
    )


def sudoers(collectors: Iterable[Collector], account: str) -> str:
    """Return a sudoers file that lets the account run exactly these commands as root, and nothing else.

    Raises:
        UsageError: the account's name has characters sudoers gives a meaning to, or an argument cannot be written down.

    Source: sudoers(5), "Command aliases" and "Wildcards in command arguments"; a missing argument list means any.
    """
    if not _ACCOUNT.fullmatch(account):
        raise UsageError(
            f"`{account}` is not an account name", hint="letters, digits, `_`, `-` and `.`, such as `posture`"
        )
    entries = [entry for entry in manifest(collectors).entries if entry.as_root]
    exact = sorted({_rule(account, entry.argv) for entry in entries if not entry.varies})
    varying = [entry for entry in entries if entry.varies]
    lines = [*_HEAD, f"Defaults:{account} !requiretty", *exact, "", *_second_batch(account, varying)]
    return "\n".join(lines) + "\n"


_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_HEAD = (
    "# Written by `posture manifest --sudoers`; check it with `visudo -c -f FILE`, then put it into /etc/sudoers.d.",
    "# Every rule is one exact command line or one anchored pattern: no wildcard, no shell, nothing that writes. A",
    "# scan without these rules still runs and says what it could not see.",
)


def _entry(collector: Collector, command: Command, batch: int) -> Entry:
    return Entry(
        topic=collector.topic,
        id=command.id,
        argv=command.argv,
        as_root=command.sudo,
        batch=batch,
        varies=tuple(sorted({name for word in command.argv for name in _VARIES.findall(word)})),
        timeout_s=command.timeout_s,
        max_bytes=command.max_bytes,
    )


_VARIES = re.compile(r"\{([a-z_]+)\}")

# sudo 1.9 and Linux-PAM on RHEL 9 write, for one `sudo -n` command: USER_ACCT, USER_CMD, CRED_REFR, USER_START,
# USER_END, CRED_DISP; and in the authentication log its COMMAND line, "session opened" and "session closed".
_AUDIT_RECORDS_PER_SUDO = 6
_LOG_LINES_PER_SUDO = 3
_SUDOS_IN_ONE_SHELL = 2  # whether there may be one (`sudo -l`, counted as dear as any), and the shell itself
# One SSH login: USER_AUTH, USER_ACCT, CRED_ACQ, LOGIN, USER_START, USER_LOGIN, USER_END, CRED_DISP, USER_LOGOUT;
# "Accepted publickey", "session opened", "Disconnected", "session closed".
_AUDIT_RECORDS_PER_LOGIN = 9
_LOG_LINES_PER_LOGIN = 4
_USUAL_MS = 6  # median of 60 commands on Debian 12, two cores, warm cache
_SUDO_MS = 8  # sudo's own start, PAM session included
_SLOW_MS = {
    "updates.apt": 1_700,  # apt without its binary cache, which it would otherwise rewrite
    "updates.dnf": 1_500,  # dnf 4 from cache
    "updates.dnf_advisories": 1_500,
    "firewall.zones": 400,  # firewall-cmd starts Python
    "firewall.default_zone": 400,
    "listeners.fences": 300,
    "services.files": 160,
    "secret_files.homes": 130,
    "firewall.kernel": 40,  # reads /proc/kallsyms to its end when the symbol is missing
    "listeners.deleted": 25,  # 90 processes
}
"""Measured on this project's machines where it could be, else from the tool's own start-up time."""


def _cost(entries: list[Entry], sudos: int) -> Cost:
    expected_ms = sum(_SLOW_MS.get(entry.id, _USUAL_MS) for entry in entries) + sudos * _SUDO_MS
    return Cost(
        logins=1,
        commands=len(entries),
        root_commands=sum(entry.as_root for entry in entries) if sudos else 0,
        log_lines=_LOG_LINES_PER_LOGIN + sudos * _LOG_LINES_PER_SUDO,
        audit_records=_AUDIT_RECORDS_PER_LOGIN + sudos * _AUDIT_RECORDS_PER_SUDO,
        # Only sudo itself runs with uid != euid; what it starts is root in both.
        audit_execve_events=sudos,
        output_limit_bytes=sum(entry.max_bytes for entry in entries),
        time_limit_s=sum(entry.timeout_s for entry in entries),
        expected_s=round(expected_ms / 1000, 1),
    )


def _rule(account: str, argv: tuple[str, ...]) -> str:
    # Without `""` a command may be given any arguments.
    arguments = " ".join(_escaped(word) for word in argv[1:]) or '""'
    return f"{account} ALL=(root) NOPASSWD: {_escaped(argv[0])} {arguments}"


_LEXER = frozenset(",:=# ")
_GLOB = frozenset("*?[]")


def _escaped(word: str) -> str:
    r"""Return the word so that sudo's lexer and then its fnmatch(3) read it as itself.

    The lexer takes one backslash off ``\,`` ``\:`` ``\=`` ``\#`` ``\ `` and ``\\`` and leaves ``\*`` for fnmatch, so a
    literal backslash needs four.
    """
    if not word or not word.isprintable():
        raise UsageError(
            f"sudoers cannot hold the argument {word!r}", hint="choose arguments that are printable and not empty"
        )
    out: list[str] = []
    for char in word:
        if char == "\\":
            out.append("\\" * 4)
        elif char in _LEXER or char in _GLOB:
            out.append("\\" + char)
        else:
            out.append(char)
    return "".join(out)


_NAME = r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*"  # never begins with a dot, so neither `..` nor a hidden directory
_GRAMMAR = {
    # sshd(8): `-C` takes words of a connection and reads no file by them.
    "{probe}": r"[A-Za-z0-9_.,=:@+-]+",
    # Only directories called `.ssh`, in which the rest of the command prints public keys and marks of private ones.
    "{home}/.ssh": rf"(/{_NAME})*/\.ssh",
    # The command prints what stands before the first equals sign: names of variables.
    "/proc/{pid}/environ": r"/proc/[1-9][0-9]*/environ",
    # Nobody but root writes below /etc/ssh, so no link can lead elsewhere; host keys have other names.
    "{authorized_keys}": rf"/etc/ssh/({_NAME}/)*authorized[_-]?keys(\.d)?(/{_NAME})*",
}
"""Arguments of the second batch that are harmless as root whatever fits, as POSIX extended regular expressions."""
_SEVERAL = frozenset({"{home}/.ssh", "{authorized_keys}", "/proc/{pid}/environ"})
"""Those a command takes any number of."""


def _second_batch(account: str, entries: list[Entry]) -> Iterator[str]:
    """Yield anchored patterns for what depends on the host; a wildcard would allow far more."""
    if not entries:
        return
    yield from _WHY_NOT_EXACT
    for entry in entries:
        rule = _pattern_rule(entry.argv)
        if rule:
            yield f"{account} ALL=(root) NOPASSWD: {rule}"
        else:
            parts = ", ".join(entry.varies)
            yield f"# Left out: {entry.id} ({entry.argv[0]} …, with {parts} of the host)."


_WHY_NOT_EXACT = (
    "# The commands below depend on what the host answers (a Match block, a home outside /home), so each rule is a",
    "# regular expression for the whole argument list, from ^ to $. That needs sudo 1.9.10 or newer: Debian 12,",
    "# Ubuntu 24.04, RHEL 10. To an older one (Debian 11, RHEL 9: 1.9.5) they are syntax errors, named at every",
    "# command, and before 1.9.3 sudo then refuses to run at all: THERE, LEAVE OUT EVERYTHING FROM HERE ON. What it",
    "# would have shown is reported as unseen. No rule lets the account name a file of its own choice: `..`, blanks",
    "# and hidden directories do not fit. Where a rule is left out, add exact lines for this host if a report names",
    "# the command.",
)


def _pattern_rule(argv: tuple[str, ...]) -> str:
    """Return the command with a pattern for its arguments; empty when none is both safe and short enough."""
    pattern = "".join(map(_pattern, argv[1:])).removeprefix(" ")
    if len(pattern) > _MAX_PATTERN or not all(word in _GRAMMAR for word in argv if _VARIES.search(word)):
        return ""
    return f"{argv[0]} ^{re.sub('([,:=#])', _LEXED, pattern)}$"


_MAX_PATTERN = 1022  # sudo 1.9.13 takes 1024 with the anchors; a longer one silently matches nothing (measured)


def _pattern(word: str) -> str:
    """Return the pattern of one argument and the blank before it."""
    grammar = _GRAMMAR.get(word)
    if grammar is None:
        return " " + _MEANS_SOMETHING.sub(r"\\\1", word)
    return f"( {grammar})+" if word in _SEVERAL else f" {grammar}"


_MEANS_SOMETHING = re.compile(r"([.^$*+?()\[\]{}|\\])")
_LEXED = r"\\\1"

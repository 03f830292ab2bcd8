"""The manifest: every command, the sudo rules checked by the real visudo, and the cost."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import sudo
from collectors.base import Collector, Command
from collectors.manifest import manifest, sudoers
from collectors.registry import COLLECTORS
from collectors.ssh_key_search import KEY_FILES, SECOND
from posture.errors import UsageError
from tests.collectors.authored import grep, told_by
from tests.collectors.transcripts import facts_of
from tests.lab.host import BASE

TEXT = sudoers(COLLECTORS, "posture")
RULES = [line for line in TEXT.splitlines() if line.startswith("posture ")]
PATTERNS = [rule for rule in RULES if re.search(r"NOPASSWD: \S+ \^", rule)]
EXACT = [rule for rule in RULES if rule not in PATTERNS]


def _visudo() -> tuple[str, ...]:
    """Return how to call visudo: this machine's, or that of the lab's base file system."""
    own = shutil.which("visudo", path="/usr/sbin:/usr/bin:/sbin")
    if own is not None:
        return (own,)
    in_base = os.geteuid() == 0 and (BASE / "usr/sbin/visudo").exists()
    return ("chroot", str(BASE), "/usr/sbin/visudo") if in_base else ()


VISUDO = _visudo()


def _collector(*commands: Command, second: tuple[Command, ...] = ()) -> Collector:
    return Collector("demo", 1, commands, dict, lambda answers: None, second=second)  # type: ignore[arg-type, return-value]


def _meant(rule: str) -> str:
    """Return the command line a rule allows: what sudo's lexer, and then fnmatch, make of it."""
    command = rule.partition("NOPASSWD: ")[2]
    unlexed = re.sub(r"\\([,:=# \\])", r"\1", command)
    return re.sub(r"\\(.)", r"\1", unlexed)


def test_every_command_of_every_collector_is_in_it():
    listed = {entry.id for entry in manifest(COLLECTORS).entries}
    assert listed >= {command.id for collector in COLLECTORS for command in collector.commands}


def test_root_is_asked_for_exactly_what_is_marked():
    asked = {entry.argv for entry in manifest(COLLECTORS).entries if entry.as_root and not entry.varies}
    assert len(EXACT) == len(asked)
    assert {_meant(rule) for rule in EXACT} == {" ".join(argv) if argv[1:] else f'{argv[0]} ""' for argv in asked}


def test_no_rule_holds_a_wildcard():
    for rule in EXACT:
        assert not re.search(r"(?<!\\)[*?\[\]]", rule.partition("NOPASSWD: ")[2]), rule


def test_a_command_without_arguments_may_not_be_given_any():
    assert any(rule.endswith('/usr/sbin/iptables-save ""') for rule in RULES)


def test_no_shell_and_no_editor_runs_as_root():
    programs = {Path(entry.argv[0]).name for entry in manifest(COLLECTORS).entries if entry.as_root}
    assert not programs & {"sh", "bash", "dash", "env", "vi", "less", "tee", "cp", "mv", "dd", "python3", "perl"}


def test_nothing_deletes_or_writes():
    writes = {"-delete", "-fprint", "-fprint0", "-fprintf", "-fls", "-ok", "-okdir", "--in-place", "--write"}
    for entry in manifest(COLLECTORS).entries:
        assert not writes & set(entry.argv), entry.id


@pytest.mark.skipif(not VISUDO, reason="no visudo, neither here nor in the lab's base")
def test_the_real_visudo_accepts_it():
    checked = subprocess.run([*VISUDO, "-c", "-f", "-"], input=TEXT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(not VISUDO, reason="no visudo, neither here nor in the lab's base")
def test_the_real_visudo_would_have_said_no():
    wrong = TEXT + "posture ALL=(root) NOPASSWD: /bin/a,,\n"
    checked = subprocess.run([*VISUDO, "-c", "-f", "-"], input=wrong, capture_output=True, text=True, check=False)
    assert checked.returncode != 0


def test_our_own_reader_understands_our_own_file():
    facts = facts_of(sudo.COLLECTOR, told_by(sudo.COLLECTOR, grep("sudo.sudoers", {"/etc/sudoers": TEXT}))).value
    assert len(facts.nopasswd.items) == len(RULES)
    assert {rule.who for rule in facts.nopasswd.items} == {"posture"}
    assert not facts.nopasswd_all


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.text("ab*?[]!^,:=#\\ -\"'(){}$", min_size=1, max_size=6), min_size=1, max_size=3))
def test_a_rule_allows_its_own_arguments_and_no_others(words):
    (rule,) = [
        line
        for line in sudoers([_collector(Command("demo.x", ("/usr/bin/x", *words), sudo=True))], "posture").splitlines()
        if line.startswith("posture ")
    ]
    lexed = re.sub(r"\\([,:=# \\])", r"\1", rule.partition("NOPASSWD: ")[2])
    # fnmatch(3) and Python's differ in how a backslash is read; both read a bracketed character alike.
    pattern = re.sub(r"\\(.)|([*?\[\]])", lambda m: f"[{m[1]}]" if m[1] in (*"*?[",) else (m[1] or m[2]), lexed)
    assert fnmatch.fnmatchcase(" ".join(("/usr/bin/x", *words)), pattern)
    assert not fnmatch.fnmatchcase(" ".join(("/usr/bin/x", *words, "more")), pattern)


@pytest.mark.parametrize("account", ["", "ALL ALL", "a,b", "%wheel", "root ALL=(ALL) ALL\nx", "#0", "x" * 40])
def test_an_account_name_cannot_smuggle_a_rule(account):
    with pytest.raises(UsageError):
        sudoers(COLLECTORS, account)


@pytest.mark.parametrize("word", ["", "a\nb", "a\tb", "\x7f"])
def test_an_argument_sudoers_cannot_hold_is_refused(word):
    with pytest.raises(UsageError):
        sudoers([_collector(Command("demo.x", ("/usr/bin/x", word), sudo=True))], "posture")


def test_what_varies_is_explained_and_never_granted_by_wildcard():
    risky = Command("demo.read", ("/usr/bin/find", "{file}"), sudo=True)
    long = Command("demo.long", ("/usr/bin/find", "{home}/.ssh", "x" * 1000), sudo=True)
    safe = Command("demo.ask", ("/usr/sbin/sshd", "-T", "-C", "{probe}"), sudo=True)
    text = sudoers([_collector(second=(risky, long, safe))], "posture")
    assert "# Left out: demo.read" in text
    assert "# Left out: demo.long" in text
    (rule,) = [line for line in text.splitlines() if line.startswith("posture ")]
    assert rule == r"posture ALL=(root) NOPASSWD: /usr/sbin/sshd ^-T -C [A-Za-z0-9_.\,\=\:@+-]+$"


KEYS = ("-maxdepth", "2", *KEY_FILES)
WHOLE = SECOND[1].argv[3:]


def _fits(*argv: str) -> bool:
    """Return whether a pattern rule allows the command: sudo's lexer, then a POSIX regular expression."""
    arguments = " ".join(argv[1:])
    return any(
        re.fullmatch(re.sub(r"\\([,:=#])", r"\1", rule.partition(" ^")[2].removesuffix("$")), arguments)
        for rule in PATTERNS
        if f": {argv[0]} ^" in rule
    )


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/sbin/sshd", "-T", "-C", "user=a,host=b.example,addr=192.0.2.1,laddr=2001:db8::1,lport=22"),
        ("/usr/bin/find", "-H", "/.ssh", *KEYS),
        ("/usr/bin/find", "-H", "/var/lib/redis/.ssh", "/srv/a_b@c/.ssh", *KEYS),
        ("/usr/bin/find", "-H", "/etc/ssh/authorized_keys/bob", "/etc/ssh/authorized-keys.d/eve", *WHOLE),
    ],
    ids=lambda argv: argv[2] if argv[0].endswith("sshd") else argv[2] + " " + argv[3],
)
def test_what_the_second_batch_asks_is_allowed(argv):
    assert _fits(*argv)


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/sbin/sshd", "-T", "-C", "user=a", "-f", "/etc/shadow"),
        ("/usr/sbin/sshd", "-T", "-C", "user=a -oInclude=/etc/shadow"),
        ("/usr/bin/find", "-H", "/var/../root/.ssh", *KEYS),
        ("/usr/bin/find", "-H", "/var/lib/.hidden/.ssh", *KEYS),
        ("/usr/bin/find", "-H", "/var/lib/x/.ssh", "-delete", *KEYS),
        ("/usr/bin/find", "-H", "/var/lib/x/.ssh", *KEYS, "-delete"),
        ("/usr/bin/find", "-H", "/var/lib/x", *KEYS),
        ("/usr/bin/find", "-H", "/etc/shadow", *WHOLE),
        ("/usr/bin/find", "-H", "/etc/ssh/ssh_host_ed25519_key", *WHOLE),
        ("/usr/bin/find", "-H", "/home/eve/authorized_keys", *WHOLE),
        ("/usr/bin/find", "-H", "/etc/ssh/authorized_keys/../ssh_host_rsa_key", *WHOLE),
        ("/usr/bin/find", "-H", *WHOLE),
    ],
    ids=lambda argv: " ".join(argv[2:5]),
)
def test_nothing_else_fits_a_pattern(argv):
    assert not _fits(*argv)


def test_no_pattern_is_longer_than_sudo_takes():
    assert PATTERNS
    assert all(len(rule.partition(" ^")[2]) < 1024 for rule in PATTERNS)


def test_the_cost_follows_from_the_commands():
    demo = manifest(
        [_collector(Command("demo.a", ("/bin/a",)), Command("demo.b", ("/bin/b",), sudo=True, timeout_s=30))]
    )
    assert (demo.cost.commands, demo.cost.root_commands, demo.cost.time_limit_s) == (2, 1, 50)
    assert (demo.cost.audit_records, demo.cost.audit_execve_events, demo.cost.log_lines) == (15, 1, 7)
    assert demo.cost_in_one_shell == demo.cost
    many = manifest([_collector(*(Command(f"demo.{n}", (f"/bin/{n}",), sudo=True) for n in range(40)))])
    assert (many.cost.log_lines, many.cost_in_one_shell.log_lines) == (124, 10)
    assert many.cost_in_one_shell.root_commands == 40
    assert demo.cost_as_root.root_commands == 0
    assert demo.cost_as_root.audit_records < demo.cost.audit_records

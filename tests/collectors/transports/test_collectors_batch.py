"""One batch in real shells of this machine: framing, limits, sudo, and shells that misbehave."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.base import Answer, Command, hole
from collectors.transports.batch import Budget, Pumped, SessionBrokenError, distinct, run_batch
from collectors.transports.process import ProcessStream
from collectors.transports.script import ROOT_SHELL, SHELL, BadCommandError, SessionLimits, build, check
from posture.model.observation import Blind

LIMITS = SessionLimits(hello_s=3, session_s=20, grace_s=1, total_bytes=3_000_000)
SHELLS = [argv for argv in (("dash", "-s"), ("bash", "-s"), ("busybox", "sh", "-s")) if shutil.which(argv[0])]
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def sh(text: str, name: str = "a.x", **more: object) -> Command:
    return Command(name, ("/bin/sh", "-c", text), **more)  # type: ignore[arg-type]


def ask(
    *commands: Command, shell: Sequence[str] = ("/bin/sh", "-s"), limits: SessionLimits = LIMITS
) -> dict[str, Answer]:
    return run_batch(lambda _: ProcessStream(shell), commands, Budget.start(limits))


def reason(answer: Answer | None) -> Blind | None:
    found = hole(answer)
    return found.reason if found else None


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_every_shell_frames_alike(shell: tuple[str, ...]) -> None:
    answers = ask(
        sh("printf 'a\\0b\\n\\n'; printf 'e\\n' >&2; exit 3", "a.both"),
        sh("cat", "a.reads"),
        Command("a.quotes", ("/bin/echo", "it's", '$HOME `id` "x" *', "-n", "\\", "")),
        Command("a.missing", ("/no/such/program",)),
        sh('printf %s "$LC_ALL"', "a.locale"),
        sh("kill -9 $$", "a.killed"),
        sh("exit 0", "a.silent"),
        shell=shell,
    )
    assert (answers["a.both"].stdout, answers["a.both"].stderr, answers["a.both"].exit_code) == (b"a\0b\n\n", b"e\n", 3)
    assert (answers["a.reads"].stdout, answers["a.reads"].exit_code) == (b"", 0)
    assert answers["a.quotes"].stdout == b'it\'s $HOME `id` "x" * -n \\ \n'
    assert reason(answers["a.missing"]) is Blind.COMMAND_MISSING
    assert answers["a.locale"].text == "C"
    assert answers["a.killed"].exit_code == 137
    assert not answers["a.killed"].timed_out
    assert hole(answers["a.silent"]) is None


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_output_is_cut_and_marked_and_a_flood_does_not_cost_the_next_command(shell: tuple[str, ...]) -> None:
    answers = ask(
        Command("a.endless", ("/usr/bin/yes", "0123456789"), max_bytes=1000),
        sh("yes >&2", "a.stderr"),
        sh("yes 0123456789 | head -c 40000", "a.more", max_bytes=1000),
        sh("printf 12345", "a.exact", max_bytes=5),
        shell=shell,
    )
    assert reason(answers["a.endless"]) is Blind.TRUNCATED
    assert answers["a.endless"].stdout == b"0123456789\n" * 90
    assert reason(answers["a.stderr"]) is Blind.TRUNCATED
    assert len(answers["a.stderr"].stderr) <= LIMITS.stderr_bytes
    assert (answers["a.more"].stdout, answers["a.more"].truncated, answers["a.more"].exit_code) == (
        b"0123456789\n" * 90,
        True,
        0,
    )
    assert (answers["a.exact"].stdout, answers["a.exact"].truncated) == (b"12345", False)


def test_a_command_that_runs_too_long_is_ended_and_the_next_one_runs() -> None:
    answers = ask(sh("echo early; sleep 30", "a.slow", timeout_s=1), sh("echo next", "a.next"))
    assert reason(answers["a.slow"]) is Blind.TIMED_OUT
    assert answers["a.slow"].exit_code is None
    assert answers["a.next"].text == "next\n"


def test_a_command_that_cannot_be_ended_is_given_up_and_the_rest_is_sent_anew() -> None:
    """A stopped `timeout` ends nothing, like one that may not signal what runs as root."""
    began = time.monotonic()
    answers = ask(
        sh("echo one", "a.before"), sh("kill -STOP $PPID; sleep 9", "a.hangs", timeout_s=1), sh("echo two", "a.after")
    )
    assert time.monotonic() - began < 5
    assert reason(answers["a.hangs"]) is Blind.TIMED_OUT
    assert (answers["a.before"].text, answers["a.after"].text) == ("one\n", "two\n")


def test_too_many_hanging_commands_end_the_session_but_not_its_answers() -> None:
    limits = SessionLimits(hello_s=3, session_s=20, grace_s=0.2, stuck_commands=1)
    hang = "kill -STOP $PPID; sleep 9"
    with pytest.raises(SessionBrokenError) as caught:
        ask(
            sh("echo one", "a.before"),
            sh(hang, "a.h1", timeout_s=1),
            sh(f"{hang}0", "a.h2", timeout_s=1),
            sh("echo", "a.after"),
            limits=limits,
        )
    assert caught.value.reason is Blind.TIMED_OUT
    assert set(caught.value.answers) == {"a.before", "a.h1", "a.h2"}


def test_a_session_has_an_end() -> None:
    limits = SessionLimits(hello_s=3, session_s=1.5, grace_s=9)
    with pytest.raises(SessionBrokenError) as caught:
        ask(*(sh(f"sleep 1; : {n}", f"a.{n}") for n in range(9)), limits=limits)
    assert caught.value.reason is Blind.TIMED_OUT
    assert len(caught.value.answers) == 1


def test_a_stopped_run_ends_in_the_middle_of_a_command() -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(SessionBrokenError) as caught:
        run_batch(
            ProcessStream,
            (sh("echo", "a.1"), sh("sleep 20", "a.2")),
            Budget.start(LIMITS, stop),
        )
    assert caught.value.reason is Blind.NOT_ATTEMPTED
    assert set(caught.value.answers) == {"a.1"}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "argv",
    [
        ("echo",),
        (),
        ("/bin/echo", "a\nb"),
        ("/bin/echo", "a\0"),
        ("/bin/echo", "\x1b[2J"),
        ("/bin/../e cho",),
        ("/bin/echo", "x" * 5000),
        ("/bin/echo", "\udcff"),
    ],
    ids=ascii,
)
def test_a_command_outside_the_grammar_is_never_sent(argv: tuple[str, ...]) -> None:
    bad = Command("a.bad", argv)
    with pytest.raises(BadCommandError):
        check(bad)
    assert set(ask(bad, sh("echo", "a.good"))) == {"a.good"}


def test_an_id_is_asked_once() -> None:
    assert ask(sh("echo first"), sh("echo second"))["a.x"].text == "first\n"


def test_what_two_topics_ask_alike_runs_once_and_answers_both(tmp_path: Path) -> None:
    counting = f"echo x >> {tmp_path}/runs; wc -l < {tmp_path}/runs"
    answers = ask(sh(counting, "a.count"), sh("exit 3", "a.other"), sh(counting, "b.count", ok_exit=(0, 1)))
    assert (tmp_path / "runs").read_text() == "x\n"
    assert answers["a.count"].stdout == answers["b.count"].stdout
    assert answers["b.count"].command.id == "b.count" and answers["b.count"].command.ok_exit == (0, 1)


def test_the_same_program_with_other_limits_or_rights_is_another_question() -> None:
    plain = sh("exit 0", "a.x")
    others = [sh("exit 0", "a.y", max_bytes=7), sh("exit 0", "a.z", timeout_s=7), sh("exit 0", "a.w", sudo=True)]
    assert distinct([plain, *others]) == [plain, *others]


def test_an_answer_that_breaks_the_session_is_kept_under_every_id() -> None:
    small = replace(LIMITS, total_bytes=20_000)
    with pytest.raises(SessionBrokenError) as broken:
        ask(sh("echo kept", "a.x"), sh("sleep 0.5; yes", "a.y"), sh("echo kept", "b.x"), limits=small)
    assert {id_: answer.text for id_, answer in broken.value.answers.items()} == {"a.x": "kept\n", "b.x": "kept\n"}


def test_a_script_that_arrives_in_part_runs_nothing(tmp_path: Path) -> None:
    script = build((Command("a.touch", ("/usr/bin/touch", str(tmp_path / "x"))), sh("echo")), "0" * 32)
    for share in (3, 2):
        stream = ProcessStream(("/bin/sh", "-s"))
        stream.pump(script[: len(script) * (share - 1) // share], 1)
        stream.process.stdin.close()  # type: ignore[union-attr]
        stream.process.wait(60)
        stream.close()
    assert not list(tmp_path.iterdir())


def test_secrets_are_taken_out_before_an_answer_exists() -> None:
    answer = ask(sh("echo 'password = CANARY1'; echo 'token: CANARY2' >&2"))["a.x"]
    assert b"CANARY" not in answer.stdout + answer.stderr
    assert answer.redactions == 2


def test_half_a_secret_at_the_cut_is_taken_out_too() -> None:
    answer = ask(sh("printf 'ok\\nghp_CANARYCANARYCANARY'", max_bytes=9))["a.x"]
    assert answer.stdout == b"ok\n"


needs_root = pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")


def fake_sudo(tmp_path: Path, text: str) -> tuple[str, ...]:
    """A shell in a mount namespace of its own, where sudo is this script, run by an account that is not root."""
    (tmp_path / "sudo").write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "sudo").chmod(0o755)
    tmp_path.chmod(0o755)
    mount = f"mount --bind {tmp_path} /usr/local/bin && exec {' '.join(NOBODY)} /bin/sh -s"
    return ("unshare", "-m", "/bin/sh", "-c", mount)


SUDO_SAYS = {
    "no password": "sudo: a password is required",
    "not in sudoers": "nobody is not in the sudoers file.  This incident will be reported.",
    "not this command": "Sorry, user nobody is not allowed to execute '/bin/true' as root on host.",
    "no new privileges": 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
    "sudo-rs": "sudo: interactive authentication is required",
}


@needs_root
@pytest.mark.skipif(bool(shutil.which("sudo")), reason="the real sudo is found before the recorded one")
@pytest.mark.parametrize("words", SUDO_SAYS.values(), ids=SUDO_SAYS.keys())
def test_a_refusal_by_sudo_never_passes_for_an_empty_answer(tmp_path: Path, words: str) -> None:
    """grep ends with 1 when it finds nothing, and so does sudo when it refuses."""
    grep = Command("a.grep", ("/bin/grep", "x", "/etc/hostname"), sudo=True, ok_exit=(0, 1))
    answer = ask(grep, shell=fake_sudo(tmp_path, f"cat >&2 <<'E'\n{words}\nE\nexit 1"))["a.grep"]
    assert reason(answer) is Blind.COMMAND_REFUSED
    assert (answer.exit_code, answer.ran_as_root) == (None, False)


@needs_root
@pytest.mark.skipif(bool(shutil.which("sudo")), reason="the real sudo is found before the recorded one")
def test_sudo_that_lets_us_in_runs_the_command_as_root(tmp_path: Path) -> None:
    shell = fake_sudo(
        tmp_path, 'echo "sudo: unable to resolve host lab" >&2; [ "$1 $2" = "-n --" ] || exit 9; shift 2; exec "$@"'
    )
    answers = ask(
        sh("exit 1", "a.one", sudo=True, ok_exit=(0, 1)),
        Command("a.gone", ("/no/such",), sudo=True),
        sh("echo plain", "a.plain"),
        shell=shell,
    )
    assert (answers["a.one"].exit_code, answers["a.one"].ran_as_root, hole(answers["a.one"])) == (1, True, None)
    assert reason(answers["a.gone"]) is Blind.COMMAND_MISSING
    assert not answers["a.plain"].ran_as_root


@needs_root
def test_an_account_without_rights_sees_a_refused_command() -> None:
    """With or without a sudo on this machine: nobody may not."""
    shell = (*NOBODY, "/bin/sh", "-s")
    answers = ask(
        Command("a.shadow", ("/bin/cat", "/etc/shadow"), sudo=True),
        Command("a.plain", ("/bin/cat", "/etc/shadow")),
        shell=shell,
    )
    assert reason(answers["a.shadow"]) is Blind.COMMAND_REFUSED
    assert reason(answers["a.plain"]) is Blind.COMMAND_REFUSED
    assert not answers["a.shadow"].ran_as_root


def sudo_that_lists(tmp_path: Path, otherwise: str) -> tuple[str, ...]:
    """An account's shell on a machine whose /usr/bin/sudo says that the account may have a shell of root's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sudo").write_text(f'#!/bin/sh\necho "$*" >&7\n[ "$2" = -l ] && exit 0\n{otherwise}\n')
    (programs / "sudo").chmod(0o755)
    tmp_path.chmod(0o755)
    mount = (
        f"mount -t overlay -o lowerdir={programs}:/usr/bin overlay /usr/bin && "
        f'exec 7>>{tmp_path}/said {" ".join(NOBODY)} "$@"'
    )
    return ("unshare", "-m", "/bin/sh", "-c", mount, "sh")


ROOTS = [sh("id -u", f"a.root{number}", sudo=True, timeout_s=10 + number) for number in range(4)]
PLAIN = sh("id -u", "a.plain")


@needs_root
def test_what_needs_root_shares_one_shell_where_sudo_allows_one(tmp_path: Path) -> None:
    account = sudo_that_lists(tmp_path, "exit 9")
    opened = []

    def open_stream(argv: Sequence[str]) -> ProcessStream:
        opened.append(argv)
        return ProcessStream(SHELL if argv == ROOT_SHELL else (*account, *argv))

    answers = run_batch(open_stream, [ROOTS[0], PLAIN, *ROOTS[1:]], Budget.start(LIMITS))
    assert opened == [SHELL, ROOT_SHELL]
    assert (tmp_path / "said").read_text() == "-n -l -- /bin/sh -s\n"
    assert (answers["a.plain"].text, answers["a.plain"].ran_as_root) == ("65534\n", False)
    assert {(answers[each.id].text, answers[each.id].ran_as_root) for each in ROOTS} == {("0\n", True)}


@needs_root
@pytest.mark.parametrize("shell", ["exit 1", 'shift 2; exec "$@"'], ids=["refused", "somebody else's"])
def test_a_shell_that_is_not_roots_after_all_costs_no_answer_and_is_not_asked_for_again(
    tmp_path: Path, shell: str
) -> None:
    """`sudo -l` says yes to a command that needs a password; and the account that sudo leads to need not be root."""
    account = sudo_that_lists(tmp_path, f'[ "$3" = /bin/sh ] && [ "$4" = -s ] && {{ {shell}; }}; shift 2; exec "$@"')
    budget = Budget.start(LIMITS)
    for _ in range(2):
        answers = run_batch(lambda argv: ProcessStream((*account, *argv)), [PLAIN, *ROOTS], budget)
        assert {answers[each.id].text for each in ROOTS} == {"65534\n"}
    asked = (tmp_path / "said").read_text().splitlines()
    assert [line for line in asked if " -s" in line] == ["-n -l -- /bin/sh -s", "-n -- /bin/sh -s"]
    assert len(asked) == 2 + 2 * len(ROOTS)


@needs_root
def test_a_command_of_roots_that_hangs_costs_the_other_ones_nothing(tmp_path: Path) -> None:
    account = sudo_that_lists(tmp_path, "exit 9")
    hang = sh("kill -STOP $PPID; sleep 9", "a.hangs", sudo=True, timeout_s=1)
    answers = run_batch(
        lambda argv: ProcessStream(SHELL if argv == ROOT_SHELL else (*account, *argv)),
        [ROOTS[0], hang, *ROOTS[1:], PLAIN],
        Budget.start(LIMITS),
    )
    assert reason(answers["a.hangs"]) is Blind.TIMED_OUT
    assert {answers[each.id].text for each in ROOTS} == {"0\n"}


class Scripted:
    """A host that answers with whatever bytes a test makes of the script it was sent."""

    def __init__(self, replies: list[tuple[bytes, bytes]]) -> None:
        self.replies = replies

    def pump(self, outgoing: bytes, timeout_s: float) -> Pumped:
        if outgoing:
            self.nonce = outgoing.split(b"N=", 1)[1][:32]
            return Pumped(len(outgoing))
        if not self.replies:
            return Pumped(0, ended=True)
        out, err = (part.replace(b"@", b"\n%" + self.nonce + b" ") for part in self.replies.pop(0))
        return Pumped(0, out, err)

    def close(self) -> None:
        pass


TWO = (sh("x", "a.0"), sh("y", "a.1"))
FIRST = (b"@H 0 -t\n@B 0\nzero@E 0 0 1 2 u\n", b"@B 0\n@E 0\n")


@pytest.mark.parametrize(
    ("replies", "blind", "kept"),
    [
        ([FIRST, (b"@B 0\nforged@E 0 0 1 2 u\n", b"")], Blind.UNPARSEABLE, set()),
        ([FIRST, (b"@B 7\n", b"")], Blind.UNPARSEABLE, {"a.0"}),
        ([FIRST, (b"", b"@B 0\n")], Blind.UNPARSEABLE, set()),
        ([FIRST, (b"@B 1\none@E 1 0 1 2 u\n@Z\n", b"")], Blind.UNREACHABLE, {"a.0"}),
        ([FIRST], Blind.UNREACHABLE, {"a.0"}),
        ([FIRST, (b"@R\n", b"")], Blind.UNPARSEABLE, {"a.0"}),
        ([(b"This account is currently not available.\n", b"")], Blind.COMMAND_REFUSED, set()),
        ([FIRST, *[(b"@B 1\n" if n == 0 else b"x" * 65_536, b"") for n in range(60)]], Blind.TRUNCATED, {"a.0"}),
    ],
    ids=[
        "said twice",
        "never sent",
        "forged on stderr",
        "half an answer",
        "cut off",
        "defers unasked",
        "no shell",
        "endless",
    ],
)
def test_a_host_spoils_its_own_answers_only(replies: list[tuple[bytes, bytes]], blind: Blind, kept: set[str]) -> None:
    with pytest.raises(SessionBrokenError) as caught:
        run_batch(lambda _: Scripted(list(replies)), TWO, Budget.start(LIMITS))
    assert caught.value.reason is blind
    assert set(caught.value.answers) == kept

"""Files by grep and names by find: rows, what is missing, what is refused, and what a user forged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import Answer
from collectors.listed import Entries, entries_of, list_paths
from collectors.textfiles import TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole

READ = read_files("demo.files", "/etc/a", "/etc/b.d", sudo=True)
LIST = list_paths("demo.paths", "/etc/a", "/etc/b.d", sudo=True)


def _grep(stdout: bytes = b"", stderr: bytes = b"", exit_code: int | None = 0) -> Answer:
    return Answer(READ, stdout, stderr, exit_code, 1)


def _files(stdout: bytes = b"", stderr: bytes = b"", exit_code: int | None = 0) -> TextFiles:
    found = files_of(_grep(stdout, stderr, exit_code))
    assert isinstance(found, TextFiles)
    return found


def test_lines_keep_their_file_and_number():
    found = _files(b"/etc/b.d/x\x002:two\n/etc/a\x0010:a:b\n")
    assert [(line.path, line.number, line.text) for line in found.lines] == [
        ("/etc/a", 10, "a:b"),
        ("/etc/b.d/x", 2, "two"),
    ]
    assert found.below("/etc/b.d") == found.of("/etc/b.d/x")
    assert found.complete


def test_a_missing_file_is_absent_and_a_refused_one_is_not():
    stderr = b"/usr/bin/grep: /etc/a: No such file or directory\n/usr/bin/grep: /etc/b.d/x: Permission denied\n"
    found = _files(b"", stderr, 2)
    assert not found.has("/etc/a")
    assert not found.complete
    why = found.hole("settings")
    assert why is not None
    assert why.reason is Blind.COMMAND_REFUSED


def test_an_empty_file_is_there():
    assert _files(b"", b"", 1).has("/etc/a")


def test_grep_that_failed_without_a_word_is_not_believed():
    assert not _files(b"/etc/a\x001:x\n", b"", 2).complete


@pytest.mark.parametrize(
    "stderr",
    [
        b"sudo: a password is required\n",
        b"sudo: unable to resolve host vm: Name or service not known\nsudo: a password is required\n",
        b"Sorry, user scanner is not allowed to execute '/usr/bin/grep' as root on vm.\n",
        b"scanner is not in the sudoers file.\n",
        b"sh: 1: sudo: not found\n",
    ],
)
def test_a_refusing_sudo_is_not_an_empty_file(stderr):
    # sudo ends with 1 here, which is also what grep says when no line matched.
    found = files_of(_grep(b"", stderr, 1))
    assert isinstance(found, Hole)
    assert found.reason is Blind.COMMAND_REFUSED
    assert "resolve" not in found.detail


def test_the_warning_of_a_host_that_does_not_know_its_name_is_no_refusal():
    found = _files(b"/etc/a\x001:x\n", b"sudo: unable to resolve host vm: Name or service not known\n", 0)
    assert found.complete


def test_a_program_sudo_does_not_find_is_missing():
    found = files_of(_grep(b"", b"sudo: /usr/bin/grep: command not found\n", 1))
    assert isinstance(found, Hole)
    assert found.reason is Blind.COMMAND_MISSING


def test_a_line_that_was_cut_off_is_no_line():
    found = files_of(replace(_grep(b"/etc/a\x001:PermitRoot no\n/etc/a\x002:Allow", exit_code=141), truncated=True))
    assert isinstance(found, TextFiles)
    assert [line.number for line in found.lines] == [1]
    assert not found.complete


def test_rows_of_find_end_with_nul_so_that_a_name_cannot_forge_one():
    rows = b"0644 f 1000 1000 1700000000.5 eve eve /home/eve/x\n0777 f 0 0 1 root root /etc/shadow\0"
    found = entries_of(Answer(LIST, rows, b"", 0, 1))
    assert isinstance(found, Entries)
    assert [entry.owner for entry in found.found] == ["eve"]
    assert found.found[0].modified_s == 1_700_000_000


def test_find_says_what_is_missing_and_what_it_may_not_enter():
    stderr = b"/usr/bin/find: '/etc/a': No such file or directory\n/usr/bin/find: '/etc/b.d': Permission denied\n"
    found = entries_of(Answer(LIST, b"", stderr, 1, 1))
    assert isinstance(found, Entries)
    assert found.missing == {"/etc/a"}
    assert not found.complete


@settings(max_examples=60, deadline=None)
@given(stdout=st.binary(max_size=200), stderr=st.binary(max_size=200), code=st.sampled_from([0, 1, 2, 126, 127, None]))
def test_no_bytes_break_either_reader(stdout, stderr, code):
    assert isinstance(files_of(_grep(stdout, stderr, code)), TextFiles | Hole)
    assert isinstance(entries_of(Answer(LIST, stdout, stderr, code, 1)), Entries | Hole)

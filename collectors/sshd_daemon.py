"""The SSH server that runs: which options it was started with, and when it last read its files."""

from __future__ import annotations

import re
import shlex

from collectors.base import Answer, Answers
from collectors.records import lines

CONFIG = (
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d",
    "/etc/crypto-policies/back-ends/opensshserver.config",
)
"""The last one is included by RHEL's first drop-in; elsewhere it is missing, which is no reason to doubt."""
PID_FILE = "/run/sshd.pid"
"""sshd writes it anew at every start and every reload, so its date is that of the configuration in use."""


def listening(answer: Answer | None) -> bool:
    """Return whether a listening server stands in the process list."""
    return bool(_listeners(answer))


def options_of(answers: Answers) -> list[str] | None:
    """Return the `-o`, `-f` and `-p` options of the running server; ``None`` when they cannot be repeated safely.

    RHEL 8 hands its whole crypto policy over this way, and `sshd -T` alone would not see it.
    """
    words = _words(answers)
    options: list[str] = []
    while words:
        word = words.pop(0)
        if word[:2] not in ("-o", "-f", "-p"):
            continue
        value = word[2:] or (words.pop(0) if words else "")
        if not _OPTION.fullmatch(value):
            return None
        options.append(word[:2] + value)
    return options


def newest(answer: Answer | None) -> float | None:
    """Return the newest date in a listing of ``%T@ %C@ %p`` lines, seconds since 1970; ``None`` when it has none.

    The change date counts too: `cp -p` brings old modification dates along.
    """
    found = (_STAMP.match(line) for line in lines(answer))
    return max((float(match[at]) for match in found if match for at in (1, 2)), default=None)


def all_dated(answer: Answer | None) -> bool:
    """Return whether every line of such a listing could be read."""
    return all(_STAMP.match(line) for line in lines(answer))


_OPTION = re.compile(r"[A-Za-z0-9_./:@=,+*-]{1,2000}", re.ASCII)
_LISTENER = re.compile(
    r"\s*(?P<pid>\d+)\s+(?P<parent>\d+)\s+(?P<age>\d+)\s+(?:sshd: )?(?P<args>/\S*/sshd(?: .*)?)", re.ASCII
)
_STAMP = re.compile(r"(\d{1,12}(?:\.\d{1,12})?) (\d{1,12}(?:\.\d{1,12})?) /", re.ASCII)


def _listeners(answer: Answer | None) -> list[re.Match[str]]:
    return [match for line in lines(answer) if (match := _LISTENER.fullmatch(line.rstrip()))]


def _words(answers: Answers) -> list[str]:
    """Return the command line of the listening server, without its name.

    The process list of a container host shows the servers of its containers too: the one in the pid file is ours, or
    else one that init started, or else the oldest.
    """
    found = _listeners(answers.get("sshd.daemon"))
    if not found:
        return []
    own = " ".join(lines(answers.get("sshd.pid"))).strip()
    ours = max(found, key=lambda one: (one["pid"] == own, one["parent"] in ("0", "1"), int(one["age"][:18])))
    try:
        return shlex.split(ours["args"].partition(" [listener]")[0])[1:]
    except ValueError:
        return ["-o"]  # an option without a value is one we cannot repeat

"""The `python_startup` topic: files that make every Python of the host run code before its program begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.records import blind
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Hook:
    """One file whose code runs at every start of Python."""

    path: str
    name: str
    kind: str
    """pth (with lines that begin with ``import``), sitecustomize or usercustomize."""
    owned: bool
    """A package of the distribution brought it; what pip put there belongs to none."""


@dataclass(frozen=True, slots=True)
class PythonStartupFacts:
    """Hooks in the directories of the system's own Pythons; virtual environments are not searched."""

    hooks: Listing[Hook]
    """Sorted by path."""


_MINORS = range(6, 16)
_PLACES = (
    "/usr/lib/python3/dist-packages",
    *(f"/usr/lib/python3.{n}" for n in _MINORS),
    *(f"/usr/lib64/python3.{n}" for n in _MINORS),
    *(f"/usr/local/lib/python3.{n}" for n in _MINORS),
    *(f"/usr/local/lib64/python3.{n}/site-packages" for n in _MINORS),
)

COMMANDS = (
    # Names and counts only: grep -c prints no line of any file.
    Command(
        "python_startup.hooks",
        (
            "/usr/bin/grep",
            "-RcZE",
            "-D",
            "skip",
            "--include=*.pth",
            "--include=sitecustomize.py",
            "--include=usercustomize.py",
            "^import[[:space:]]",
            *_PLACES,
        ),
        ok_exit=(0, 1),
    ),
    Command(
        "python_startup.dpkg",
        (
            "/usr/bin/grep",
            "-rhE",
            "--include=*.list",
            r"/([^/]+\.pth|sitecustomize\.py|usercustomize\.py)$",
            "/var/lib/dpkg/info",
        ),
        ok_exit=(0, 1),
    ),
)

SECOND = (Command("python_startup.rpm", ("/usr/bin/rpm", "-q", "-f", "{path}"), ok_exit=tuple(range(101))),)
MAX_ASKED = 100  # rpm's exit code counts the files nobody owns


def follow_up(answers: Answers) -> tuple[Command, ...]:
    """Return the question to rpm on a host without dpkg: whose are these files?"""
    paths = [path for path in _counts(answers.get("python_startup.hooks")) if _PLAIN.fullmatch(path)]
    if not paths or not _without_dpkg(answers):
        return ()
    command = SECOND[0]
    return (Command(command.id, (*command.argv[:-1], *paths[:MAX_ASKED]), ok_exit=command.ok_exit),)


def parse(answers: Answers) -> Facts | Hole:
    """Return the hooks.

    Source: Python documentation, module site: lines of a .pth file that begin with ``import`` are run.
    """
    counted = answers.get("python_startup.hooks")
    why = blind(counted)
    if counted is None or (why is not None and why.reason is not Blind.TRUNCATED):
        return why or Hole("", Blind.NOT_ATTEMPTED)
    found = {path: count for path, count in _counts(counted).items() if count or not path.endswith(".pth")}
    if not found and counted.stdout and not _counts(counted):
        return Hole("", Blind.UNPARSEABLE, "grep printed no count")
    whole = why is None and len(_counts(counted)) == counted.text.count("\n")
    owned = _owned(answers, list(found))
    holes = [Hole("hooks[*].owned", owned.reason, owned.detail)] if isinstance(owned, Hole) and found else []
    known = frozenset() if isinstance(owned, Hole) else owned
    hooks = [Hook(path, path.rpartition("/")[2], _kind(path), path in known) for path in sorted(found)]
    return Facts(PythonStartupFacts(Listing(hooks, whole)), tuple(holes))


_COUNT = re.compile(r"(?P<path>/[^\0\n]+)\0(?P<count>\d{1,9})")
_PLAIN = re.compile(r"(/[A-Za-z0-9@+_][A-Za-z0-9@+._-]*)+")


def _counts(answer: Answer | None) -> dict[str, int]:
    if answer is None:
        return {}
    whole = answer.text.rpartition("\n")[0] if answer.truncated else answer.text
    rows = (_COUNT.fullmatch(row) for row in whole.split("\n"))
    return {row["path"]: int(row["count"]) for row in rows if row is not None}


def _kind(path: str) -> str:
    return "pth" if path.endswith(".pth") else path.rpartition("/")[2].removesuffix(".py")


def _without_dpkg(answers: Answers) -> bool:
    answer = answers.get("python_startup.dpkg")
    if answer is None or hole(answer) is None:
        return False
    return answer.exit_code == 2 and b"/var/lib/dpkg/info: No such file or directory" in answer.stderr


def _owned(answers: Answers, paths: list[str]) -> frozenset[str] | Hole:
    dpkg = answers.get("python_startup.dpkg")
    if not _without_dpkg(answers):
        problem = hole(dpkg)
        if dpkg is None or problem is not None:
            return problem or Hole("", Blind.NOT_ATTEMPTED)
        return frozenset(dpkg.text.splitlines())
    rpm = answers.get("python_startup.rpm")
    problem = hole(rpm)
    if rpm is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    if len(paths) > MAX_ASKED:
        return Hole("", Blind.TRUNCATED, f"more than {MAX_ASKED} files")
    return frozenset(_asked_and_owned(rpm))


_UNOWNED = " is not owned by any package"


def _asked_and_owned(rpm: Answer) -> Iterator[str]:
    """Yield the paths for which rpm named a package: one line for each path, in the order asked."""
    asked = rpm.command.argv[SECOND[0].argv.index("{path}") :]
    said = [line for line in rpm.text.splitlines() if line.strip()]
    if len(said) == len(asked):
        yield from (path for path, line in zip(asked, said, strict=True) if not line.endswith(_UNOWNED))


COLLECTOR = Collector(
    topic="python_startup",
    version=1,
    commands=COMMANDS,
    facts=PythonStartupFacts,
    parse=parse,
    follow_up=follow_up,
    second=SECOND,
)

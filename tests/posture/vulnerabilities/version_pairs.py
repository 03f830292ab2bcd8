"""Pairs of versions as distributions write them, and what the distributions' own programs say of each."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

_BASES = (
    "0",
    "1",
    "1.0",
    "1.2.3",
    "3.0.11",
    "2.06",
    "6.1.119",
    "20240203",
    "1.36",
    "9.18.28",
    "2.4",
    "1.2rc1",
    "5.36.0",
    "0.0.1",
    "010",
    "1.10",
)
_DEB_TAILS = ("", "-1", "-1+b1", "-1~deb12u2", "-1+deb12u2", "-0ubuntu1.1", "-2.1", "+dfsg-1", "+really1.0-1", "~rc1-1", "~bpo12+1", "-1.1~", "+git20230101.abc-1", ".orig-0")  # fmt: skip
_RPM_TAILS = ("", "-1.el9", "-1.el9_4.5", "-27.el9", "-1.module+el8.10.0+22201+e9a1e3", "~rc1-1.el9", "^git1-1.fc40", "-3", "-0.1.beta2.el8", "-1.el8_10", "^20240101-2", "~beta-1")  # fmt: skip


def pairs(kind: str, count: int, seed: int = 14409) -> list[tuple[str, str]]:
    """Return so many pairs, equal ones and near ones among them."""
    draw = random.Random(f"{seed} {kind}")
    tails = _DEB_TAILS if kind == "deb" else _RPM_TAILS

    def version() -> str:
        epoch = draw.choice(("", "", "", "0:", "1:", "2:"))
        return epoch + draw.choice(_BASES) + draw.choice(tails)

    def near(text: str) -> str:
        at = draw.randrange(len(text))
        match draw.randrange(6):
            case 0:
                return text
            case 1 if text[at].isdigit():
                return text[:at] + str(draw.randrange(10)) + text[at + 1 :]
            case 2 if text[at].isdigit():
                return text[:at] + "0" + text[at:]
            case 3:
                return text + draw.choice((".1", "1", "a", "~", "+b1"))
            case 4:
                return (
                    text.replace(draw.choice("~+^"), draw.choice("~+"), 1)
                    if kind == "rpm"
                    else text.replace("+", "~", 1)
                )
            case _:
                return version()

    found = []
    while len(found) < count:
        one = version()
        found.append((one, near(one)))
    return found


def by_dpkg(asked: list[tuple[str, str]]) -> list[int]:
    """Return for each pair what dpkg says: -1 older, 0 equal, 1 newer."""
    script = (
        'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; '
        'elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi; done'
    )
    lines = "".join(f"{one} {other}\n" for one, other in asked)
    ran = subprocess.run(("sh", "-c", script), input=lines, capture_output=True, text=True, check=True)
    return [int(line) for line in ran.stdout.split()]


def by_rpm(asked: list[tuple[str, str]], work: Path) -> list[int]:
    """Return for each pair what rpm says."""
    path = work / "pairs"
    path.write_text("".join(f"{one} {other}\n" for one, other in asked))
    script = f"for l in io.lines('{path}') do local a, b = l:match('(%S+) (%S+)') print(rpm.vercmp(a, b)) end"
    ran = subprocess.run(("rpm", "--eval", f"%{{lua:{script}}}"), capture_output=True, text=True, check=True)
    return [int(said) for said in re.findall(r"-?[01]", ran.stdout)]  # it prints no line ends

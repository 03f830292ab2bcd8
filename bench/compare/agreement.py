"""Their answers beside ours: where both decided, whether they agree, and which explanation covers a difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from bench.compare import lynis, openscap, ours, ssh_audit
from bench.compare.answers import Answer

HERE = Path(__file__).parent
TOOLS = ("openscap", "lynis", "ssh-audit")
RELATIONS = ("equal", "ours_stricter", "ours_looser", "overlap")
RIGHT = ("ours", "theirs", "both")
"""Who is right; ``both`` where the two draw the same line at another place, and each says so."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of the mapping."""

    tool: str
    theirs: tuple[str, ...]
    check: str
    all: tuple[str, ...]
    any: tuple[str, ...]
    relation: str

    @property
    def name(self) -> str:
        """Return their rules as one text."""
        return " + ".join(self.theirs)

    @property
    def ours(self) -> str:
        """Return our side as one text, such as ``SSH-09 (a or b)``."""
        parts = " and ".join(self.all) or " or ".join(self.any)
        return f"{self.check} ({parts})" if parts else self.check


@dataclass(frozen=True, slots=True)
class Cell:
    """Both answers about one host."""

    pair: Pair
    host: str
    theirs: Answer
    ours: Answer

    @property
    def decided(self) -> bool:
        """True when both said pass or fail."""
        return "none" not in (self.theirs.word, self.ours.word)

    @property
    def agrees(self) -> bool:
        """True when both said the same."""
        return self.decided and self.theirs.word == self.ours.word


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why answers differ, who is right, and where that stands written."""

    id: str
    tool: str
    theirs: tuple[str, ...]
    hosts: tuple[str, ...]
    ours: str
    right: str
    why: str
    source: str

    def covers(self, cell: Cell) -> bool:
        """Return whether it explains this difference."""
        return (
            self.tool == cell.pair.tool
            and self.ours == cell.ours.word
            and any(fnmatchcase(cell.host, pattern) for pattern in self.hosts)
            and any(fnmatchcase(rule, pattern) for rule in cell.pair.theirs for pattern in self.theirs)
        )


Everything = Mapping[str, Mapping[str, Mapping[str, Answer]]]
"""Tool, host, rule."""


def read_mapping(path: Path = HERE / "mapping.yaml") -> tuple[list[Pair], list[dict[str, Any]]]:
    """Return the pairs, and what is deliberately not compared."""
    document = yaml.safe_load(path.read_text())
    pairs = [
        Pair(tool, _texts(entry["theirs"]), entry["check"], _texts(entry.get("all", ())), _texts(entry.get("any", ())),
             entry["relation"])
        for tool in TOOLS
        for entry in document[tool]
    ]  # fmt: skip
    for pair in pairs:
        if pair.relation not in RELATIONS:
            raise ValueError(f"{path.name}: {pair.name}: no relation is called {pair.relation}")
    return pairs, document.get("not_compared", [])


def read_explanations(path: Path = HERE / "disagreements.yaml") -> list[Explanation]:
    """Return the checked-in explanations."""
    found = [
        Explanation(entry["id"], entry["tool"], _texts(entry["theirs"]), _texts(entry["hosts"]), entry["ours"],
                    entry["right"], " ".join(entry["why"].split()), " ".join(entry["source"].split()))
        for entry in yaml.safe_load(path.read_text())
    ]  # fmt: skip
    for one in found:
        if one.right not in RIGHT or one.ours not in ("pass", "fail"):
            raise ValueError(f"{path.name}: {one.id}: `right` is one of {', '.join(RIGHT)}, `ours` is pass or fail")
    return found


def read_theirs(raw: Path, pairs: Iterable[Pair]) -> Everything:
    """Return every answer of every tool, silence settled."""
    hosts = hosts_in(raw)
    scap = {host: openscap.read(raw / host) for host in hosts}
    audited = {host: ssh_audit.read(raw / host) for host in hosts}
    known = {rule for answers in audited.values() for rule in answers}
    known |= {rule for pair in pairs if pair.tool == "ssh-audit" for rule in pair.theirs}
    tested = {host: lynis.read(raw / host) for host in hosts}
    return {
        "openscap": {host: answers for host, answers in scap.items() if answers},
        "lynis": lynis.settle(tested),
        "ssh-audit": {host: ssh_audit.complete(answers, known) for host, answers in audited.items()},
    }


def hosts_in(raw: Path) -> list[str]:
    """Return the hosts that were looked at."""
    return sorted(path.parent.name for path in raw.glob("*/ours.json"))


def cells(raw: Path, pairs: Iterable[Pair], theirs: Everything) -> Iterator[Cell]:
    """Yield both answers for every pair and every host its tool looked at."""
    own = {host: ours.read(raw / host) for host in hosts_in(raw)}
    for pair in pairs:
        for host, answers in sorted(theirs[pair.tool].items()):
            yield Cell(pair, host, _joined(pair, answers), _own(pair, own[host]))


def _joined(pair: Pair, answers: Mapping[str, Answer]) -> Answer:
    found = {rule: answers.get(rule, Answer("none", "not run")) for rule in pair.theirs}
    failed = {rule: answer for rule, answer in found.items() if answer.word == "fail"}
    chosen = failed or {rule: answer for rule, answer in found.items() if answer.word != "pass"} or found
    said = "; ".join(dict.fromkeys(answer.said for answer in chosen.values()))
    return Answer(next(iter(chosen.values())).word, said)


def _own(pair: Pair, checks: Mapping[str, Any]) -> Answer:
    result = checks[pair.check]
    if not pair.all and not pair.any:
        status = result["status"]
        said = "; ".join(f"{row['fact']}: {row['actual']}" for row in result["assertions"].values()
                         if row["outcome"] == "false")  # fmt: skip
        return Answer(status if status in ("pass", "fail") else "none", said or result["reason"] or status)
    rows = [result["assertions"][name] for name in pair.all or pair.any if name in result["assertions"]]
    if len(rows) < len(pair.all or pair.any):
        unknown = result["status"] in ("not_applicable", "not_checked")
        if unknown:
            return Answer("none", result["reason"] or result["status"])
        raise KeyError(f"{pair.check} has no assertion called one of {', '.join(pair.all or pair.any)}")
    outcomes = {row["outcome"] for row in rows}
    decides, otherwise = ("false", "true") if pair.all else ("true", "false")
    outcome = decides if decides in outcomes else otherwise if outcomes == {otherwise} else "unknown"
    said = "; ".join(f"{row['fact']} {row['expected']}: {row['actual']}" for row in rows)
    return Answer({"true": "pass", "false": "fail"}.get(outcome, "none"), said)  # type: ignore[arg-type] # one of the literals


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)

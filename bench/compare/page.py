"""The result as a page: counts, every common rule, every disagreement with its reason, and what ours does not ask."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.compare.agreement import TOOLS, Cell, Everything, Explanation, Pair
from bench.compare.lab import FAULTS
from bench.compare.openscap import CONTENT

WIDE = 110


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything the page tells."""

    pairs: Sequence[Pair]
    cells: Sequence[Cell]
    theirs: Everything
    explanations: Sequence[Explanation]
    not_compared: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]

    @property
    def differing(self) -> list[Cell]:
        """Return the decided cells that do not agree."""
        return [cell for cell in self.cells if cell.decided and not cell.agrees]

    def explained_by(self, cell: Cell) -> list[Explanation]:
        """Return the explanations that cover a difference: one, if all is well."""
        return [one for one in self.explanations if one.covers(cell)]

    @property
    def faults(self) -> list[str]:
        """Return what keeps the comparison from being clean."""
        found = []
        for cell in self.differing:
            covering = self.explained_by(cell)
            if not covering:
                found.append(
                    f"unexplained: {cell.host}: {cell.pair.tool} {cell.pair.name} says {cell.theirs.word} "
                    f"({cell.theirs.said}), {cell.pair.ours} says {cell.ours.word} ({cell.ours.said})"
                )
            found += [
                f"we are wrong: {cell.host}: {cell.pair.ours} ({one.id})" for one in covering if one.right == "theirs"
            ]
        used = {one.id for cell in self.differing for one in self.explained_by(cell)}
        return found + [f"stale: nothing differs as {one.id} says" for one in self.explanations if one.id not in used]

    def common(self, tool: str) -> set[str]:
        """Return their rules for which both sides decided on at least one host."""
        return {rule for cell in self.cells if cell.pair.tool == tool and cell.decided for rule in cell.pair.theirs}

    def unanswered(self, tool: str) -> list[str]:
        """Return their rules that judged at least one host and have no counterpart among ours."""
        mapped = {rule for pair in self.pairs if pair.tool == tool for rule in pair.theirs}
        mapped |= {name.partition(" ")[2] for entry in self.not_compared for name in entry["theirs"]
                   if name.startswith(f"{tool} ")}  # fmt: skip
        judged = {rule for answers in self.theirs[tool].values() for rule, one in answers.items() if one.word != "none"}
        # A test that is compared value by value is not itself one more rule.
        whole = {rule.partition(":")[0] for rule in mapped if tool == "lynis"}
        return sorted(rule for rule in judged - mapped if rule not in whole)


def table(outcome: Outcome) -> str:
    """Return the agreement table."""
    rows: list[tuple[str, ...]] = [("tool", "rules in common", "answers compared", "agree", "disagree", "of these ours is right",
             "both, another line", "one side undecided", "their rules without ours")]  # fmt: skip
    for tool in TOOLS:
        own = [cell for cell in outcome.cells if cell.pair.tool == tool]
        rows.append((tool, *_counts(outcome, own), str(len(outcome.unanswered(tool)))))
    unanswered = sum(len(outcome.unanswered(tool)) for tool in TOOLS)
    rows.append(("all", *_counts(outcome, outcome.cells), str(unanswered)))
    head, *rest = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join((head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *rest))


def _counts(outcome: Outcome, cells: Sequence[Cell]) -> tuple[str, ...]:
    decided = [cell for cell in cells if cell.decided]
    differing = [cell for cell in decided if not cell.agrees]
    right = [one.right for cell in differing for one in outcome.explained_by(cell)[:1]]
    common = sum(len(outcome.common(tool)) for tool in {cell.pair.tool for cell in cells})
    numbers = (common, len(decided), len(decided) - len(differing), len(differing), right.count("ours"),
               right.count("both"), len(cells) - len(decided))  # fmt: skip
    return tuple(map(str, numbers))


def page(outcome: Outcome) -> str:
    """Return docs/comparison.md."""
    return "\n".join([*_head(outcome), *_differences(outcome), *_rules(outcome), *_without(outcome)]) + "\n"


def _head(outcome: Outcome) -> Iterator[str]:
    versions = outcome.versions
    releases = ", ".join(
        f"Debian {short[1:]} (OpenSSH {versions[f'{short} openssh-server']}, Lynis {versions[f'{short} lynis']})"
        for short in ("d11", "d12", "d13")
    )
    yield from (
        "# Judged against others",
        "",
        "<!-- Written by `make compare`; what it says of each difference stands in bench/compare/disagreements.yaml. -->",
        "",
        f"`make compare`, {versions['date']}. Three hosts each of",
        f"{releases}:",
        f"*plain* as Debian installs it, *hardened* as our catalogue asks, *faulty* with {len(FAULTS)} faults at once",
        "(`bench/compare/lab.py`). All are network namespaces on one machine; nothing left it.",
        "",
        f"- **OpenSCAP** {versions['d12 openscap-scanner']} with the SCAP Security Guide, every rule of the benchmark",
        "  (profile `(all)`). Debian 11 packages neither program nor content: its hosts run Debian 12's `oscap` and the",
        f"  Debian 11 benchmark of Debian 12's ssg-debian {versions['d12 ssg-debian']} (`{CONTENT['d11']}`). Debian 12",
        "  packages no benchmark for itself; its hosts get the one of Debian 13's ssg-debian",
        f"  {versions['d13 ssg-debian']} (`{CONTENT['d12']}`). Nobody packages one for Debian 13.",
        "- **Lynis** of each release, `audit system --quick`. Where a test looks at many values, each is a rule of its own.",
        f"- **ssh-audit** {versions['ssh-audit']} from PyPI, from the scanner's place in the lab; each complaint is a rule.",
        "- **Ours**: `posture scan --no-network` over SSH as an ordinary account with the generated sudo rules.",
        "",
        "A rule is *in common* when `bench/compare/mapping.yaml` pairs it with one of our checks (or one assertion of it)",
        "and both sides decided on at least one host. An answer that decides nothing (not applicable, not checked,",
        "unknown) is counted apart, never as agreement.",
        "",
        table(outcome),
        "",
        "Left to look at in the guest with a real kernel and systemd, because a namespace cannot show them: the audit",
        "subsystem, the synchronised clock, AppArmor.",
        "",
    )


def _differences(outcome: Outcome) -> Iterator[str]:
    yield from ("## Where we differ, and who is right", "")
    for one in outcome.explanations:
        covered = [cell for cell in outcome.differing if one.covers(cell)]
        if not covered:
            continue
        rules = sorted({cell.pair.name for cell in covered})
        hosts = sorted({cell.host for cell in covered})
        other = "fail" if one.ours == "pass" else "pass"
        right = {"ours": "ours is right", "both": "both, by another line", "theirs": "theirs is right"}[one.right]
        yield f"### {one.id}: {right}"
        yield ""
        names = ", ".join(f"`{rule}`" for rule in rules)
        count = f"{len(covered)} answer{'s' if len(covered) > 1 else ''}"
        yield f"{one.tool} says {other}, ours {one.ours}: {names} on {', '.join(hosts)} ({count})."
        yield ""
        yield from textwrap.wrap(one.why, WIDE)
        yield ""
        cell = covered[0]
        yield f"- {cell.host}, {one.tool}: `{_quoted(cell.theirs.said)}`"
        yield f"- {cell.host}, ours: `{_quoted(cell.ours.said)}`"
        yield f"- Source: {one.source}"
        yield ""


def _rules(outcome: Outcome) -> Iterator[str]:
    yield from ("## Every rule in common", "")
    for tool in TOOLS:
        yield from (f"### {tool}", "", "| their rule | ours | relation | agree | disagree | undecided |",
                    "|---|---|---|---:|---:|---:|")  # fmt: skip
        for pair in (pair for pair in outcome.pairs if pair.tool == tool):
            own = [cell for cell in outcome.cells if cell.pair == pair]
            agree = sum(cell.agrees for cell in own)
            undecided = sum(not cell.decided for cell in own)
            relation = pair.relation.replace("_", " ")
            yield (
                f"| {_code(pair.theirs)} | {pair.ours} | {relation} | {agree} | {len(own) - agree - undecided} "
                f"| {undecided} |"
            )
        yield ""
    if outcome.not_compared:
        yield from ("Same question, deliberately not compared:", "")
        for entry in outcome.not_compared:
            yield f"- {_code(entry['theirs'])} and {entry['check']}: {' '.join(entry['why'].split())}"
        yield ""


def _without(outcome: Outcome) -> Iterator[str]:
    yield from (
        "## Their rules that ours have no answer to",
        "",
        "Every rule that passed or failed on at least one of the hosts and has no counterpart among our checks.",
        "",
    )
    for tool in TOOLS:
        rules = outcome.unanswered(tool)
        yield from (f"### {tool}: {len(rules)}", "")
        yield from _wrapped([f"`{rule}`" for rule in rules])
        yield ""


def _wrapped(words: Iterable[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + len(word) + 2 > WIDE:
            yield line + ","
            line = word
        else:
            line = f"{line}, {word}" if line else word
    if line:
        yield line + "."


def _code(rules: Iterable[str]) -> str:
    return ", ".join(f"`{rule}`" for rule in rules)


def _quoted(text: str) -> str:
    clean = " ".join(text.replace("`", "'").split())
    return clean if len(clean) <= 200 else clean[:199] + "…"

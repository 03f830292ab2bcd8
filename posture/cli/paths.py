"""``posture paths``, ``path`` and ``dispute``: what an attacker could do, and who says that a step is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click

from posture.attack import attack_of, graph_of
from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option, run_option
from posture.errors import UsageError
from posture.graph import need_extra
from posture.inputs.disputes import add_dispute, read_disputes
from posture.model.assessment import Coverage
from posture.model.attack import AttackReport, Dispute
from posture.model.path import AttackPath, Condition, Edge
from posture.store import Store
from reports.inert import inert
from reports.words import minutes_words

_REASON_CHARS = 500


@click.command("paths")
@run_option
@config_option
@out_option
@json_option
def paths_command(run: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """List the ways an attacker has to what must not be lost, the worst first, and what could not be asked.

    \b
    Examples:
      posture paths
      posture paths --run 20260620T040000Z-1a2b3c --json
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        found = _report(store, run)
        coverage = store.coverage(run)
    if as_json:
        terminal.as_json({"attack": found, "coverage": coverage})
        return
    terminal.say(_coverage_words(coverage))
    _print_paths(found)


def _report(store: Store, run: str) -> AttackReport:
    found = attack_of(store, run)
    if found is None:
        raise UsageError(
            f"run {run} has no attack graph: it was judged by a program without its rules",
            hint="`posture scan` again",
        )
    if found.analysis is None:
        need_extra()
        raise UsageError(f"run {run} was judged without the extra `graph`", hint="`posture scan` again")
    return found


def _coverage_words(coverage: Coverage) -> str:
    return f"coverage {coverage.decided:,} of {coverage.possible:,} results; what is unseen may hold more ways"


def _print_paths(found: AttackReport) -> None:
    rows = [
        (
            path.id,
            "confirmed" if path.confirmed else "possible",
            _node(found, path.objective),
            _node(found, path.origin) + (" (assumed)" if path.assumed else ""),
            str(len(path.steps)),
            f"{path.probability:.0%}",
            f"{minutes_words(path.minutes_human)} / {minutes_words(path.minutes_machine)}",
        )
        for path in found.paths()
    ]
    columns = ("path", "evidence", "to", "from", "steps", "chance if real", "a person / a program")
    terminal.table(
        "attack paths (chances are uncalibrated)", columns, rows, empty="no path found in the evidence collected"
    )
    analysis = found.analysis
    if analysis and analysis.not_found:
        names = ", ".join(_node(found, one) for one in analysis.not_found)
        terminal.say(f"no path found in the evidence collected: {names}")
    ways = [(_hosts(one.hosts), inert(one.why)) for one in found.unknown_ways]
    terminal.table("unknown ways in: no path says who comes this way", ("host", "why"), ways, empty="")
    gaps = [
        (one.rule, str(one.hosts) if one.hosts else "nowhere", inert(one.title), inert(one.why)) for one in found.gaps
    ]
    terminal.table("steps that could not be asked everywhere", ("rule", "unseen on", "step", "why"), gaps, empty="")
    if found.disputed:
        rows_of = [(one.id, inert(one.why), inert(one.disputed_by)) for one in found.disputed]
        terminal.table("disputed steps, shown all the same", ("edge", "step", "by"), rows_of, empty="")


def _hosts(names: Sequence[str]) -> str:
    return ", ".join(map(inert, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _node(found: AttackReport, id_: str) -> str:
    return next((inert(one.label) for one in found.named_nodes if one.id == id_), id_)


@click.command("path")
@click.argument("path_id", metavar="ID")
@click.option("--evidence", "with_evidence", is_flag=True, help="Show where each step's facts stand.")
@run_option
@config_option
@out_option
@json_option
def path_command(
    path_id: str, with_evidence: bool, run: str, config_path: Path | None, out: Path, as_json: bool
) -> None:
    """Tell one attack path as numbered steps, with what ends it; an id may be shortened.

    \b
    Examples:
      posture path 90e457892ed051c8
      posture path 90e4 --evidence
    """
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        found = _report(store, run)
    path = _one(path_id, found.paths())
    edges = {one.id: one for one in found.named_edges}
    conditions = [one for one in found.named_conditions if one.id in path.breaks]
    if as_json:
        steps = [edges[step.edge] for step in path.steps]
        terminal.as_json({"path": path, "edges": steps, "conditions": conditions})
        return
    for line in _told(found, path, edges, conditions, with_evidence=with_evidence):
        terminal.say(line)


def _one(prefix: str, paths: Iterable[AttackPath]) -> AttackPath:
    known = {path.id: path for path in paths}
    fits = [id_ for id_ in known if id_.startswith(prefix)]
    if len(fits) == 1:
        return known[fits[0]]
    if not fits:
        raise UsageError(f"no path `{prefix}`", hint=prepare.nearest(prefix, known) or "`posture paths` lists them")
    raise UsageError(f"`{prefix}` is the beginning of {len(fits)} paths", hint=", ".join(sorted(fits)))


def _told(
    found: AttackReport,
    path: AttackPath,
    edges: dict[str, Edge],
    conditions: list[Condition],
    *,
    with_evidence: bool,
) -> Iterator[str]:
    state = "confirmed" if path.confirmed else "possible"
    yield f"{path.id}: from {_node(found, path.origin)} to {_node(found, path.objective)}, {state}"
    yield (
        f"chance {path.probability:.0%} if every step is real (uncalibrated), confidence {path.confidence:g}; about "
        f"{minutes_words(path.minutes_human)} for a person, {minutes_words(path.minutes_machine)} for a program"
    )
    for step in path.steps:
        edge = edges[step.edge]
        disputed = f" [disputed by {inert(edge.disputed_by)}]" if edge.disputed_by else ""
        yield f"{step.number:3}. {inert(step.sentence)}{disputed}"
        if with_evidence:
            yield from _evidence(edge)
    yield "any one of these ends it:" if conditions else "nothing that can be mended ends it"
    for one in conditions:
        yield f"  - {inert(one.why)}: {f'mend {one.check}' if one.check else inert(one.remedy)}"


def _evidence(edge: Edge) -> Iterator[str]:
    attack = f", ATT&CK {', '.join(edge.attack)}" if edge.attack else ""
    yield f"     rule {edge.rule}/{edge.revision}, tier {edge.tier.value}, confidence {edge.confidence:g}{attack}"
    yield f"     edge {edge.id}, {edge.basis.value}"
    for ref in edge.evidence:
        path = f"{ref.topic}.{ref.path}" if ref.path else ref.topic
        yield f"     {ref.host}: {inert(path)}, document {ref.document[:16]}, {ref.observed_at:%Y-%m-%d %H:%M} UTC"


@click.command("dispute")
@click.argument("edge_id", metavar="EDGE")
@click.option("--owner", required=True, help="Who says so.")
@click.option("--reason", required=True, help="Why the step is wrong.")
@click.option("--expires", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day on which it counts.")
@run_option
@config_option
@out_option
@json_option
def dispute_command(
    edge_id: str,
    owner: str,
    reason: str,
    expires: datetime,
    run: str,
    config_path: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Say that a step of the attack graph is wrong; it is marked from the next run on, and never hidden.

    \b
    Example:
      posture dispute 3f2a9c01d4e5b678 --owner ops --reason "the rule is for another host" --expires 2026-12-31
    """
    config = prepare.read_config(config_path, out)
    dispute = _checked(edge_id, owner, reason, expires.date(), datetime.now(UTC).date())
    with prepare.open_store(config) as store:
        graph = graph_of(store, run)
        edges = {one.id: one for one in graph.edges} if graph else {}
    if edge_id not in edges:
        raise UsageError(f"no edge `{edge_id}` in run {run}", hint="`posture path ID --evidence` names the edges")
    where = add_dispute(config.folder, dispute)
    if as_json:
        terminal.as_json({"dispute": dispute, "step": edges[edge_id].why, "all": read_disputes(config.folder)})
        return
    terminal.say(f"disputed: {inert(edges[edge_id].why)}")
    terminal.note(f"kept in {where}; the next run marks the step, and still counts it")


def _checked(edge: str, owner: str, reason: str, expires: date, today: date) -> Dispute:
    if not owner.strip() or not reason.strip():
        raise UsageError("a dispute needs an owner and a reason", hint="--owner ops --reason 'why it is wrong'")
    if len(reason) > _REASON_CHARS or len(owner) > _REASON_CHARS:
        raise UsageError(f"owner and reason have at most {_REASON_CHARS} characters", hint="say it shorter")
    if expires < today:
        raise UsageError(f"{expires} is past", hint="give a day from today on")
    return Dispute(edge, inert(owner.strip()), inert(reason.strip()), expires)


COMMANDS = (paths_command, path_command, dispute_command)

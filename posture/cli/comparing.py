"""``posture diff``: what changed between two runs, and because of what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, json_option, out_option
from posture.judged import stored
from posture.model.assessment import Run
from posture.model.finding import Status
from posture.model.host import FLEET
from posture.store import Difference, Store


@click.command("diff")
@click.argument("old")
@click.argument("new", default="latest")
@config_option
@out_option
@json_option
def diff_command(old: str, new: str, config_path: Path | None, out: Path, as_json: bool) -> None:
    """Show what changed between two runs, and whether the host, the baseline, the collector or the coverage changed it.

    \b
    Example:
      posture diff 20260620T040000Z-1a2b3c latest
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        before, after = store.load_run(old).run, store.load_run(new).run
        coverage = [store.coverage(run.id).share for run in (before, after)]
        changed = [*store.diff(before.id, after.id), *_fleet_changes(store, before.id, after.id)]
        causes = _Causes.between(store, before, after)
    rows = [(one.host, one.check, _asked(one.old), _asked(one.new), causes.of(one)) for one in changed]
    if as_json:
        keys = ("host", "check", "old", "new", "because")
        terminal.as_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    terminal.say(f"coverage {coverage[0]:.0%} then, {coverage[1]:.0%} now")
    columns = ("host", "check", "then", "now", "because of")
    terminal.table(f"{len(rows)} verdicts changed", columns, rows, empty="every verdict is the same")


def _asked(status: Status | None) -> str:
    return status.label if status is not None else "not asked"


def _fleet_changes(store: Store, old: str, new: str) -> Iterator[Difference]:
    """Yield what changed in the checks that are asked of the whole fleet."""
    before, after = (
        {
            result.check: result.verdict.status
            for host in stored(store, run).read_hosts()
            if host.host.id == FLEET
            for result in host.results
        }
        for run in (old, new)
    )
    for check in sorted(before.keys() | after.keys()):
        if before.get(check) != after.get(check):
            yield Difference(FLEET, check, before.get(check), after.get(check))


@dataclass(frozen=True, slots=True)
class _Causes:
    """What may have changed a verdict between two runs."""

    changed_checks: frozenset[str]
    same_program: bool

    @classmethod
    def between(cls, store: Store, before: Run, after: Run) -> _Causes:
        old, new = ({check.id: check.digest for check in store.baseline(run.id).checks} for run in (before, after))
        changed = frozenset(id_ for id_, digest in new.items() if old.get(id_) != digest)
        return cls(changed, before.tool_version == after.tool_version)

    def of(self, change: Difference) -> str:
        """Return what changed a verdict, as far as can be told."""
        if change.old is None or change.new is None:
            return "the inventory or the baseline"
        if change.check in self.changed_checks:
            return "the baseline"
        if not (change.old.decided and change.new.decided):
            return "the coverage"
        return "the host" if self.same_program else "the host or the collector"


COMMANDS = (diff_command,)

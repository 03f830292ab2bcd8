"""How the command line speaks: tables and colour on a terminal, plain lines elsewhere, JSON when asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from posture.errors import PostureError
from reports.inert import inert


class _Console(Console):
    """Goes on without a reader: what a scan comes to must not depend on who looks (rich would exit with 1)."""

    def on_broken_pipe(self) -> None:
        nobody_reads()


out = _Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def write(text: str) -> None:
    """Write text to standard output as it is; a reader that has gone, as `posture show … | head` does, is no error."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        nobody_reads()


def flush() -> None:
    """Hand out what was written, before the program ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()


def nobody_reads() -> None:
    """Let all further standard output go nowhere; the work goes on, and so does its exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(line: str = "") -> None:
    """Print one line of our own words to standard output; foreign text in it must have gone through ``inert``."""
    out.print(escape(line), soft_wrap=True)


def note(line: str) -> None:
    """Print one line about the work to standard error."""
    err.print(escape(line), soft_wrap=True)


def fail(error: PostureError) -> None:
    """Print what happened and what to do about it."""
    err.print(f"[bold red]error:[/] {escape(inert(str(error)))}", soft_wrap=True)
    if error.hint:
        err.print(f"[bold]hint:[/]  {escape(inert(error.hint))}", soft_wrap=True)


def as_json(value: Any) -> None:
    """Print a value as JSON with sorted keys."""
    write(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2).decode() + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Print a table that fits the terminal; when it is none, tab-separated lines below a line of column names.

    ``empty`` is said when there is no row: on a terminal in its place, else on standard error.
    """
    rows = [[inert(cell) for cell in row] for row in rows]
    if not out.is_terminal:
        for row in [list(columns), *rows]:
            write("\t".join(row) + "\n")
        if not rows:
            note(empty)
        return
    if not rows:
        say(empty)
        return
    drawn = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(cell) for cell in row))
    out.print(drawn)


class Steps:
    """Progress with counts: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def expect(self, stage: str, total: int) -> None:
        """Announce a stage with the number of hosts it will see."""
        self._totals[stage], self._done[stage] = total, 0
        if self._progress is not None:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        elif total:
            note(f"{stage}: {total} host{'s' if total != 1 else ''}")

    def advance(self, stage: str, what: str = "") -> None:
        """Count one host of a stage."""
        if stage not in self._totals:
            return
        self._done[stage] += 1
        if self._progress is not None:
            self._progress.update(self._tasks[stage], advance=1, description=f"{stage} {inert(what)[:40]}")
        elif self._done[stage] % 50 == 0 or self._done[stage] == self._totals[stage]:
            note(f"{stage}: {self._done[stage]} of {self._totals[stage]}")


@contextmanager
def steps() -> Iterator[Steps]:
    """Yield something that shows progress on standard error while the block runs."""
    if not err.is_terminal:
        yield Steps(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        yield Steps(progress)

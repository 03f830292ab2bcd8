"""Formats that take host after host: however many are written at once, the stored hosts are read one time.

in_one_pass(assessment, [findings_csv(assessment, one), assessment_json(assessment, two)])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

from posture.model.assessment import Assessment, HostAssessment

Take = Callable[[HostAssessment], object]
"""Is given every host in id order, and last the fleet."""


class Begin(Protocol):
    """Begins a file that is whole when the block ends well."""

    def __call__(self, assessment: Assessment, path: Path, *, marking: str = "") -> AbstractContextManager[Take]:
        """Return what yields the one that takes the hosts."""
        ...


def in_one_pass(assessment: Assessment, begun: Iterable[AbstractContextManager[Take]]) -> None:
    """Give every host to each of the files; for this no more than one host is held at a time."""
    with ExitStack() as files:
        takes = [files.enter_context(one) for one in begun]
        for entry in assessment.read_hosts() if takes else ():
            for take in takes:
                take(entry)

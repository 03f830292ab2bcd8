"""The exit codes of the program."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a scan's exit code says."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    NOTHING_ASSESSED = 3
    BLIND_SPOTS = 4
    FINDINGS_AND_BLIND_SPOTS = 5
    BUG = 70

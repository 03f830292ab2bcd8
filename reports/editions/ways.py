"""How many of the attack paths found a fix ends."""

from __future__ import annotations

from posture.model.attack import AttackReport
from posture.model.plan import Fix
from reports.words import counted

NOT_JUDGED = "not judged: this run was made without attack paths"


def ends_words(attack: AttackReport | None, fix: Fix) -> str:
    """Return how many of the paths found a fix ends, each by taking away one thing that it needs."""
    if attack is None or attack.analysis is None:
        return NOT_JUDGED
    paths = attack.paths()
    if not paths:
        return "none was found in the evidence collected"
    needed = {
        one.id
        for one in attack.named_conditions
        if one.finding in fix.findings or (one.check == fix.check and one.host in fix.hosts)
    }
    return f"{sum(bool(needed.intersection(path.breaks)) for path in paths):,} of {counted(len(paths), 'path')} found"

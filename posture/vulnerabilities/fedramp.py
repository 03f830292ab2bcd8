"""When FedRAMP wants a vulnerability at least partly mitigated, as far as the rows of its matrix are known."""

from __future__ import annotations

from datetime import UTC, timedelta

from posture.model.clock import Clock, DueDate
from posture.model.vulnerability import Detection, Exposure

FEDRAMP_CLOCK = "fedramp-vdr"
_RATING = "N5"
"""Nobody has rated it here, and an unrated vulnerability is never a mild one."""


def fedramp_date(
    clock: Clock, class_: str, exposure: Exposure, detection: Detection, *, binding: bool
) -> DueDate | None:
    """Return the date for a provider of this class; ``None`` where no row for it is known.

    What nobody has shown to be unlikely counts as likely exploitable, as FedRAMP says (reported); a host of unknown
    exposure counts as reachable.
    """
    if clock.table is None:
        return None
    reach = "exploitable" if exposure.exposed is False else "reachable"
    when = (("class", class_), ("n_rating", _RATING), ("reach", reach))
    row = next((one for one in clock.table.rows if one.when == when), None)
    if row is None:
        return None
    outcome = clock.table.outcome(row.outcome)
    seen = detection.first_seen.astimezone(UTC).date()
    start = max(seen, clock.effective) if clock.effective else seen
    words = f"class {class_.upper()}, {_RATING} (not rated), {reach}: {outcome.title} (reported)"
    return DueDate(
        due=start + timedelta(days=outcome.days or 0),
        clock=clock.id,
        clock_version=clock.version,
        row=words,
        inputs=(
            *when,
            ("days", str(outcome.days or 0)),
            ("detected", seen.isoformat()),
            ("effective", str(clock.effective)),
        ),
        clock_start=start,
        binding=binding,
        legal=clock.legal,
        reason=f"{clock.title}, {words}, counted from {start}.",
        binds_from=clock.effective,
    )

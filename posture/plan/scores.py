"""How much of each AI-threat category is held off, as a band: what is unknown is never folded into one number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from posture.model.assessment import CategoryScore
from posture.model.check import Check
from posture.model.finding import Result, Status
from posture.model.host import Host
from posture.plan.weights import Weights


def scores(
    results: Iterable[tuple[Host, Iterable[Result]]],
    checks: Mapping[str, Check],
    *,
    weights: Weights,
    taxonomy: Mapping[str, str],
) -> tuple[CategoryScore, ...]:
    """Return one band for each category of the taxonomy, in id order.

    ``low`` counts every unknown as failing, ``high`` as passing; what does not apply is left out. A category about
    which nothing is known has the band 0 to 100. Waived failures are failures. ``results`` may be a stream.
    """
    # whole numbers of thousandths, so that the order of hosts cannot change a sum
    totals = {id_: [0, 0, 0] for id_ in taxonomy}
    for host, host_results in results:
        factor = weights.of_host(host)
        for result in host_results:
            column = _column(result.verdict.status)
            if column is None:
                continue
            check = checks[result.check]
            weight = round(1000 * weights.of_check(check) * factor)
            for category in check.threat.categories:
                totals[category][column] += weight
    return tuple(_score(id_, taxonomy[id_], totals[id_], checks) for id_ in sorted(taxonomy))


def _column(status: Status) -> int | None:
    """Return 0 for passing, 1 for failing, 2 for unknown, nothing for what does not apply."""
    columns = {Status.PASS: 0, Status.FAIL: 1, Status.NOT_APPLICABLE: None}
    return columns.get(status, 2)


def _score(id_: str, title: str, totals: list[int], checks: Mapping[str, Check]) -> CategoryScore:
    good, bad, unknown = totals
    total = good + bad + unknown
    low = 100 * good / total if total else 0.0
    high = 100 * (good + unknown) / total if total else 100.0
    count = sum(1 for check in checks.values() if id_ in check.threat.categories)
    return CategoryScore(id_, title, round(low, 1), round(high, 1), count, total / 1000)

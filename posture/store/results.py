"""Verdicts, packed: per host one state vector in baseline order and one reference per check to the rendered verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
from sqlalchemy import Connection, bindparam, update

from posture.errors import StoreError
from posture.model.check import Baseline
from posture.model.finding import AssertionResult, Outcome, Result, Status, Verdict
from posture.model.observation import Blind
from posture.store.blobs import Digest, Pack
from posture.store.codebook import Books
from posture.store.collected import rows_of
from posture.store.names import Interned
from posture.store.schema import HOST_SCAN

_CACHE = 20_000  # decoded verdicts: about 1.5 KB each

Denominator = Sequence[tuple[str, int]]
"""Check id and revision, in check id order."""

_Rendered = tuple[
    int,  # revision
    int,  # status
    str,  # reason
    tuple[str, ...],  # topics
    tuple[str, ...],  # subjects
    bool,  # whether they are all there are
    tuple[str, ...],  # command ids
    tuple[tuple[str, str, str, str, str, Outcome, str], ...],  # assertions
]
_Judged = tuple[int, Verdict, tuple[str, ...]]
"""Revision, verdict, command ids."""
_DECODER = msgspec.json.Decoder(_Rendered)


class Results:
    """Packs and unpacks the results of hosts."""

    def __init__(self, interned: Interned) -> None:
        self.interned = interned
        self._books = Books(interned)
        self._digests: dict[tuple[int, int, tuple[str, ...]], tuple[Verdict, Digest]] = {}
        self._decoded: dict[Digest, _Judged] = {}

    def forget(self) -> None:
        """Drop what a rollback may have made wrong."""
        self._digests.clear()
        self._books.forget()

    def put(
        self, conn: Connection, run_no: int, denominator: Denominator, said: Mapping[int, Sequence[Result]]
    ) -> None:
        """Store the results of hosts, by number; a check without one is ``not_checked: not_attempted``.

        Raises:
            StoreError: a result is not in the baseline, or stands twice.
        """
        ordered = {host_no: _ordered(denominator, results) for host_no, results in said.items()}
        digests = iter(self._put_verdicts(conn, [one for results in ordered.values() for one in results]))
        packs = [
            Pack(tuple(islice(digests, len(results))), _states_and_waivers(results)) for results in ordered.values()
        ]
        self.put_packs(conn, run_no, denominator, dict(zip(ordered, packs, strict=True)))

    def put_packs(self, conn: Connection, run_no: int, denominator: Denominator, packs: Mapping[int, Pack]) -> None:
        """Store the packed results of hosts, by number; their rows and their verdicts must be there."""
        if not packs:
            return
        book = self._books.of(conn, denominator, new=True)
        numbers = self.interned.blobs.put_packs(conn, list(packs.values()), book)
        place = (HOST_SCAN.c.run_no == run_no) & (HOST_SCAN.c.host_no == bindparam("host"))
        rows = [{"host": host_no, "pack": number} for host_no, number in zip(packs, numbers, strict=True)]
        conn.execute(update(HOST_SCAN).where(place).values(results=bindparam("pack")), rows)

    def get(
        self, conn: Connection, run_no: int, hosts: Mapping[int, str], denominator: Denominator
    ) -> dict[str, tuple[Result, ...]]:
        """Return the results of those of the hosts that have some, one per check in check id order."""
        packs = self.packs(conn, run_no, hosts, denominator)
        verdicts = self._verdicts(conn, {ref for pack in packs.values() for ref in pack.refs})
        return {host: _results(host, pack, denominator, verdicts) for host, pack in packs.items()}

    def packs(
        self, conn: Connection, run_no: int, hosts: Mapping[int, str], denominator: Denominator
    ) -> dict[str, Pack]:
        """Return the results of hosts as they are packed."""
        rows = [row for row in rows_of(conn, HOST_SCAN, run_no, hosts) if row.results is not None]
        book = self._books.of(conn, denominator)
        packs = self.interned.blobs.get_packs(conn, {row.results for row in rows}, book)
        return {hosts[row.host_no]: packs[row.results] for row in rows}

    def _put_verdicts(self, conn: Connection, results: Sequence[Result]) -> list[Digest]:
        """Verdicts are memoised by the judge, so the same object comes again and again: it is rendered once."""
        keys = [(id(result.verdict), result.revision, result.evidence) for result in results]
        known = self._digests
        fresh = {key: result for key, result in zip(keys, results, strict=True) if key not in known}
        digests = self.interned.blobs.put(conn, [_render(result) for result in fresh.values()])
        # Holding the verdict keeps its id() from being given out again.
        new = {key: (one.verdict, digest) for (key, one), digest in zip(fresh.items(), digests, strict=True)}
        found = [(new.get(key) or known[key])[1] for key in keys]
        self._digests = known | new if len(known) < _CACHE else new
        return found

    def _verdicts(self, conn: Connection, refs: set[Digest]) -> dict[Digest, _Judged]:
        known = self._decoded  # another thread may put a fresh one in its place
        found = {ref: known[ref] for ref in refs if ref in known}
        for digest, content in self.interned.blobs.get(conn, refs - found.keys()).items():
            found[digest] = read_verdict(content)
        self._decoded = known | found if len(known) < _CACHE else found
        return found


def denominator_of(baseline: Baseline) -> Denominator:
    """Return the checks of a baseline with their revisions, in check id order."""
    return tuple(sorted((check.id, check.revision) for check in baseline.checks))


def not_attempted(host: str, check: str, revision: int) -> Result:
    """Return what is said of a check nobody judged: unknown, never good."""
    return Result(host, check, revision, Verdict(Status.NOT_CHECKED, Blind.NOT_ATTEMPTED, (), ()), ())


def states_of(pack: Pack) -> bytes:
    """Return the state vector: one ``Status`` per check of the baseline, in check id order."""
    return pack.rest[: len(pack.refs)]


def waivers_of(pack: Pack) -> dict[int, str]:
    """Return the waiver of each check that has one, by its place in the baseline."""
    content = pack.rest[len(pack.refs) :]
    try:
        return dict(msgspec.json.decode(content, type=list[tuple[int, str]])) if content else {}
    except msgspec.DecodeError:
        raise StoreError("stored waivers do not load", hint="restore the database from a backup") from None


def read_verdict(content: bytes) -> _Judged:
    """Return revision, verdict and command ids from a rendered verdict."""
    try:
        revision, status, reason, topics, subjects, complete, evidence, assertions = _DECODER.decode(content)
        rows = tuple(AssertionResult(*one) for one in assertions)
        verdict = Verdict(Status(status), reason, rows, topics, subjects, complete)
    except (msgspec.DecodeError, ValueError) as why:
        raise StoreError(f"a stored verdict does not load: {why}", hint="it was written by another version") from None
    return revision, verdict, evidence


def _results(host: str, pack: Pack, denominator: Denominator, verdicts: Mapping[Digest, _Judged]) -> tuple[Result, ...]:
    waivers = waivers_of(pack)
    found = []
    for index, ((check, _), ref) in enumerate(zip(denominator, pack.refs, strict=True)):
        revision, verdict, evidence = verdicts[ref]
        found.append(Result(host, check, revision, verdict, evidence, waivers.get(index, "")))
    return tuple(found)


def _ordered(denominator: Denominator, results: Sequence[Result]) -> list[Result]:
    by_check = {result.check: result for result in results}
    known = dict(denominator)
    if len(by_check) != len(results) or not by_check.keys() <= known.keys():
        odd = sorted(by_check.keys() - known.keys())
        raise StoreError(
            f"results do not fit the baseline: {', '.join(odd) or 'a check stands twice'}",
            hint="a run is judged by the baseline it began with",
        )
    return [by_check.get(check) or not_attempted("", check, revision) for check, revision in denominator]


def _states_and_waivers(results: Sequence[Result]) -> bytes:
    waivers = [(index, result.waiver) for index, result in enumerate(results) if result.waiver]
    return bytes(result.verdict.status for result in results) + (msgspec.json.encode(waivers) if waivers else b"")


def _render(result: Result) -> bytes:
    verdict = result.verdict
    return msgspec.json.encode(
        (
            result.revision,
            verdict.status,
            verdict.reason,
            verdict.topics,
            verdict.subjects,
            verdict.subjects_complete,
            result.evidence,
            [
                (one.id, one.fact, one.op, one.expected, one.actual, one.outcome, one.message)
                for one in verdict.assertions
            ],
        )
    )

"""What hosts said: sessions with their answers, fact documents, and what could not be seen."""

from __future__ import annotations

import hashlib
import shlex
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import Connection, Row, select, update

from collectors.base import Answer, Command, Session, Transcript
from posture.errors import NotKeptError, StoreError
from posture.model.observation import Blind, Evidence, FactDocument, Hole, Observation, Origin, Unseen
from posture.store.blobs import NOT_KEPT_HINT, Digest, Pack, upsert
from posture.store.codec import micros, moment
from posture.store.names import Interned
from posture.store.schema import HOST_SCAN, SESSION

T = TypeVar("T")
TRUNCATED, TIMED_OUT, AS_ROOT = 1, 2, 4
"""Flags of an answer."""
_BUG = "this is a bug of ours: please report it"


class About(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a session says of itself, but for its host and its time: equal on every visit, so it is stored once."""

    account: str
    vantage: str
    origin: Origin
    host_key: str
    transport: str
    failure: tuple[str, Blind, str] | None = None
    original_origin: Origin | None = None
    """What the origin was before the run was imported."""


class Said(msgspec.Struct, frozen=True):
    """The rest of a host's facts pack; its references are the documents, in this order."""

    platform: str
    documents: tuple[tuple[str, int, Origin, tuple[str, ...]], ...]
    """Topic, index of its moment, origin, command ids."""
    unseen: tuple[tuple[str, Blind, str], ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What is stored of a host beside its sessions."""

    said: Said
    refs: tuple[Digest, ...]
    """The documents, in the order of ``said.documents``."""
    moments: tuple[int, ...]
    """When they were taken, microseconds since 1970; apart, so that an unchanged rescan shares the pack."""

    @property
    def pack(self) -> Pack:
        """What is shared by content address."""
        return Pack(self.refs, msgspec.json.encode(self.said))


@dataclass(frozen=True, slots=True)
class Visited:
    """One stored session, with references in place of bytes."""

    host: str
    started_at: int
    about: About
    answers: Pack
    durations: tuple[int, ...]

    @property
    def about_digest(self) -> Digest:
        """The digest of what the session says of itself."""
        return hashlib.sha256(msgspec.json.encode(self.about, order="sorted")).digest()

    @property
    def session(self) -> Session:
        """The session as collectors know it."""
        about = self.about
        return Session(
            host=self.host,
            account=about.account,
            vantage=about.vantage,
            origin=about.origin,
            started_at=moment(self.started_at),
            host_key=about.host_key,
            transport=about.transport,
        )


def put_transcript(conn: Connection, interned: Interned, run_no: int, host_no: int, transcript: Transcript) -> None:
    """Store a session with everything it answered; the same visit stored again is replaced."""
    answers = [answer for _, answer in sorted(transcript.answers.items())]
    contents: list[bytes] = []
    for answer in answers:
        contents += (msgspec.json.encode(answer.command, order="sorted"), answer.stdout, answer.stderr)
    refs = interned.blobs.put(conn, contents)
    rest = msgspec.json.encode([_facts_of(answer) for answer in answers])
    durations = tuple(min(max(answer.duration_ms, 0), 0xFFFFFFFF) for answer in answers)
    session, failure = transcript.session, transcript.failure
    about = About(
        account=session.account,
        vantage=session.vantage,
        origin=session.origin,
        host_key=session.host_key,
        transport=session.transport,
        failure=(failure.path, failure.reason, failure.detail) if failure else None,
    )
    put_visit(
        conn,
        interned,
        run_no,
        host_no,
        Visited(session.host, micros(session.started_at), about, Pack(tuple(refs), rest), durations),
    )


def put_visit(conn: Connection, interned: Interned, run_no: int, host_no: int, visited: Visited) -> None:
    """Store a session whose blobs are in the store."""
    digest = interned.blobs.put(conn, [msgspec.json.encode(visited.about, order="sorted")])[0]
    row = {
        "run_no": run_no,
        "host_no": host_no,
        "visit": f"{visited.about.transport}@{visited.about.vantage}",
        "started_at": visited.started_at,
        "about": interned.blobs.numbers(conn, [digest])[digest],
        "answers": interned.blobs.put_pack(conn, visited.answers),
        "durations": struct.pack(f"<{len(visited.durations)}I", *visited.durations),
    }
    upsert(conn, SESSION, [row])


def visits(conn: Connection, interned: Interned, run_no: int, hosts: Mapping[int, str]) -> dict[str, list[Visited]]:
    """Return the stored sessions of some hosts, the earliest first."""
    rows = rows_of(conn, SESSION, run_no, hosts)
    packs = interned.blobs.get_packs(conn, {row.answers for row in rows})
    about_digests = interned.blobs.digests(conn, {row.about for row in rows})
    abouts = interned.blobs.get(conn, about_digests.values())
    found: dict[str, list[Visited]] = {}
    for row in sorted(rows, key=lambda row: (row.started_at, row.visit)):
        about = _load(About, abouts[about_digests[row.about]])
        durations = struct.unpack(f"<{len(row.durations) // 4}I", row.durations)
        host = hosts[row.host_no]
        found.setdefault(host, []).append(Visited(host, row.started_at, about, packs[row.answers], durations))
    return found


def evidence_of(transcript: Transcript) -> tuple[Evidence, ...]:
    """Return the evidence a transcript stands for, in command id order."""
    found = []
    for _, answer in sorted(transcript.answers.items()):
        digests = (hashlib.sha256(answer.stdout).hexdigest(), hashlib.sha256(answer.stderr).hexdigest())
        found.append(_evidence(transcript.session, answer.command, digests, _facts_of(answer), answer.duration_ms))
    return tuple(found)


def evidence_of_visit(visited: Visited, commands: Mapping[Digest, Command]) -> tuple[Evidence, ...]:
    """Return the evidence of a stored session."""
    session, refs = visited.session, visited.answers.refs
    found = []
    for index, facts in enumerate(answer_facts(visited)):
        digests = (refs[3 * index + 1].hex(), refs[3 * index + 2].hex())
        found.append(_evidence(session, commands[refs[3 * index]], digests, facts, visited.durations[index]))
    return tuple(found)


def transcript_of(visited: Visited, contents: Mapping[Digest, bytes], gone: Mapping[Digest, str]) -> Transcript:
    """Return a stored session as it was collected; of what was let go, ``gone`` says why."""
    refs = visited.answers.refs
    answers = {}
    for index, (exit_code, flags, redactions, _) in enumerate(answer_facts(visited)):
        command, out, err = read_command(contents[refs[3 * index]]), refs[3 * index + 1], refs[3 * index + 2]
        answers[command.id] = Answer(
            command=command,
            stdout=contents.get(out, b""),
            stderr=contents.get(err, b""),
            exit_code=exit_code,
            duration_ms=visited.durations[index],
            truncated=bool(flags & TRUNCATED),
            timed_out=bool(flags & TIMED_OUT),
            redactions=redactions,
            ran_as_root=bool(flags & AS_ROOT),
            gone=gone.get(out) or gone.get(err, ""),
        )
    failure = visited.about.failure
    return Transcript(visited.session, answers, Hole(*failure) if failure else None)


def whole_or_refused(transcript: Transcript) -> Transcript:
    """Return a transcript of which nothing was let go.

    Raises:
        NotKeptError: something was.
    """
    for id_, answer in sorted(transcript.answers.items()):
        if answer.gone:
            raise NotKeptError(f"{id_} of {transcript.session.host}: {answer.gone}", 0, hint=NOT_KEPT_HINT)
    return transcript


def read_command(content: bytes) -> Command:
    """Return the command a blob holds."""
    return _load(Command, content)


AnswerFacts = tuple[int | None, int, int, int]
"""Exit code, flags, redactions, bytes of standard output."""


def answer_facts(visited: Visited) -> list[AnswerFacts]:
    """Return what is said of each answer, in command id order."""
    facts = _load(list[AnswerFacts], visited.answers.rest)
    if not len(facts) == len(visited.durations) == len(visited.answers.refs) // 3:
        raise StoreError(f"a session of {visited.host} does not add up", hint="restore the database from a backup")
    return facts


def put_heard(conn: Connection, interned: Interned, run_no: int, host_no: int, heard: Heard) -> None:
    """Write a host's facts; its documents must be in the store."""
    values = {
        "facts": interned.blobs.put_pack(conn, heard.pack),
        "moments": struct.pack(f"<{len(heard.moments)}q", *heard.moments),
    }
    here = (HOST_SCAN.c.run_no == run_no) & (HOST_SCAN.c.host_no == host_no)
    conn.execute(update(HOST_SCAN).where(here).values(values))


def merge_observations(
    conn: Connection,
    interned: Interned,
    run_no: int,
    host: str,
    observations: Iterable[Observation],
    *,
    platform: str = "",
) -> None:
    """Add topics to what is stored of a host in a run; a topic that is there is replaced."""
    host_no = interned.hosts.number(conn, [host])[host]
    was = heard(conn, interned, run_no, {host_no: host}).get(host)
    kept = _by_topic(was) if was else {}
    for one in _references(conn, interned, host, observations):
        kept[one.topic] = one
    ordered = [kept[topic] for topic in sorted(kept)]
    documents = [one for one in ordered if isinstance(one, _Document)]
    moments = sorted({document.taken_at for document in documents})
    said = Said(
        platform or (was.said.platform if was else ""),
        tuple((one.topic, moments.index(one.taken_at), one.origin, one.evidence) for one in documents),
        tuple((one.topic, one.reason, one.detail) for one in ordered if isinstance(one, Unseen)),
    )
    refs = tuple(one.digest for one in documents)
    put_heard(conn, interned, run_no, host_no, Heard(said, refs, tuple(moments)))


def heard(conn: Connection, interned: Interned, run_no: int, hosts: Mapping[int, str]) -> dict[str, Heard]:
    """Return the documents, by reference, and what was unseen, of those of the hosts that have any."""
    rows = [row for row in rows_of(conn, HOST_SCAN, run_no, hosts) if row.facts is not None]
    packs = interned.blobs.get_packs(conn, {row.facts for row in rows})
    found = {}
    for row in rows:
        pack = packs[row.facts]
        moments = struct.unpack(f"<{len(row.moments) // 8}q", row.moments)
        found[hosts[row.host_no]] = Heard(_load(Said, pack.rest), pack.refs, moments)
    return found


def documents_of(host: str, heard: Heard, contents: Mapping[Digest, bytes]) -> tuple[Observation, ...]:
    """Return documents and what was unseen, as they were saved, in topic order."""
    found: list[Observation] = list(unseen_of(host, heard.said))
    for digest, (topic, index, origin, evidence) in zip(heard.refs, heard.said.documents, strict=True):
        taken_at = moment(heard.moments[index])
        found.append(FactDocument(host, topic, contents[digest], digest.hex(), evidence, taken_at, origin))
    return tuple(sorted(found, key=lambda one: one.topic))


def unseen_of(host: str, said: Said) -> tuple[Unseen, ...]:
    """Return the topics of a host that could not be seen."""
    return tuple(Unseen(host, topic, reason, detail) for topic, reason, detail in said.unseen)


def rows_of(conn: Connection, table: Any, run_no: int, hosts: Mapping[int, str]) -> Sequence[Row[Any]]:
    """Return the rows of a run for some hosts."""
    here = (table.c.run_no == run_no) & table.c.host_no.in_(list(hosts))
    return conn.execute(select(table).where(here)).all()


@dataclass(frozen=True, slots=True)
class _Document:
    """A fact document by reference."""

    topic: str
    digest: Digest
    taken_at: int
    origin: Origin
    evidence: tuple[str, ...]


def _by_topic(heard: Heard) -> dict[str, _Document | Unseen]:
    kept: dict[str, _Document | Unseen] = {one[0]: Unseen("", *one) for one in heard.said.unseen}
    for digest, (topic, index, origin, evidence) in zip(heard.refs, heard.said.documents, strict=True):
        kept[topic] = _Document(topic, digest, heard.moments[index], origin, evidence)
    return kept


def _references(
    conn: Connection, interned: Interned, host: str, observations: Iterable[Observation]
) -> Iterator[_Document | Unseen]:
    """Yield documents by reference, all of them stored at once, and what was unseen."""
    observed = tuple(observations)
    documents = [one for one in observed if isinstance(one, FactDocument)]
    digests = iter(interned.blobs.put(conn, (one.content for one in documents)))
    for one in observed:
        if one.host != host:
            raise StoreError(f"an observation of `{one.host}` came with host `{host}`", hint=_BUG)
        if isinstance(one, Unseen):
            yield one
            continue
        digest = next(digests)
        if digest.hex() != one.digest:
            raise StoreError(f"document {one.topic} of {one.host} is not what its digest says", hint=_BUG)
        yield _Document(one.topic, digest, micros(one.taken_at), one.origin, one.evidence)


def _facts_of(answer: Answer) -> AnswerFacts:
    flags = TRUNCATED * answer.truncated | TIMED_OUT * answer.timed_out | AS_ROOT * answer.ran_as_root
    return (answer.exit_code, flags, answer.redactions, len(answer.stdout))


def _evidence(
    session: Session, command: Command, digests: tuple[str, str], facts: AnswerFacts, duration_ms: int
) -> Evidence:
    exit_code, flags, redactions, size_bytes = facts
    by_sudo = command.sudo and bool(flags & AS_ROOT) and session.account != "root"
    return Evidence(
        sha256=digests[0],
        stderr_sha256=digests[1],
        host=session.host,
        command_id=command.id,
        asked=shlex.join(("sudo", "-n", *command.argv) if by_sudo else command.argv),
        account=f"{session.account}+sudo" if by_sudo else session.account,
        vantage=session.vantage,
        origin=session.origin,
        taken_at=session.started_at,
        duration_ms=duration_ms,
        exit_code=exit_code,
        size_bytes=size_bytes,
        truncated=bool(flags & TRUNCATED),
        redactions=redactions,
    )


def _load(kind: type[T], content: bytes) -> T:
    try:
        return cast(T, _decoder(kind).decode(content))
    except (msgspec.DecodeError, RecursionError) as reason:
        raise StoreError(
            f"a stored record does not load: {reason}",
            hint="it was written by another version, or the store is damaged",
        ) from None


_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]

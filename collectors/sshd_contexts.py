"""Each class of connections that a Match block names: what ``sshd -T -C`` is asked about it, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.base import Answer, Answers, Listing, hole
from collectors.records import blind, garbled, lines
from collectors.ssh_match import ANYONE, Block, Blocks, Dead, People, blocks_of, probe
from collectors.sshd_daemon import CONFIG, options_of
from collectors.sshd_dump import Found, Settings, dump
from posture.model.observation import Blind, Hole

MAX_CONTEXTS = 64  # each is one more run of sshd, 10 ms of CPU on the target


@dataclass(frozen=True, slots=True)
class Context:
    """What a connection gets that a Match block applies to."""

    match: str
    """The criteria as the file has them, such as ``User deploy`` or ``Group sftponly Address 10.0.0.0/8``; empty for a
    connection from outside by somebody unknown, which is there only when it gets something else than ``effective``."""
    probe: str
    """The connection we asked about, as `sshd -T -C` takes it."""
    effective: dict[str, int | str]
    lists: dict[str, list[str]]


def of_anyone(answers: Answers, otherwise: Hole) -> Settings | Hole:
    """Return what somebody unknown gets from outside."""
    read = dump(answers.get("sshd.running_anyone" if options_of(answers) else "sshd.anyone"))
    return read if isinstance(read, Settings) else otherwise


def probes(answers: Answers) -> tuple[list[tuple[str, Block, str]], str]:
    """Return command id, block and `-C` argument of every block, and why these may not be all (empty when they are)."""
    named = _blocks(answers)
    if isinstance(named, Hole):
        return [], named.detail or named.reason.value
    people = _people(answers)
    effective = dump(answers.get("sshd.effective"))
    ports = effective.lists.get("port", []) if isinstance(effective, Settings) else []
    port = int(ports[0]) if ports and ports[0].isdecimal() and len(ports[0]) < 6 else 22
    doubt = f"{named.unread} Match lines could not be read" if named.unread else _outside(named)
    asked: list[tuple[str, Block, str]] = []
    for block in named.blocks:
        what = probe(block, people, port=port, others=named.blocks)
        if what is Dead.UNKNOWN or len(asked) >= MAX_CONTEXTS:
            doubt = doubt or f"Match {block.text}: {Dead.UNKNOWN.value}"
        elif isinstance(what, str):
            asked.append((f"sshd.context/{len(asked) + 1}", block, what))
    return asked, doubt


def _blocks(answers: Answers) -> Blocks | Hole:
    answer = answers.get("sshd.blocks")
    unseen = blind(answer)
    if unseen is not None:
        return unseen
    if not all(line.startswith("/") and "\0" in line for line in lines(answer)):
        return garbled("", "sshd.blocks: a line that grep did not write")
    return blocks_of(line.partition("\0")[2] for line in lines(answer))


def _outside(named: Blocks) -> str:
    """Return a sentence when files are included that we did not read."""
    own = (CONFIG[1] + "/", CONFIG[2])
    other = [path for path in named.includes if not path.startswith(own) or "/../" in path]
    return f"{other[0]} is included and was not read" if other else ""


def _people(answers: Answers) -> People:
    names: dict[str, str] = {}
    groups_of: dict[str, set[str]] = {}
    rows = [line.split(":") for line in lines(answers.get("sshd.group"))]
    for name, gid, members in (row for row in rows if len(row) == 3):
        names[gid] = name
        for member in filter(None, members.split(",")):
            groups_of.setdefault(member, set()).add(name)
    for row in (line.split(":") for line in lines(answers.get("sshd.passwd"))):
        if len(row) == 2:
            groups_of.setdefault(row[0], set()).update([names[row[1]]] if row[1] in names else [])
    whole = all(_has_columns(answers.get(f"sshd.{name}"), count) for name, count in (("passwd", 2), ("group", 3)))
    return People({name: frozenset(groups) for name, groups in groups_of.items()}, whole and _local_only(answers))


def _has_columns(answer: Answer | None, count: int) -> bool:
    told = lines(answer)
    return hole(answer) is None and bool(told) and all(line.count(":") == count - 1 for line in told)


def _local_only(answers: Answers) -> bool:
    told = answers.get("sshd.sources")
    words = {word for line in lines(told) for word in line.partition(":")[2].split()}
    return blind(told) is None and words <= {"files", "compat", "systemd"}


def contexts_of(answers: Answers, settings: Settings | None, found: Found) -> Listing[Context] | None:
    """Return what each block gives; ``None`` where even what everybody gets is unknown."""
    if settings is None:
        return None
    asked, doubt = probes(answers)
    items = []
    for id_, block, _ in asked:
        answer = answers.get(id_)
        read = dump(answer)
        if isinstance(read, Hole):
            doubt = doubt or f"Match {block.text}: {read.reason.value}"
        elif answer is not None:
            # As it was asked: another version of this program may choose another connection.
            items.append(Context(block.text, answer.command.argv[-1], read.effective, read.lists))
    anyone = of_anyone(answers, Hole("", Blind.NOT_ATTEMPTED))
    if isinstance(anyone, Settings) and anyone != settings:
        items.insert(0, Context("", ANYONE, anyone.effective, anyone.lists))
    if doubt and not items:
        found.add(Hole("contexts", Blind.UNPARSEABLE, doubt[:200]))
    return Listing(items, not doubt)

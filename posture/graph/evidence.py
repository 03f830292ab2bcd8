"""What is known of one host, as the rules ask for it: facts, what could not be seen, and which checks fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from posture.evaluate.lifecycle import finding_id
from posture.evaluate.paths import is_listing
from posture.model.finding import Result, Status
from posture.model.host import Host
from posture.model.observation import FactDocument, Observation, Unseen
from posture.model.path import EvidenceRef
from posture.model.rule import AttackRule
from posture.model.vulnerability import Vulnerability

Facts = Mapping[str, Any]
Holes = tuple[tuple[str, str], ...]
"""Path below the topic, and why nothing is seen there."""
NOTHING: Facts = {}


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """Everything one host brings to the graph."""

    host: Host
    observed: Mapping[str, Observation]
    results: tuple[Result, ...] = ()
    vulnerabilities: tuple[tuple[str, Vulnerability], ...] = ()
    """Each with its subject, by which its finding goes."""


@dataclass(frozen=True, slots=True)
class Failing:
    """The failing checks of one host, each with what fails; empty where a check names no subject."""

    host: str
    subjects: Mapping[str, tuple[str, ...]]
    passing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, host: str, results: Iterable[Result]) -> Failing:
        """Return what fails and what passes among these results."""
        known = list(results)
        return cls(
            host,
            {one.check: one.verdict.subjects for one in known if one.verdict.status is Status.FAIL},
            frozenset(one.check for one in known if one.verdict.status is Status.PASS),
        )

    def finding(self, check: str, subject: str = "") -> str:
        """Return the id of the open finding on this subject; empty when the check does not fail for it."""
        if check not in self.subjects:
            return ""
        named = self.subjects[check]
        if not named:
            return finding_id(check, self.host)
        return finding_id(check, self.host, subject) if subject in named else ""


@dataclass(slots=True)
class HostView:
    """One host, ready to be asked."""

    evidence: HostEvidence
    _decoded: dict[str, tuple[Facts, Holes]] = field(default_factory=dict)
    _failing: Failing | None = None

    @property
    def host(self) -> Host:
        """The host of the inventory."""
        return self.evidence.host

    @property
    def id(self) -> str:
        """Its id."""
        return self.evidence.host.id

    @property
    def failing(self) -> Failing:
        """Which checks fail here."""
        if self._failing is None:
            self._failing = Failing.of(self.id, self.evidence.results)
        return self._failing

    def facts(self, topic: str) -> Facts:
        """Return a topic's facts; empty when it is unseen (ask ``blank`` for that)."""
        return self._read(topic)[0]

    def value(self, topic: str, *keys: str) -> Any:
        """Return what stands at a path, or ``None``: absent and unseen alike."""
        found: Any = self.facts(topic)
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def rows(self, topic: str, *keys: str) -> list[Facts]:
        """Return the elements of a list of records; empty when there are none or they are unseen."""
        return [one for one in self._items(topic, keys) if isinstance(one, Mapping)]

    def words(self, topic: str, *keys: str) -> list[str]:
        """Return the elements of a list of texts."""
        return [one for one in self._items(topic, keys) if isinstance(one, str)]

    def complete(self, topic: str, *keys: str) -> bool:
        """Return whether a list was seen whole."""
        found = self.value(topic, *keys)
        return isinstance(found, list) or (isinstance(found, Mapping) and found.get("complete") is True)

    def _items(self, topic: str, keys: tuple[str, ...]) -> list[Any]:
        found = self.value(topic, *keys)
        listed = found["items"] if isinstance(found, Mapping) and is_listing(found) else found
        return listed if isinstance(listed, list) else []

    def blank(self, path: str) -> str:
        """Return why a fact path is unseen here, or seen in part only; empty when it was seen."""
        topic, _, rest = path.partition(".")
        observed = self.evidence.observed.get(topic)
        if observed is None:
            return f"{topic}: not asked"
        if isinstance(observed, Unseen):
            return f"{topic}: {observed.reason.value}" + (f" ({observed.detail})" if observed.detail else "")
        holes = self._read(topic)[1]
        wanted = f"{_plain(rest)}."
        for at, why in holes:
            if not at or wanted.startswith(f"{_plain(at)}."):
                return f"{topic}.{at}: {why}" if at else f"{topic}: {why}"
        trunk = rest.partition("[")[0]
        found = self.value(topic, *trunk.split(".")) if trunk else None
        cut = isinstance(found, Mapping) and is_listing(found) and not found["complete"]
        return f"{path}: the list is not complete" if cut else ""

    def unseen(self, rule: AttackRule) -> str:
        """Return why a rule cannot be asked here, or not wholly; empty when it can."""
        return next((why for fact in rule.facts if (why := self.blank(fact))), "")

    def ref(self, topic: str, path: str = "") -> tuple[EvidenceRef, ...]:
        """Return where a fact stands; empty when the topic is unseen."""
        document = self.evidence.observed.get(topic)
        if not isinstance(document, FactDocument):
            return ()
        return (EvidenceRef(self.id, topic, path, document.digest, document.taken_at),)

    def _read(self, topic: str) -> tuple[Facts, Holes]:
        known = self._decoded.get(topic)
        if known is None:
            document = self.evidence.observed.get(topic)
            if isinstance(document, FactDocument):
                body = msgspec.json.decode(document.content)
                holes = tuple((path, reason + (f" ({why})" if why else "")) for path, reason, why in body["holes"])
                known = (body["facts"], holes)
            else:
                known = (NOTHING, ())
            self._decoded[topic] = known
        return known


_ELEMENT = re.compile(r"\[[^\]]*\]")


def _plain(path: str) -> str:
    """Return a path without saying which elements of its lists are meant: a hole in one is a hole."""
    return _ELEMENT.sub("", path)


@dataclass(frozen=True)
class People:
    """Accounts and groups of one host."""

    users: tuple[Facts, ...]
    groups: Mapping[str, frozenset[str]]
    """Members by group name, by line or by primary group."""
    group_ids: Mapping[int, str]
    uid_zero: frozenset[str]

    @classmethod
    def of(cls, view: HostView) -> People:
        """Return the people of a host; root is root even where nobody was listed."""
        groups = view.rows("accounts", "groups")
        return cls(
            users=tuple(view.rows("accounts", "users")),
            groups={str(one["name"]): frozenset(one.get("members") or ()) for one in groups},
            group_ids={int(one["gid"]): str(one["name"]) for one in groups},
            uid_zero=frozenset({"root", *view.words("accounts", "uid_zero")}),
        )

    @cached_property
    def by_name(self) -> Mapping[str, Facts]:
        """Accounts by name."""
        return {str(one["name"]): one for one in self.users}

    @cached_property
    def _groups_by_member(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for group, members in self.groups.items():
            for member in members:
                found.setdefault(member, set()).add(group)
        for user in self.users:
            name = self.group_ids.get(int(user.get("gid", -1)))
            if name:
                found.setdefault(str(user["name"]), set()).add(name)
        return {name: frozenset(groups) for name, groups in found.items()}

    def groups_of(self, name: str) -> frozenset[str]:
        """Return every group an account is in, the primary one included."""
        return self._groups_by_member.get(name, frozenset())

    def members_of(self, group: str) -> frozenset[str]:
        """Return the members of a group, those whose primary group it is included."""
        primary = (str(one["name"]) for one in self.users if self.group_ids.get(int(one.get("gid", -1))) == group)
        return self.groups.get(group, frozenset()) | frozenset(primary)

    def namesakes_of(self, name: str) -> frozenset[str]:
        """Return every name of the account's user id, and the number itself."""
        uid = self.by_name.get(name, NOTHING).get("uid")
        if uid is None:
            return frozenset({name})
        return frozenset({str(uid), *self._names_by_uid[int(uid)]})

    @cached_property
    def _names_by_uid(self) -> Mapping[int, frozenset[str]]:
        found: dict[int, set[str]] = {}
        for user in self.users:
            found.setdefault(int(user["uid"]), set()).add(str(user["name"]))
        return {uid: frozenset(names) for uid, names in found.items()}

    def workers(self) -> Iterator[str]:
        """Yield the accounts that have a shell to work in."""
        return (str(one["name"]) for one in self.users if one.get("interactive"))

"""Rules 8 to 15 and 27: keys held and keys accepted, passwords, agents, and connections that are open already.

No login is ever tried: fingerprints of private keys that lie on hosts are matched to authorized_keys, and what sshd
would say to them is worked out from its own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from posture.graph import draft as d
from posture.graph.admission import admits_key, admits_password, key_sources
from posture.graph.draft import Draft
from posture.graph.evidence import Facts, Failing, HostView, People
from posture.graph.logins import Doors
from posture.graph.patterns import Source
from posture.model.host import FLEET
from posture.model.path import EvidenceRef, NodeKind, Tier

RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Holding:
    """A private key found on a host, kept until every host was read."""

    host: str
    premise: str
    """Node of who can take it."""
    fingerprint: str
    path: str
    encrypted: bool | None
    old_format: bool
    sure: str
    conditions: tuple[str, ...]
    evidence: tuple[EvidenceRef, ...]


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A key whose holder's agent may be forwarded to a host."""

    root: str
    host: str
    fingerprint: str
    user: str
    conditions: tuple[str, ...]
    evidence: tuple[EvidenceRef, ...]


@dataclass(slots=True)
class Keys:
    """What joins hosts by keys: known only when all of them were read."""

    holdings: list[Holding] = field(default_factory=list)
    forwardings: list[Forwarding] = field(default_factory=list)
    opens: dict[str, set[str]] = field(default_factory=dict)
    """Fingerprint to the hosts where it opens something."""

    def opened_by(self, fingerprints: Iterable[str]) -> frozenset[str]:
        """Return the hosts that any of these keys opens."""
        return frozenset().union(*(self.opens.get(one, set()) for one in fingerprints))

    def finish(self, draft: Draft, fleet_failing: Failing) -> None:
        """Add the edges from those who can take a key to the key, for keys that open something."""
        for one in self.holdings:
            if self.opens.get(one.fingerprint):
                _add_holding(draft, one, fleet_failing)
        for forwarding in self.forwardings:
            opened = self.opens.get(forwarding.fingerprint, set())
            if len(opened) > (forwarding.host in opened):
                _add_forwarding(draft, forwarding)


def add_ssh(draft: Draft, doors: Doors, keys: Keys, as_of: datetime) -> None:
    """Add everything that SSH means on one host; who holds which key is noted in ``keys``."""
    view, people = doors.view, doors.sshd.people
    _note_holdings(draft, view, people, keys)
    _add_multiplexed(draft, doors)
    if not doors.endpoints:
        return
    _note_unread(draft, doors)
    for entry in view.rows("ssh_keys", "authorized"):
        _add_key(draft, doors, entry, keys, as_of)
    for user in people.users:
        _add_passwords(draft, doors, user, as_of)


def _note_unread(draft: Draft, doors: Doors) -> None:
    """Say where sshd may let in somebody whom nothing that was read names: ways over that would be missing."""
    view, sshd = doors.view, doors.sshd
    if view.value("sshd", "config_newer_than_daemon") is True:
        why = "the running sshd is older than its configuration: it may let more in than was read"
        draft.lets_in("ssh-key", view.id, why)
    if blocks := sshd.mixed():
        why = f"what Match {blocks[0]} sets was only seen where other blocks apply as well"
        draft.lets_in("ssh-key", view.id, why)
    # The program alone: its arguments may hold what a report must not.
    for program in sorted({one.split()[0] for one in sshd.told("authorizedkeyscommand")}):
        draft.lets_in(
            "ssh-key", view.id, f"AuthorizedKeysCommand {program} names keys when sshd asks it: no file has them"
        )
    for file in sshd.told("revokedkeys"):
        draft.cannot("ssh-key", view.id, f"RevokedKeys {file}: which keys are in there was not read")


def _add_key(draft: Draft, doors: Doors, entry: Facts, keys: Keys, as_of: datetime) -> None:
    view, people, user = doors.view, doors.sshd.people, str(entry["account"])
    fingerprint = str(entry["fingerprint"])
    rule = "ssh-ca" if entry["cert_authority"] else "ssh-key"
    short = fingerprint[:19]
    line = draft.setting(
        view,
        f"authorized-key|{fingerprint}|{user}",
        f"{entry['path']} of {view.id} lets key {short}… in as {user}",
        f"take key {short}… out of {entry['path']} on {view.id}, or limit it with from= to the hosts that need it",
    )
    evidence = (*view.ref("ssh_keys", f"authorized[fingerprint={fingerprint}]"), *view.ref("sshd", "effective"))
    for door in doors.open_to(lambda source: admits_key(doors.sshd, user, entry, source, as_of), key_sources(entry)):
        premises = [d.key(draft, fingerprint), door.premise]
        if door.admitted.with_password:
            premises.append(d.password(draft, view, user))
        asked = " and the account's password" if door.admitted.with_password else ""
        signs = "signs a certificate that" if rule == "ssh-ca" else ""
        draft.edge(
            rule,
            premises,
            d.account(draft, view, user),
            f"key {short}…{asked} {signs or ''}logs in as {user} on {view.id} over {door.words}: "
            f"{entry['path']} has it, and sshd lets the account in with a shell".replace("  ", " "),
            conditions=[line, *door.conditions, *root_findings(draft, view, user, people)],
            sure=door.admitted.sure,
            evidence=evidence,
        )
        keys.opens.setdefault(fingerprint, set()).add(view.id)
        if rule == "ssh-key" and door.admitted.forwards_agent and _recent(view, user, as_of):
            keys.forwardings.append(_forwarding(draft, view, user, fingerprint, line))


def root_findings(draft: Draft, view: HostView, user: str, people: People) -> list[str]:
    """Return the conditions by which somebody logs in as root itself; none for everybody else."""
    if user not in people.uid_zero:
        return []
    return draft.found(view, [("SSH-01", "")], f"sshd of {view.id} lets root log in")


def _recent(view: HostView, user: str, as_of: datetime) -> bool:
    """Return whether the account was used lately; an unknown last login counts as yes."""
    rows = {str(one["name"]): one for one in view.rows("logins", "accounts")}
    known = rows.get(user)
    if known is None:
        return not view.complete("logins", "accounts")
    if known["never"] or not known["last_at"]:
        return False
    return as_of - datetime.fromisoformat(str(known["last_at"]).replace("Z", "+00:00")) < RECENT


def _forwarding(draft: Draft, view: HostView, user: str, fingerprint: str, line: str) -> Forwarding:
    agent = draft.found_or_setting(
        view,
        [("SSH-09", "")],
        key="agent-forwarding",
        why=f"sshd of {view.id} lets people bring their agent",
        remedy=f"set AllowAgentForwarding no on {view.id}; use ProxyJump",
    )
    return Forwarding(
        d.root(draft, view),
        view.id,
        fingerprint,
        user,
        (line, *agent),
        (*view.ref("sshd", "effective.allowagentforwarding"), *view.ref("logins", "accounts")),
    )


def _add_forwarding(draft: Draft, one: Forwarding) -> None:
    draft.edge(
        "agent-forwarding",
        [one.root],
        d.key(draft, one.fingerprint),
        f"{one.host} lets {one.user} bring an SSH agent; root there could use key {one.fingerprint[:19]}… while "
        "its owner is logged in (the configuration allows it; no agent was seen)",
        conditions=one.conditions,
        sure="guess",
        evidence=one.evidence,
    )


def _note_holdings(draft: Draft, view: HostView, people: People, keys: Keys) -> None:
    for one in view.rows("ssh_keys", "private"):
        fingerprint, path = one["fingerprint"], str(one["path"])
        if not fingerprint:
            continue
        checks = [("SSH-18", path)] if one["encrypted"] is not True else []
        conditions = draft.found_or_setting(
            view,
            checks,
            key=f"private-key|{path}",
            why=f"{path} on {view.id} is a private key" + ("" if one["encrypted"] else " without a passphrase"),
            remedy=f"remove {path} from {view.id}, or keep the key in hardware",
        )
        for premise, sure, who in _readers(draft, view, people, one):
            keys.holdings.append(
                Holding(
                    view.id,
                    premise,
                    str(fingerprint),
                    path + who,
                    one["encrypted"],
                    one["format"] != "openssh",
                    sure,
                    tuple(conditions),
                    view.ref("ssh_keys", f"private[path={path}]"),
                )
            )


def _readers(draft: Draft, view: HostView, people: People, one: Facts) -> Iterator[tuple[str, str, str]]:
    """Yield who can read a private key: its owner, and by its mode its group or everybody (if directories let them)."""
    mode = int(str(one["mode"]), 8)
    yield d.account(draft, view, str(one["owner"])), "read-on-host", ""
    if mode & 0o004:
        yield d.somebody(draft, view), "doubt", " (its mode lets everybody read it)"
    elif mode & 0o040:
        for member in sorted(people.members_of(str(one["group"])) - people.uid_zero - {str(one["owner"])}):
            yield d.account(draft, view, member), "doubt", " (its mode lets its group read it)"


def _add_holding(draft: Draft, one: Holding, fleet_failing: Failing) -> None:
    conditions = list(one.conditions)
    if finding := fleet_failing.finding("SSH-20", one.fingerprint):
        why = f"key {one.fingerprint[:19]}… lies on {one.host} and opens other hosts"
        id_ = f"{FLEET}|SSH-20|{one.fingerprint}"
        conditions.append(draft.condition(id_, FLEET, why, check="SSH-20", finding=finding))
    node = d.key(draft, one.fingerprint)
    if one.encrypted:
        how = "its passphrase must be cracked" + (": the old format makes that cheap" if one.old_format else "")
        tier = Tier.KNOWN_TRICK if one.old_format else Tier.PUBLIC_EXPLOIT
        why = f"{one.path} on {one.host} is key {one.fingerprint[:19]}…; {how}"
        draft.edge(
            "encrypted-key",
            [one.premise],
            node,
            why,
            conditions=conditions,
            sure=one.sure,
            tier=tier,
            evidence=one.evidence,
        )
        return
    how = "has no passphrase" if one.encrypted is False else "may have a passphrase: the file does not say"
    why = f"{one.path} on {one.host} is key {one.fingerprint[:19]}… and {how}"
    sure = one.sure if one.encrypted is False else "doubt"
    draft.edge("plain-key", [one.premise], node, why, conditions=conditions, sure=sure, evidence=one.evidence)


def _add_passwords(draft: Draft, doors: Doors, user: Facts, as_of: datetime) -> None:
    view, name = doors.view, str(user["name"])
    if user.get("password") not in ("hash", "empty"):
        return
    people = doors.sshd.people
    evidence = (*view.ref("sshd", "effective.passwordauthentication"), *view.ref("accounts", f"users[name={name}]"))
    for door in doors.open_to(lambda source: admits_password(doors.sshd, name, source, as_of)):
        to = d.account(draft, view, name)
        if user["password"] == "empty":  # noqa: S105 - a state of the account
            _add_empty(draft, doors, name, door.premise, door.conditions, to, evidence)
            continue
        off = draft.found_or_setting(
            view,
            [("SSH-02", "")],
            key="ssh-password",
            why=f"sshd of {view.id} takes passwords",
            remedy=f"set PasswordAuthentication no on {view.id}",
        )
        off += root_findings(draft, view, name, people)
        conditions = [*door.conditions, *off]
        secret = d.password(draft, view, name)
        locks = "IDN-01" in view.failing.passing
        guards = "failed logins lock the account" if locks else "nothing stops repeated guesses"
        draft.edge(
            "password-guess",
            [door.premise],
            secret,
            f"sshd of {view.id} takes the password of {name} over {door.words}; {guards}",
            conditions=conditions,
            sure=door.admitted.sure,
            tier=Tier.RESIDUAL if locks else Tier.PUBLIC_EXPLOIT,
            evidence=evidence,
        )
        draft.edge(
            "password-login",
            [secret, door.premise],
            to,
            f"with its password, {name} logs in on {view.id} over {door.words}; no second factor is asked for",
            conditions=conditions,
            sure=door.admitted.sure,
            evidence=evidence,
        )


def _add_empty(
    draft: Draft,
    doors: Doors,
    name: str,
    premise: str,
    conditions: tuple[str, ...],
    to: str,
    evidence: tuple[EvidenceRef, ...],
) -> None:
    view = doors.view
    settings = next((one for one in doors.sshd.settings(name, Source()) if one.on("permitemptypasswords")), None)
    if settings is None:
        return
    why = f"{name} on {view.id} needs no password, and sshd lets such accounts in"
    held = draft.found(view, [("SSH-04", ""), ("IDN-04", "")], why)
    held = held or [
        draft.setting(view, f"empty-password|{name}", why, f"lock or set the password of {name} on {view.id}")
    ]
    draft.edge(
        "empty-password", [premise], to, why, conditions=[*conditions, *held], sure=settings.sure, evidence=evidence
    )


_CONTROL = re.compile(
    r"(?:(?:cm|cp|ctl|control|master|mux|socket|ssh)[-_.:])?"
    r"(?P<user>[a-z_][a-z0-9_.-]{0,31})@(?P<host>[A-Za-z0-9_.:-]+?)(?::(?P<port>\d{1,5}))?"
)


def _add_multiplexed(draft: Draft, doors: Doors) -> None:
    """Add rule 14: sockets in `.ssh` whose name says where the connection leads (ControlPath %r@%h:%p)."""
    view = doors.view
    for one in view.rows("ssh_keys", "sockets"):
        told = _CONTROL.fullmatch(str(one["path"]).rpartition("/")[2])
        target = doors.fleet.host(told["host"]) if told else None
        if told is None or target is None or target.id == view.id:
            continue
        to = (
            draft.node(NodeKind.ROOT, f"root:{target.id}", f"root on {target.id}", host=target.id)
            if told["user"] == "root"
            else draft.node(
                NodeKind.ACCOUNT,
                f"account:{target.id}/{told['user']}",
                f"{told['user']} on {target.id}",
                host=target.id,
            )
        )
        draft.edge(
            "control-master",
            [d.account(draft, view, str(one["owner"]))],
            to,
            f"{one['path']} on {view.id} is the socket of an SSH connection to {told['user']}@{told['host']}",
            conditions=[
                draft.setting(
                    view,
                    f"control-socket|{one['path']}",
                    f"{one['owner']} on {view.id} keeps SSH connections open for others to join",
                    f"set ControlMaster no for {one['owner']} on {view.id}",
                )
            ],
            sure="doubt",
            evidence=view.ref("ssh_keys", f"sockets[path={one['path']}]"),
        )

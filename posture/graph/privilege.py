"""Rules 16 to 20, 23 and 25: how an account becomes another one of its host, and what root can read there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from posture.graph import draft as d
from posture.graph.draft import Draft
from posture.graph.evidence import Facts, HostView, People
from posture.model.path import Tier

CATCH_WITHIN = timedelta(days=90)
_STRONG = ("yescrypt", "gost-yescrypt", "scrypt", "bcrypt")
_WILDCARD = re.compile(r"(?<!\\)[*?]|^\S+\s+\^.*(?<!\\)\.[*+]")
"""A wildcard that is not escaped, or a regular expression (sudo 1.9.10) that lets anything stand."""
ANYBODY = ""
"""Stands for every account in a rule that is for all of them."""
_GROUPS = ("docker", "lxd", "incus-admin", "incus", "libvirt", "podman", "disk")
_UNCHECKED_GROUPS = frozenset({"disk"})


def add_privilege(draft: Draft, view: HostView, people: People, as_of: datetime) -> None:
    """Add every way from one account of a host to another."""
    for grant in _grants(view, people):
        _add_grant(draft, view, people, grant, as_of)
    _add_groups(draft, view, people)
    _add_sockets(draft, view)
    _add_jobs(draft, view, people)
    _add_names_of_root(draft, view, people)
    _add_hashes(draft, view, people)


def add_root(draft: Draft, host: d.Named, accounts: Iterable[str]) -> None:
    """Add rule 23 for the accounts that play a part on a host, and that each of them is somebody there."""
    top, anybody = d.root(draft, host), d.somebody(draft, host)
    for node in sorted(accounts):
        who = draft.nodes[node].label
        draft.edge("root-is-everybody", [top], node, f"root on {host.id} can be {who}")
        draft.edge("presence", [node], anybody, f"who runs code as {who} runs code on {host.id}")
    draft.edge("presence", [top], anybody, f"root on {host.id} runs code on it")


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one account may run by sudo, after later rules had their say."""

    user: str
    rule: Facts
    asks: bool
    """A password is asked for."""
    doubt: bool
    """The rule is for other hosts as well, or it is not clear that it is for this one."""

    @property
    def who(self) -> str:
        return self.user or "everybody"

    @property
    def where(self) -> str:
        return f"{self.rule['path']}:{self.rule['line']}"


def _grants(view: HostView, people: People) -> Iterator[_Grant]:
    """Yield the sudo rules that are in force for each account: the last one that matches a command wins."""
    rules = view.rows("sudo", "rules")
    off = any(not text.partition(" ")[2] for text in view.words("sudo", "authenticate_off"))
    working = frozenset(people.workers())
    # A service account needs no shell to run sudo; what everybody may do is said once, of whoever is on the host.
    for user in (*sorted(people.by_name.keys() - people.uid_zero), ANYBODY):
        named = rules if user in working or user == ANYBODY else [rule for rule in rules if rule["who"] != "ALL"]
        mine = [rule for rule in named if _is_for(rule, user, people)]
        everything = [index for index, rule in enumerate(mine) if rule["every_command"] and not _takes_away(rule)]
        for index, rule in enumerate(mine):
            overruled = any(later > index and _covers(mine[later], rule) for later in everything)
            if not overruled:
                yield _Grant(user, rule, asks=not (rule["nopasswd"] or off), doubt=not _is_here(rule, view))


def _covers(later: Facts, rule: Facts) -> bool:
    """Return whether a rule for every command decides for this one as well."""
    return "ALL" in later["runas"] or set(rule["runas"]) <= set(later["runas"])


def _is_for(rule: Facts, user: str, people: People) -> bool:
    return _is_principal(str(rule["who"]), user, people) and not any(
        _is_principal(one, user, people) for one in rule["but_not"]
    )


def _is_principal(who: str, user: str, people: People) -> bool:
    known = people.by_name.get(user, {})
    if who in ("ALL", user):
        return who != ANYBODY
    if who.startswith("%#"):
        return people.group_ids.get(int(who[2:]) if who[2:].isdecimal() else -1, "") in people.groups_of(user)
    if who.startswith("%"):
        return who[1:] in people.groups_of(user)
    return who.startswith("#") and who[1:] == str(known.get("uid"))


def _is_here(rule: Facts, view: HostView) -> bool:
    names = {"ALL", view.id, view.host.name, *view.host.addresses, str(view.value("identity", "hostname") or "")}
    return not rule["hosts"] or bool(names & set(rule["hosts"]))


def _takes_away(rule: Facts) -> bool:
    return any(command.startswith("!") for command in rule["commands"])


def _add_grant(draft: Draft, view: HostView, people: People, grant: _Grant, as_of: datetime) -> None:
    everything = grant.rule["every_command"] and not _takes_away(grant.rule)
    way = "" if everything else _way_out(draft, grant.rule)
    if not everything and not way:
        return
    for target, name in _targets(draft, view, people, grant):
        what = f"become {name} by sudo" if everything else f"run {way} as {name}, which gives a shell"
        why = f"{grant.where} on {view.id} lets {grant.who} {what}"
        if grant.asks:
            rule = "sudo-password" if everything else "sudo-escape"
            _add_asked(draft, view, people, grant, target, as_of, rule, why)
        else:
            rule = "sudo-nopasswd" if everything else "sudo-escape"
            _add_free(draft, view, grant, target, rule, f"{why}, without a password")


def _targets(draft: Draft, view: HostView, people: People, grant: _Grant) -> Iterator[tuple[str, str]]:
    if grant.rule["as_root"]:
        yield d.root(draft, view), "root"
        return
    for name in grant.rule["runas"]:
        if name in people.by_name and name != grant.user and name not in people.uid_zero:
            yield d.account(draft, view, name), name


def _way_out(draft: Draft, rule: Facts) -> str:
    """Return the command of a rule that hands out a shell; empty when none is known to."""
    if _takes_away(rule) and rule["every_command"]:
        return "every command but a few"
    if "NOEXEC" in rule["tags"]:
        return ""
    for command in map(str, rule["commands"]):
        words = command.split()
        if not words or command.startswith("!"):
            continue
        program = words[0].rpartition("/")[2]
        free = len(words) == 1 or _WILDCARD.search(command) is not None
        if program in draft.book.escapes:
            return command
        if program in draft.book.escapes_free and free:
            return command
        if words[0].endswith("/") or words[0].endswith("*"):
            return f"every program in {words[0]}"
    return ""


def _setting(draft: Draft, view: HostView, grant: _Grant) -> str:
    return draft.setting(
        view,
        f"sudo|{grant.rule['path']}:{grant.rule['line']}|{grant.rule['who']}",
        f"{grant.where} on {view.id} gives {grant.rule['who']} rights by sudo",
        f"take the rule out of {grant.where} on {view.id}, or name single commands without a way out",
    )


def _add_free(draft: Draft, view: HostView, grant: _Grant, target: str, rule: str, why: str) -> None:
    whole = rule == "sudo-nopasswd" and grant.rule["as_root"]
    found = draft.found(view, [("IDN-07", "")], why) if whole else []
    draft.edge(
        rule,
        [d.account(draft, view, grant.user) if grant.user else d.somebody(draft, view)],
        target,
        why,
        conditions=[*found, _setting(draft, view, grant)],
        sure="doubt" if grant.doubt else "read-on-host",
        evidence=view.ref("sudo", "rules"),
    )


def _add_asked(
    draft: Draft, view: HostView, people: People, grant: _Grant, target: str, as_of: datetime, rule: str, why: str
) -> None:
    """Add that the password in hand is enough, and that who runs code as the account can catch it at the next sudo."""
    if people.by_name.get(grant.user, {}).get("password") != "hash":
        return  # nobody can answer for it
    node, secret = d.account(draft, view, grant.user), d.password(draft, view, grant.user)
    sure = "doubt" if grant.doubt else "read-on-host"
    conditions = [_setting(draft, view, grant)]
    evidence = view.ref("sudo", "rules")
    draft.edge(
        rule,
        [node, secret],
        target,
        f"{why}; with the password in hand",
        conditions=conditions,
        sure=sure,
        evidence=evidence,
    )
    if _sits_there(view, grant.user, as_of):
        draft.edge(
            "sudo-password",
            [node],
            secret,
            f"{grant.user} works on {view.id} and types the password at the next sudo, where it can be caught",
            conditions=conditions,
            sure="doubt",
            tier=Tier.KNOWN_TRICK,
            evidence=(*evidence, *view.ref("logins", "accounts")),
        )


def _sits_there(view: HostView, user: str, as_of: datetime) -> bool:
    """Return whether the account logged in lately; one of which nobody knows counts as doing so."""
    known = {str(one["name"]): one for one in view.rows("logins", "accounts")}.get(user)
    if known is None:
        return not view.complete("logins", "accounts")
    if known["never"] or not known["last_at"]:
        return False
    return as_of - datetime.fromisoformat(str(known["last_at"]).replace("Z", "+00:00")) < CATCH_WITHIN


def _add_groups(draft: Draft, view: HostView, people: People) -> None:
    by_group = {str(one["group"]): frozenset(one["members"]) for one in view.rows("containers", "groups")}
    engines = bool(view.rows("containers", "sockets") or view.words("containers", "engines"))
    for group in _GROUPS:
        for member in sorted((people.members_of(group) | by_group.get(group, frozenset())) - people.uid_zero):
            why = f"{member} is in group {group} on {view.id}, which is as good as root"
            found = [] if group in _UNCHECKED_GROUPS else draft.found(view, [("IDN-13", "")], why)
            remedy = f"take {member} out of group {group} on {view.id}"
            draft.edge(
                "root-group",
                [d.account(draft, view, member)],
                d.root(draft, view),
                why,
                conditions=[*found, draft.setting(view, f"group|{group}|{member}", why, remedy)],
                sure="read-on-host" if engines or group in _UNCHECKED_GROUPS else "doubt",
                evidence=(*view.ref("accounts", "groups"), *view.ref("containers", "groups")),
            )


def _add_sockets(draft: Draft, view: HostView) -> None:
    for socket in view.rows("containers", "sockets"):
        if socket["writable_by_all"]:
            why = f"everybody on {view.id} may write {socket['path']}, which is as good as root"
            remedy = f"give {socket['path']} on {view.id} the mode 0660"
            draft.edge(
                "root-group",
                [d.somebody(draft, view)],
                d.root(draft, view),
                why,
                conditions=draft.found_or_setting(
                    view, [("IDN-13", "")], key=f"socket|{socket['path']}", why=why, remedy=remedy
                ),
                evidence=view.ref("containers", f"sockets[path={socket['path']}]"),
            )


def _add_jobs(draft: Draft, view: HostView, people: People) -> None:
    for job in view.rows("cron", "files"):
        for node, who in _writers(draft, view, people, job):
            why = f"{who} may change {job['path']} on {view.id}, which cron runs as root"
            draft.edge(
                "writable-job",
                [node],
                d.root(draft, view),
                why,
                conditions=draft.found_or_setting(
                    view,
                    [("IDN-14", "")],
                    key=f"cron|{job['path']}",
                    why=why,
                    remedy=f"give {job['path']} on {view.id} to root and take write access from others",
                ),
                evidence=view.ref("cron", f"files[path={job['path']}]"),
            )


def _writers(draft: Draft, view: HostView, people: People, job: Facts) -> Iterator[tuple[str, str]]:
    if not job["writable_by_others"]:
        return
    mode, owner, group = int(str(job["mode"]), 8), str(job["owner"]), str(job["group"])
    if job["kind"] != "link" and mode & 0o002:
        yield d.somebody(draft, view), "everybody"
        return
    if owner not in people.uid_zero:
        yield d.account(draft, view, owner), owner
    if job["kind"] != "link" and mode & 0o020 and group != "root":
        for member in sorted(people.members_of(group) - people.uid_zero):
            yield d.account(draft, view, member), f"{member} (group {group})"


def _add_names_of_root(draft: Draft, view: HostView, people: People) -> None:
    """Add rule uid-zero: an edge to root for each other name of it, so that a fix of the name shows."""
    for name in sorted(people.uid_zero - {"root"}):
        why = f"{name} on {view.id} has user id 0, so it is root"
        node = d.account(draft, view, name)
        draft.edge(
            "uid-zero",
            [node],
            d.root(draft, view),
            why,
            conditions=draft.found_or_setting(
                view, [("IDN-06", name)], key=f"uid-zero|{name}", why=why, remedy=f"give {name} an id of its own"
            ),
            evidence=view.ref("accounts", "uid_zero"),
        )


def _add_hashes(draft: Draft, view: HostView, people: People) -> None:
    """Add rule 25 for accounts whose password means something elsewhere in the graph."""
    for user in people.users:
        name = str(user["name"])
        secret = f"secret:{view.id}/password/{name}"
        if user.get("password") != "hash" or secret not in draft.nodes:
            continue
        strong = str(user.get("scheme")) in _STRONG
        why = f"root on {view.id} can read the {user.get('scheme') or 'unknown'} hash of {name} and try passwords on it"
        draft.edge(
            "password-hash",
            [d.root(draft, view)],
            secret,
            why,
            conditions=[
                draft.setting(
                    view,
                    f"password|{name}",
                    f"{name} on {view.id} has a password",
                    f"lock the password of {name} on {view.id}",
                )
            ],
            tier=Tier.NO_EXPLOIT if strong else Tier.PUBLIC_EXPLOIT,
            evidence=view.ref("accounts", f"users[name={name}]"),
        )

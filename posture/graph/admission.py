"""Who may log in over SSH, decided as sshd would: allow and deny lists, methods, root, forced commands.

Source: sshd_config(5), sshd(8) "AUTHORIZED_KEYS FILE FORMAT"; auth.c of OpenSSH.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from posture.graph.ageing import Age, age_of
from posture.graph.evidence import Facts, People
from posture.graph.patterns import Source, from_matches, in_list, is_user
from posture.graph.sshd import Settings, Sshd
from posture.graph.strict_modes import is_believed


@dataclass(frozen=True, slots=True)
class Refused:
    """sshd would say no."""

    why: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """sshd would say yes."""

    sure: str = "read-on-host"
    """Id of a confidence value."""
    with_password: bool = False
    """The account's password is asked for besides the key."""
    forwards_agent: bool = False


def _of_any(readings: Iterable[Settings], decide: Callable[[Settings], Admitted | Refused]) -> Admitted | Refused:
    """Return the first reading that lets the login in; where none does, why the likeliest refuses it."""
    said = [decide(settings) for settings in readings]
    return next((one for one in said if isinstance(one, Admitted)), said[0])


def admits_key(sshd: Sshd, user: str, entry: Facts, source: Source, as_of: datetime) -> Admitted | Refused:
    """Return whether sshd lets somebody with this authorized key in, with a shell."""
    return _of_any(sshd.settings(user, source), lambda one: _admits_key(sshd, one, user, entry, source, as_of))


def _admits_key(
    sshd: Sshd, settings: Settings, user: str, entry: Facts, source: Source, as_of: datetime
) -> Admitted | Refused:
    refused = _refused_account(sshd, user, settings, source) or _refused_key(sshd, user, entry, settings, as_of)
    if refused:
        return Refused(refused)
    strict = settings.on("strictmodes", otherwise=True)
    believed = is_believed(entry, sshd.folders, sshd.people, user) if strict else True
    if believed is False:
        return Refused("StrictModes: others may write the file or a directory above it")
    options = _options(entry)
    if "from" in options and not from_matches(options["from"], source, dns=settings.on("usedns")):
        return Refused(f"from= does not name {source.address}")
    forced_only = settings.text("permitrootlogin") == "forced-commands-only" and user in sshd.people.uid_zero
    if forced_only and not entry["cert_authority"]:
        return Refused("root may run forced commands only")
    barred = "no-agent-forwarding" in options or ("restrict" in options and "agent-forwarding" not in options)
    return _admits_holder(sshd, settings, user, as_of, clear=believed is True, barred=barred)


def admits_certificate(sshd: Sshd, user: str, authority: Facts, source: Source, as_of: datetime) -> Admitted | Refused:
    """Return whether sshd lets somebody in, with a shell, who signs what is shown with this key of TrustedUserCAKeys.

    Whoever signs writes the principals, the dates and any forced command as well: the latter is the shell where root
    may run forced commands only. Source: sshd_config(5); auth2-pubkey.c of OpenSSH.
    """
    return _of_any(
        sshd.settings(user, source), lambda one: _admits_certificate(sshd, one, user, authority, source, as_of)
    )


def _admits_certificate(
    sshd: Sshd, settings: Settings, user: str, authority: Facts, source: Source, as_of: datetime
) -> Admitted | Refused:
    refused = _refused_account(sshd, user, settings, source)
    if refused:
        return Refused(refused)
    if settings.text("trustedusercakeys", "none") != authority["path"]:
        return Refused("sshd trusts no such authority for the account")
    if not settings.on("pubkeyauthentication", otherwise=True):
        return Refused("keys are off")
    if refused := _refused_authority(str(authority["type"]), settings):
        return Refused(refused)
    # Whether a file or a program names any principal for the account was not read.
    principals = ("authorizedprincipalsfile", "authorizedprincipalscommand")
    plain = all(settings.text(key, "none") in ("none", "") for key in principals)
    return _admits_holder(sshd, settings, user, as_of, clear=plain, barred=False)


def _admits_holder(
    sshd: Sshd, settings: Settings, user: str, as_of: datetime, *, clear: bool, barred: bool
) -> Admitted | Refused:
    """Return what else stands before somebody whose key sshd takes: other factors, and the age of the account."""
    methods = _methods(settings)
    if not any("publickey" in way for way in methods):
        return Refused("no way to log in takes a key")
    if not any(way in ({"publickey"}, {"publickey", "password"}) for way in methods if "publickey" in way):
        return Refused("another factor is asked for besides the key")
    age = _age(sshd, user, settings, as_of, with_key=True)
    password = sshd.people.by_name[user].get("password")
    # passwd(1) asks everybody but root for the old password before it takes a new one
    changes = age.must_change and user not in sshd.people.uid_zero
    if age.sure and (age.refused or (changes and password in ("locked", "none"))):
        return Refused(age.refused or "its password must be changed first, and nobody has it")
    clear = clear and age.sure and not (changes and password is None)
    clear = clear and settings.text("revokedkeys", "none") in ("none", "")
    asked = {"publickey"} not in methods or (changes and age.sure and password == "hash")  # noqa: S105 - a state
    forwards = settings.on("allowagentforwarding", otherwise=True) and not settings.on("disableforwarding")
    return Admitted(settings.sure if clear else "doubt", asked, forwards and not barred)


def admits_password(sshd: Sshd, user: str, source: Source, as_of: datetime) -> Admitted | Refused:
    """Return whether sshd lets somebody with the account's password in, with a shell."""
    return _of_any(sshd.settings(user, source), lambda one: _admits_password(sshd, one, user, source, as_of))


def _admits_password(sshd: Sshd, settings: Settings, user: str, source: Source, as_of: datetime) -> Admitted | Refused:
    refused = _refused_account(sshd, user, settings, source)
    if refused:
        return Refused(refused)
    keyboard = settings.on("kbdinteractiveauthentication") or settings.on("challengeresponseauthentication")
    if not settings.on("passwordauthentication") and not (keyboard and settings.on("usepam")):
        return Refused("passwords are off")
    if user in sshd.people.uid_zero and settings.text("permitrootlogin") != "yes":
        return Refused("root may not log in with a password")
    alone = ({"password"}, {"keyboard-interactive"}, {"any"})
    if not any(way in alone for way in _methods(settings)):
        return Refused("another factor is asked for besides the password")
    age = _age(sshd, user, settings, as_of, with_key=False)
    if age.refused and age.sure:
        return Refused(age.refused)
    return Admitted(settings.sure if age.sure else "doubt")


def _age(sshd: Sshd, user: str, settings: Settings, as_of: datetime, *, with_key: bool) -> Age:
    service = settings.text("pamservicename", "sshd") if settings.on("usepam") else ""
    return age_of(sshd.people.by_name[user], sshd.view, service, as_of.date(), with_key=with_key)


def _refused_account(sshd: Sshd, user: str, settings: Settings, source: Source) -> str:
    """Return why sshd refuses an account, whatever it shows; empty when it does not."""
    people = sshd.people
    known = people.by_name.get(user)
    if known is None:
        return "no such account on the host"
    if not known.get("interactive"):
        return "its shell lets nobody work"
    if settings.text("forcecommand", "none") not in ("none", ""):
        return "ForceCommand takes the place of the shell"
    if settings.text("maxsessions") == "0":
        return "MaxSessions 0 opens no session"
    if user in people.uid_zero and settings.text("permitrootlogin") == "no":
        return "PermitRootLogin is no"
    if known.get("password") == "locked" and not settings.on("usepam"):
        return "the account is locked, and without PAM sshd refuses it"
    return _refused_by_lists(people, user, settings, source)


def _refused_by_lists(people: People, user: str, settings: Settings, source: Source) -> str:
    """Source: sshd_config(5): DenyUsers, AllowUsers, DenyGroups, AllowGroups, in this order."""
    dns = settings.on("usedns")
    groups = sorted(people.groups_of(user))
    if any(is_user(pattern, user, source, dns) for pattern in settings.lists.get("denyusers") or ()):
        return "DenyUsers names it"
    allowed = settings.lists.get("allowusers")
    if allowed and not any(is_user(pattern, user, source, dns) for pattern in allowed):
        return "AllowUsers does not name it"
    denied_groups = settings.lists.get("denygroups")
    if denied_groups and any(in_list(pattern, groups) for pattern in denied_groups):
        return "DenyGroups names a group of its"
    allowed_groups = settings.lists.get("allowgroups")
    if allowed_groups and not any(in_list(pattern, groups) for pattern in allowed_groups):
        return "AllowGroups names no group of its"
    return ""


def _refused_key(sshd: Sshd, user: str, entry: Facts, settings: Settings, as_of: datetime) -> str:
    """Return why sshd would not take this line of authorized_keys for a shell; empty when it would."""
    options = _options(entry)
    if not settings.on("pubkeyauthentication", otherwise=True):
        return "keys are off"
    if "command" in options:
        return "command= takes the place of the shell"
    if str(entry["type"]).startswith("sk-"):
        return "the key is in hardware and asks for a touch"
    if not _is_read(sshd, user, str(entry["path"]), settings):
        return "sshd does not read this file for the account"
    expiry = options.get("expiry-time", "")
    if expiry[:8].isdecimal() and expiry[:8] < as_of.strftime("%Y%m%d"):
        return "the key has expired"
    if entry["cert_authority"]:
        return _refused_authority(str(entry["type"]), settings)
    accepted = _accepted(settings)
    if accepted and not _ALGORITHMS.get(str(entry["type"]), {str(entry["type"])}) & set(accepted):
        return "keys of this kind are not accepted"
    return ""


def _accepted(settings: Settings) -> list[str]:
    return settings.lists.get("pubkeyacceptedalgorithms") or settings.lists.get("pubkeyacceptedkeytypes") or []


def _refused_authority(type_: str, settings: Settings) -> str:
    """Return why sshd would take no certificate that a key of this type signed; empty when it would take some."""
    if type_.startswith("sk-"):
        return "the authority's key is in hardware and asks for a touch"
    accepted = _accepted(settings)
    if accepted and not any("-cert-v01@" in one for one in accepted):
        return "certificates are not accepted"
    signing = settings.lists.get("casignaturealgorithms")
    if signing and not _ALGORITHMS.get(type_, {type_}) & set(signing):
        return "signatures of this kind of authority are not accepted"
    return ""


_ALGORITHMS = {"ssh-rsa": {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"}}


def _is_read(sshd: Sshd, user: str, path: str, settings: Settings) -> bool:
    patterns = settings.lists.get("authorizedkeysfile")
    if not patterns:
        return True  # not told: the collector found it where sshd usually looks
    known = sshd.people.by_name.get(user, {})
    home = str(known.get("home") or "/")
    tokens = {"%%": "%", "%h": home, "%u": user, "%U": str(known.get("uid", ""))}
    for pattern in patterns:
        text = re.sub("%[%huU]", lambda token: tokens[token[0]], pattern)
        wanted = text if text.startswith("/") else f"{home}/{text}"
        if re.sub("/+", "/", wanted) == re.sub("/+", "/", path):
            return True
    return False


def _methods(settings: Settings) -> list[set[str]]:
    """Return the ways to log in, each as the methods it asks for; one that asks for two keys is left out."""
    told = settings.lists.get("authenticationmethods") or ["any"]
    ways = []
    for text in told:
        names = [re.sub(":.*", "", name) for name in text.split(",")]
        if len(set(names)) == len(names):
            ways.append(set(names))
    return [{"publickey"}, {"password"}, {"keyboard-interactive"}, {"any"}] if {"any"} in ways else ways


def _options(entry: Facts) -> dict[str, str]:
    return dict(_split_option(option) for option in entry["options"])


def _split_option(option: str) -> tuple[str, str]:
    name, _, value = option.partition("=")
    return name.lower(), value


def key_sources(entry: Facts) -> list[str]:
    """Return the patterns of a key's ``from=``; empty when it has none."""
    told = _options(entry).get("from", "")
    return [one.strip() for one in told.split(",") if one.strip()]

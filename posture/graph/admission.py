"""Who may log in over SSH, decided as sshd would: Match blocks, allow and deny lists, methods, root, forced commands.

Source: sshd_config(5), sshd(8) "AUTHORIZED_KEYS FILE FORMAT", ssh_config(5) "PATTERNS"; auth.c and match.c of OpenSSH.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from functools import lru_cache

from posture.graph.evidence import Facts, HostView, People

STRANGER = "203.0.113.9"  # RFC 5737: never a real address


@dataclass(frozen=True, slots=True)
class Source:
    """From where a login comes."""

    address: str = STRANGER
    name: str = ""
    """Its host name, believed only where sshd asks DNS."""


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


@dataclass(frozen=True, slots=True)
class Settings:
    """What sshd goes by for one account and source."""

    values: Facts
    lists: Mapping[str, list[str]]
    sure: str

    def text(self, key: str, otherwise: str = "") -> str:
        """Return a setting as text."""
        return str(self.values.get(key, otherwise))

    def on(self, key: str, *, otherwise: bool = False) -> bool:
        """Return whether a switch is on."""
        return self.text(key, "yes" if otherwise else "no") == "yes"


@dataclass(frozen=True, slots=True)
class Sshd:
    """The SSH server of one host."""

    view: HostView
    people: People

    @property
    def there(self) -> bool:
        """Whether there is one whose configuration was read."""
        return bool(self.view.value("sshd", "present")) and isinstance(self.view.value("sshd", "effective"), Mapping)

    @property
    def ports(self) -> list[int]:
        """The TCP ports it listens on."""
        told = self.view.value("sshd", "lists", "port") or [self.view.value("sshd", "effective", "port") or 22]
        return sorted({int(port) for port in told if str(port).isdecimal()}) or [22]

    def asks_where_from(self) -> bool:
        """Return whether any setting depends on the source of a login."""
        if any(re.search(r"\b(address|host)\b", one["match"], re.IGNORECASE) for one in self._contexts()):
            return True
        names = ("allowusers", "denyusers")
        listed = [self.view.value("sshd", "lists") or {}, *(one["lists"] for one in self._contexts())]
        return any("@" in pattern for lists in listed for name in names for pattern in lists.get(name) or ())

    def source_patterns(self) -> list[str]:
        """Return the addresses and networks that Match blocks and user lists name."""
        found: list[str] = []
        for one in self._contexts():
            for name, patterns in criteria_of(one["match"]):
                found += patterns.split(",") if name in ("address", "host") else []
        listed = [self.view.value("sshd", "lists") or {}, *(one["lists"] for one in self._contexts())]
        for lists in listed:
            for name in ("allowusers", "denyusers"):
                found += [one.rpartition("@")[2] for one in lists.get(name) or () if "@" in one]
        return sorted({one.lstrip("!") for one in found})

    def settings(self, user: str, source: Source) -> tuple[Settings, ...]:
        """Return what a login of this account from there may go by, the likeliest first; one only where that is clear.

        Where several Match blocks apply, each key has the value of the first that sets it, as in sshd. But a block that
        sets a key to what it is anyway looks like one that leaves it alone, and some criteria nobody can judge from
        here: then every reading counts, for a login that one of them lets in must not be called shut.
        """
        base: Facts = self.view.value("sshd", "effective") or {}
        lists: Mapping[str, list[str]] = self.view.value("sshd", "lists") or {}
        fits = [(one, self._fits(one["match"], user, source, base)) for one in self._contexts()]
        certain = [one for one, verdict in fits if verdict]
        readings = [[one for one, verdict in fits if verdict is not False]]
        if len(readings[0]) > 1 or len(certain) < len(readings[0]):
            readings += [certain, *([one] for one in certain), *([] if certain else [[]])]
        whole = self.view.complete("sshd", "contexts")
        stale = self.view.value("sshd", "config_newer_than_daemon") is True
        clear = len(readings) == 1 and whole and not stale
        return tuple(_merged(base, lists, blocks, clear=clear) for blocks in readings)

    def _contexts(self) -> list[Facts]:
        return [one for one in self.view.rows("sshd", "contexts") if one["match"]]

    def _fits(self, match: str, user: str, source: Source, base: Facts) -> bool | None:
        """Return whether a block applies; ``None`` where a criterion is none we can judge."""
        verdicts: list[bool | None] = []
        for name, patterns in criteria_of(match):
            if name == "user":
                verdicts.append(in_list(patterns, [user]))
            elif name == "group":
                verdicts.append(_in_groups(patterns, self.people.groups_of(user)))
            elif name == "address":
                verdicts.append(from_matches(patterns, source, dns=False))
            elif name == "host":
                verdicts.append(from_matches(patterns, source, dns=str(base.get("usedns")) == "yes"))
            elif name == "localport":
                verdicts.append(in_list(patterns, [str(port) for port in self.ports]))
            else:
                verdicts.append(None)
        if False in verdicts:
            return False
        return None if None in verdicts else True


def _merged(base: Facts, lists: Mapping[str, list[str]], blocks: list[Facts], *, clear: bool) -> Settings:
    values, merged = dict(base), dict(lists)
    for one in reversed(blocks):
        values |= {key: value for key, value in one["effective"].items() if base.get(key) != value}
        merged |= {key: value for key, value in one["lists"].items() if lists.get(key) != value}
    # Whether a shell stands inside the directory that a login is shut into, nobody looked.
    caged = str(values.get("chrootdirectory", "none")).lower() not in ("none", "")
    return Settings(values, merged, "read-on-host" if clear and not caged else "doubt")


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
    refused = _refused_account(sshd, user, settings, source, as_of) or _refused_key(sshd, user, entry, settings, as_of)
    if refused:
        return Refused(refused)
    options = _options(entry)
    if "from" in options and not from_matches(options["from"], source, dns=settings.on("usedns")):
        return Refused(f"from= does not name {source.address}")
    if settings.text("permitrootlogin") == "forced-commands-only" and user in sshd.people.uid_zero:
        return Refused("root may run forced commands only")
    methods = _methods(settings)
    if not any("publickey" in way for way in methods):
        return Refused("no way to log in takes a key")
    if not any(way in ({"publickey"}, {"publickey", "password"}) for way in methods if "publickey" in way):
        return Refused("another factor is asked for besides the key")
    barred = "no-agent-forwarding" in options or ("restrict" in options and "agent-forwarding" not in options)
    forwards = settings.on("allowagentforwarding", otherwise=True) and not settings.on("disableforwarding")
    return Admitted(settings.sure, {"publickey"} not in methods, forwards and not barred)


def admits_password(sshd: Sshd, user: str, source: Source, as_of: datetime) -> Admitted | Refused:
    """Return whether sshd lets somebody with the account's password in, with a shell."""
    return _of_any(sshd.settings(user, source), lambda one: _admits_password(sshd, one, user, source, as_of))


def _admits_password(sshd: Sshd, settings: Settings, user: str, source: Source, as_of: datetime) -> Admitted | Refused:
    refused = _refused_account(sshd, user, settings, source, as_of)
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
    return Admitted(settings.sure)


def _refused_account(sshd: Sshd, user: str, settings: Settings, source: Source, as_of: datetime) -> str:
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
    expires = known.get("expires")
    if expires and str(expires) < as_of.date().isoformat():
        return "the account has expired"
    if known.get("password") == "locked" and not settings.on("usepam"):
        return "the account is locked, and without PAM sshd refuses it"
    return _refused_by_lists(people, user, settings, source)


def _refused_by_lists(people: People, user: str, settings: Settings, source: Source) -> str:
    """Source: sshd_config(5): DenyUsers, AllowUsers, DenyGroups, AllowGroups, in this order."""
    dns = settings.on("usedns")
    groups = sorted(people.groups_of(user))
    if any(_is_user(pattern, user, source, dns) for pattern in settings.lists.get("denyusers") or ()):
        return "DenyUsers names it"
    allowed = settings.lists.get("allowusers")
    if allowed and not any(_is_user(pattern, user, source, dns) for pattern in allowed):
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
    if settings.on("strictmodes", otherwise=True) and _loose(entry, user):
        return "StrictModes: others may write the file"
    if not _is_read(sshd, user, str(entry["path"]), settings):
        return "sshd does not read this file for the account"
    expiry = options.get("expiry-time", "")
    if expiry[:8].isdecimal() and expiry[:8] < as_of.strftime("%Y%m%d"):
        return "the key has expired"
    accepted = settings.lists.get("pubkeyacceptedalgorithms") or settings.lists.get("pubkeyacceptedkeytypes")
    if accepted and not _ALGORITHMS.get(str(entry["type"]), {str(entry["type"])}) & set(accepted):
        return "keys of this kind are not accepted"
    return ""


_ALGORITHMS = {"ssh-rsa": {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"}}


def _loose(entry: Facts, user: str) -> bool:
    return bool(entry["writable_by_others"]) or str(entry["owner"]) not in (user, "root")


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


@lru_cache(maxsize=4096)
def criteria_of(match: str) -> tuple[tuple[str, str], ...]:
    """Return the criteria of a Match line, name in lower case and pattern list; ``all`` has none."""
    try:
        words = shlex.split(match)
    except ValueError:
        return (("unreadable", ""),)
    out: list[tuple[str, str]] = []
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name.lower() == "all":
            continue
        if not equals:
            value = words.pop(0) if words else ""
        out.append((name.lower(), value))
    return tuple(out)


def in_list(patterns: str, words: Iterable[str]) -> bool:
    """Return whether any word is in a pattern list, none of whose negations names it."""
    return any(_in_list(patterns, word) for word in words)


def _in_groups(patterns: str, groups: Iterable[str]) -> bool:
    """Return whether somebody in these groups falls under a pattern list; one negated group keeps them out."""
    told, known = patterns.split(","), list(groups)
    if any(_fits(one[1:], group) for one in told if one.startswith("!") for group in known):
        return False
    return any(_fits(one, group) for one in told if not one.startswith("!") for group in known)


def _in_list(patterns: str, word: str) -> bool:
    hit = False
    for pattern in patterns.split(","):
        if _fits(pattern.lstrip("!"), word):
            if pattern.startswith("!"):
                return False
            hit = True
    return hit


def from_matches(patterns: str, source: Source, *, dns: bool) -> bool:
    """Return whether a source is in a list of addresses, networks and names; a negation that names it decides."""
    hit = False
    for pattern in patterns.split(","):
        bare = pattern.strip().lstrip("!")
        if bare and _is_source(bare, source, dns):
            if pattern.strip().startswith("!"):
                return False
            hit = True
    return hit


def _is_source(pattern: str, source: Source, dns: bool) -> bool:
    network = network_of(pattern)
    if network is not None:
        try:
            return ipaddress.ip_address(source.address) in network
        except ValueError:
            return False
    return _fits(pattern, source.address) or bool(dns and source.name and _fits(pattern.lower(), source.name.lower()))


@lru_cache(maxsize=4096)
def network_of(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the network a pattern is, a single address too; ``None`` for names and wildcards."""
    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None


def _is_user(pattern: str, user: str, source: Source, dns: bool) -> bool:
    name, at, place = pattern.rpartition("@")
    if not at:
        return _fits(pattern, user)
    return _fits(name, user) and _is_source(place, source, dns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # OpenSSH knows `*` and `?` only: a bracket is a bracket
    return re.compile(translate(pattern.replace("[", "[[]")), re.DOTALL)


def _fits(pattern: str, word: str) -> bool:
    return _compiled(pattern).match(word) is not None

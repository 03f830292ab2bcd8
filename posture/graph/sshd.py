"""What the SSH server of a host goes by for one account and source: its settings, with the Match blocks that apply.

Source: sshd_config(5), Match; servconf.c of OpenSSH.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from posture.graph.evidence import Facts, HostView, People
from posture.graph.patterns import Source, criteria_of, from_matches, in_groups, in_list


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
class Connection:
    """What the criteria of a Match line are held against."""

    user: str
    source: Source
    dns: bool
    """The host name of the source is believed."""
    local_ports: tuple[str, ...]
    local_address: str = ""
    """Empty when unknown."""

    @classmethod
    def probed(cls, text: str) -> Connection | None:
        """Return the connection the collector asked about, as `sshd -T -C` takes it; ``None`` when it is not told."""
        told = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        if not {"user", "addr"} <= told.keys():
            return None
        source = Source(told["addr"], told.get("host", ""))
        return cls(told["user"], source, True, (told.get("lport", "22"),), told.get("laddr", ""))


Fit = tuple[bool | None, ...]
"""For every Match block whether it applies; ``None`` where nobody can judge it."""


@dataclass(frozen=True)
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

    @cached_property
    def folders(self) -> Mapping[str, Facts]:
        """Directories above files of keys, by path."""
        return {str(one["path"]): one for one in self.view.rows("ssh_keys", "folders")}

    def told(self, key: str) -> list[str]:
        """Return what a setting is, for everybody or in a Match block, where it is anything; sorted."""
        settings = [self.view.value("sshd", "effective") or {}, *(one["effective"] for one in self._contexts)]
        return sorted({str(one.get(key, "none")) for one in settings} - {"none", ""})

    def asks_where_from(self) -> bool:
        """Return whether any setting depends on the source of a login."""
        if any(re.search(r"\b(address|host)\b", one["match"], re.IGNORECASE) for one in self._contexts):
            return True
        names = ("allowusers", "denyusers")
        listed = [self.view.value("sshd", "lists") or {}, *(one["lists"] for one in self._contexts)]
        return any("@" in pattern for lists in listed for name in names for pattern in lists.get(name) or ())

    def source_patterns(self) -> list[str]:
        """Return the addresses and networks that Match blocks and user lists name."""
        found: list[str] = []
        for one in self._contexts:
            for name, patterns in criteria_of(one["match"]):
                found += patterns.split(",") if name in ("address", "host") else []
        listed = [self.view.value("sshd", "lists") or {}, *(one["lists"] for one in self._contexts)]
        for lists in listed:
            for name in ("allowusers", "denyusers"):
                found += [one.rpartition("@")[2] for one in lists.get(name) or () if "@" in one]
        return sorted({one.lstrip("!") for one in found})

    def settings(self, user: str, source: Source) -> tuple[Settings, ...]:
        """Return what a login of this account from there may go by, the likeliest first; one only where that is clear.

        It is clear where the collector asked sshd about a connection to which the very same Match blocks apply. Else
        each key has the value of the first block that sets it, as in sshd. But a block that sets a key to what it is
        anyway looks like one that leaves it alone, and some criteria nobody can judge from here: then every reading
        counts, for a login that one of them lets in must not be called shut.
        """
        base: Facts = self.view.value("sshd", "effective") or {}
        lists: Mapping[str, list[str]] = self.view.value("sshd", "lists") or {}
        fit = self._fit_of(user, source)
        whole = self.view.complete("sshd", "contexts")
        sound = whole and self.view.value("sshd", "config_newer_than_daemon") is not True
        if True not in fit and None not in fit:
            return (_merged(base, lists, [], clear=sound),)
        same = [one for one, asked in zip(self._contexts, self._probed, strict=True) if asked == fit]
        if same and None not in fit:
            return (_settings(same[0]["effective"], same[0]["lists"], clear=sound),)
        readings, clear = self._readings(fit)
        return tuple(_merged(base, lists, blocks, clear=clear and sound) for blocks in readings)

    def mixed(self) -> list[str]:
        """Return the Match blocks that decide for somebody, and of which sshd was only asked together with others.

        What such a block sets itself may be hidden by what the others set.
        """
        fits = [self._fit_of(name, Source()) for name in self.people.workers()]
        return sorted({one["match"] for fit in fits if fit not in self._probed for one in self._mixed(fit)})

    def _readings(self, fit: Fit) -> tuple[list[list[Facts]], bool]:
        """Return which blocks may decide, the likeliest first, and whether the first of these readings is certain."""
        possible = [one for one, verdict in zip(self._contexts, fit, strict=True) if verdict is not False]
        certain = [one for one, verdict in zip(self._contexts, fit, strict=True) if verdict]
        readings, alone = [possible], len(possible) == len(certain) == 1
        if not alone:
            readings += [certain, *([one] for one in certain), *([] if certain else [[]])]
        if others := self._mixed(fit):
            readings.append([one for one in certain if one not in others])
        return readings, alone and not others

    def _mixed(self, fit: Fit) -> list[Facts]:
        """Return the blocks that apply, but of which sshd was asked only together with blocks that do not."""
        foreign = [any(theirs and not ours for theirs, ours in zip(asked, fit, strict=False)) for asked in self._probed]
        return [one for one, ours, mixed in zip(self._contexts, fit, foreign, strict=True) if ours and mixed]

    @cached_property
    def _contexts(self) -> list[Facts]:
        return [one for one in self.view.rows("sshd", "contexts") if one["match"]]

    @cached_property
    def _probed(self) -> list[Fit]:
        """For each block which blocks apply to the connection that the collector asked about; none if not told."""
        asked = [Connection.probed(str(one.get("probe") or "")) for one in self._contexts]
        return [self._fit(one) if one else () for one in asked]

    def _fit_of(self, user: str, source: Source) -> Fit:
        dns = self.view.value("sshd", "effective", "usedns") == "yes"
        return self._fit(Connection(user, source, dns, tuple(str(port) for port in self.ports)))

    def _fit(self, connection: Connection) -> Fit:
        return tuple(self._applies(one["match"], connection) for one in self._contexts)

    def _applies(self, match: str, to: Connection) -> bool | None:
        """Return whether a block applies; ``None`` where a criterion is none we can judge."""
        verdicts: list[bool | None] = []
        for name, patterns in criteria_of(match):
            if name == "user":
                verdicts.append(in_list(patterns, [to.user]))
            elif name == "group":
                verdicts.append(in_groups(patterns, self.people.groups_of(to.user)))
            elif name == "address":
                verdicts.append(from_matches(patterns, to.source, dns=False))
            elif name == "host":
                verdicts.append(from_matches(patterns, to.source, dns=to.dns))
            elif name == "localport":
                verdicts.append(in_list(patterns, to.local_ports))
            elif name == "localaddress" and to.local_address:
                verdicts.append(from_matches(patterns, Source(to.local_address), dns=False))
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
    return _settings(values, merged, clear=clear)


def _settings(values: Facts, lists: Mapping[str, list[str]], *, clear: bool) -> Settings:
    # Whether a shell stands inside the directory that a login is shut into, nobody looked.
    caged = str(values.get("chrootdirectory", "none")).lower() not in ("none", "")
    return Settings(values, lists, "read-on-host" if clear and not caged else "doubt")

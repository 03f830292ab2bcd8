"""What the SSH server of a host goes by for one account and source: its settings, with the Match blocks that apply.

Source: sshd_config(5), Match; servconf.c of OpenSSH.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

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
                verdicts.append(in_groups(patterns, self.people.groups_of(user)))
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

"""The `interfaces` topic: what each does with forwarding, redirects and source routes; `all` tells half of it.

A topic of its own: on a container host interfaces come and go, and the rest of the kernel's facts stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface for one family, as `all` and its own values come to together; loopback is left out."""

    name: str
    family: str
    """ipv4 or ipv6."""
    forwards: bool
    """What arrives here is passed on to other networks."""
    accepts_redirects: bool
    sends_redirects: bool | None
    """Absent for ipv6, which has no such setting."""
    accepts_source_route: bool
    filters_source: bool | None
    """Reverse path filtering, strict or loose; absent for ipv6."""


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """Interfaces of the network namespace of the login."""

    links: Listing[Interface]
    """By family and name."""


_KEYS = ("accept_redirects", "accept_source_route", "forwarding", "rp_filter", "send_redirects")
_FAMILIES = {"/proc/sys/net/ipv4/conf": "ipv4", "/proc/sys/net/ipv6/conf": "ipv6"}
COMMANDS = (
    Command(
        "interfaces.settings",
        ("/usr/bin/grep", "-rH", *(f"--include={key}" for key in _KEYS), ".", *_FAMILIES),
        max_bytes=2_000_000,  # about 500 bytes for an interface; a container host may have a thousand
        ok_exit=(0, 2),
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return every interface of both families; the list is incomplete when a value could not be read.

    Source: Documentation/networking/ip-sysctl.rst of the kernel, which says for each key whether `all` and the
    interface are joined by and, by or, or by the larger one; for IPv6 `all` counts for source routes only.
    """
    answer = answers.get("interfaces.settings")
    unseen = hole(answer)
    if unseen is not None or answer is None:
        return unseen or Hole("", Blind.NOT_ATTEMPTED, "interfaces.settings was never sent")
    values: dict[tuple[str, str], dict[str, int]] = {}
    for line in answer.text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            return Hole("", Blind.UNPARSEABLE, "interfaces.settings: not a setting of an interface")
        values.setdefault((_FAMILIES[found["place"]], found["name"]), {})[found["key"]] = int(found["value"])
    if ("ipv4", "all") not in values:
        return Hole("", Blind.UNPARSEABLE, "interfaces.settings: no value of IPv4")
    complaints = answer.stderr.decode("utf-8", "replace").splitlines()
    complete = all(_NO_IPV6.fullmatch(line) for line in complaints)
    links: list[Interface] = []
    for family, name in sorted(values):
        if name in _NO_LINKS:
            continue
        read = _READERS[family](name, values[family, name], values.get((family, "all"), {}))
        complete = complete and read is not None
        links += [read] if read is not None else []
    return Facts(InterfaceFacts(Listing(links, complete)))


COLLECTOR = Collector("interfaces", 1, COMMANDS, InterfaceFacts, parse)

_NO_LINKS = ("all", "default", "lo")  # nothing reaches a host over its loopback


def _ipv4(name: str, own: Mapping[str, int], every: Mapping[str, int]) -> Interface | None:
    if not own.keys() & every.keys() >= set(_KEYS):
        return None
    forwards = own["forwarding"] != 0
    redirects = [own["accept_redirects"] != 0, every["accept_redirects"] != 0]
    return Interface(
        name=name,
        family="ipv4",
        forwards=forwards,
        accepts_redirects=all(redirects) if forwards else any(redirects),
        sends_redirects=own["send_redirects"] != 0 or every["send_redirects"] != 0,
        accepts_source_route=own["accept_source_route"] != 0 and every["accept_source_route"] != 0,
        filters_source=max(own["rp_filter"], every["rp_filter"]) > 0,
    )


def _ipv6(name: str, own: Mapping[str, int], every: Mapping[str, int]) -> Interface | None:
    if not own.keys() & every.keys() >= _IPV6_KEYS:
        return None
    forwards = own["forwarding"] != 0
    return Interface(
        name=name,
        family="ipv6",
        forwards=forwards,
        accepts_redirects=own["accept_redirects"] != 0 and not forwards,
        sends_redirects=None,
        accepts_source_route=min(own["accept_source_route"], every["accept_source_route"]) > 0,
        filters_source=None,
    )


_IPV6_KEYS = {"accept_redirects", "accept_source_route", "forwarding"}
_READERS = {"ipv4": _ipv4, "ipv6": _ipv6}
_LINE = re.compile(
    rf"(?P<place>{'|'.join(_FAMILIES)})/(?P<name>[^/\s]{{1,15}})/(?P<key>{'|'.join(_KEYS)}):(?P<value>-?\d{{1,4}})",
    re.ASCII,
)
_NO_IPV6 = re.compile(r"(?:/usr/bin/)?grep: /proc/sys/net/ipv6/conf: No such file or directory")

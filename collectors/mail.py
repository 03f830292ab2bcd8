"""The `mail` topic: which mail agents are installed, and whom a Postfix takes mail from unexamined."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, hole
from collectors.listed import Entries, entries_of, list_paths
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class MailFacts:
    """Mail transfer agents. Of Exim, Sendmail and OpenSMTPD only the presence is read: the rest is unseen there."""

    agents: list[str]
    """exim, opensmtpd, postfix, sendmail; sorted."""
    receivers: list[str]
    """Services that take mail over a network socket, such as ``smtp/inet``; those on loopback only are left out."""
    unexamined: list[str]
    """Receivers that pass mail on without a milter, a content filter or a policy service; sorted."""
    relay_networks: list[str]
    """Networks whose hosts may send anywhere through this one, as configured."""
    relays_for_strangers: bool
    """Anybody may send anywhere: the networks include everything, or no restriction ever refuses."""


_AGENTS = {
    "/usr/sbin/exim": "exim",
    "/usr/sbin/exim4": "exim",
    "/usr/sbin/postconf": "postfix",
    "/usr/sbin/smtpd": "opensmtpd",
    "/usr/lib/sm.bin/sendmail": "sendmail",
    "/usr/sbin/sendmail.sendmail": "sendmail",
}
"""Program to agent. /usr/sbin/sendmail says nothing: every agent brings one."""

_SETTINGS = (
    "content_filter",
    "inet_interfaces",
    "mynetworks",
    "smtpd_milters",
    "smtpd_recipient_restrictions",
    "smtpd_relay_restrictions",
)

COMMANDS = (
    list_paths("mail.programs", *_AGENTS, depth=0),
    Command("mail.settings", ("/usr/sbin/postconf", "-x", *_SETTINGS), max_bytes=256_000),
    Command("mail.services", ("/usr/sbin/postconf", "-M"), max_bytes=256_000),
    Command("mail.overrides", ("/usr/sbin/postconf", "-P"), max_bytes=256_000),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return what takes mail here.

    Source: postconf(1), postconf(5), master(5); Postfix refuses mail itself while no relay restriction is set.
    """
    listed = entries_of(answers.get("mail.programs"))
    if isinstance(listed, Hole):
        return listed
    agents = sorted({name for path, name in _AGENTS.items() if listed.at(path) is not None})
    why = _unread(answers, agents, listed)
    holes = [] if why is None else [Hole(path, why.reason, why.detail) for path in _READ]
    if not listed.complete:
        holes.append(Hole("agents", Blind.COMMAND_REFUSED, "; ".join(listed.unreadable)[:200]))
    if why is not None or "postfix" not in agents:
        return Facts(MailFacts(agents, [], [], [], relays_for_strangers=False), tuple(holes))
    settings = _pairs(answers.get("mail.settings"))
    services = _services(answers.get("mail.services"))
    overrides = _pairs(answers.get("mail.overrides"))
    receivers = sorted(_receivers(services, settings))
    facts = MailFacts(
        agents=agents,
        receivers=receivers,
        unexamined=[name for name in receivers if not _examined(name, settings, overrides)],
        relay_networks=sorted(_words(settings["mynetworks"])),
        relays_for_strangers=_open(settings),
    )
    return Facts(facts, tuple(holes))


_READ = ("receivers", "unexamined", "relay_networks", "relays_for_strangers")


def _unread(answers: Answers, agents: list[str], listed: Entries) -> Hole | None:
    """Return why the configuration of an agent that is there is not known."""
    others = [agent for agent in agents if agent != "postfix"]
    if others:
        return Hole("", Blind.NOT_ATTEMPTED, f"the configuration of {', '.join(others)} is not read")
    if not agents:
        return None if listed.complete else Hole("", Blind.COMMAND_REFUSED, "not every program could be looked for")
    for id_ in ("mail.settings", "mail.services", "mail.overrides"):
        problem = hole(answers.get(id_))
        if problem is not None:
            return problem
    if not set(_SETTINGS) <= set(_pairs(answers.get("mail.settings"))) or not _services(answers.get("mail.services")):
        return Hole("", Blind.UNPARSEABLE, "postconf did not name every setting asked for")
    return None


def _pairs(answer: Answer | None) -> dict[str, str]:
    lines = answer.text.splitlines() if answer is not None else []
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip() for name, equal, value in pairs if equal}


def _services(answer: Answer | None) -> list[list[str]]:
    rows = [line.split() for line in answer.text.splitlines()] if answer is not None else []
    return [row for row in rows if len(row) >= 8 and row[1] in {"inet", "pass", "unix", "unix-dgram", "fifo"}]


def _words(value: str) -> list[str]:
    return value.replace(",", " ").split()


def _receivers(services: list[list[str]], settings: Mapping[str, str]) -> Iterator[str]:
    loopback = set(_words(settings["inet_interfaces"])) <= {"loopback-only", "localhost", "127.0.0.1", "[::1]", "::1"}
    behind = {row[1] for row in services if row[7] == "postscreen"}
    for row in services:
        named = row[0].startswith(("127.", "localhost:", "[::1]:", "::1:"))
        own_address = row[1] == "inet" and ":" in row[0] and not named
        listens = row[1] == "inet" or (row[1] == "pass" and bool(behind))
        if row[7] == "smtpd" and listens and not named and (not loopback or own_address):
            yield f"{row[0]}/{row[1]}"


def _examined(name: str, settings: Mapping[str, str], overrides: Mapping[str, str]) -> bool:
    def value(setting: str) -> str:
        return overrides.get(f"{name}/{setting}", settings.get(setting, ""))

    filters = [value("smtpd_milters"), value("content_filter")]
    policies = [*_words(value("smtpd_recipient_restrictions")), *_words(value("smtpd_relay_restrictions"))]
    return any(filters) or "check_policy_service" in policies


_CLOSES = frozenset({"reject_unauth_destination", "defer_unauth_destination", "reject", "defer"})


def _open(settings: Mapping[str, str]) -> bool:
    if any(_everything(network) for network in _words(settings["mynetworks"])):
        return True
    lists = [_words(settings[key]) for key in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")]
    return not any(_closes(words) for words in lists)


def _everything(network: str) -> bool:
    if network == "static:all":
        return True
    try:
        return ipaddress.ip_network(network.replace("[", "").replace("]", ""), strict=False).prefixlen == 0
    except ValueError:
        return False


def _closes(words: list[str]) -> bool:
    """Return whether a stranger meets a refusal before anything that lets everybody through."""
    for word in words:
        if word in _CLOSES:
            return True
        if word in {"permit", "static:all"}:
            return False
    return False


COLLECTOR = Collector(topic="mail", version=1, commands=COMMANDS, facts=MailFacts, parse=parse)

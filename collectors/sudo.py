"""Who may become whom with sudo, and whether they are asked for a password."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.sudo_grants import Rule, rules_of
from collectors.sudoers import Default, Policy
from collectors.textfiles import TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class SudoFacts:
    """The sudoers policy of the files that sudo reads."""

    present: bool
    """``/etc/sudoers`` exists."""
    rules: Listing[Rule]
    """In the order in which sudo reads them; the last match wins."""
    defaults: Listing[Default]
    settings: dict[str, str]
    """Defaults for everybody, the last one winning; a negated switch is ``no``, a plain one ``yes``."""
    nopasswd: Listing[Rule]
    """Rules that give a non-root principal something without a password."""
    nopasswd_all: bool
    """A non-root principal may run every command as root without a password."""
    authenticate_off: list[str]
    """``path:line scope`` of Defaults that turn authentication off."""
    everyone_unrestricted: bool
    """``ALL`` users may run every command as root."""
    ignored: list[str]
    """Files in an included directory that sudo skips because of their names."""
    unread: list[str]
    """What else decides and was not read: files included from elsewhere, directory services."""


COMMANDS = (
    read_files("sudo.sudoers", "/etc/sudoers", "/etc/sudoers.d", sudo=True),
    read_files("sudo.nsswitch", "/etc/nsswitch.conf"),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the sudoers policy.

    Source: sudoers(5), sections SUDOERS FILE FORMAT and "Including other files from within sudoers".
    """
    files = files_of(answers.get("sudo.sudoers"))
    if isinstance(files, Hole):
        return files
    policy = Policy(files)
    policy.read("/etc/sudoers", 0)
    unread = sorted({*policy.unread, *_directory_services(answers)})
    rules, all_of_them = _bounded(rule for definition in policy.definitions for rule in rules_of(definition, policy))
    complete = files.complete and not unread and all_of_them
    given = [rule for rule in rules if not rule.root_itself]
    nopasswd = [rule for rule in given if rule.nopasswd]
    facts = SudoFacts(
        present=files.has("/etc/sudoers"),
        rules=Listing(rules, complete),
        defaults=Listing(policy.defaults, complete),
        settings=_settings(policy.defaults),
        nopasswd=Listing(nopasswd, complete),
        nopasswd_all=any(rule.every_command and rule.as_root for rule in nopasswd),
        authenticate_off=[
            f"{d.path}:{d.line} {d.scope}".rstrip() for d in policy.defaults if d.name == "authenticate" and d.negated
        ],
        everyone_unrestricted=any(rule.everyone and rule.every_command and rule.as_root for rule in given),
        ignored=sorted(policy.ignored),
        unread=unread,
    )
    return Facts(facts, _holes(files, unread, facts))


_MAX_WORDS = 50_000  # commands over all rules; the largest policy of a fleet we would believe is far below


def _bounded(rules: Iterable[Rule]) -> tuple[list[Rule], bool]:
    kept: list[Rule] = []
    words = 0
    for rule in rules:
        words += len(rule.commands) + len(rule.hosts) + len(rule.runas) + len(rule.runas_groups) + 1
        if words > _MAX_WORDS:
            return kept, False
        kept.append(rule)
    return kept, True


def _holes(files: TextFiles, unread: list[str], facts: SudoFacts) -> tuple[Hole, ...]:
    """Claims that are False only because something was not read are holes; a True one stands."""
    why = files.hole("")
    if why is None and unread:
        why = Hole("", Blind.NOT_ATTEMPTED, "not read: " + ", ".join(unread)[:180])
    if why is None:
        return ()
    claims = {
        "nopasswd_all": facts.nopasswd_all,
        "everyone_unrestricted": facts.everyone_unrestricted,
        "authenticate_off": bool(facts.authenticate_off),
        "present": facts.present,
    }
    paths = [name for name, seen in claims.items() if not seen] + ["settings"]
    return tuple(Hole(path, why.reason, why.detail) for path in paths)


def _directory_services(answers: Answers) -> list[str]:
    files = files_of(answers.get("sudo.nsswitch"))
    if isinstance(files, Hole) or not files.complete:
        return ["nsswitch.conf"]
    for line in files.lines:
        name, colon, services = line.text.partition(":")
        if colon and name.strip() == "sudoers":
            words = re.sub(r"\[.*?\]", " ", services.partition("#")[0]).split()
            return [f"nsswitch:{word}" for word in words if word != "files"]
    return []


def _settings(defaults: list[Default]) -> dict[str, str]:
    values: dict[str, str] = {}
    for default in defaults:
        if not default.scope:
            values[default.name] = "no" if default.negated else default.value or "yes"
    return values


COLLECTOR = Collector(topic="sudo", version=1, commands=COMMANDS, facts=SudoFacts, parse=parse)

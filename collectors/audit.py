"""The Linux audit system: whether it records, what it records, and whether the rules can be changed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from collectors.textfiles import TextFiles, files_of, read_files, settings
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """What the kernel does now, and what the files say for the next boot."""

    installed: bool
    """/etc/audit/auditd.conf exists."""
    enabled: int
    """0 off, 1 on, 2 on and locked until the next boot."""
    immutable: bool
    daemon_running: bool
    """The kernel has a process that takes its records; False also on a host with neither auditctl nor auditd.conf."""
    failure: int
    """0 silent, 1 printk, 2 panic when records cannot be written."""
    rules: Listing[str]
    """As loaded in the kernel, one per item, in order."""
    privileged_execve: list[str]
    """Which of ``b32.uid``, ``b32.gid``, ``b64.uid``, ``b64.gid`` the loaded rules record, sorted."""
    file_rules: Listing[str]
    """As written in /etc/audit/rules.d, comments left out, in the order in which augenrules reads them."""
    immutable_in_files: bool
    """The last ``-e`` in the files is 2."""
    settings: dict[str, str]
    """auditd.conf, keys and values in lower case."""


COMMANDS = (
    Command("audit.status", ("/usr/sbin/auditctl", "-s"), sudo=True),
    Command("audit.rules", ("/usr/sbin/auditctl", "-l"), sudo=True),
    read_files("audit.files", "/etc/audit/auditd.conf", "/etc/audit/rules.d", sudo=True),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the state of auditing; what the kernel did not say are holes, the files are facts of their own.

    Source: auditctl(8), auditd.conf(5), augenrules(8).
    """
    files = files_of(answers.get("audit.files"))
    status = _status(answers)
    rules = _rules(answers)
    holes: list[Hole] = []
    if isinstance(status, Hole):
        paths = ("enabled", "immutable", "failure", *(() if _not_installed(status, files) else ("daemon_running",)))
        holes += [Hole(path, status.reason, status.detail) for path in paths]
    if isinstance(rules, Hole):
        holes += [Hole(path, rules.reason, rules.detail) for path in ("rules", "privileged_execve")]
    if isinstance(files, Hole):
        paths = ("installed", "file_rules", "immutable_in_files", "settings")
        holes += [Hole(path, files.reason, files.detail) for path in paths]
    else:
        holes += filter(None, [files.hole("settings"), files.hole("immutable_in_files")])
    if len(holes) == _EVERYTHING:
        return Hole("", holes[0].reason, holes[0].detail)
    values = {} if isinstance(status, Hole) else status
    loaded = [] if isinstance(rules, Hole) else rules
    written = [] if isinstance(files, Hole) else _written(files)
    facts = AuditFacts(
        installed=not isinstance(files, Hole) and files.has("/etc/audit/auditd.conf"),
        enabled=values.get("enabled", 0),
        immutable=values.get("enabled", 0) == 2,
        daemon_running=values.get("pid", 0) > 0,
        failure=values.get("failure", 0),
        rules=Listing(loaded, not isinstance(rules, Hole)),
        privileged_execve=_privileged(loaded),
        file_rules=Listing(written, not isinstance(files, Hole) and files.complete),
        immutable_in_files=_last_switch(written) == "2",
        settings={} if isinstance(files, Hole) else _settings(files),
    )
    return Facts(facts, tuple(holes))


def _not_installed(status: Hole, files: TextFiles | Hole) -> bool:
    if status.reason is not Blind.COMMAND_MISSING or isinstance(files, Hole):
        return False
    return files.complete and not files.has("/etc/audit/auditd.conf")


_EVERYTHING = 10  # paths of the facts


def _status(answers: Answers) -> dict[str, int] | Hole:
    answer = answers.get("audit.status")
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    values = dict(re.findall(r"^(\w+)[ =](\d{1,9})\b", answer.text, re.MULTILINE))
    if "enabled" not in values or "pid" not in values:
        return Hole("", Blind.UNPARSEABLE, "auditctl printed no status")
    return {key: int(value) for key, value in values.items()}


def _rules(answers: Answers) -> list[str] | Hole:
    answer = answers.get("audit.rules")
    problem = hole(answer)
    if answer is None or problem is not None:
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
    if lines == ["No rules"]:
        return []
    if not lines or not all(line.startswith("-") for line in lines):
        return Hole("", Blind.UNPARSEABLE, "auditctl printed no rules we can read")
    return lines


_CHANGES = {"uid": ("uid!=euid", "euid=0"), "gid": ("gid!=egid", "egid=0")}


def _privileged(rules: list[str]) -> list[str]:
    found: set[str] = set()
    for rule in rules:
        words = set(re.split(r"[\s,]+", rule.replace("auid!=", "")))
        if "execve" not in words or not {"always", "exit"} <= words:
            continue
        arches = [arch for arch in ("b32", "b64") if f"arch={arch}" in words]
        found |= {f"{arch}.{kind}" for arch in arches for kind, both in _CHANGES.items() if set(both) <= words}
    return sorted(found)


def _written(files: TextFiles) -> list[str]:
    """Return rules in augenrules' order: by file name, ``.rules`` files only."""
    lines = [line for line in files.below("/etc/audit/rules.d") if line.path.endswith(".rules")]
    return [line.text.strip() for line in lines if line.text.strip() and not line.text.lstrip().startswith("#")]


def _last_switch(rules: list[str]) -> str:
    switches = [rule.split()[1] for rule in rules if rule.startswith("-e ") and len(rule.split()) == 2]
    return switches[-1] if switches else ""


def _settings(files: TextFiles) -> dict[str, str]:
    values = settings(files.of("/etc/audit/auditd.conf"))
    return {key.lower(): value.lower() for key, value in values.items()}


COLLECTOR = Collector(topic="audit", version=1, commands=COMMANDS, facts=AuditFacts, parse=parse)

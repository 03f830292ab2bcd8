"""Mandatory access control: SELinux or AppArmor, enforcing or not, and application allow-listing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.textfiles import TextFiles, files_of, read_files, settings
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Selinux:
    """SELinux now and at the next boot."""

    mode: str
    """enforcing, permissive or disabled, as the kernel says."""
    configured: str | None
    """The same from /etc/selinux/config; ``None`` when there is no such file."""
    policy: str | None


@dataclass(frozen=True, slots=True)
class Apparmor:
    """AppArmor profiles loaded in the kernel."""

    enabled: bool
    enforce: Listing[str]
    """Profiles that deny what they do not allow (enforce or kill), sorted."""
    complain: Listing[str]
    """Profiles that only log or do nothing (complain, unconfined, prompt), sorted."""


@dataclass(frozen=True, slots=True)
class Fapolicyd:
    """Application allow-listing; whether it runs stands in the ``services`` topic."""

    installed: bool
    permissive: bool
    denies_by_default: bool
    """The last compiled rule denies every execution."""


@dataclass(frozen=True, slots=True)
class MacFacts:
    """Mandatory access control of the host."""

    modules: list[str]
    """Active Linux security modules, in kernel order."""
    framework: str
    """selinux, apparmor or none."""
    enforcing: bool
    """SELinux is enforcing, or AppArmor is enabled with at least one enforced profile."""
    selinux: Selinux
    apparmor: Apparmor
    fapolicyd: Fapolicyd


COMMANDS = (
    read_files(
        "mac.kernel",
        "/sys/kernel/security/lsm",
        "/sys/fs/selinux/enforce",
        "/sys/module/apparmor/parameters/enabled",
        "/etc/selinux/config",
    ),
    read_files(
        "mac.profiles",
        "/sys/kernel/security/apparmor/profiles",
        "/etc/fapolicyd/fapolicyd.conf",
        "/etc/fapolicyd/compiled.rules",
        sudo=True,
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return what the kernel enforces now.

    Source: selinux(8), apparmor(7), lsm(7); fapolicyd.conf(5), fapolicyd.rules(5).
    """
    kernel = files_of(answers.get("mac.kernel"))
    if isinstance(kernel, Hole):
        return kernel
    protected = files_of(answers.get("mac.profiles"))
    selinux = _selinux(kernel)
    apparmor = _apparmor(kernel, protected)
    facts = MacFacts(
        modules=_first(kernel, "/sys/kernel/security/lsm").split(",") if kernel.has(_LSM) else [],
        framework="selinux" if selinux.mode != "disabled" else "apparmor" if apparmor.enabled else "none",
        enforcing=selinux.mode == "enforcing" or (apparmor.enabled and bool(apparmor.enforce.items)),
        selinux=selinux,
        apparmor=apparmor,
        fapolicyd=_fapolicyd(protected),
    )
    return Facts(facts, tuple(_holes(kernel, protected, facts)))


_LSM = "/sys/kernel/security/lsm"
_PROFILES = "/sys/kernel/security/apparmor/profiles"


def _holes(kernel: TextFiles, protected: TextFiles | Hole, facts: MacFacts) -> Iterator[Hole]:
    for path in ("framework", "selinux", "apparmor.enabled"):
        yield from filter(None, [kernel.hole(path)])
    why = kernel.hole("") or (protected if isinstance(protected, Hole) else protected.hole(""))
    if not kernel.has(_LSM) and kernel.hole("") is None:
        yield Hole("modules", Blind.UNPARSEABLE, "securityfs is not mounted, so the kernel's list is not there")
    if isinstance(protected, Hole):
        yield Hole("fapolicyd", protected.reason, protected.detail)
    elif facts.apparmor.enabled and not protected.has(_PROFILES):
        why = why or Hole("", Blind.UNPARSEABLE, f"AppArmor is on and {_PROFILES} is not there")
    if why is not None and facts.apparmor.enabled:
        yield Hole("apparmor.enforce", why.reason, why.detail)
        yield Hole("apparmor.complain", why.reason, why.detail)
    if why is not None and not facts.enforcing and facts.apparmor.enabled:
        yield Hole("enforcing", why.reason, why.detail)


def _first(files: TextFiles, path: str) -> str:
    lines = files.of(path)
    return lines[0].text.strip() if lines else ""


def _selinux(kernel: TextFiles) -> Selinux:
    enforce = _first(kernel, "/sys/fs/selinux/enforce")
    conf = settings(kernel.of("/etc/selinux/config"))
    configured = conf.get("SELINUX")
    return Selinux(
        mode={"1": "enforcing", "0": "permissive"}.get(enforce, "disabled"),
        configured=configured.lower() if configured else None,
        policy=conf.get("SELINUXTYPE"),
    )


_PROFILE = re.compile(r"(?P<name>.+) \((?P<mode>enforce|complain|kill|unconfined|prompt|mixed)\)$")


def _apparmor(kernel: TextFiles, protected: TextFiles | Hole) -> Apparmor:
    enabled = _first(kernel, "/sys/module/apparmor/parameters/enabled") == "Y"
    modes: dict[str, str] = {}
    if not isinstance(protected, Hole):
        found = (_PROFILE.match(line.text) for line in protected.of(_PROFILES))
        modes = {row["name"]: row["mode"] for row in found if row is not None}
    complete = not enabled or (not isinstance(protected, Hole) and protected.complete and protected.has(_PROFILES))
    return Apparmor(
        enabled=enabled,
        enforce=Listing(sorted(name for name, mode in modes.items() if mode in {"enforce", "kill"}), complete),
        complain=Listing(sorted(name for name, mode in modes.items() if mode not in {"enforce", "kill"}), complete),
    )


def _fapolicyd(protected: TextFiles | Hole) -> Fapolicyd:
    if isinstance(protected, Hole):
        return Fapolicyd(installed=False, permissive=False, denies_by_default=False)
    conf = settings(protected.of("/etc/fapolicyd/fapolicyd.conf"))
    rules = [line.text.strip() for line in protected.of("/etc/fapolicyd/compiled.rules")]
    rules = [rule for rule in rules if rule and not rule.startswith(("#", "%"))]
    last = rules[-1].split() if rules else []
    denies = bool(last) and last[0].startswith("deny") and last[-3:] == ["all", ":", "all"]
    return Fapolicyd(
        installed=protected.has("/etc/fapolicyd/fapolicyd.conf"),
        permissive=conf.get("permissive", "0") != "0",
        denies_by_default=denies and ("perm=execute" in last or "perm=any" in last),
    )


COLLECTOR = Collector(topic="mac", version=1, commands=COMMANDS, facts=MacFacts, parse=parse)

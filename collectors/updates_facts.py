"""The state of patching, whichever package manager told it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.base import Facts, Listing
from posture.model.observation import Blind, Hole

TRUE = frozenset({"1", "true", "yes", "on", "enable", "with"})
"""How apt and dnf write yes."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One package with a newer version in the cache."""

    package: str
    installed: str
    """Empty when it would be newly installed, or the manager does not say."""
    candidate: str
    security: bool
    advisory: str
    """RHSA-… and the like; empty where the manager names none."""
    severity: str
    """critical, important, moderate, low; empty where the manager names none."""


@dataclass(frozen=True, slots=True)
class Automatic:
    """Unattended installation of updates."""

    tool: str
    """unattended-upgrades, dnf-automatic or none."""
    enabled: bool
    """Switched on in the configuration; whether its timer runs stands in the ``services`` topic."""
    security: bool
    """Security updates are among what it installs."""


@dataclass(frozen=True, slots=True)
class Repository:
    """One place packages come from."""

    id: str
    """Section name, or the first URI and suite; without credentials."""
    path: str
    line: int
    enabled: bool
    signed: bool
    """Signatures are checked: no trusted=yes, gpgcheck not 0."""
    encrypted: bool
    """Every URI is https or local."""
    security: bool
    """Its name or suite says that it carries security updates."""


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """The state of patching."""

    manager: str
    """apt, dnf or none."""
    refreshed_at: str | None
    """When the cache was last refreshed, ``2026-06-20T04:05:06Z``; ``None`` when it never was."""
    pending: Listing[Pending]
    """Every update the cache offers; unseen when the cache holds no security source."""
    pending_security: Listing[Pending]
    """The security updates among them, sorted by package."""
    automatic: Automatic
    repositories: Listing[Repository]
    unsigned_repositories: Listing[str]
    """``path:line`` of enabled repositories whose signatures are not checked."""
    signatures_enforced: bool
    """No global setting turns signature checks off, and no enabled repository does."""
    apt: dict[str, str]
    """apt's settings on periodic work, unattended upgrades and signatures, by their full names."""
    dnf: dict[str, str]
    """[main] of dnf.conf."""


def facts_of(
    *,
    manager: str,
    pending: list[Pending] | Hole,
    refreshed_at: str | None,
    automatic: Automatic,
    repositories: Listing[Repository],
    checked: bool,
    kept: Mapping[str, dict[str, str]],
    holes: list[Hole],
    held_back: bool,
) -> Facts:
    """Return the facts, with a hole for each claim that is False only because something was not read."""
    unsigned = [f"{repo.path}:{repo.line}" for repo in repositories.items if repo.enabled and not repo.signed]
    if isinstance(pending, Hole):
        holes += [Hole(path, pending.reason, pending.detail) for path in ("pending", "pending_security")]
    if not repositories.complete and checked and not unsigned:
        holes.append(Hole("signatures_enforced", Blind.COMMAND_REFUSED, "not every source file could be read"))
    found = [] if isinstance(pending, Hole) else sorted(pending, key=lambda p: (p.package, p.candidate, p.advisory))
    complete = not isinstance(pending, Hole) and not held_back
    facts = UpdateFacts(
        manager=manager,
        refreshed_at=refreshed_at,
        pending=Listing(found, complete),
        pending_security=Listing([update for update in found if update.security], complete),
        automatic=automatic,
        repositories=repositories,
        unsigned_repositories=Listing(sorted(unsigned), repositories.complete),
        signatures_enforced=checked and not unsigned,
        apt=kept.get("apt", {}),
        dnf=kept.get("dnf", {}),
    )
    return Facts(facts, tuple(holes))


def is_security(text: str) -> bool:
    """Return whether the name of a source says that it carries security updates."""
    return re.search(r"[-/]security\b|\bsecurity\.|ESM(?:Apps|Infra)?\b|-security", text, re.IGNORECASE) is not None

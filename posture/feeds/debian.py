"""Debian's security tracker: by source package, CVE and release, what is fixed where and what is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from posture.feeds.container import Document
from posture.feeds.entries import Entry, decoded, shapeless
from posture.feeds.members import members
from posture.model.vulnerability import Advisory, FixState

RELEASES = {"buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15"}
"""Codename to version; the tracker's other names (sid, experimental) are no release a host can say it is."""


class _Release(msgspec.Struct, frozen=True):
    status: str
    fixed_version: str = ""
    urgency: str = ""
    nodsa: str = ""
    nodsa_reason: str = ""


class _Cve(msgspec.Struct, frozen=True):
    releases: dict[str, _Release] | list[_Release] = {}
    """An empty list where there is none; it has been one since the tracker was made."""


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield one statement per source package, CVE and release; issues without a CVE keep their ``TEMP-`` id.

    Source: security-tracker.debian.org/tracker/data/json; security-team.debian.org/security_tracker.html.
    """
    for document in documents:
        for package, raw in members(document.chunks(), document.name, document.limits.document_bytes):
            for cve, said in decoded(raw, dict[str, _Cve], f"{document.name}: {package[:80]}").items():
                if not isinstance(said.releases, dict):
                    if said.releases:
                        raise shapeless(document.name, f"releases of {package[:80]} in a list")
                    continue
                for codename, release in said.releases.items():
                    if codename in RELEASES:
                        yield _statement(cve, f"Debian:{RELEASES[codename]}", package, release, document.name)


def _statement(cve: str, ecosystem: str, package: str, said: _Release, name: str) -> Advisory:
    fixed = ""
    match said.status:
        case "resolved" if said.fixed_version == "0":
            state = FixState.NOT_AFFECTED
        case "resolved" if said.fixed_version:
            state, fixed = FixState.FIXED_IN, said.fixed_version
        case "open" if said.urgency == "end-of-life" or said.nodsa_reason == "ignored":
            state = FixState.WILL_NOT_FIX
        case "open":
            state = FixState.NO_FIX
        case "undetermined" | "resolved":
            state = FixState.INVESTIGATING
        case _:
            raise shapeless(name, f"status `{said.status[:40]}` of {package[:80]}, {cve[:40]}")
    return Advisory(cve, ecosystem, package, state, fixed=fixed, note=_note(said))


def _note(said: _Release) -> str:
    urgency = said.urgency if said.urgency in ("unimportant", "end-of-life") else ""
    decided = f"no advisory: {said.nodsa}" if said.nodsa else ""
    return "; ".join(part for part in (urgency, decided, said.nodsa_reason) if part)[:200]

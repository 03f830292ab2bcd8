"""The scripts that one page may load: ours, and those of others if `make assets` brought them; else none at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

_OURS = "paths.js"
_THEIRS = "cytoscape.min.js"
POLICY = "script-src 'self'"
"""What a page that loads them adds to the policy of every page; nothing inline, nobody else's address."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """What is served of scripts."""

    contents: Mapping[str, bytes] = field(default_factory=dict)
    """By file name; empty when there are none, and pages work plain."""

    @classmethod
    def read(cls, static: Path) -> Scripts:
        """Return the scripts in a folder: all of them, or none when one is missing or not what the manifest says."""
        vendor = static / "vendor"
        try:
            manifest = msgspec.json.decode((vendor / "manifest.json").read_bytes(), type=dict[str, str])
            theirs = (vendor / _THEIRS).read_bytes()
        except (OSError, msgspec.MsgspecError):
            return cls()
        if hashlib.sha256(theirs).hexdigest() != manifest.get(_THEIRS):
            return cls()
        return cls({_THEIRS: theirs, _OURS: (static / _OURS).read_bytes()})

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses in the order in which a page loads them, each with the digest of what is there."""
        return tuple(
            f"/assets/{name}?{hashlib.sha256(content).hexdigest()[:16]}" for name, content in self.contents.items()
        )

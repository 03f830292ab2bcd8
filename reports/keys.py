"""Names that stay the same: a UUIDv5 for everything we export, so that exporting again gives the same bytes."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

NAMESPACE = uuid5(NAMESPACE_URL, "urn:posture-scanner:export")
"""Never changes: whoever imported a file finds the same things again in the next one."""


def key_uuid(kind: str, *parts: str) -> str:
    """Return the UUID of a thing by its kind and the parts of its key."""
    # every part carries its length, so that no two keys give the same text
    text = "".join(f"{len(part)}:{part}" for part in (kind, *parts))
    return str(uuid5(NAMESPACE, text.encode("utf-8", "surrogatepass").hex()))

"""Rules as ``nft -j`` writes them, put together of a match and a verdict."""

from __future__ import annotations

ACCEPT: dict[str, object] = {"accept": None}
DROP: dict[str, object] = {"drop": None}
IIF: dict[str, object] = {"meta": {"key": "iifname"}}
DPORT: dict[str, object] = {"payload": {"protocol": "tcp", "field": "dport"}}
STATE: dict[str, object] = {"ct": {"key": "state"}}


def match(left: object, right: object, op: str = "==") -> dict[str, object]:
    return {"match": {"op": op, "left": left, "right": right}}

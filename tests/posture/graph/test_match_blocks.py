"""Which Match blocks decide a login: as sshd itself said where it was asked, and every reading where it was not."""

from __future__ import annotations

from typing import Any

import pytest
from estate import K1, WEB, authorized, edges, evidence, facts, graph_of, listing, private, seen, socket, sshd, user

from posture.model.path import AttackGraph, Edge

ANN, BOB, CY = (user(name, 1000 + at) for at, name in enumerate(("ann", "bob", "cy")))
HOLDER = user("holder", 1009)
SFTP = {"forcecommand": "internal-sftp"}
WORD = {"authenticationmethods": ["publickey,password"]}


def block(match: str, asked_as: str, *, lists: dict[str, Any] | None = None, **effective: Any) -> dict[str, Any]:
    probe = f"user={asked_as},host=host.example,addr=198.51.100.7,laddr=192.0.2.1,lport=22"
    return {"match": match, "probe": probe, "effective": effective, "lists": lists or {}}


def login(account: str, *blocks: dict[str, Any], complete: bool = True) -> list[Edge]:
    """Return the edges by which a key that lies on the host opens an account there."""
    return edges(graph(account, *blocks, complete=complete), "ssh-key", f"account:web/{account}")


def graph(account: str, *blocks: dict[str, Any], complete: bool = True) -> AttackGraph:
    people = (ANN, BOB, CY, HOLDER)
    keys = {"authorized": listing(authorized(account)), "private": listing(private("holder", K1)), "sockets": listing()}
    server = sshd(blocks)
    server["contexts"]["complete"] = complete
    said = facts(
        *people,
        groups={"team": ["ann", "bob"]},
        sshd=server,
        ssh_keys=keys,
        views=seen(22),
        sockets=[socket(22)],
    )
    return graph_of(evidence(WEB, said))


BOTH = (block("User ann", "ann", **SFTP), block("User ann,bob", "ann", **SFTP))


def test_what_sshd_said_of_the_same_blocks_is_certain_though_several_apply() -> None:
    first, second = block("User ann", "ann"), block("Group team", "ann", forcecommand="none")
    (edge,) = login("ann", first, second)
    assert edge.confidence >= 0.9
    assert not login("ann", *BOTH)


def test_a_setting_of_a_block_for_somebody_else_shuts_nobody_out() -> None:
    (edge,) = login("bob", *BOTH)
    assert edge.confidence < 0.9, "the second block may force the command as well"


def test_what_others_may_hide_of_a_block_is_told_as_not_evaluated() -> None:
    (told,) = [one for one in graph("bob", *BOTH).not_evaluated if one.rule == "ssh-key"]
    assert told.host == "web" and "Match User ann,bob" in told.why
    apart = (BOTH[0], block("User ann,bob", "bob"))
    assert not [one for one in graph("bob", *apart).not_evaluated if one.rule == "ssh-key"]


def test_a_block_that_does_not_apply_changes_nothing() -> None:
    (edge,) = login("cy", *BOTH)
    assert edge.confidence >= 0.9


ANY = {"authenticationmethods": ["any"]}


@pytest.mark.parametrize(
    ("blocks", "asked_for"),
    [
        ([block("User ann", "ann", lists=WORD), block("User an*", "ann", lists=WORD)], {"key and password"}),
        ([block("User ann", "ann", lists=ANY), block("User an*", "ann", lists=ANY)], {"key"}),
    ],
    ids=["publickey,password and then publickey", "any and then publickey,password"],
)  # fmt: skip
def test_the_first_block_that_sets_the_methods_decides(blocks: list[dict[str, Any]], asked_for: set[str]) -> None:
    """As OpenSSH 9.2 told of both blocks.

    `any` after other methods resets nothing: below such a Match block it ends the connection (and `sshd -T -C`, so that
    the block is unseen and every login doubtful), below such a line for everybody sshd does not start.
    """
    found = login("ann", *blocks)
    needed = {"key and password" if "secret:web/password/ann" in edge.premises else "key" for edge in found}
    assert needed == asked_for
    assert all(edge.confidence >= 0.9 for edge in found)


def test_a_block_of_which_sshd_told_nothing_leaves_every_login_doubtful() -> None:
    (edge,) = login("ann", block("User ann", "ann", lists=ANY), complete=False)
    assert edge.confidence < 0.9

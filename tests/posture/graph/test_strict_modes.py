"""StrictModes: whose hands must be off a file of keys and the directories above it, and what depends on who built sshd."""

from __future__ import annotations

from typing import Any

import pytest
from estate import (  # fmt: skip
    K1,
    WEB,
    authorized,
    edges,
    evidence,
    facts,
    folder,
    graph_of,
    listing,
    private,
    seen,
    socket,
    sshd,
    user,
)

from posture.model.path import Edge

HOME, DOT_SSH = folder("/home/ann", "ann", "0750"), folder("/home/ann/.ssh", "ann", "0700")
ANN = user("ann", 1000)
GROUPS = {"games": ["ann", "bob"], "ann": ["ann"]}


def login(*folders: dict[str, Any], entry: dict[str, Any] | None = None, **server: Any) -> list[Edge]:
    said = facts(
        ANN,
        user("twin", 1000),
        user("bob", 1001),
        user("holder", 1009),
        groups=GROUPS,
        ssh_keys={
            "authorized": listing(entry or authorized("ann")),
            "folders": listing(*folders),
            "private": listing(private("holder", K1)),
        },
        views=seen(22),
        sockets=[socket(22)],
        sshd=sshd(**server),
    )
    return edges(graph_of(evidence(WEB, said)), "ssh-key", "account:web/ann")


def changed(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**of, **more}


FIRM = {
    "the account's own": (HOME, DOT_SSH),
    "root's": (folder("/home/ann"), folder("/home/ann/.ssh")),
    "of another name of its user id": (changed(HOME, owner="twin"), DOT_SSH),
    "of its user id, which has no name": (changed(HOME, owner="1000"), DOT_SSH),
    "readable by everybody": (changed(HOME, mode="0755"), changed(DOT_SSH, mode="0755")),
    "above the home anything may be": (HOME, DOT_SSH, folder("/home", "bob", "0777")),
}
LOOSE = {
    "everybody may write the home": (changed(HOME, mode="0777"), DOT_SSH),
    "everybody may write .ssh": (HOME, changed(DOT_SSH, mode="0702")),
    "a group with others in it may write the home": (changed(HOME, mode="0770", group="games"), DOT_SSH),
    "the home is somebody else's": (changed(HOME, owner="bob"), DOT_SSH),
    "one is loose, of the other nothing is known": (changed(DOT_SSH, owner="bob"),),
}
UNSURE = {
    "its own group may write the home": (changed(HOME, mode="0770"), DOT_SSH),
    "its own group may write .ssh": (HOME, changed(DOT_SSH, mode="0770")),
    "a group of which nobody knows who is in it": (changed(HOME, mode="0770", group="ldap-team"), DOT_SSH),
    "the home was not seen": (DOT_SSH,),
    ".ssh was not seen": (HOME,),
}


@pytest.mark.parametrize("folders", FIRM.values(), ids=FIRM)
def test_a_file_that_only_its_account_and_root_may_change_is_believed(folders: tuple[dict[str, Any], ...]) -> None:
    (edge,) = login(*folders)
    assert edge.confidence >= 0.9


@pytest.mark.parametrize("folders", LOOSE.values(), ids=LOOSE)
def test_a_file_that_others_may_change_opens_nothing_unless_strict_modes_is_off(
    folders: tuple[dict[str, Any], ...],
) -> None:
    assert not login(*folders)
    (edge,) = login(*folders, strictmodes="no")
    assert edge.confidence >= 0.9


@pytest.mark.parametrize("folders", UNSURE.values(), ids=UNSURE)
def test_what_nobody_can_tell_leaves_a_doubtful_login(folders: tuple[dict[str, Any], ...]) -> None:
    (edge,) = login(*folders)
    assert edge.confidence < 0.9


def test_the_file_itself_goes_by_the_same_rule() -> None:
    assert not login(HOME, DOT_SSH, entry=authorized("ann", mode="0602"))
    assert not login(HOME, DOT_SSH, entry=authorized("ann", mode="0660", group="games"))
    (edge,) = login(HOME, DOT_SSH, entry=authorized("ann", mode="0660"))
    assert edge.confidence < 0.9
    told_earlier = {key: value for key, value in authorized("ann", mode="0660").items() if key != "group"}
    (edge,) = login(HOME, DOT_SSH, entry=told_earlier)
    assert edge.confidence < 0.9

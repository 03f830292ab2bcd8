"""Logins by certificate: what a stolen authority's key opens, what sshd would refuse, and who else may get in."""

from __future__ import annotations

from typing import Any

import pytest
from estate import (
    APP,
    K1,
    K2,
    WEB,
    Facts,
    authorized,
    edges,
    evidence,
    facts,
    graph_of,
    listing,
    private,
    seen,
    socket,
    sshd,
    user,
)

from posture.model.path import AttackGraph

CA = "/etc/ssh/user_ca.pub"
ALICE = user("alice")
THIEF = evidence(APP, facts(user("bob"), ssh_keys={"private": listing(private("bob"))}))
"""The authority's key lies on app."""


def authority(fingerprint: str = K1, type_: str = "ssh-ed25519") -> dict[str, Any]:
    owned = {"mode": "0644", "owner": "root", "group": "root"}
    return {"path": CA, "type": type_, "fingerprint": fingerprint, **owned}


def trusting(
    *people: dict[str, Any], kind: str = "ssh-ed25519", server: Facts | None = None, **effective: Any
) -> Facts:
    return facts(
        *(people or (ALICE,)),
        sshd=server or sshd(**{"trustedusercakeys": CA, **effective}),
        ssh_keys={"authorities": listing(authority(type_=kind))},
        views=seen(22),
        sockets=[socket(22)],
    )


def opened(said: Facts) -> dict[str, float]:
    """Return what the authority's key opens on web, with how sure that is."""
    graph = graph_of(evidence(WEB, said), THIEF)
    return {one.conclusion: one.confidence for one in edges(graph, "ssh-ca") if f"key:{K1}" in one.premises}


def unknown(graph: AttackGraph) -> list[tuple[str, str]]:
    return [(one.host, one.why) for one in graph.not_evaluated if one.lets_in]


def test_the_key_of_an_authority_opens_every_account_that_may_work() -> None:
    people = (ALICE, user("carol", 1001), user("daemon", 1, interactive=False))
    assert opened(trusting(*people)) == {"account:web/alice": 1.0, "account:web/carol": 1.0}


def test_taking_the_authority_out_of_the_file_ends_the_way() -> None:
    graph = graph_of(evidence(WEB, trusting()), THIEF)
    assert {f"web|trusted-authority|{K1}"} == {one for edge in edges(graph, "ssh-ca") for one in edge.conditions}
    assert [one.premises for one in edges(graph, "plain-key")] == [("account:app/bob",)]


@pytest.mark.parametrize(
    "said",
    [
        trusting(trustedusercakeys="none"),
        trusting(trustedusercakeys="/etc/ssh/other.pub"),
        trusting(pubkeyauthentication="no"),
        trusting(forcecommand="/bin/date"),
        trusting(user("root", 0), permitrootlogin="no"),
        trusting(kind="sk-ssh-ed25519@openssh.com"),
        trusting(server=sshd(lists={"pubkeyacceptedalgorithms": ["ssh-ed25519"]}, trustedusercakeys=CA)),
        trusting(server=sshd(lists={"casignaturealgorithms": ["rsa-sha2-512"]}, trustedusercakeys=CA)),
        trusting(server=sshd(lists={"allowusers": ["somebody"]}, trustedusercakeys=CA)),
    ],
    ids=[
        "trusts nobody", "trusts another", "keys off", "a forced command", "root shut", "in hardware", "no certificates",
        "another signature", "not listed",
    ],
)  # fmt: skip
def test_a_certificate_opens_nothing_where_sshd_refuses_it(said: Facts) -> None:
    assert not opened(said)


def test_who_signs_writes_the_forced_command_of_root() -> None:
    assert opened(trusting(user("nobody", 65534, interactive=False), permitrootlogin="forced-commands-only")) == {
        "root:web": 1.0
    }


def test_an_rsa_authority_signs_with_the_hashes_that_are_accepted() -> None:
    server = sshd(lists={"casignaturealgorithms": ["ssh-ed25519", "rsa-sha2-512"]}, trustedusercakeys=CA)
    assert opened(trusting(kind="ssh-rsa", server=server))


def test_principals_and_revoked_keys_that_nobody_read_make_it_doubtful_and_never_shut() -> None:
    for setting in ("authorizedprincipalsfile", "authorizedprincipalscommand", "revokedkeys"):
        assert opened(trusting(**{setting: "/etc/ssh/named/%u"})) == {"account:web/alice": 0.5}, setting


def test_only_accounts_of_the_match_block_trust_the_authority_it_names() -> None:
    server = sshd([{"match": "User alice", "effective": {"trustedusercakeys": CA}}], trustedusercakeys="none")
    assert set(opened(trusting(ALICE, user("carol", 1001), server=server))) == {"account:web/alice"}


def test_who_else_may_hold_the_authority_is_told_with_its_fingerprint_whether_or_not_it_was_found() -> None:
    for beside in ((), (THIEF,)):
        ((host, why),) = unknown(graph_of(evidence(WEB, trusting()), *beside))
        assert host == "web"
        assert K1 in why and CA in why


def test_an_authority_whose_file_was_not_read_is_told_all_the_same() -> None:
    said = trusting()
    said["ssh_keys"]["authorities"] = listing(complete=False)
    graph = graph_of(evidence(WEB, said), THIEF)
    assert [why for _, why in unknown(graph) if "was not read" in why]
    assert [one.why for one in graph.not_evaluated if one.rule == "ssh-ca" and not one.lets_in]


def test_keys_that_a_program_names_are_told_and_a_list_of_revoked_ones() -> None:
    said = trusting(
        trustedusercakeys="none",
        authorizedkeyscommand="/usr/bin/keys --token not-one %u",
        revokedkeys="/etc/ssh/revoked",
    )
    graph = graph_of(evidence(WEB, said))
    assert [why.split(" names")[0] for _, why in unknown(graph)] == ["AuthorizedKeysCommand /usr/bin/keys"]
    assert [one.why for one in graph.not_evaluated if "RevokedKeys /etc/ssh/revoked" in one.why]


def test_a_host_that_takes_certificates_alone_takes_those_of_a_line_with_cert_authority() -> None:
    only = sshd(lists={"pubkeyacceptedalgorithms": ["ssh-ed25519-cert-v01@openssh.com"]})
    lines = {"authorized": listing(authorized("alice", K1, cert_authority=True), authorized("alice", K2))}
    said = facts(ALICE, sshd=only, ssh_keys=lines, views=seen(22), sockets=[socket(22)])
    graph = graph_of(evidence(WEB, said), THIEF)
    assert edges(graph, "ssh-ca", "account:web/alice") and not edges(graph, "ssh-key")


def test_an_agent_that_shows_a_certificate_does_not_hold_the_key_of_its_authority() -> None:
    lines = {"authorized": listing(authorized("alice", K1, cert_authority=True))}
    said = facts(ALICE, sshd=sshd(allowagentforwarding="yes"), ssh_keys=lines, views=seen(22), sockets=[socket(22)])
    other = facts(user("dan"), ssh_keys=lines, views=seen(22), sockets=[socket(22)])
    assert not edges(graph_of(evidence(WEB, said), evidence(APP, other)), "agent-forwarding")

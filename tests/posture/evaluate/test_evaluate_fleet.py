"""Fleet facts: what opens many hosts, and what one unreadable host does to the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from evaluating import NOW, doc, make_check

from posture.catalogue.lint import lint
from posture.evaluate.fleet import fleet_documents, fleet_schema
from posture.evaluate.judge import FLEET, Memo, judge_host
from posture.model.check import Assertion, OnAbsent
from posture.model.finding import Status
from posture.model.observation import Blind, FactDocument, Observation, Origin, Unseen


def host(
    name: str,
    *,
    authorized: Any = (),
    private: Any = (),
    host_keys: Any = (),
    complete: bool = True,
    origin: Origin = Origin.LIVE,
) -> FactDocument:
    def listing(items: Any) -> dict[str, Any]:
        return {"complete": complete, "items": list(items)}

    facts = {"authorized": listing(authorized), "private": listing(private), "host_keys": listing(host_keys)}
    document = doc("ssh_keys", facts, host=name)
    return FactDocument(
        document.host, document.topic, document.content, document.digest, (), NOW - timedelta(days=len(name)), origin
    )


def key(fingerprint: str | None, account: str = "deploy", **more: Any) -> dict[str, Any]:
    return {"fingerprint": fingerprint, "account": account, "type": "ssh-ed25519", **more}


def facts(*hosts: Observation) -> dict[str, Any]:
    document = fleet_documents({"ssh_keys": {h.host: h for h in hosts}}, as_of=NOW)[FLEET]
    assert isinstance(document, FactDocument)
    body: dict[str, Any] = msgspec.json.decode(document.content)["facts"]
    return body


A = host(
    "a",
    authorized=[key("F1", "root"), key("F2")],
    private=[key("F3", path="/root/.ssh/id", encrypted=False)],
    host_keys=[key("H1")],
)
B = host("b", authorized=[key("F1", "root"), key("F3", "root")], host_keys=[key("H1")])
C = host("c", authorized=[key("F1", "ops")], host_keys=[key("H2")])


def test_keys_on_several_hosts_are_told_with_where_they_open_root() -> None:
    shared = facts(A, B, C)["authorized_keys"]
    assert shared["complete"] is True
    assert shared["items"] == [
        {
            "fingerprint": "F1",
            "type": "ssh-ed25519",
            "hosts": ["a", "b", "c"],
            "host_count": 3,
            "root_on": ["a", "b"],
            "root_count": 2,
        }
    ]
    assert [item["hosts"] for item in facts(A, B, C)["ssh_host_keys"]["items"]] == [["a", "b"]]


def test_a_private_key_that_opens_another_host_is_told() -> None:
    (found,) = facts(A, B, C)["private_keys"]["items"]
    assert found == {
        "fingerprint": "F3", "held_on": ["a:/root/.ssh/id"], "encrypted": False, "opens": ["b"], "opens_count": 1, "opens_root_on": ["b"],
    }  # fmt: skip


def test_a_key_that_opens_only_its_own_host_is_not() -> None:
    alone = host("d", authorized=[key("F9")], private=[key("F9", path="/x", encrypted=True)])
    assert facts(alone)["private_keys"]["items"] == []


def test_one_host_out_of_sight_leaves_every_list_incomplete() -> None:
    for lost in (
        Unseen("z", "ssh_keys", Blind.UNREACHABLE),
        host("z", complete=False),
        doc("ssh_keys", {}, ("", Blind.TRUNCATED), host="z"),
    ):
        body = facts(A, B, lost)
        assert not body["authorized_keys"]["complete"]
        assert [item["fingerprint"] for item in body["authorized_keys"]["items"]] == ["F1"]
    assert facts(A, host("z", private=[key(None)]))["private_keys"]["complete"] is False


def test_the_document_is_as_old_as_its_oldest_part_and_as_weak_as_its_weakest() -> None:
    replayed = host("replayed", origin=Origin.REPLAYED)
    document = fleet_documents({"ssh_keys": {"a": A, "replayed": replayed}}, as_of=NOW)[FLEET]
    assert isinstance(document, FactDocument)
    assert document.taken_at == replayed.taken_at and document.origin is Origin.REPLAYED


def test_it_does_not_depend_on_the_order_of_hosts() -> None:
    assert fleet_documents({"ssh_keys": {"a": A, "b": B, "c": C}}, as_of=NOW) == fleet_documents(
        {"ssh_keys": {"c": C, "b": B, "a": A}}, as_of=NOW
    )


def test_without_any_host_the_fleet_is_unseen() -> None:
    assert isinstance(
        fleet_documents({"ssh_keys": {"z": Unseen("z", "ssh_keys", Blind.UNREACHABLE)}}, as_of=NOW)[FLEET], Unseen
    )


def test_a_fleet_check_is_judged_on_the_pseudo_host_and_names_its_keys() -> None:
    fanout = Assertion(
        "fanout",
        "fleet.authorized_keys",
        "none_of",
        on_empty=OnAbsent.PASS,
        where=Assertion("", ".root_count", "gt", 1),
    )
    check = make_check(fanout, scope="fleet", subject="fleet.authorized_keys[*].fingerprint")
    (result,) = judge_host(
        FLEET, [check], fleet_documents({"ssh_keys": {"a": A, "b": B}}, as_of=NOW), as_of=NOW, memo=Memo()
    )
    assert (result.host, result.verdict.status, result.verdict.subjects) == ("fleet", Status.FAIL, ("F1",))
    assert not [p for p in lint([check], {"fleet": fleet_schema()}) if "fleet" in p.place]


def test_where_logins_were_not_seen_nobody_knows_what_a_private_key_opens() -> None:
    document = doc("ssh_keys", {"private": [], "host_keys": []}, ("authorized", Blind.COMMAND_REFUSED), host="z")
    body = facts(A, document)
    assert body["private_keys"]["complete"] is False
    assert body["ssh_host_keys"]["complete"] is True

"""Who counts as publicly exposed, and whose word decides: open from anybody, closed only from a whole look outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.evaluate.documents import make_document
from posture.model.host import AssetTags, Host, Inventory, Published, Trust, Vantage, Zone
from posture.model.observation import Blind, FactDocument, Origin, Unseen
from posture.vulnerabilities.exposed import ExternalSight, public_exposure, published_to

HOST = Host("web1", ("10.0.0.1",), "dmz")
ZONES = (
    Zone("internet", Trust.UNTRUSTED, ("203.0.113.0/24",)),
    Zone("dmz", Trust.INTERNAL, ("10.0.0.0/24",)),
)
INVENTORY = Inventory((HOST,), ZONES, (Vantage("near", "dmz"), Vantage("mirror", "internet", host="web1")))
INTERNAL = replace(HOST, tags=AssetTags(exposure="internal"))
PUBLIC = replace(HOST, tags=AssetTags(exposure="public"))
ROUTABLE = replace(HOST, addresses=("8.8.8.8",))
SIGHT = ExternalSight("203.0.113.7", 443, "tcp", "CISA Cyber Hygiene", date(2026, 11, 20))
NATED = replace(INVENTORY, published=(Published("203.0.113.7", 443, "web1", 8443),))


def view(vantage: str = "outpost", trust: str = "untrusted", state: str = "filtered", **more: Any) -> dict[str, Any]:
    return {
        "vantage": vantage,
        "zone": "internet",
        "trust": trust,
        "addresses": ["10.0.0.1"],
        "answered": True,
        "ports": {"complete": True, "items": []},
        "folded": [{"address": "10.0.0.1", "proto": "tcp", "state": state, "reason": "no-response", "count": 65535}],
        **more,
    }


def opened(vantage: str = "outpost", trust: str = "untrusted") -> dict[str, Any]:
    return {"vantage": vantage, "zone": "internet", "trust": trust, "proto": "tcp", "port": 22, "address": "10.0.0.1"}


def seen(
    views: list[dict[str, Any]] = [],  # noqa: B006 - never changed
    tcp: list[dict[str, Any]] = [],  # noqa: B006 - never changed
    gaps: list[dict[str, Any]] = [],  # noqa: B006 - never changed
) -> FactDocument:
    facts = {
        "gaps": gaps,
        "views": {"complete": True, "items": views},
        "open_tcp_from_outside": {"complete": True, "items": tcp},
        "open_udp_from_outside": {"complete": False, "items": []},
    }
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    return make_document(host="web1", topic="exposure", facts=facts, taken_at=moment, origin=Origin.LIVE)


NOBODY = Unseen("web1", "exposure", Blind.NOT_ATTEMPTED)


@pytest.mark.parametrize(
    ("host", "inventory", "observed", "imported", "exposed", "decided_by"),
    [
        (HOST, INVENTORY, NOBODY, (), None, "default"),
        (HOST, INVENTORY, None, (), None, "default"),
        (HOST, INVENTORY, seen(tcp=[opened()]), (), True, "measured"),
        (INTERNAL, INVENTORY, seen(tcp=[opened()]), (), True, "measured"),
        (HOST, INVENTORY, seen([view()]), (), False, "measured"),
        (PUBLIC, INVENTORY, seen([view()]), (), True, "tag"),
        (INTERNAL, INVENTORY, NOBODY, (), False, "tag"),
        (ROUTABLE, INVENTORY, NOBODY, (), True, "address"),
        (replace(INTERNAL, addresses=("8.8.8.8",)), INVENTORY, NOBODY, (), True, "address"),
        (replace(INTERNAL, addresses=("8.8.8.8",)), INVENTORY, seen([view(addresses=["8.8.8.8"])]), (), False, "measured"),
        (INTERNAL, NATED, NOBODY, (), True, "address"),
        (INTERNAL, NATED, NOBODY, (SIGHT,), True, "imported"),
        (INTERNAL, INVENTORY, NOBODY, (SIGHT,), False, "tag"),
        (INTERNAL, INVENTORY, NOBODY, (replace(SIGHT, address="10.0.0.1"),), True, "imported"),
    ],
)  # fmt: skip
def test_the_stricter_word_decides(
    host: Host, inventory: Inventory, observed: Any, imported: tuple[ExternalSight, ...], exposed: Any, decided_by: str
) -> None:
    said = public_exposure(host, inventory, observed, imported)
    assert (said.exposed, said.decided_by) == (exposed, decided_by)


def test_a_conflict_is_said() -> None:
    said = public_exposure(INTERNAL, INVENTORY, seen(tcp=[opened()]))
    assert said.why == "tcp/22 is open from outpost in untrusted zone internet, although its tag says internal"


@pytest.mark.parametrize(
    "weak",
    [
        view("self"),
        view("mirror"),
        view(trust="internal"),
        view(trust="partner"),
        view(trust="undeclared"),
        view(state="open|filtered"),
        view(ports={"complete": False, "items": []}),
        view(addresses=["10.0.0.9"]),
        view(folded=[]),
    ],
    ids=["self", "its own host", "internal", "partner", "undeclared", "silent udp", "part", "other address", "nothing"],
)
def test_no_weaker_look_is_evidence_of_not_being_exposed(weak: dict[str, Any]) -> None:
    assert public_exposure(HOST, INVENTORY, seen([weak])).exposed is None


@pytest.mark.parametrize("enclave", ["", "lab/"], ids=["one network", "merged"])
def test_an_untrusted_place_that_did_not_look_leaves_it_open(enclave: str) -> None:
    places = (Vantage(f"{enclave}outpost", "internet"), Vantage(f"{enclave}far", "internet"))
    host, two = replace(HOST, id=f"{enclave}web1"), replace(INVENTORY, vantages=places)
    assert public_exposure(host, two, seen([view()], gaps=[{"vantage": "far"}])).exposed is None
    both = public_exposure(host, two, seen([view(), view("far")]))
    assert both.exposed is False
    assert both.why == "far, outpost in an untrusted zone asked all its ports and found none open"


def test_a_trusted_place_that_did_not_look_says_nothing_of_outside() -> None:
    assert public_exposure(HOST, INVENTORY, seen([view()], gaps=[{"vantage": "near"}])).exposed is False


@pytest.mark.parametrize("own", ["self", "mirror"])
def test_what_a_host_sees_of_itself_exposes_nobody(own: str) -> None:
    assert public_exposure(INTERNAL, INVENTORY, seen(tcp=[opened(own)])).exposed is False


def test_names_that_nobody_resolved_leave_it_open() -> None:
    assert public_exposure(replace(HOST, addresses=("web1.example",)), INVENTORY, seen([view()])).exposed is None


def test_the_nat_map_is_shown() -> None:
    assert published_to(HOST, NATED) == ("203.0.113.7:443/tcp -> 8443",)
    assert published_to(replace(HOST, id="other"), NATED) == ()


views = st.lists(
    st.builds(
        view,
        st.sampled_from(["self", "mirror", "outpost", "near"]),
        st.sampled_from([*map(str, Trust), "undeclared"]),
        st.sampled_from(["closed", "filtered", "open|filtered"]),
    ),
    max_size=3,
)
hosts = st.sampled_from([HOST, INTERNAL, PUBLIC, ROUTABLE])


@settings(max_examples=60, deadline=None)
@given(host=hosts, looks=views, inventory=st.sampled_from([INVENTORY, NATED]))
def test_an_open_port_seen_from_outside_always_exposes(host: Host, looks: Any, inventory: Inventory) -> None:
    assert public_exposure(host, inventory, seen(looks, [opened()])).exposed is True


@settings(max_examples=60, deadline=None)
@given(host=hosts, looks=views, inventory=st.sampled_from([INVENTORY, NATED]))
def test_more_evidence_for_exposure_never_takes_it_away(host: Host, looks: Any, inventory: Inventory) -> None:
    before = public_exposure(host, inventory, seen(looks))
    after = public_exposure(host, inventory, seen(looks), (replace(SIGHT, address=host.addresses[0]),))
    assert after.exposed is True
    assert before.why

"""What the network view says, and what it leaves open: silence is never taken for a closed door."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import Answer, Command, Facts, schema_of
from collectors.network.exposure import COLLECTOR, Exposure, OpenPort, parse
from collectors.network.exposure_evidence import EVERY_TCP, Looked, evidence_of, looked_from
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import RunHeader, SeenHost, ports_of, read_bytes
from posture.model.host import SELF_VANTAGE, Vantage
from posture.model.observation import Blind, Hole

INTERNET = Vantage("probe-1", "internet")
OFFICE = Vantage("probe-2", "office")


def seen(*ports: str, address: str = "10.0.0.1", rest: str = "closed reset 65000") -> SeenHost:
    """Build a host from ``tcp/22 open syn-ack ssh OpenSSH`` lines, through nmap's own XML."""
    rows = []
    for line in ports:
        key, state, reason, *service = line.split()
        proto, number = key.split("/")
        named = f'<service name="{service[0]}" method="table" conf="3"/>' if len(service) == 1 else ""
        if len(service) == 2:
            named = f'<service name="{service[0]}" product="{service[1]}" method="probed" conf="10"/>'
        rows.append(
            f'<port protocol="{proto}" portid="{number}"><state state="{state}" reason="{reason}"/>{named}</port>'
        )
    folded = ""
    if rest:
        state, reason, count = rest.split()
        folded = (
            f'<extraports state="{state}" count="{count}"><extrareasons reason="{reason}" count="{count}" proto="tcp"/>'
        )
        folded += "</extraports>"
    text = (
        f'<nmaprun ><host><status state="up" reason="user-set"/><address addr="{address}" addrtype="ipv4"/>'
        f"<ports>{folded}{''.join(rows)}</ports></host></nmaprun>"
    )
    (host,) = read_bytes(text.encode())
    return host


def look(
    host: SeenHost | None,
    phase: Phase = Phase.TCP,
    vantage: Vantage = INTERNET,
    trust: str = "untrusted",
    **more: object,
) -> Looked:
    address = host.address if host else "10.0.0.1"
    asked = {Phase.TCP: EVERY_TCP, Phase.UDP: "U:53,161", Phase.VERSIONS: "T:22", Phase.RECHECK: "T:22"}[phase]
    looked = Looked(vantage, trust, phase, address, asked, host)
    return replace(looked, **more)  # type: ignore[arg-type]


def answers(*looked: Looked) -> dict[str, Answer]:
    found = {}
    for entry in looked:
        id_ = f"exposure.{entry.phase.value}/{entry.vantage.name}/{entry.address}"
        evidence = evidence_of(entry, RunHeader(version="7.93"), ("nmap", "-sS"))
        found[id_] = Answer(Command(id_, ("nmap",)), evidence.content, b"", 0, 1, redactions=evidence.count)
    return found


def facts(*looked: Looked) -> tuple[Exposure, dict[str, Blind]]:
    parsed = parse(answers(*looked))
    assert isinstance(parsed, Facts), parsed
    return parsed.value, {hole.path: hole.reason for hole in parsed.holes}


UDP_CLOSED = look(seen("udp/53 closed port-unreach", "udp/161 closed port-unreach", rest=""), Phase.UDP)
SSH = look(seen("tcp/22 open syn-ack ssh"))
SSH_VERSION = look(seen("tcp/22 open syn-ack ssh OpenSSH", rest=""), Phase.VERSIONS)


def test_evidence_reads_back_as_what_was_seen() -> None:
    (answer,) = answers(SSH).values()
    back = looked_from(answer)
    assert isinstance(back, Looked)
    assert back.host is not None and SSH.host is not None
    assert replace(back, host=None) == replace(SSH, host=None)
    assert back.host.ports == SSH.host.ports


def test_an_open_port_says_from_where_it_is_open() -> None:
    found, holes = facts(SSH, SSH_VERSION, UDP_CLOSED)
    door = OpenPort("probe-1", "internet", "untrusted", "10.0.0.1", "tcp", 22, "ssh", "probed", None)
    assert found.open.items == [door] == found.open_tcp.items == found.open_tcp_from_outside.items
    assert found.open.complete and found.open_tcp.complete and found.open_udp.complete
    assert found.services.complete and found.services.items[0].product == "OpenSSH"
    assert (holes, found.gaps, found.self_view) == ({}, [], None)


def test_a_view_keeps_single_ports_and_counts_the_others() -> None:
    found, _ = facts(SSH, UDP_CLOSED)
    (view,) = found.views.items
    assert [(port.proto, port.port, port.state) for port in view.ports.items] == [
        ("tcp", 22, "open"),
        ("udp", 53, "closed"),
        ("udp", 161, "closed"),
    ]
    assert [(entry.state, entry.count) for entry in view.folded] == [("closed", 65000)]
    assert view.answered


def test_a_service_that_was_not_asked_leaves_the_list_of_services_open() -> None:
    found, holes = facts(SSH, UDP_CLOSED)
    assert not found.services.complete
    assert "services" in holes
    assert found.open_tcp.items[0].method == "table"


def test_a_service_that_stayed_silent_was_asked_and_not_recognised() -> None:
    found, _ = facts(SSH, look(seen("tcp/22 open syn-ack ssh", rest=""), Phase.VERSIONS), UDP_CLOSED)
    assert found.services.complete
    assert (found.services.items[0].service, found.services.items[0].product) == (None, None)


def test_a_host_that_never_answers_may_be_switched_off() -> None:
    silent = look(seen(rest="filtered no-response 65535"))
    found, holes = facts(silent)
    assert not found.open_tcp.complete
    assert not found.views.items[0].answered
    assert holes["open_tcp"] is holes["open_tcp_from_outside"] is Blind.UNREACHABLE


def test_the_silence_of_a_host_that_is_known_to_be_up_is_believed() -> None:
    silent = look(seen(rest="filtered no-response 65535"), known_up=True)
    found, holes = facts(silent)
    assert found.open_tcp.complete and found.open_tcp_from_outside.complete
    assert "open_tcp" not in holes


@pytest.mark.parametrize("reason", ["host-unreach", "net-unreach", "no-response"])
def test_no_route_is_no_answer(reason: str) -> None:
    found, _ = facts(look(seen(rest=f"filtered {reason} 65535")))
    assert not found.open_tcp.complete


def test_silent_udp_is_undecided_and_leaves_tcp_alone() -> None:
    udp = look(seen("udp/53 open|filtered no-response", "udp/161 closed port-unreach", rest=""), Phase.UDP)
    found, holes = facts(SSH, SSH_VERSION, udp)
    assert found.open_tcp.complete
    assert not found.open_udp.complete and not found.open.complete
    assert holes["open_udp"] is Blind.UNREACHABLE
    assert "open_tcp" not in holes


def test_udp_without_root_is_a_hole_and_not_a_closed_door() -> None:
    refused = look(None, Phase.UDP, reason=Blind.COMMAND_REFUSED, detail="UDP scans need root")
    found, holes = facts(SSH, SSH_VERSION, refused)
    assert holes["open_udp"] is Blind.COMMAND_REFUSED
    assert found.open_tcp.complete and not found.views.items[0].ports.complete


def test_named_ports_only_are_not_all_ports() -> None:
    found, holes = facts(look(seen("tcp/22 closed reset", rest=""), asked="T:22"))
    assert not found.open_tcp.complete
    assert holes["open_tcp"] is Blind.NOT_ATTEMPTED
    assert "named ports" in found.gaps[0].detail


def test_a_lossy_scan_keeps_its_counterexamples_and_is_not_complete() -> None:
    found, holes = facts(replace(SSH, reason=Blind.TRUNCATED, detail="packets were lost"))
    assert [port.port for port in found.open_tcp.items] == [22]
    assert not found.open_tcp.complete
    assert "open_tcp" not in holes


def test_one_address_unseen_leaves_the_whole_host_open() -> None:
    late = replace(look(None), address="10.0.0.2", reason=Blind.TIMED_OUT, detail="gave up")
    found, _ = facts(SSH, late)
    assert not found.open_tcp.complete
    assert [(gap.address, gap.reason) for gap in found.gaps] == [("10.0.0.2", "timed_out")]


def test_a_port_that_answers_when_asked_again_is_open_after_all() -> None:
    first = look(seen("tcp/22 filtered no-response", "tcp/23 open syn-ack telnet"))
    again = look(
        seen("tcp/22 open syn-ack ssh", "tcp/23 filtered no-response", rest=""), Phase.RECHECK, asked="T:22-23"
    )
    found, _ = facts(first, again)
    assert [port.port for port in found.open_tcp.items] == [22, 23]
    assert found.open_tcp.complete


def test_a_second_asking_that_failed_leaves_the_silence_in_doubt() -> None:
    first = look(seen("tcp/22 filtered no-response"))
    found, _ = facts(first, look(None, Phase.RECHECK, asked="T:22", reason=Blind.TRUNCATED))
    assert not found.open_tcp.complete


def test_nothing_seen_at_all_is_unseen_with_the_reason() -> None:
    parsed = parse(answers(look(None, reason=Blind.UNREACHABLE, detail="no route")))
    assert parsed == Hole("", Blind.UNREACHABLE, "no route")
    assert parse({}) == Hole("", Blind.NOT_ATTEMPTED, "no vantage looked at this host")


def test_the_local_scan_is_never_evidence_of_exposure() -> None:
    found, holes = facts(look(seen("tcp/22 open syn-ack ssh"), vantage=SELF_VANTAGE, trust="undeclared"))
    assert found.views.items == found.open.items == found.services.items == []
    assert found.self_view is not None and found.self_view.ports.items[0].port == 22
    assert set(holes.values()) == {Blind.NOT_ATTEMPTED}
    assert set(holes) == {field.name for field in fields(Exposure)} - {"self_view", "gaps"}


def test_what_an_inner_vantage_sees_is_not_seen_from_outside() -> None:
    inner = replace(SSH, vantage=OFFICE, trust="internal")
    found, holes = facts(inner)
    assert found.open_tcp.complete
    assert found.open_tcp_from_outside.items == [] and not found.open_tcp_from_outside.complete
    assert holes["open_tcp_from_outside"] is Blind.NOT_ATTEMPTED


@pytest.mark.parametrize(("trust", "complete"), [("untrusted", True), ("partner", False), ("undeclared", False)])
def test_outside_is_every_zone_that_is_not_ours_and_complete_from_an_untrusted_one(trust: str, complete: bool) -> None:
    found, _ = facts(replace(SSH, trust=trust))
    assert [port.port for port in found.open_tcp_from_outside.items] == [22]
    assert found.open_tcp_from_outside.complete is complete


def test_two_vantages_stay_two_views() -> None:
    blocked = look(
        seen("tcp/22 filtered no-response", rest="closed reset 65534"),
        vantage=Vantage("a", "internet"),
        trust="untrusted",
    )
    found, _ = facts(blocked, replace(SSH, vantage=OFFICE, trust="internal"))
    assert [(view.vantage, view.trust) for view in found.views.items] == [("a", "untrusted"), ("probe-2", "internal")]
    assert [(port.vantage, port.port) for port in found.open_tcp.items] == [("probe-2", 22)]
    assert found.open_tcp_from_outside.items == [] and found.open_tcp_from_outside.complete


def test_a_secret_in_a_banner_is_taken_out_and_the_evidence_still_reads() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"
    quoted = key.replace("\n", "&#10;")
    text = (
        '<nmaprun ><host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/><ports>'
        '<extraports state="closed" count="9"><extrareasons reason="reset" count="9"/></extraports>'
        '<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/>'
        f'<service name="x" extrainfo="{quoted}" method="probed" conf="10"/></port></ports></host></nmaprun>'
    )
    (host,) = read_bytes(text.encode())
    (answer,) = answers(look(host)).values()
    assert b"b3BlbnNzaC1rZXktdjEAAAAA" not in answer.stdout
    assert answer.redactions >= 1
    assert isinstance(looked_from(answer), Looked)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2000))
def test_damaged_evidence_is_a_hole_or_loses_completeness_and_never_raises(noise: bytes, at: int) -> None:
    good = answers(SSH)
    ((id_, answer),) = good.items()
    at %= len(answer.stdout)
    parsed = parse({id_: replace(answer, stdout=answer.stdout[:at] + noise)})
    assert isinstance(parsed, Hole | Facts)
    if isinstance(parsed, Facts) and noise != answer.stdout[at:]:
        assert parsed.value.open_tcp.items == [] or parsed.value.open_tcp.items[0].port == 22


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40))
def test_any_detail_survives_the_evidence(detail: str) -> None:
    looked = replace(SSH, reason=Blind.TIMED_OUT, detail=detail)
    (answer,) = answers(looked).values()
    back = looked_from(answer)
    assert isinstance(back, Looked)
    assert back.reason is Blind.TIMED_OUT


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=30))
def test_ports_of_never_raises(text: str) -> None:
    assert all(0 <= port <= 65535 for port in ports_of(text))


def test_the_facts_have_a_published_schema() -> None:
    assert "open_tcp_from_outside" in str(schema_of(COLLECTOR))
    assert COLLECTOR.commands == ()


def test_the_views_are_not_all_there_where_a_vantage_did_not_look() -> None:
    nothing = look(None, vantage=OFFICE, trust="internal", reason=Blind.NOT_ATTEMPTED, detail="told to look elsewhere")
    found, _ = facts(SSH, SSH_VERSION, UDP_CLOSED, nothing)
    assert [view.vantage for view in found.views.items] == ["probe-1"]
    assert not found.views.complete and not found.open_tcp.complete

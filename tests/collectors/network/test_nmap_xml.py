"""nmap's XML is read as it comes: whole, cut short, or made to do harm."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.network.nmap_xml import Caps, SeenHost, read_bytes, read_fragment, read_hosts
from posture.errors import CollectError

HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<!-- Nmap 7.93 scan initiated as: nmap -oX - 10.0.0.1 -->
<nmaprun scanner="nmap" args="nmap -oX - 10.0.0.1" start="1795387245" version="7.93" xmloutputversion="1.05">
"""
HOST = b"""<host starttime="1" endtime="2"><status state="up" reason="user-set" reason_ttl="0"/>
<address addr="%s" addrtype="ipv4"/><address addr="00:00:5E:00:53:01" addrtype="mac" vendor="ICANN"/>
<hostnames><hostname name="db.example" type="PTR"/></hostnames>
<ports><extraports state="closed" count="65531"><extrareasons reason="reset" count="65530" proto="tcp" ports="1-21,23-65531"/>
<extrareasons reason="no-response" count="1" proto="tcp" ports="65535"/></extraports>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack" reason_ttl="64"/><service name="http" product="nginx"
 version="1.22.1" extrainfo="Debian" tunnel="ssl" method="probed" conf="10"><cpe>cpe:/a:igor_sysoev:nginx:1.22.1</cpe><cpe>cpe:/o:linux:linux_kernel</cpe></service>
<script id="ssl-cert" output="Subject: x"><table key="subject"><elem key="commonName">db</elem></table><table key="names"><elem>a</elem><elem>b</elem></table></script></port>
<port protocol="udp" portid="53"><state state="open|filtered" reason="no-response" reason_ttl="0"/><service name="domain" method="table" conf="3"/></port>
</ports><times srtt="51206" rttvar="7321" to="100000"/></host>
"""
TAIL = (
    b'<runstats><finished time="1795387300" exit="success"/><hosts up="1" down="2" total="3"/></runstats>\n</nmaprun>\n'
)
NMAP_FILES = Path(__file__).parents[4] / "shared/data/nmap"


def document(*addresses: str) -> bytes:
    return HEAD + b"".join(HOST % address.encode() for address in addresses) + TAIL


def test_a_host_comes_with_everything_nmap_said_of_it() -> None:
    reading = read_bytes(document("10.0.0.1"))
    (host,) = reading
    assert reading.complete
    assert (reading.header.version, reading.header.started_s) == ("7.93", 1795387245)
    assert reading.end is not None
    assert (reading.end.hosts_up, reading.end.hosts_down) == (1, 2)
    assert (host.address, host.names, host.mac, host.vendor) == (
        "10.0.0.1",
        ("db.example",),
        "00:00:5E:00:53:01",
        "ICANN",
    )
    assert (host.srtt_us, host.rttvar_us, host.timed_out) == (51206, 7321, False)
    assert [(rest.state, rest.reason, rest.count, rest.ports) for rest in host.rest] == [
        ("closed", "reset", 65530, "1-21,23-65531"),
        ("closed", "no-response", 1, "65535"),
    ]
    tls, dns = host.ports
    assert tls.service is not None
    assert (tls.service.name, tls.service.product, tls.service.version, tls.service.tunnel) == (
        "http",
        "nginx",
        "1.22.1",
        "ssl",
    )
    assert tls.service.cpes == ("cpe:/a:igor_sysoev:nginx:1.22.1", "cpe:/o:linux:linux_kernel")
    assert tls.scripts[0].structured == {"subject": {"commonName": "db"}, "names": ["a", "b"]}
    assert (dns.proto, dns.state) == ("udp", "open|filtered")


def test_the_fragment_of_a_host_reads_back_as_the_same_host() -> None:
    (host,) = read_bytes(document("10.0.0.1"))
    assert read_fragment(host.fragment) == host


def test_a_host_given_up_on_is_marked() -> None:
    late = HOST.replace(b"<host ", b'<host timedout="true" ') % b"10.0.0.1"
    (host,) = read_bytes(HEAD + late + TAIL)
    assert host.timed_out


@pytest.mark.parametrize("cut", [1, 400, 900])
def test_a_file_cut_short_gives_every_complete_host_and_says_so(cut: int) -> None:
    whole = document("10.0.0.1", "10.0.0.2", "10.0.0.3")
    reading = read_bytes(whole[: len(HEAD) + 2 * len(HOST % b"10.0.0.1") + cut])
    assert [host.address for host in reading] == ["10.0.0.1", "10.0.0.2"]
    assert not reading.complete
    assert reading.trouble


def test_a_scan_that_ended_with_an_error_is_not_complete() -> None:
    reading = read_bytes(document("10.0.0.1").replace(b'exit="success"', b'exit="error" errormsg="no space"'))
    assert len(list(reading)) == 1
    assert not reading.complete


BOMB = b'<!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = b'<!DOCTYPE nmaprun [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "start",
    [
        HEAD.replace(b"<!DOCTYPE nmaprun>", BOMB),
        HEAD.replace(b"<!DOCTYPE nmaprun>", EXTERNAL),
        HEAD.replace(b"<!DOCTYPE nmaprun>", b'<!DOCTYPE nmaprun SYSTEM "http://192.0.2.1/x.dtd">'),
        HEAD.replace(b"<!DOCTYPE nmaprun>", b'<!DOCTYPE nmaprun PUBLIC "a" "http://192.0.2.1/x.dtd">'),
        HEAD.replace(b"<!DOCTYPE nmaprun>", b"<!DOCTYPE other>"),
        HEAD.replace(b"UTF-8", b"UTF-16"),
        HEAD.replace(b"UTF-8", b"utf-7"),
        HEAD.replace(b"<nmaprun ", b"<html "),
    ],
    ids=["entity bomb", "external entity", "external subset", "public subset", "other type", "utf-16", "utf-7", "html"],
)
def test_a_document_that_declares_anything_is_refused_before_its_first_host(start: bytes) -> None:
    with pytest.raises(CollectError, match="refused"):
        list(read_bytes(start + HOST % b"10.0.0.1" + TAIL))


def test_a_document_in_utf_16_is_refused() -> None:
    with pytest.raises(CollectError, match="refused"):
        list(read_bytes(document("10.0.0.1").decode().replace("UTF-8", "UTF-16").encode("utf-16")))


def test_a_doctype_after_the_start_is_no_way_around() -> None:
    reading = read_bytes(HEAD + BOMB + HOST % b"10.0.0.1" + TAIL)
    assert list(reading) == []
    assert reading.trouble


@pytest.mark.parametrize(
    ("inside", "caps"),
    [
        (b"<a>" * 100 + b"</a>" * 100, Caps(depth=64)),
        (b'<port x="' + b"y" * 3000 + b'"/>', Caps(attribute_chars=2000)),
        (b"<a>" + b"y" * 300_000 + b"</a>", Caps(silent_bytes=100_000)),
        (b'<a x="' + b"y" * 300_000, Caps(silent_bytes=100_000)),
        (b"<host>" + b"<a/>" * 2000 + b"</host>", Caps(elements_per_host=1000)),
        (HOST % b"10.0.0.1" * 5, Caps(hosts=4)),
    ],
    ids=["depth", "attribute", "endless text", "endless attribute", "elements", "hosts"],
)
def test_a_document_beyond_its_bounds_is_refused(inside: bytes, caps: Caps) -> None:
    with pytest.raises(CollectError, match="refused"):
        list(read_bytes(HEAD + inside + TAIL, caps))


def test_an_endless_prolog_is_refused() -> None:
    with pytest.raises(CollectError, match="refused"):
        list(read_bytes(b"<!-- " + b"y" * 200_000))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3000))
def test_garbage_spoils_what_follows_and_nothing_before(noise: bytes, at: int) -> None:
    whole = document("10.0.0.1", "10.0.0.2")
    at = len(HEAD) + at % (len(whole) - len(HEAD))
    reading = read_bytes(whole[:at] + noise + whole[at:])
    found: list[SeenHost] = []
    with contextlib.suppress(CollectError):
        found.extend(reading)
    if at >= len(HEAD) + len(HOST % b"10.0.0.1"):
        assert found[0].address == "10.0.0.1"


@pytest.mark.parametrize(
    "port",
    [b"-1", b"65536", b"x", b"9" * 5000, "٣".encode()],  # the last is a digit to Python, and no port
    ids=["negative", "too big", "word", "5,000 digits", "arabic digit"],
)
def test_a_port_that_is_no_number_is_left_out(port: bytes) -> None:
    (host,) = read_bytes((HEAD + HOST % b"10.0.0.1" + TAIL).replace(b'portid="443"', b'portid="%s"' % port))
    assert [entry.port for entry in host.ports] == [53]


def test_a_host_without_a_readable_address_is_left_out() -> None:
    assert list(read_bytes(document("10.0.0.999"))) == []


def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    with path.open("wb") as file:
        file.write(HEAD)
        file.writelines(HOST % b"10.0.0.1" for _ in range(3000))
        file.write(TAIL)
    tracemalloc.start()
    count = sum(1 for _ in read_hosts(path))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3000
    assert peak_bytes < 2_000_000 < path.stat().st_size


def published() -> Iterator[Path]:
    yield from sorted(NMAP_FILES.glob("*.xml"))


@pytest.mark.skipif(not NMAP_FILES.is_dir(), reason=f"{NMAP_FILES} is not on this machine")
def test_published_nmap_files_read_whole() -> None:
    found = {}
    for path in published():
        reading = read_hosts(path)
        found[path.name] = [(host.address, len(host.ports)) for host in reading]
        assert reading.complete, reading.trouble
    assert found == {
        "issue12411.xml": [("172.217.18.238", 2), ("54.239.28.85", 5)],
        "nmap_multiple_port.xml": [("198.38.82.159", 13)],
        "nmap_script_vulners.xml": [("192.168.0.1", 1)],
    }

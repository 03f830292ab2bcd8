"""Feeds that are damaged, hostile, smaller or older: refused with a message, and the last good one stays."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from posture import zstd
from posture.errors import FeedError
from posture.feeds.container import Limits, documents
from posture.feeds.intake import Leave
from posture.feeds.members import members
from tests.posture.feeds import authored
from tests.posture.feeds.authored import NOW, Site, site

__all__ = ["site"]

_DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><lolz>&b;</lolz>"""
GOOD = authored.kev("CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003")


def zstandard(content: bytes) -> bytes:
    return zstd.frame(zstd.compressor(3), content)


def _gzip_bomb() -> bytes:
    return gzip.compress(b"\0" * 36_000_000)


def _xz_bomb() -> bytes:
    return lzma.compress(b"\0" * 36_000_000)


def _zip_bomb() -> bytes:
    return authored.zipped({"CVE-2026-0001.json": b"\0" * 36_000_000})


def _claims_10_gb() -> bytes:
    """A tar header whose size field says 10 GB, with nothing behind it."""
    entry = tarfile.TarInfo("CVE-2026-0001.json")
    entry.size = 10_000_000_000
    return gzip.compress(entry.tobuf(format=tarfile.GNU_FORMAT) + b"{}")


def _pax_claims_10_gb() -> bytes:
    entry = tarfile.TarInfo("pax")
    entry.type, entry.size = tarfile.XHDTYPE, 10_000_000_000
    return entry.tobuf(format=tarfile.GNU_FORMAT)


def _zip_claims_10_gb() -> bytes:
    content = bytearray(authored.zipped({"CVE-2026-0001.json": b"{}" * 100}))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (4_000_000_000).to_bytes(4, "little")
    return bytes(content)


def _greedy_xz() -> bytes:
    """A header that asks for a dictionary of 1.5 GB."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1_500_000_000}]
    return lzma.compress(b"{}", filters=filters) if sys.maxsize > 2**32 else _xz_bomb()


@pytest.mark.parametrize(
    ("feed", "content"),
    [
        ("kev", lambda: b""),
        ("kev", lambda: b"<html>403 Forbidden</html>"),
        ("kev", lambda: GOOD[: len(GOOD) // 2]),
        ("kev", lambda: GOOD.replace(b'"count": 3', b'"count": 4')),
        ("kev", lambda: GOOD.replace(b"CVE-2026-0002", b"CVE-2026-<b>x")),
        ("kev", lambda: GOOD.replace(b"2026-11-20", b"20 November")),
        ("kev", lambda: _DEEP),
        ("kev", lambda: _LAUGHS),
        ("kev", lambda: gzip.compress(GOOD)[:-20]),
        ("kev", lambda: bz2.compress(GOOD)[:-20]),
        ("kev", lambda: lzma.compress(GOOD)[:-20]),
        ("kev", _gzip_bomb),
        ("kev", _xz_bomb),
        ("vulnrichment", lambda: authored.tar_gz({"CVE-2026-0001.json": authored.cve_record("CVE-2026-0001")})[:60]),
        ("vulnrichment", _zip_bomb),
        ("vulnrichment", _claims_10_gb),
        ("vulnrichment", _pax_claims_10_gb),
        ("vulnrichment", _zip_claims_10_gb),
        ("vulnrichment", lambda: authored.zipped({"CVE-2026-0001.json": b"{}"})),
        ("vulnrichment", lambda: authored.tar_gz({"README.md": b"#"})),
        ("debian-tracker", lambda: b"[]"),
        ("debian-tracker", lambda: b'{"a": 1}'),
        ("debian-tracker", lambda: b'{"a": {}} trailing'),
        ("debian-tracker", lambda: b'{"a": {"CVE-2026-0001": {"releases": {"bookworm": {"status": "open"}}}}'),
        ("debian-tracker", lambda: b'{"a": {}, , "b": {}}'),
        ("debian-tracker", lambda: _DEEP),
        ("epss", authored.epss),
        ("epss", lambda: b"cve,epss,percentile\nCVE-2026-0001,0.1,0.1\n"),
        ("epss", lambda: gzip.compress(b"#" + b"x" * 10_000_000)),
        ("osv-pypi", lambda: authored.zipped({"x.json": b'{"id": 1}'})),
        ("redhat-vex", lambda: zstandard(b"\0" * 36_000_000)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_is_refused_and_the_last_good_feed_stays(
    site: Site, feed: str, content: Callable[[], bytes]
) -> None:
    site.take("kev", GOOD)
    before = site.library().digest
    with pytest.raises(FeedError) as refused:
        site.take(feed, content())
    assert str(refused.value).startswith(f"{feed}: ")
    assert refused.value.hint
    assert site.library().digest == before
    assert sorted(path.name for path in site.place.iterdir()) == ["kev.feed"], "nothing half-written stays"
    if feed == "kev":
        assert "2026-11-27 12:00 UTC stays" in str(refused.value)


def test_a_dictionary_of_a_gigabyte_is_refused_before_it_is_made(site: Site) -> None:
    with pytest.raises(FeedError, match="damaged or cut short"):
        site.take("kev", _greedy_xz())


def test_a_rolled_back_feed_is_refused_unless_it_is_meant(site: Site) -> None:
    site.take("kev", GOOD)
    older = authored.kev("CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003", released="2026-11-01T00:00:00Z")
    with pytest.raises(FeedError, match=r"2026\.11\.01 is older than 2026\.11\.27"):
        site.take("kev", older)
    assert site.take("kev", older, leave=Leave(older=True)).version == "2026.11.01"


def test_a_tracker_without_a_date_is_measured_by_its_newest_cve(site: Site) -> None:
    def tracker(*cves: str) -> bytes:
        return json.dumps({"a": {cve: {"releases": {"bookworm": {"status": "open"}}} for cve in cves}}).encode()

    site.take("debian-tracker", tracker("CVE-2026-0001", "CVE-2026-10000"))
    with pytest.raises(FeedError, match="CVE-2026-9999 is older than CVE-2026-10000"):
        site.take("debian-tracker", tracker("CVE-2026-0001", "CVE-2026-9999"))


def test_a_feed_that_shrinks_is_refused_unless_it_is_meant(site: Site) -> None:
    site.take("kev", authored.kev(*(f"CVE-2026-{number:04}" for number in range(100))))
    fewer = authored.kev(*(f"CVE-2026-{number:04}" for number in range(89)))
    with pytest.raises(FeedError, match="89 entries, and 100 before: it shrank by more than 10 %"):
        site.take("kev", fewer)
    assert site.take("kev", fewer, leave=Leave(smaller=True)).entries == 89
    assert site.take("kev", authored.kev(*(f"CVE-2026-{number:04}" for number in range(81)))).entries == 81


def test_a_feed_from_next_year_would_make_every_honest_one_look_old(site: Site) -> None:
    with pytest.raises(FeedError, match="dated 2027-11-27, after today"):
        site.take("kev", authored.kev("CVE-2026-0001", released="2027-11-27T00:00:00Z"))


def test_a_damaged_shelf_is_named_and_written_again(site: Site) -> None:
    site.take("kev", GOOD)
    (site.place / "kev.feed").write_bytes(b"no database")
    with pytest.raises(FeedError, match="no readable feed"):
        site.library()
    assert site.take("kev", GOOD, now=NOW + timedelta(hours=1)).entries == 3
    assert site.library().stamps[0].entries == 3


def test_documents_of_every_wrapping_are_the_same_bytes(tmp_path: Path) -> None:
    wrapped = {
        "plain": GOOD,
        "gz": gzip.compress(GOOD),
        "xz": lzma.compress(GOOD[:100]) + lzma.compress(GOOD[100:]),
        "bz2": bz2.compress(GOOD),
        "zst": zstandard(GOOD),
        "zip": authored.zipped({"a.json": GOOD}),
        "tar.gz": authored.tar_gz({"a.json": GOOD}),
        "tar.xz": lzma.compress(gzip.decompress(authored.tar_gz({"a.json": GOOD}))),
        "tar.zst": zstandard(gzip.decompress(authored.tar_gz({"a.json": GOOD}))),
    }
    for name, content in wrapped.items():
        path = tmp_path / f"feed.{name}"
        path.write_bytes(content)
        assert [one.read() for one in documents(path, Limits())] == [GOOD], name


def test_links_and_devices_in_an_archive_are_no_documents(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            entry = tarfile.TarInfo("CVE-2026-0001.json")
            entry.type, entry.linkname = kind, "/etc/shadow"
            archive.addfile(entry)
    path = tmp_path / "links.tar"
    path.write_bytes(packed.getvalue())
    assert [one.name for one in documents(path, Limits())] == []


def test_a_folder_is_read_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "a.json").write_bytes(b"{}")
    (tmp_path / "feed" / "b.json").symlink_to("/etc/passwd")
    assert [one.name for one in documents(tmp_path / "feed", Limits())] == ["a.json"]


def test_too_many_or_encrypted_documents_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    path.write_bytes(authored.zipped({f"{number}.json": b"{}" for number in range(11)}))
    with pytest.raises(FeedError, match="more than 10 documents"):
        list(documents(path, replace(Limits(), documents=10)))
    secret = bytearray(authored.zipped({"a.json": b"{}"}))
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        secret[secret.index(header) + at] |= 1
    path.write_bytes(bytes(secret))
    with pytest.raises(FeedError, match="cannot be unpacked"):
        list(documents(path, Limits()))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_an_object_is_split_alike_wherever_its_bytes_are_cut(size: int) -> None:
    whole = json.dumps({"a": {"x": ['}{"', {"y": "\\"}]}, 'b\\"{': {}, "ü": {"deep": [[[]]]}}, indent=1).encode()
    chunks = (whole[at : at + size] for at in range(0, len(whole), size))
    found = {key: json.loads(raw) for key, raw in members(chunks, "x", 10_000)}
    assert found == json.loads(whole)


def test_an_object_with_one_endless_member_is_refused() -> None:
    endless = (b'{"a": {"b": "' if first else b"x" * 1_000_000 for first in (True, *[False] * 50))
    with pytest.raises(FeedError, match="longer than"):
        list(members(endless, "x", 64_000_000))


def test_a_large_tracker_is_read_in_little_memory(tmp_path: Path) -> None:
    """20 MB in, and a fraction of that more in memory: measured in a process of its own."""
    one = {"bookworm": {"status": "open", "urgency": "low", "repositories": {"bookworm": "1"}}}
    releases = {**one, "trixie": one["bookworm"], "bullseye": one["bookworm"], "sid": one["bookworm"]}
    said = {f"CVE-2026-{number:05}": {"description": "x" * 500, "releases": releases} for number in range(100)}
    body = json.dumps(said)
    path = tmp_path / "tracker.json"
    count = 20_000_000 // len(body)
    with path.open("w") as file:
        file.write("{" + ",".join(f'"package-{number}": {body}' for number in range(count)) + "}")
    script = (
        "import resource, sys; from pathlib import Path; from posture.feeds.registry import feed;"
        "from posture.feeds.container import documents;"
        "import posture.feeds.intake; peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); one = feed('debian-tracker');"
        "count = sum(1 for _ in one.read(documents(Path(sys.argv[1]), one.limits)));"
        "print(count, peak() - before)"
    )
    ran = subprocess.run((sys.executable, "-c", script, str(path)), capture_output=True, text=True, check=True)
    entries, grown_kb = map(int, ran.stdout.split())
    assert path.stat().st_size > 19_000_000
    assert entries == count * 100 * 3
    assert grown_kb < 8_000, f"{grown_kb} KB"

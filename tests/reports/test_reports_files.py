"""Report files: private, whole or not there."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sample_agency

from posture.errors import UsageError
from posture.model.assessment import HostAssessment
from reports import formats
from reports.files import new_file


def test_every_format_is_written_for_its_owner_only(tmp_path: Path) -> None:
    paths = formats.write_all(sample_agency.agency(), tmp_path / "new" / "out")
    assert [path.name for path in paths] == [row.file_name for row in formats.STANDARD]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE(paths[0].parent.stat().st_mode) == 0o700
    assert sorted(paths[0].parent.iterdir()) == sorted(paths), "no temporary file is left behind"


def test_what_is_written_after_a_scan_reads_each_host_once_and_says_what_each_format_says_alone(tmp_path: Path) -> None:
    read: list[str] = []

    def read_hosts() -> Iterator[HostAssessment]:
        for entry in agency.read_hosts():
            read.append(entry.host.id)
            yield entry

    agency = sample_agency.agency()
    paths = formats.write_all(replace(agency, read_hosts=read_hosts), tmp_path / "together")
    assert sorted(read) == sorted(entry.host.id for entry in agency.read_hosts())
    for row, path in zip(formats.STANDARD, paths, strict=True):
        row.write(replace(agency), tmp_path / row.file_name)
        assert path.read_bytes() == (tmp_path / row.file_name).read_bytes(), row.name


def test_a_run_that_cannot_be_read_to_its_end_leaves_no_report_of_it(tmp_path: Path) -> None:
    def read_hosts() -> Iterator[HostAssessment]:
        yield next(agency.read_hosts())
        raise UsageError("damaged", hint="")

    agency = sample_agency.agency()
    with pytest.raises(UsageError, match="damaged"):
        formats.write_all(replace(agency, read_hosts=read_hosts), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failure_half_way_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(RuntimeError), new_file(target) as file:
        file.write(b"half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_laid_in_our_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    target = tmp_path / "report.html"
    target.symlink_to(victim)
    with new_file(target) as file:
        file.write(b"new")
    assert victim.read_text() == "untouched"
    assert not target.is_symlink()


def test_a_place_that_cannot_be_written_is_a_usage_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        formats.write_all(sample_agency.agency(), tmp_path / "file" / "out")
    assert caught.value.hint


def test_the_same_assessment_gives_the_same_bytes(tmp_path: Path) -> None:
    first = formats.write_all(sample_agency.agency(), tmp_path / "a")
    again = formats.write_all(sample_agency.agency(), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]

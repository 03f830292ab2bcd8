"""The files of an exchange: the record, its views, and a manifest of their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from posture.model.assessment import Assessment
from reports.exchange.csaf import csaf_of
from reports.exchange.record import Release, record_of
from reports.exchange.stix import stix_of
from reports.files import new_directory, new_file
from reports.jsontext import encode

RECORD, CSAF, STIX, MANIFEST = "exchange.json", "exchange.csaf.json", "exchange.stix.json", "SHA256SUMS"


def write_exchange(assessment: Assessment, directory: Path, release: Release, *, marking: str = "") -> tuple[Path, ...]:
    """Write the files and return their paths; the CSAF view only where there is a vulnerability to speak of.

    Raises:
        UsageError: a file cannot be written.
    """
    new_directory(directory)
    record = record_of(assessment, release, marking=marking)
    views: dict[str, object] = {RECORD: record, STIX: stix_of(record)}
    if (csaf := csaf_of(record)) is not None:
        views[CSAF] = csaf
    contents = {name: msgspec.json.format(encode(value), indent=1) + b"\n" for name, value in sorted(views.items())}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
    contents[MANIFEST] = sums.encode()
    for name, content in contents.items():
        with new_file(directory / name) as file:
            file.write(content)
    if CSAF not in contents:
        (directory / CSAF).unlink(missing_ok=True)  # of an earlier export: it would speak for this one
    return tuple(directory / name for name in contents)

"""OpenSCAP: every rule of the SCAP Security Guide's benchmark for the host's release, run on the host itself."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from bench.compare.answers import Answer, Word
from tests.lab.host import Host
from tests.lab.network import LabError

CONTENT = {"d11": "ssg-debian11-ds.xml", "d12": "ssg-debian12-ds.xml"}
"""By release. Debian 13 packages none for itself; Debian 12's comes from Debian 13's package."""
_XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
_WORDS: dict[str, Word] = {"pass": "pass", "fixed": "pass", "fail": "fail"}
_RESULTS = "/run/oscap-results.xml"
_COMMAND = (
    *("/opt/oscap/lib/ld-linux-x86-64.so.2", "--library-path", "/opt/oscap/lib", "/opt/oscap/oscap"),
    *("xccdf", "eval", "--skip-valid", "--profile", "(all)", "--results", _RESULTS),
)


def run(host: Host, raw: Path) -> None:
    """Write what it says of the host into the directory; nothing where its release has no content."""
    content = CONTENT.get(host.build.id.partition("-")[0])
    if content is None:
        return
    done = host.run([*_COMMAND, f"/opt/oscap/content/{content}"])
    # 0: every rule passed, 2: some failed (oscap(8)).
    if done.returncode not in (0, 2):
        raise LabError(f"oscap on {host.build.id}: {done.stderr[-300:]}")
    (raw / "openscap.xml").write_text(host.run(["cat", _RESULTS]).stdout)


def read(raw: Path) -> dict[str, Answer]:
    """Return its answers by short rule id, such as ``sshd_disable_root_login``."""
    path = raw / "openscap.xml"
    if not path.exists():
        return {}
    answers = {}
    for result in ET.parse(path).iter(f"{_XCCDF}rule-result"):
        rule = result.get("idref", "").rpartition("_rule_")[2]
        said = result.findtext(f"{_XCCDF}result") or ""
        answers[rule] = Answer(_WORDS.get(said, "none"), said)
    return answers

"""What affects a Debian host, worked out without any code of ours: json, dpkg and a shell loop.

    independent.py TRACKER CODENAME DPKG_LIST

prints `package version CVE state fixed` lines, sorted. The list is what `dpkg-query -W` prints with the format of the
`packages` collector. Semantics: security-team.debian.org/security_tracker.html.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main(tracker_path: str, codename: str, list_path: str) -> None:
    """Print the truth."""
    with open(list_path, encoding="utf-8") as file:  # noqa: PTH123 - no library, not even pathlib
        rows = [line.rstrip("\n").split("\t") for line in file if line.strip()]
    installed = sorted({(row[4] or row[0], row[5] or row[1]) for row in rows if row[3] == "installed"})
    with open(tracker_path, encoding="utf-8") as file:  # noqa: PTH123
        tracker = json.load(file)
    sure, asked = [], []
    for source, version in installed:
        for cve, said in tracker.get(source, {}).items():
            release = (said["releases"] or {}).get(codename)
            if release is None:
                continue
            fixed = release.get("fixed_version", "")
            if release["status"] == "open":
                never = release.get("urgency") == "end-of-life" or release.get("nodsa_reason") == "ignored"
                sure.append((source, version, cve, "will_not_fix" if never else "no_fix", "-"))
            elif release["status"] == "resolved" and fixed not in ("", "0"):
                asked.append((source, version, cve, "fixed_in", fixed))
    for line in sorted(" ".join(one) for one in sure + _older(asked)):
        print(line)


def _older(asked: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return those whose installed version dpkg finds older than the fixed one."""
    pairs = sorted({(one[1], one[4]) for one in asked})
    loop = 'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo y; else echo n; fi; done'
    told = "".join(f"{version} {fixed}\n" for version, fixed in pairs)
    said = subprocess.run(["sh", "-c", loop], input=told, capture_output=True, text=True, check=True).stdout.split()
    answer = dict(zip(pairs, said, strict=True))
    return [one for one in asked if answer[one[1], one[4]] == "y"]


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What nessus-file-reader (GPL-3, in an environment of its own) counts in a .nessus file, as JSON."""

from __future__ import annotations

import json
import sys

import nessus_file_reader as nfr  # type: ignore[import-not-found,unused-ignore]

root = nfr.file.nessus_scan_file_root_element(sys.argv[1])
found = {}
for host in nfr.scan.report_hosts(root):
    items = [one for one in nfr.host.report_items(host) if nfr.plugin.report_item_value(one, "severity") != "0"]
    cves = {cve for one in items for cve in nfr.plugin.report_item_values(one, "cve")}
    found[nfr.host.report_host_name(host)] = sorted(cves)
json.dump(found, sys.stdout)

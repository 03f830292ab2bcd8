"""One assessment in, files out: one format, one file, one row in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from posture.errors import UsageError
from posture.model.assessment import Assessment
from reports.assessment_json import assessment_json, write_json
from reports.blind_spots_csv import blind_spots_csv, write_blind_spots_csv
from reports.bod26_04 import write_bod26_04
from reports.cef import write_cef
from reports.ckl import write_ckl
from reports.cklb import write_cklb
from reports.editions.auditor import build_auditor
from reports.editions.ciso import build_ciso
from reports.editions.html import write_edition_html
from reports.editions.pdf import available as pdf_available
from reports.editions.pdf import write_edition_pdf, write_edition_pdfs
from reports.editions.soc import build_soc
from reports.files import new_directory
from reports.findings_csv import findings_csv, write_findings_csv
from reports.handover.playbook import write_playbook
from reports.handover.shell import write_shell
from reports.handover.tickets import write_tickets
from reports.hdf import write_hdf
from reports.html_report import html_report, write_html
from reports.lines_jsonl import write_jsonl
from reports.ocsf import write_ocsf
from reports.one_pass import Begin, in_one_pass
from reports.oscal import write_oscal
from reports.poam_emass import write_emass
from reports.poam_fedramp import write_fedramp
from reports.prometheus import write_prometheus
from reports.sarif import write_sarif
from reports.syslog import write_syslog
from reports.terminal import summary_lines

__all__ = [
    "FORMATS",
    "STANDARD",
    "Format",
    "chosen",
    "summary_lines",
    "write_all",
    "write_blind_spots_csv",
    "write_findings_csv",
    "write_html",
    "write_json",
]


class Write(Protocol):
    """Writes one format; the marking is the agency's classification or handling banner."""

    def __call__(self, assessment: Assessment, path: Path, *, marking: str = "") -> None:
        """Write the file, or the directory of files, at ``path``."""
        ...


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Format:
    """One way to hand an assessment over."""

    name: str
    file_name: str
    """A name without an ending is a directory."""
    write: Write
    reader: str
    """Whom it is for."""
    standard: bool = False
    """Written after every scan."""
    begin: Begin | None = None
    """Begins the same file, to be written in one pass with others; ``None`` where the format reads for itself."""
    there: Callable[[], bool] = _always
    """False when the extra that writes it is not installed."""


FORMATS: tuple[Format, ...] = (
    Format(
        "html",
        "report.html",
        write_html,
        "people: one page, offline, for screen and paper",
        standard=True,
        begin=html_report,
    ),
    Format(
        "soc-html", "soc.html", partial(write_edition_html, build_soc), "operations: the ordered work list, as a page"
    ),
    Format(
        "ciso-html", "ciso.html", partial(write_edition_html, build_ciso), "heads of security: two pages, as a page"
    ),
    Format(
        "auditor-html",
        "auditor.html",
        partial(write_edition_html, build_auditor),
        "auditors: check by check with source, method, result and evidence",
    ),
    Format(
        "soc-pdf",
        "soc-pdf",
        partial(write_edition_pdfs, build_soc),
        "operations: the same as PDF/UA; a file for each system of a large fleet",
        there=pdf_available,
    ),
    Format(
        "ciso-pdf", "ciso.pdf", partial(write_edition_pdf, build_ciso), "heads of security: PDF/UA", there=pdf_available
    ),
    Format(
        "auditor-pdf",
        "auditor-pdf",
        partial(write_edition_pdfs, build_auditor),
        "auditors: the same as PDF/UA; a file for each system of a large fleet",
        there=pdf_available,
    ),
    Format(
        "csv",
        "findings.csv",
        write_findings_csv,
        "spreadsheets: one row for each finding",
        standard=True,
        begin=findings_csv,
    ),
    Format(
        "blind-csv",
        "blind_spots.csv",
        write_blind_spots_csv,
        "spreadsheets: one row for each thing not seen",
        standard=True,
        begin=blind_spots_csv,
    ),
    Format(
        "json",
        "assessment.json",
        write_json,
        "programs: everything, schema posture.assessment/1",
        standard=True,
        begin=assessment_json,
    ),
    Format(
        "jsonl", "posture.jsonl", write_jsonl, "pipes and SIEMs: run, findings, blind spots, schema posture.lines/1"
    ),
    Format(
        "bod26-04",
        "bod26-04",
        write_bod26_04,
        "CISA reporting: each CVE and host with inputs, row and dates; tags; addresses",
    ),
    Format("oscal", "oscal", write_oscal, "auditors, GRC tools: OSCAL 1.2 results, POA&M, plan, SSP stub"),
    Format("poam-navy", "poam-navy.xlsx", partial(write_emass, "navy"), "ISSMs: eMASS POA&M, Navy layout"),
    Format("poam-usmc", "poam-usmc.xlsx", partial(write_emass, "usmc"), "ISSMs: eMASS POA&M, Marine Corps layout"),
    Format("poam-army", "poam-army.xlsx", partial(write_emass, "army"), "ISSMs: eMASS POA&M, Army layout"),
    Format("poam-fedramp", "poam-fedramp.xlsx", write_fedramp, "ISSOs: FedRAMP POA&M"),
    Format("hdf", "results.hdf.json", write_hdf, "Heimdall and SAF pipelines"),
    Format(
        "ckl", "ckl", write_ckl, "STIG Viewer 2, STIG Manager: a checklist for each host that DISA has a benchmark for"
    ),
    Format("cklb", "cklb", write_cklb, "STIG Viewer 3, STIG Manager: the same as JSON"),
    Format("ocsf", "findings.ocsf.jsonl", write_ocsf, "SOC data lakes: OCSF 1.8 compliance and vulnerability findings"),
    Format("sarif", "findings.sarif", write_sarif, "code scanning and DefectDojo: SARIF 2.1.0"),
    Format("prometheus", "posture.prom", write_prometheus, "dashboards: gauges for node_exporter's textfile collector"),
    Format("syslog", "findings.syslog", write_syslog, "log collectors: RFC 5424, one message a line"),
    Format("cef", "findings.cef", write_cef, "ArcSight, QRadar, Splunk: Common Event Format"),
    Format("ansible", "remediation.yml", write_playbook, "operations: the plan as an Ansible playbook"),
    Format("shell", "remediation", write_shell, "operations: the same as a shell script for each host"),
    Format("tickets", "tickets.csv", write_tickets, "Jira, ServiceNow: one row for each fix of the plan"),
)
STANDARD: tuple[Format, ...] = tuple(row for row in FORMATS if row.standard)


def chosen(names: Iterable[str]) -> tuple[Format, ...]:
    """Return the formats of these names in the order of the table; ``all`` is all that can be written here.

    Raises:
        UsageError: there is no format of a name.
    """
    wanted = {name.strip() for name in names if name.strip()}
    known = {row.name for row in FORMATS}
    if strange := sorted(wanted - known - {"all"}):
        raise UsageError(f"no format `{strange[0]}`", hint=f"one of: {', '.join(row.name for row in FORMATS)}, all")
    everything = tuple(row for row in FORMATS if row.there())
    return everything if "all" in wanted else tuple(row for row in FORMATS if row.name in wanted)


def write_all(
    assessment: Assessment, directory: Path, *, marking: str = "", formats: Iterable[Format] = STANDARD
) -> tuple[Path, ...]:
    """Write the formats into the directory and return the paths, the one for people first.

    Raises:
        UsageError: the directory or a file cannot be written.
    """
    new_directory(directory)
    rows = tuple(formats)
    begun = (row.begin(assessment, directory / row.file_name, marking=marking) for row in rows if row.begin)
    in_one_pass(assessment, begun)
    for row in rows:
        if row.begin is None:
            row.write(assessment, directory / row.file_name, marking=marking)
    return tuple(directory / row.file_name for row in rows)

"""``posture report``, and what ends every command with an assessment: reports written, a summary, an exit code."""

from __future__ import annotations

from pathlib import Path

import click

from posture.assess import stored_assessment
from posture.cli import prepare, terminal
from posture.cli.options import config_option, out_option
from posture.exit_codes import ExitCode
from posture.model.assessment import Assessment
from posture.outcome import exit_code
from posture.store import Store
from reports.formats import FORMATS, STANDARD, Format, chosen, summary_lines, write_all
from reports.part import of_system

_NOT_HERE = " (needs the extra `pdf`)"


@click.command("report")
@click.argument("run", default="latest")
@click.option("--format", "formats", default="", metavar="NAME[,NAME]", help="Only these, or all; see `--formats`.")
@click.option("--system", default="", help="Only the hosts of this system (ATO boundary); a POA&M is about one.")
@click.option("--formats", "list_formats", is_flag=True, help="List the formats and whom they are for.")
@config_option
@out_option
def report_command(
    run: str, formats: str, system: str, list_formats: bool, config_path: Path | None, out: Path
) -> None:
    """Write the reports of a stored run again, in any format.

    \b
    Examples:
      posture report
      posture report 20260620T040000Z-1a2b3c --out out/june
      posture report --format oscal,poam-navy --system portal --out out/portal
      posture report --format soc-html,ciso-pdf,auditor-pdf
      posture report --formats
    """
    if list_formats:
        rows = [(row.name, row.file_name, row.reader + ("" if row.there() else _NOT_HERE)) for row in FORMATS]
        terminal.table("formats", ("name", "file", "for"), rows, empty="none")
        return
    config = prepare.read_config(config_path, out)
    rows_wanted = chosen(formats.split(",")) if formats else STANDARD
    if "all" in formats.split(",") and (missing := [row.name for row in FORMATS if not row.there()]):
        terminal.note(f"not written, the extra `pdf` is not installed: {', '.join(missing)}")
    with prepare.open_store(config) as store:
        assessment = stored_assessment(store, run)
        if system:
            assessment = of_system(assessment, system)
        hand_over_assessment(assessment, out, config.marking, rows_wanted)


def hand_over(store: Store, ref: str, out: Path, marking: str) -> int:
    """Write the reports of a stored run, print its summary, and return the exit code."""
    return hand_over_assessment(stored_assessment(store, ref), out, marking)


def hand_over_assessment(
    assessment: Assessment, out: Path, marking: str, formats: tuple[Format, ...] = STANDARD
) -> int:
    """Write the reports of an assessment, print its summary, and return the exit code."""
    files = write_all(assessment, out, marking=marking, formats=formats)
    for line in summary_lines(assessment, files):
        terminal.say(line)
    code = exit_code(assessment)
    if code is ExitCode.NOTHING_ASSESSED:
        terminal.note("nothing was assessed: no host answered, see the blind spots in the report")
    return int(code)


COMMANDS = (report_command,)

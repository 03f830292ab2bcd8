"""The root command: finds the group, and turns every error into a message, a hint and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import click

from posture import __version__
from posture.cli import terminal
from posture.cli.commands import Commands
from posture.errors import PostureError, UsageError
from posture.exit_codes import ExitCode
from posture.install import refuse_foreign_packages


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="posture")
def root() -> None:
    """Network-hardening posture of federal systems: what is exposed, what to fix first, by when, with what proof.

    \b
    Start here:
      posture scan --self                scan this machine
      posture init                       write a commented inventory, scope and configuration
      posture trust -i inventory.yaml    record the hosts' SSH keys, on purpose
      posture scan -i inventory.yaml     scan the fleet
      posture demo                       look at a made-up agency first

    \b
    Exit codes of a scan:
      0 clean and complete   1 findings at or above the threshold   2 usage
      3 nothing was assessed   4 clean as far as seen, with blind spots
      5 findings and blind spots   70 a bug
    """


def main() -> None:
    """Run the command line and exit; no error leaves as a traceback."""
    try:
        refuse_foreign_packages()
        code = root.main(standalone_mode=False, prog_name="posture")
        sys.exit(code if isinstance(code, int) else ExitCode.CLEAN)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.Abort:
        terminal.note("stopped; what was collected is kept: `posture runs` shows it, `posture scan --resume` goes on")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except PostureError as error:
        terminal.fail(error)
        sys.exit(ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.BUG)
    except OSError as error:
        if error.filename is None:
            sys.exit(_bug(error))
        # A path the operator named, or the machine's own limits: nothing of ours is broken.
        hint = "check the path, its permissions and the space that is left"
        terminal.fail(UsageError(f"{error.filename}: {error.strerror}", hint=hint))
        sys.exit(ExitCode.USAGE)
    except Exception as bug:  # noqa: BLE001 - the one place where a bug becomes exit code 70
        sys.exit(_bug(bug))
    finally:
        terminal.flush()


def _bug(bug: Exception) -> int:
    trace = "".join(traceback.format_exception(bug))
    place = Path(os.environ.get("POSTURE_BUG_FILE", "posture-bug.txt"))
    try:
        place.write_text(f"{type(bug).__name__}\n{_without_values(trace)}", "utf-8")
        place.chmod(0o600)
        where = f"details without host data in {place}"
    except OSError:
        where = "details could not be written"
    terminal.err.print(f"[bold red]bug:[/] {type(bug).__name__}; this is ours, not yours. {where}", soft_wrap=True)
    return ExitCode.BUG


def _without_values(trace: str) -> str:
    """Keep frames and exception types; the message may hold what a host said, so it goes."""
    kept = [line for line in trace.splitlines() if line.startswith(("  File", "Traceback"))]
    return "\n".join([*kept, f"posture {__version__}"]) + "\n"

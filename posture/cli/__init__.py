"""The command line: one file per command group; parse, call, print, exit."""

from posture.cli.main import main

__all__ = ["main"]

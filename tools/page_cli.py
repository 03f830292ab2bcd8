"""docs/cli.md: every command with the help it prints."""

from __future__ import annotations

from collections.abc import Iterator

import click

from posture.cli.main import root
from tools.markdown import BANNER, block

WIDTH = 100  # of the help in the page, whatever the terminal is that `make docs` runs in


def cli_page() -> str:
    """Return the page: a list of the commands, then each with its help."""
    commands = sorted(_commands(root, ("posture",)), key=lambda entry: entry[0])
    parts = [BANNER, "# Command line\n\n"]
    for path, command in commands[1:]:
        name = " ".join(path)
        first = command.get_short_help_str(limit=200)
        parts.append(f"- [{name}](#{name.replace(' ', '-')}): {first}\n")
    parts += [f"\n## {' '.join(path)}\n\n{block(_help(path, command))}" for path, command in commands]
    return "".join(parts)


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if command.hidden:
        return
    yield path, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                if child:
                    yield from _commands(child, (*path, name))


def _help(path: tuple[str, ...], command: click.Command) -> str:
    settings = {**root.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    with click.Context(command, info_name=" ".join(path), **settings) as context:
        return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())

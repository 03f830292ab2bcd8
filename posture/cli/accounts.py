"""``posture account``: tokens with which programs read the dashboard's API."""

from __future__ import annotations

from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, out_option
from posture.inputs.this_machine import operator
from posture.model.account import Role
from posture.serve.tokens import LONGEST_DAYS, Tokens


@click.group("account")
def account_group() -> None:
    """Make and revoke tokens of the API; accounts of people are made in the dashboard."""


@account_group.command("token")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="viewer", show_default=True)
@click.option("--system", "systems", multiple=True, help="Only hosts of this system; may be given again.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, LONGEST_DAYS), help="How long it lives.")
@config_option
@out_option
def token_command(
    name: str, role: str, systems: tuple[str, ...], days: int, config_path: Path | None, out: Path
) -> None:
    """Make a token and print it; it is shown this once.

    \b
    Examples:
      posture account token siem
      posture account token hr-dashboard --system HR --days 30
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        by = f"command line, {operator()}"
        token = Tokens(store, prepare.now).make(name, Role(role), tuple(sorted(set(systems))), days, by=by)
    terminal.say(token)
    terminal.note("send it as `Authorization: Bearer …` to /api/v1; it cannot be shown again")


@account_group.command("tokens")
@config_option
@out_option
def tokens_command(config_path: Path | None, out: Path) -> None:
    """List the tokens of the API, also those that open nothing any more."""
    now = prepare.now()
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        found = store.tokens.all()
    rows = [
        (
            one.name,
            one.role.value,
            ", ".join(one.systems) or "every system",
            f"{one.expires_at:%Y-%m-%d %H:%M}",
            "good" if one.good(now) else "revoked" if one.revoked_at else "ended",
            one.made_by,
        )
        for one in found
    ]
    terminal.table("tokens", ("name", "role", "sees", "ends (UTC)", "state", "made by"), rows, empty="no token")


@account_group.command("revoke")
@click.argument("name")
@config_option
@out_option
def revoke_command(name: str, config_path: Path | None, out: Path) -> None:
    """Let a token open nothing any more, at once."""
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        store.tokens.revoke(name, by=f"command line, {operator()}", at=prepare.now())
    terminal.say(f"{name} is revoked")


COMMANDS = (account_group,)

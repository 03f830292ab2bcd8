"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path

import click

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where reports go, and the store when no configuration names one.",
)
config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration; posture.yaml here if there is one.",
)
profile_option = click.option("--profile", default="", help="fceb, dow or nss; the configuration's when left out.")
moment_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Judge dates by this UTC day or moment.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
run_option = click.option(
    "--run", default="latest", show_default=True, help="A run id, the beginning of one, or latest."
)

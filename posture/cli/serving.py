"""``posture serve``: the dashboard, in a browser."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.scanning import config_option, out_option
from posture.errors import UsageError


@click.command("serve")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8443, show_default=True, type=click.IntRange(1, 65535))
@click.option("--tls-certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_option
@out_option
def serve_command(
    listen: str,
    port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    config_path: Path | None,
    out: Path,
) -> None:
    """Show the stored runs in a browser; the first administrator comes from a one-time token printed here.

    Anything but this machine's own loopback address needs a certificate.

    \b
    Examples:
      posture serve
      posture serve --listen 10.1.2.3 --tls-certificate dashboard.crt --tls-key dashboard.key
    """
    secure = tls_certificate is not None and tls_key is not None
    if not secure and not _loopback(listen):
        hint = "give --tls-certificate and --tls-key, or listen on 127.0.0.1"
        raise UsageError(f"{listen} is not this machine alone, and there is no certificate", hint=hint)
    try:
        import uvicorn  # noqa: PLC0415 - an extra, asked for here only

        from posture.serve.app import Settings, create_app  # noqa: PLC0415
        from posture.serve.door import Door  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        hint = "pip install 'posture-scanner[serve]'"
        raise UsageError(f"the dashboard needs {missing.name}", hint=hint) from None
    config = prepare.read_config(config_path, out)
    with prepare.open_store(config) as store:
        door = Door(store, prepare.now)
        app = create_app(store, door, Settings(secure, config.marking))
        host = f"[{listen}]" if ":" in listen else listen
        terminal.say(f"dashboard: {'https' if secure else 'http'}://{host}:{port}/")
        if token := door.first_token():
            terminal.say(f"one-time token of the first administrator: {token}")
        terminal.note("Ctrl-C ends it")
        sys.stdout.flush()  # a service's journal, or a file, must show the token now
        uvicorn.run(
            app,
            host=listen,
            port=port,
            ssl_certfile=str(tls_certificate) if secure else None,
            ssl_keyfile=str(tls_key) if secure else None,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=10,
        )


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return text == "localhost"


COMMANDS = (serve_command,)

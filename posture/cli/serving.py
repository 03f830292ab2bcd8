"""``posture serve`` and ``systemd``: the dashboard in a browser and the schedules kept, by hand or as a service."""

from __future__ import annotations

import ipaddress
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.scanning import config_option, out_option
from posture.cli.scheduling import keeper_of, told_to_end
from posture.config import Config
from posture.errors import UsageError
from posture.schedule.errand import PROGRAM
from posture.schedule.keeper import Keeper
from posture.schedule.units import Placement, units
from posture.store import Store


@click.command("serve")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8443, show_default=True, type=click.IntRange(1, 65535))
@click.option("--tls-certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--no-dashboard", is_flag=True, help="Keep the schedules only.")
@click.option("--no-schedules", is_flag=True, help="Show the dashboard only; another process keeps the schedules.")
@config_option
@out_option
def serve_command(
    listen: str,
    port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    no_dashboard: bool,
    no_schedules: bool,
    config_path: Path | None,
    out: Path,
) -> None:
    """Show the stored runs in a browser, and begin what is scheduled.

    The first administrator comes from a one-time token printed here. Anything but this machine's own loopback address
    needs a certificate. When it is told to end, scans that it began are stopped as `posture stop` would, and taken up
    again at the next start.

    \b
    Examples:
      posture serve
      posture serve --listen 10.1.2.3 --tls-certificate dashboard.crt --tls-key dashboard.key
      posture serve --no-dashboard
    """
    if no_dashboard and no_schedules:
        raise UsageError("nothing is left to do", hint="give `--no-dashboard` or `--no-schedules`, not both")
    config = prepare.read_config(config_path, out)
    if no_dashboard:
        with prepare.open_store(config, create=True) as store, told_to_end() as stop:
            terminal.note("keeping the schedules; Ctrl-C ends it")
            keeper_of(store, config_path, out).run(stop)
        return
    secure = tls_certificate is not None and tls_key is not None
    if not secure and not _loopback(listen):
        hint = "give --tls-certificate and --tls-key, or listen on 127.0.0.1"
        raise UsageError(f"{listen} is not this machine alone, and there is no certificate", hint=hint)
    with prepare.open_store(config) as store:
        keeper = None if no_schedules else keeper_of(store, config_path, out)
        _dashboard(store, config, listen, port, (tls_certificate, tls_key) if secure else None, keeper)


def _dashboard(
    store: Store,
    config: Config,
    listen: str,
    port: int,
    tls: tuple[Path | None, Path | None] | None,
    keeper: Keeper | None,
) -> None:
    """Serve until told to end, the schedules in a thread beside it."""
    try:
        import uvicorn  # noqa: PLC0415 - an extra, asked for here only

        from posture.serve.app import Settings, create_app  # noqa: PLC0415
        from posture.serve.door import Door  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        hint = "pip install 'posture-scanner[serve]'"
        raise UsageError(f"the dashboard needs {missing.name}", hint=hint) from None
    door = Door(store, prepare.now)
    app = create_app(store, door, Settings(tls is not None, config.marking))
    host = f"[{listen}]" if ":" in listen else listen
    terminal.say(f"dashboard: {'https' if tls else 'http'}://{host}:{port}/")
    if token := door.first_token():
        terminal.say(f"one-time token of the first administrator: {token}")
    terminal.note("Ctrl-C ends it")
    sys.stdout.flush()  # a service's journal, or a file, must show the token now
    with told_to_end() as stop, _kept(keeper, stop):
        uvicorn.run(
            app,
            host=listen,
            port=port,
            ssl_certfile=str(tls[0]) if tls else None,
            ssl_keyfile=str(tls[1]) if tls else None,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=10,
        )


@contextmanager
def _kept(keeper: Keeper | None, stop: threading.Event) -> Iterator[None]:
    """Keep the schedules while the block runs; scans that were begun are stopped before it is left."""
    if keeper is None:
        yield
        return
    thread = threading.Thread(target=keeper.run, args=(stop,), name="schedules")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@click.command("systemd")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("systemd"),
    show_default=True,
    help="Where the files are written; nothing is installed.",
)
@click.option("--user", default="posture", show_default=True, help="Account the service runs as; never root.")
@click.option("--state", default="/var/lib/posture", show_default=True, help="Its one writable directory.")
@click.option(
    "--config", "-c", "config", default="/etc/posture/posture.yaml", show_default=True, help="As on the server."
)
@click.option("--serve-option", "serve", multiple=True, metavar="OPTION", help="For `posture serve`; may be repeated.")
def systemd_command(directory: Path, user: str, state: str, config: str, serve: tuple[str, ...]) -> None:
    """Write hardened unit files: a service, and a timer for those who want no process that stays.

    \b
    Examples:
      posture systemd
      posture systemd --serve-option=--listen=10.1.2.3 --serve-option=--tls-certificate=/etc/posture/tls.crt \\
                      --serve-option=--tls-key=/etc/posture/tls.key
    """
    script = Path(sys.executable).parent / "posture"
    program = (str(script),) if script.is_file() else PROGRAM
    written = units(Placement(program, config, state, user, serve))
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (directory / name).write_text(text, "utf-8")
        terminal.say(f"{directory / name}")
    terminal.note(f"check: systemd-analyze verify {directory}/*")
    terminal.note(f"install: useradd --system --home-dir {state} {user}; copy them to /etc/systemd/system")
    terminal.note("then either: systemctl enable --now posture.service, or: systemctl enable --now posture-due.timer")


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return text == "localhost"


COMMANDS = (serve_command, systemd_command)

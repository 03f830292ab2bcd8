"""``posture serve`` and ``systemd``: the dashboard in a browser and the schedules kept, by hand or as a service."""

from __future__ import annotations

import ipaddress
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from posture.cli import prepare, terminal
from posture.cli.options import config_option, out_option
from posture.cli.scheduling import keeper_of, told_to_end
from posture.errors import UsageError
from posture.inputs.config import Config
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
@click.option("--log-json", is_flag=True, help="Log every request and event as one JSON object on a line.")
@config_option
@out_option
def serve_command(
    listen: str,
    port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    no_dashboard: bool,
    no_schedules: bool,
    log_json: bool,
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
        stop = threading.Event()
        with prepare.open_store(config, create=True) as store, told_to_end(stop.set):
            terminal.note("keeping the schedules; Ctrl-C ends it")
            keeper_of(store, config_path, out).run(stop)
        return
    secure = tls_certificate is not None and tls_key is not None
    if not secure and not _loopback(listen):
        hint = "give --tls-certificate and --tls-key, or listen on 127.0.0.1"
        raise UsageError(f"{listen} is not this machine alone, and there is no certificate", hint=hint)
    with prepare.open_store(config) as store:
        keeper = None if no_schedules else keeper_of(store, config_path, out)
        way = _Way(listen, port, (tls_certificate, tls_key) if secure else None, log_json)
        _dashboard(store, config, way, keeper)


@dataclass(frozen=True, slots=True)
class _Way:
    """How the server is reached, and how it logs."""

    listen: str
    port: int
    tls: tuple[Path | None, Path | None] | None
    log_json: bool


def _dashboard(store: Store, config: Config, way: _Way, keeper: Keeper | None) -> None:
    """Serve until told to end, the schedules in a thread beside it."""
    try:
        import uvicorn  # noqa: PLC0415 - an extra, asked for here only

        from posture.serve.app import create_app  # noqa: PLC0415 - needs the extra
        from posture.serve.door import Door  # noqa: PLC0415 - needs the extra
        from posture.serve.gate import Settings  # noqa: PLC0415 - needs the extra
        from posture.serve.proxy import Proxy  # noqa: PLC0415 - needs the extra
        from posture.serve.single_sign_on import from_entry  # noqa: PLC0415 - needs the extra
        from posture.serve.watch import log_as_json  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as missing:
        hint = "pip install 'posture-scanner[serve]'"
        raise UsageError(f"the dashboard needs {missing.name}", hint=hint) from None
    door = Door(store, prepare.now)
    proxy = Proxy()
    if entry := config.serve.proxy:
        addresses = frozenset(str(ipaddress.ip_address(one)) for one in entry.addresses)
        proxy = Proxy(addresses, entry.subject_header, entry.verify_header, entry.subjects)
    # Behind a proxy that checks certificates, or that people are sent back to by https, the browser's side is TLS.
    oidc = config.serve.oidc
    secure = way.tls is not None or bool(proxy.addresses) or bool(oidc and oidc.public_url.startswith("https://"))
    sign_on = from_entry(oidc, prepare.now, secure=secure) if oidc else None
    settings = Settings(secure, config.marking, proxy, sign_on)
    if way.log_json and keeper is not None:
        keeper.say = logging.getLogger("posture.scheduler").info
    stop = threading.Event()
    beside = [threading.Thread(target=keeper.run, args=(stop,), name="schedules")] if keeper else []
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(store, door, settings, lambda: all(one.is_alive() for one in beside)),
            host=way.listen,
            port=way.port,
            ssl_certfile=str(way.tls[0]) if way.tls else None,
            ssl_keyfile=str(way.tls[1]) if way.tls else None,
            log_config=log_as_json() if way.log_json else uvicorn.config.LOGGING_CONFIG,
            log_level="info" if way.log_json else "warning",
            access_log=way.log_json,
            server_header=False,
            proxy_headers=False,  # the peer is the peer: whom a proxy speaks for is `posture.serve.proxy`'s to say
            timeout_graceful_shutdown=10,
        )
    )

    def end() -> None:
        stop.set()
        server.should_exit = True  # uvicorn listens to signals from its start on only; one that came before counts too

    with told_to_end(end), _beside(beside, stop):
        host = f"[{way.listen}]" if ":" in way.listen else way.listen
        terminal.say(f"dashboard: {'https' if way.tls else 'http'}://{host}:{way.port}/")
        if token := door.first_token():
            terminal.say(f"one-time token of the first administrator: {token}")
        terminal.note("Ctrl-C ends it")
        sys.stdout.flush()  # a service's journal, or a file, must show the token now
        server.run()


@contextmanager
def _beside(threads: list[threading.Thread], stop: threading.Event) -> Iterator[None]:
    """Run the threads while the block runs; scans that were begun are stopped before it is left."""
    for one in threads:
        one.start()
    try:
        yield
    finally:
        stop.set()
        for one in threads:
            one.join()


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

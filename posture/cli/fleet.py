"""``posture init``, ``trust``, ``manifest``, ``export`` and ``merge``: what goes before and between scans."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path

import click

from collectors.ai.scan import ai_manifest
from collectors.manifest import Manifest, manifest, sudoers
from collectors.network.exposure_plan import PlannedProbe, probe_manifest
from collectors.registry import COLLECTORS
from collectors.transports.hostkeys import known_hosts_name
from collectors.transports.reach import admitted_address
from collectors.transports.ssh import scan_host_key
from posture.cli import jobs, prepare, templates, terminal
from posture.cli.options import config_option, out_option
from posture.cli.reporting import hand_over
from posture.errors import CollectError, UsageError
from posture.gather import Work
from posture.inputs import inventory, scope_file
from posture.inputs.scope import Scope
from posture.model.host import Host, Inventory, TransportKind
from posture.run import merge
from posture.store import Store
from reports.inert import inert

inventory_option = click.option(
    "-i",
    "--inventory",
    "inventory_path",
    required=True,
    type=click.Path(path_type=Path),
    help="Inventory, ours or Ansible's.",
)
scope_option = click.option(
    "--scope", "scope_path", type=click.Path(path_type=Path), help="Authorisation; scope.yaml beside the inventory."
)


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
def init_command(directory: Path) -> None:
    """Write a commented inventory, scope and configuration to start from; nothing that exists is touched.

    \b
    Example:
      posture init agency && cd agency
    """
    today = prepare.now().date()
    scope = templates.SCOPE.format(opens=f"{today}T00:00:00Z", closes=f"{today + timedelta(days=30)}T00:00:00Z")
    files = {"inventory.yaml": templates.INVENTORY, "scope.yaml": scope, "posture.yaml": templates.CONFIG}
    directory.mkdir(parents=True, exist_ok=True)
    existing = [name for name in files if (directory / name).exists()]
    if existing:
        raise UsageError(
            f"{directory / existing[0]} exists already", hint="choose another directory: posture init DIRECTORY"
        )
    for name, text in files.items():
        path = directory / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        terminal.say(f"wrote {path}")
    terminal.say("next: fill them in, then `posture trust -i inventory.yaml`, then `posture scan -i inventory.yaml`")


@click.command("trust")
@inventory_option
@scope_option
@config_option
@out_option
@click.option("--host", "only", multiple=True, help="Only this host id; may be repeated.")
@click.option("--yes", is_flag=True, help="Record every key without asking; for keys you compared another way.")
def trust_command(
    inventory_path: Path, scope_path: Path | None, config_path: Path | None, out: Path, only: tuple[str, ...], yes: bool
) -> None:
    """Record the SSH host keys of the inventory, on purpose: compare each fingerprint with the host's console first.

    A scan never trusts a key on first use; this is the only place where one is recorded.

    \b
    Examples:
      posture trust -i inventory.yaml
      posture trust -i inventory.yaml --host web1
    """
    config = prepare.read_config(config_path, out)
    scope = scope_file.read(scope_path or inventory_path.parent / prepare.SCOPE_FILE)
    read = inventory.read(inventory_path)
    logins = {TransportKind.SSH, TransportKind.OPENSSH}
    hosts = [host for host in read.hosts if host.access.transport in logins and (not only or host.id in only)]
    if not hosts:
        raise UsageError(
            "no host of this inventory is reached over SSH", hint="see `--host`, and `access` in the inventory"
        )
    recorded = sum(_trust(host, scope, config.known_hosts, yes) for host in hosts)
    terminal.say(f"{recorded} of {len(hosts)} keys recorded in {config.known_hosts}")


def _trust(host: Host, scope: Scope, known_hosts: Path, yes: bool) -> bool:
    if host.access.jump:
        terminal.say(
            f"{host.id}: behind a jump host; record its key there, or pin it in the inventory (access.host_keys)"
        )
        return False
    try:
        address = admitted_address(host, scope, prepare.now())
        key = scan_host_key(address, host.access.port, timeout_s=10)
    except CollectError as error:
        terminal.say(f"{host.id}: {inert(str(error))}")
        return False
    line = f"{known_hosts_name(address, host.access.port)} {key.type} {key.base64}"
    if known_hosts.exists() and line in known_hosts.read_text("utf-8", "replace").splitlines():
        terminal.say(f"{host.id}: {key.fingerprint} is recorded already")
        return False
    terminal.say(f"{host.id} ({address}) shows {key.type} {key.fingerprint}")
    if not yes and not click.confirm("  is this what the host's console says?", default=False):
        return False
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(known_hosts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(fd, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    return True


@click.command("manifest")
@click.option(
    "-i",
    "--inventory",
    "inventory_path",
    type=click.Path(path_type=Path),
    help="Show the network probes of its hosts too.",
)
@scope_option
@click.option(
    "--sudoers", "account", default="", metavar="ACCOUNT", help="Print only the sudoers file for this account."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def manifest_command(inventory_path: Path | None, scope_path: Path | None, account: str, as_json: bool) -> None:
    """Show everything a scan would do: every command, as whom, and every network probe. Sends nothing.

    \b
    Examples:
      posture manifest
      posture manifest --sudoers posture > /etc/sudoers.d/posture
      posture manifest -i inventory.yaml --json
    """
    if account:
        terminal.write(sudoers(COLLECTORS, account))
        return
    whole = manifest(COLLECTORS)
    probes: list[PlannedProbe] = []
    if inventory_path is not None:
        scope = scope_file.read(scope_path or inventory_path.parent / prepare.SCOPE_FILE)
        read = inventory.read(inventory_path)
        probes = _probes(scope, read)
    if as_json:
        terminal.as_json({"commands": whole, "probes": probes})
        return
    _print_manifest(whole)
    if inventory_path is not None:
        terminal.say()
        lines = [(probe.vantage, " ".join(probe.argv), ", ".join(probe.targets)) for probe in probes]
        terminal.table(f"{len(lines)} network probes", ("from", "probe", "targets"), lines, empty="no network probe")


def _probes(scope: Scope, read: Inventory) -> list[PlannedProbe]:
    """Return every nmap run of a whole scan and what AI services may be asked, the scanner's own first."""
    granted = {grant.host for grant in scope.vantages}
    here = jobs.standing_at(read)
    probes = [*probe_manifest(scope, read.hosts, here), *ai_manifest(scope, read.hosts, here)]
    for vantage in (one for one in read.vantages if one.host in granted):
        others = [host for host in read.hosts if host.id != vantage.host]
        probes += probe_manifest(scope, others, vantage, raw=True)
    return probes


def _print_manifest(whole: Manifest) -> None:
    rows = [
        ("root" if one.as_root else "account", str(one.batch), one.topic, " ".join(one.argv)) for one in whole.entries
    ]
    terminal.table(f"{len(rows)} commands on each host", ("as", "batch", "topic", "command"), rows, empty="no command")
    terminal.say()
    cost = whole.cost
    terminal.say(
        f"on each host, every scan: {cost.logins} login, {cost.commands} processes ({cost.root_commands} as root), "
        f"about {cost.expected_s:.0f} s at the lowest priority, at most {cost.output_limit_bytes / 1e6:.0f} MB of "
        f"output; {cost.log_lines} lines in the authentication log, {cost.audit_records} audit records"
    )
    less = whole.cost_in_one_shell
    terminal.say(
        "an account that may run anything by sudo runs root's part in one shell of root's: "
        f"{less.log_lines} lines in the authentication log, {less.audit_records} audit records"
    )


@click.command("export")
@click.argument("run")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@out_option
def export_command(run: str, file: Path, config_path: Path | None, out: Path) -> None:
    """Write everything of a run to one file, to be carried to another network.

    \b
    Example:
      posture export latest enclave-a.posture
    """
    with prepare.open_store(prepare.read_config(config_path, out)) as store:
        digest = store.export_run(run, file)
    terminal.say(f"{file}: sha256 {digest}")


@click.command("merge")
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]FILE...")
@config_option
@out_option
@click.pass_context
def merge_command(context: click.Context, files: tuple[str, ...], config_path: Path | None, out: Path) -> None:
    """Merge runs of networks that never meet into one assessment; each host keeps where it came from.

    NAME= gives an enclave a name of its own, so that two networks may use the same host ids.

    \b
    Example:
      posture merge red=enclave-red.posture blue=enclave-blue.posture
    """
    config = prepare.read_config(config_path, out)
    moment = prepare.now()
    with prepare.open_store(config, create=True) as store:
        sources = [_imported(store, text, moment) for text in files]
        with terminal.steps() as progress:
            run_id = merge(store, sources, moment, Work(progress))
        code = hand_over(store, run_id, out, config.marking)
    context.exit(code)


def _imported(store: Store, text: str, moment: datetime) -> str:
    """Return the id of the run that ``[NAME=]FILE`` holds; one that was imported before is taken as it is."""
    enclave, _, name = text.rpartition("=")
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"{path}: no such file", hint="`posture export` writes one")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    for found in store.runs():
        origin = found.provenance
        if origin is not None and (origin.file_sha256, origin.enclave) == (digest, enclave):
            return found.run.id
    return store.import_run(path, moment, enclave=enclave)


COMMANDS = (init_command, trust_command, manifest_command, export_command, merge_command)

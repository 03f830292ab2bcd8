"""Every command by name, so that help and completion load none of them and a command loads what it needs itself."""

from __future__ import annotations

from importlib import import_module

import click
from click.shell_completion import CompletionItem

SECTIONS = {
    "Prepare": {
        "init": ("fleet", "Write a commented inventory, scope and configuration to start from;..."),
        "trust": ("fleet", "Record the SSH host keys of the inventory, on purpose: compare each..."),
        "manifest": ("fleet", "Show everything a scan would do: every command, as whom, and every..."),
        "checks": ("baselines", "List, explain and lint the checks."),
        "feeds": ("feeds", "Fetch, import and list the feeds of known vulnerabilities."),
        "config": ("operating", "Show what the program goes by."),
        "doctor": ("operating", "Look at all that a scan leans on, and say what is wrong and which..."),
    },
    "Scan": {
        "scan": ("scanning", "Read hosts, look at them from the network, judge them, and write..."),
        "stop": ("scanning", "Stop a running scan cleanly, from another terminal; what it..."),
        "demo": ("scanning", "Look at a made-up agency of a dozen hosts, replayed from recorded..."),
        "discover": ("discovering", "Sweep the networks of the scope for hosts that no inventory knows,..."),
        "import": ("importing", "Import what other scanners found; the next scan joins it with its own."),
        "record": ("replaying", "Write everything the hosts of a run answered to files, redacted as..."),
        "replay": ("replaying", "Judge recorded answers as a run of their own; no host is touched,..."),
        "evaluate": ("scanning", "Judge stored evidence again, offline, from the raw answers up;..."),
        "export": ("fleet", "Write everything of a run to one file, to be carried to another..."),
        "merge": ("fleet", "Merge runs of networks that never meet into one assessment; each..."),
    },
    "Read": {
        "runs": ("reading", "List the stored runs, the newest first."),
        "report": ("reporting", "Write the reports of a stored run again, in any format."),
        "show": ("showing", "Show one host, finding, check or evidence of a run."),
        "findings": ("reading", "List findings as they stand now, by due date."),
        "diff": ("comparing", "Show what changed between two runs, and whether the host, the..."),
        "burndown": ("burning", "Show how findings open and close by day, and which will be late at..."),
        "paths": ("paths", "List the ways an attacker has to what must not be lost, the worst..."),
        "path": ("paths", "Tell one attack path as numbered steps, with what ends it; an id..."),
        "whatif": ("plans", "Show what fixes would come to: ways that end, what is left, and how..."),
    },
    "Fix": {
        "plan": ("plans", "Say who mends what on which day, and write plan.json, plan.csv and..."),
        "handover": ("handing", "Write the plan's fixes for those who make them; nothing is run, and..."),
        "receipts": ("proving", "List the proof of every fix that stands, and what is changed and..."),
        "attest": ("attesting", "Answer by name for a check on a host that no program could decide;..."),
        "attestations": ("attesting", "List what people answer for, with the day until which each..."),
        "dispute": ("paths", "Say that a step of the attack graph is wrong; it is marked from the..."),
    },
    "Prove": {
        "bundle": ("proving", "Write everything of a run into one signed file that an auditor can..."),
        "verify": ("proving", "Check an evidence bundle, judge its raw evidence again, and compare..."),
        "countersign": ("sealing", "Add a second person's signature to an evidence bundle, over the..."),
        "timestamp": ("sealing", "Have an evidence bundle stamped by an authority (RFC 3161); you..."),
        "exchange": ("exchanging", "Share what was validated, and take in what others call urgent, by..."),
    },
    "Keep running": {
        "serve": ("serving", "Show the stored runs in a browser, and begin what is scheduled."),
        "schedule": ("scheduling", "Keep scans, discovery, feeds and retention running by themselves;..."),
        "systemd": ("serving", "Write hardened unit files: a service, and a timer for those who..."),
        "notify": ("notifying", "Tell the configured webhooks and mailboxes what a run brought since..."),
        "account": ("accounts", "Make and revoke tokens of the API; accounts of people are made in..."),
        "store": ("keeping", "Back the store up, restore it, check it, make it small again, let..."),
    },
}
"""By section and name: the module whose ``COMMANDS`` hold it, and the first words of its help."""
_KNOWN = {name: known for section in SECTIONS.values() for name, known in section.items()}


class Commands(click.Group):
    """A group whose commands are loaded when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_KNOWN)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _KNOWN:
            return None
        module = import_module(f"posture.cli.{_KNOWN[cmd_name][0]}")
        found: click.Command = next(command for command in module.COMMANDS if command.name == cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, told) for name, (_, told) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [CompletionItem(name, help=told) for name, (_, told) in _KNOWN.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

"""The `kernel` topic: which kernel runs, its settings as they are and as they are configured, and what it may load."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.modprobe import MODPROBE_DIRECTORIES, ModuleRule, rules_of
from collectors.records import FRAME, blind, framed_files, frames_are_whole, garbled, lines, settled
from collectors.sysctl import SYSCTL_DIRECTORIES, configured, differing
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """The running kernel and its hardening."""

    release: str | None
    """`uname -r` of what runs."""
    installed: list[str]
    """Releases with an image in /boot, or modules in /lib/modules; oldest first. Empty in containers."""
    newest_installed: str | None
    """Newest of the same flavour as the running one; absent when no kernel is installed here (containers)."""
    running_is_newest: bool | None
    """Absent when no kernel is installed here."""
    reboot_required: bool | None
    """A package left `/run/reboot-required` (Debian and Ubuntu only), or a newer kernel is installed."""
    sysctl: dict[str, int | str]
    """Running values of ``WATCHED``; whole numbers are numbers. A key unknown to this kernel is absent."""
    configured: dict[str, int | str]
    """Values that the files set for the next boot, `systemd-sysctl` order; a key no file sets is absent."""
    drift: Listing[str]
    """Keys whose running value is not the configured one, sorted."""
    lockdown: str | None
    """``none``, ``integrity`` or ``confidentiality``; absent when the kernel was built or booted without it."""
    security_modules: list[str]
    """Active LSMs in the kernel's order."""
    secure_boot: bool | None
    """Absent on machines that did not boot by UEFI."""
    modules: list[str]
    """Loaded modules, sorted."""
    module_rules: Listing[ModuleRule]
    """One for each of ``RARE_MODULES``, by name."""
    coredump: dict[str, int | str]
    """Keys of `[Coredump]` in coredump.conf and its drop-ins, lower case: ``storage``, ``processsizemax``."""


WATCHED = (
    "fs.protected_fifos",
    "fs.protected_hardlinks",
    "fs.protected_regular",
    "fs.protected_symlinks",
    "fs.suid_dumpable",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.core_pattern",
    "kernel.dmesg_restrict",
    "kernel.io_uring_disabled",
    "kernel.kexec_load_disabled",
    "kernel.kptr_restrict",
    "kernel.modules_disabled",
    "kernel.perf_event_paranoid",
    "kernel.randomize_va_space",
    "kernel.sysrq",
    "kernel.unprivileged_bpf_disabled",
    "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope",
    "net.core.bpf_jit_enable",
    "net.core.bpf_jit_harden",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.accept_source_route",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.log_martians",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.all.secure_redirects",
    "net.ipv4.conf.all.send_redirects",
    "net.ipv4.conf.default.accept_redirects",
    "net.ipv4.conf.default.accept_source_route",
    "net.ipv4.conf.default.forwarding",
    "net.ipv4.conf.default.log_martians",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.default.secure_redirects",
    "net.ipv4.conf.default.send_redirects",
    "net.ipv4.icmp_echo_ignore_broadcasts",
    "net.ipv4.icmp_ignore_bogus_error_responses",
    "net.ipv4.ip_forward",
    "net.ipv4.tcp_syncookies",
    "net.ipv6.conf.all.accept_ra",
    "net.ipv6.conf.all.accept_redirects",
    "net.ipv6.conf.all.accept_source_route",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.accept_ra",
    "net.ipv6.conf.default.accept_redirects",
    "net.ipv6.conf.default.accept_source_route",
    "net.ipv6.conf.default.disable_ipv6",
    "net.ipv6.conf.default.forwarding",
    "user.max_user_namespaces",
    "vm.mmap_min_addr",
    "vm.unprivileged_userfaultfd",
)
"""The sysctl keys we ask for; `sysctl -a` would bring a thousand that never stay the same."""

_COREDUMP_PLACES = (
    "/usr/lib/systemd/coredump.conf",
    "/etc/systemd/coredump.conf",
    "/usr/lib/systemd/coredump.conf.d",
    "/run/systemd/coredump.conf.d",
    "/etc/systemd/coredump.conf.d",
)
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_TEXTS = (
    "-name",
    "*.conf",
    "-printf",
    FRAME,
    "!",
    "-type",
    "d",
    "-exec",
    "/usr/bin/grep",
    "-I",
    "-D",
    "skip",
    ".",
    "{}",
    ";",
)

COMMANDS = (
    Command("kernel.release", ("/usr/bin/uname", "-r"), max_bytes=4_000),
    Command(
        "kernel.images",
        ("/usr/bin/find", "/boot", "/lib/modules", "-mindepth", "1", "-maxdepth", "1", "-printf", "%y %p\\n"),
        max_bytes=256_000,
        ok_exit=(0, 1),
    ),
    Command(
        "kernel.reboot_mark",
        ("/usr/bin/find", "/run/reboot-required", "-maxdepth", "0", "-printf", "%p\\n"),
        max_bytes=4_000,
    ),
    # Most keys are open to everybody: what sudo refuses is then the only thing unseen, key by key.
    Command("kernel.sysctl", ("/usr/sbin/sysctl", "-e", *WATCHED), max_bytes=64_000, ok_exit=(0, 1, 255)),
    Command(
        "kernel.sysctl_root",
        ("/usr/sbin/sysctl", "-e", *WATCHED),
        sudo=True,
        max_bytes=64_000,
        ok_exit=(0, 1, 255),
    ),
    Command(
        "kernel.sysctl_files",
        ("/usr/bin/find", "/etc/sysctl.conf", *SYSCTL_DIRECTORIES, "-maxdepth", "1", *_TEXTS),
        max_bytes=1_000_000,
    ),
    Command(
        "kernel.security",
        ("/usr/bin/grep", "-H", ".", "/sys/kernel/security/lsm", "/sys/kernel/security/lockdown"),
        max_bytes=4_000,
    ),
    Command(
        "kernel.uefi",
        ("/usr/bin/find", "/sys/firmware/efi", _SECURE_BOOT, "-maxdepth", "0", "-printf", "%p\\n"),
        max_bytes=4_000,
    ),
    Command("kernel.secure_boot", ("/usr/bin/od", "-An", "-tu1", "-N5", _SECURE_BOOT), max_bytes=4_000),
    Command("kernel.modules", ("/usr/bin/cut", "-d", " ", "-f1", "/proc/modules"), max_bytes=256_000),
    Command(
        "kernel.modprobe",
        ("/usr/bin/find", *MODPROBE_DIRECTORIES, "-maxdepth", "1", *_TEXTS),
        max_bytes=1_000_000,
    ),
    Command(
        "kernel.coredump",
        ("/usr/bin/find", *_COREDUMP_PLACES, "-maxdepth", "1", *_TEXTS),
        max_bytes=256_000,
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the kernel's facts.

    Source: sysctl(8), sysctl.d(5), modprobe.d(5), kernel_lockdown(7), coredump.conf(5).
    """
    holes: list[Hole] = []
    release = _one_word(answers, holes)
    installed = _installed(answers, release, holes)
    newest = _newest(installed, release)
    latest = None if newest is None else newest == release
    if newest is None and installed and release is not None:
        holes += [garbled(path, f"{release}: no installed kernel of its kind") for path in _NEWEST]
    running = _running_values(answers, holes)
    wanted = _configured(answers, holes)
    modules = _modules(answers, holes)
    security, lockdown = _security(answers, holes)
    facts = KernelFacts(
        release=release,
        installed=installed,
        newest_installed=newest,
        running_is_newest=latest,
        reboot_required=_reboot(answers, latest, holes),
        sysctl=running,
        configured=wanted,
        drift=_drift(wanted, running, holes),
        lockdown=lockdown,
        security_modules=security,
        secure_boot=_secure_boot(answers, holes),
        modules=modules,
        module_rules=_rules(answers, modules, holes),
        coredump=_coredump(answers, holes),
    )
    return Facts(facts, tuple(holes))


COLLECTOR = Collector("kernel", 1, COMMANDS, KernelFacts, parse)

_NEWEST = ("newest_installed", "running_is_newest")
_LISTED = re.compile(r"[a-zA-Z] /(?:boot|lib/modules)/")
_RELEASE = re.compile(r"[0-9][\w.+~-]{0,120}", re.ASCII)
_SETTING = re.compile(r"([\w./-]+) = (.*)", re.ASCII)
_DENIED = re.compile(r"permission denied on key ['\"`]?([\w./-]+)", re.ASCII)


def _seen(answers: Answers, id_: str, holes: list[Hole], *paths: str) -> Answer | None:
    """Return the answer when it can be believed; notes a hole at every path when not."""
    answer = answers.get(id_)
    unseen = blind(answer)
    if unseen is None and answer is not None and FRAME in answer.command.argv and not frames_are_whole(answer):
        unseen = garbled("", f"{id_}: frames that make no sense")
    if unseen is None:
        return answer
    holes += [Hole(path, unseen.reason, unseen.detail) for path in paths]
    return None


def _one_word(answers: Answers, holes: list[Hole]) -> str | None:
    answer = _seen(answers, "kernel.release", holes, "release")
    told = lines(answer)
    if answer is not None and (len(told) != 1 or not _RELEASE.fullmatch(told[0].strip())):
        holes.append(garbled("release", "uname -r: not one release"))
        return None
    return told[0].strip() if told else None


def _installed(answers: Answers, release: str | None, holes: list[Hole]) -> list[str]:
    """Return the releases with an image in /boot, or, where /boot has none, with modules."""
    answer = _seen(answers, "kernel.images", holes, "installed", *_NEWEST)
    if answer is not None and release is None:
        holes += [garbled(path, "the running release is unknown") for path in _NEWEST]
    if answer is not None and any(not _LISTED.match(line) for line in lines(answer)):
        holes += [garbled(path, "kernel.images: not a listing") for path in ("installed", *_NEWEST)]
    images: set[str] = set()
    modules: set[str] = set()
    for line in lines(answer):
        kind, _, path = line.partition(" ")
        folder, _, name = path.rpartition("/")
        if folder == "/boot" and name.startswith("vmlinuz-") and "rescue" not in name:
            images.add(name.removeprefix("vmlinuz-"))
        elif folder == "/lib/modules" and kind == "d":
            modules.add(name)
    return sorted((name for name in images or modules if _RELEASE.fullmatch(name)), key=_natural)


def _natural(release: str) -> list[tuple[int, str]]:
    return [
        (int(part[:18]), "") if part.isdecimal() else (-2 if part[0] == "~" else -1, part)
        for part in re.findall(r"[0-9]+|~|[^0-9~]+", release)
    ]


def _newest(installed: list[str], release: str | None) -> str | None:
    """Return the newest release whose name has the same letters: a cloud kernel is no successor of a generic one."""
    if release is None:
        return None
    same = [one for one in installed if _letters(one) == _letters(release)]
    return same[-1] if same else None


def _letters(release: str) -> str:
    # `6.12.43+deb13-amd64` and `6.9.7+bpo-amd64` do succeed `6.1.0-18-amd64`: the suffix names the release, no flavour.
    return re.sub(r"[^A-Za-z+]", "", re.sub(r"[+~](?:deb|bpo)[0-9u.]*", "", release))


def _reboot(answers: Answers, latest: bool | None, holes: list[Hole]) -> bool | None:
    answer = _seen(answers, "kernel.reboot_mark", holes)
    if lines(answer) or latest is False:
        return True
    unseen = next((one for one in holes if one.path == "running_is_newest"), None) or blind(
        answers.get("kernel.reboot_mark")
    )
    if unseen is not None:
        holes.append(Hole("reboot_required", unseen.reason, unseen.detail))
        return None
    return False


def _running_values(answers: Answers, holes: list[Hole]) -> dict[str, int | str]:
    """Return the values both questions brought; a key only root may read is a hole of its own when sudo is refused."""
    values: dict[str, int | str] = {}
    denied: set[str] = set()
    unseen: list[Hole] = []
    for id_ in ("kernel.sysctl", "kernel.sysctl_root"):
        answer = answers.get(id_)
        doubt = hole(answer, "sysctl")
        if answer is None or doubt is not None:
            unseen += [doubt] if doubt else []
            continue
        told = [_SETTING.fullmatch(line) for line in lines(answer)]
        values |= {match[1].replace("/", "."): settled(match[2]) for match in told if match}
        denied |= {key.replace("/", ".") for key in _DENIED.findall(answer.stderr.decode("utf-8", "replace"))}
    if len(unseen) == 2 or not values:
        holes.append(unseen[0] if unseen else garbled("sysctl", "sysctl: no setting in it"))
        return {}
    for key in sorted(denied - values.keys()):
        holes.append(Hole(f'sysctl["{key}"]', Blind.COMMAND_REFUSED, f"permission denied on key {key}"))
    return {key: values[key] for key in sorted(values) if key in WATCHED}


def _configured(answers: Answers, holes: list[Hole]) -> dict[str, int | str]:
    answer = _seen(answers, "kernel.sysctl_files", holes, "configured", "drift")
    return configured(framed_files(answer), WATCHED)


def _drift(wanted: dict[str, int | str], running: dict[str, int | str], holes: list[Hole]) -> Listing[str]:
    blank = [one for one in holes if one.path.startswith("sysctl")]
    if "sysctl" in {one.path for one in blank}:
        holes.append(Hole("drift", blank[0].reason, blank[0].detail))
    return Listing(differing(wanted, running), not any(f'"{key}"' in one.path for key in wanted for one in blank))


def _modules(answers: Answers, holes: list[Hole]) -> list[str]:
    """Return the names of loaded modules; a kernel without modules has no /proc/modules."""
    answer = _seen(answers, "kernel.modules", holes, "modules", "module_rules[*].loaded")
    return sorted({name for line in lines(answer) if re.fullmatch(r"\w{1,64}", name := line.strip(), re.ASCII)})


def _rules(answers: Answers, modules: list[str], holes: list[Hole]) -> Listing[ModuleRule]:
    paths = ("module_rules[*].blacklisted", "module_rules[*].install", "module_rules[*].blocked")
    answer = _seen(answers, "kernel.modprobe", holes, *paths)
    return Listing(rules_of(framed_files(answer), modules))


def _security(answers: Answers, holes: list[Hole]) -> tuple[list[str], str | None]:
    """Return the active LSMs and the lockdown mode; without securityfs neither can be known."""
    answer = answers.get("kernel.security")
    told = dict(line.split(":", 1) for line in lines(answer) if ":" in line)
    active = told.get("/sys/kernel/security/lsm", "").strip()
    if not active:
        unseen = hole(answer) or garbled("", "/sys/kernel/security/lsm is empty")
        holes += [Hole(path, unseen.reason, unseen.detail) for path in ("security_modules", "lockdown")]
        return [], None
    mode = re.search(r"\[(\w+)\]", told.get("/sys/kernel/security/lockdown", ""), re.ASCII)
    if mode is None and "lockdown" in active.split(","):
        holes.append(hole(answer, "lockdown") or garbled("lockdown", "no mode in brackets"))
    return active.split(","), mode[1] if mode else None


def _secure_boot(answers: Answers, holes: list[Hole]) -> bool | None:
    """Return whether Secure Boot is on.

    Source: UEFI 2.10, 3.3: the variable is one byte; efivarfs puts four bytes of attributes before it.
    """
    answer = _seen(answers, "kernel.uefi", holes, "secure_boot")
    if not lines(answer):
        return None
    variable = answers.get("kernel.secure_boot")
    octets = " ".join(lines(variable)).split()
    unseen = hole(variable, "secure_boot")
    if unseen is not None or len(octets) != 5 or octets[4] not in ("0", "1"):
        holes.append(unseen or garbled("secure_boot", "not five bytes"))
        return None
    return octets[4] == "1"


def _coredump(answers: Answers, holes: list[Hole]) -> dict[str, int | str]:
    """Return the settings; drop-ins come after the main files, in the order of their names."""
    files = framed_files(_seen(answers, "kernel.coredump", holes, "coredump"))
    chosen: dict[str, str] = {}
    for place in _COREDUMP_PLACES:
        for file in files:
            folder, _, name = file.path.rpartition("/")
            if place in (file.path, folder):
                chosen["" if place == file.path else name] = file.text
    pairs = (line.split("=", 1) for name in sorted(chosen) for line in chosen[name].splitlines())
    return {pair[0].strip().lower(): settled(pair[1]) for pair in pairs if len(pair) == 2 and pair[0][:1].isalpha()}

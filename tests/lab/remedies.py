"""For each check whose remediation is run on a lab host: the fault it must mend there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lab.faults import BY_ID
from tests.lab.host import Build

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Remedy:
    """How a remediation is run; what it does stands in the baselines alone."""

    check: str
    plant: Callable[[Build], None]
    """Makes the check fail on a hardened host."""
    names: dict[str, str] = field(default_factory=dict)
    """What stands for the names in capitals that a person fills in."""
    once_up: str = ""
    """Shell lines before the first look."""
    typed: str = ""
    """What a person types while the remediation runs."""
    typed_back: str = ""
    """What a person types while the rollback runs."""
    restarts: tuple[str, ...] = ()
    """Services it restarts: a lab host has no systemd, so that a stand-in writes them down."""
    one_way: bool = False
    """The rollback is empty, and says so."""
    lost: tuple[str, ...] = ()
    """Files that the rollback says it does not restore, and those that programs of the host write besides."""


def configure(host: Build, values: dict[str, str]) -> None:
    """Make a file of the host say these values, so that what runs and what is configured agree."""
    path = "/etc/sysctl.d/99-z-agency.conf"
    lines = [line for line in host.root.read(path).splitlines() if line.split(" = ")[0] not in values]
    host.root.write(path, "\n".join([*lines, *(f"{key} = {value}" for key, value in values.items())]) + "\n")


def _fault(id_: str) -> Callable[[Build], None]:
    return lambda host: BY_ID[id_].plant(host, host)


def _faults(*ids: str) -> Callable[[Build], None]:
    def plant(host: Build) -> None:
        for id_ in ids:
            BY_ID[id_].plant(host, host)

    return plant


def _no_second_factor(host: Build) -> None:
    host.sshd.pop("TrustedUserCAKeys")


def _debian_pam(host: Build) -> None:
    # pam-auth-update leaves alone what was written by hand: the host is as Debian installs it.
    for name in ("common-auth", "common-account"):
        host.root.remove(f"/etc/pam.d/{name}")
        host.root.write(f"/etc/pam.d/{name}", (host.root.base / f"etc/pam.d/{name}").read_text())
    host.root.write("/etc/security/faillock.conf", "# as it comes\n")


def _weak_logins(host: Build) -> None:
    BY_ID["account-md5-hash"].plant(host, host)
    host.root.edit("/etc/login.defs", lambda text: text.replace("ENCRYPT_METHOD YESCRYPT", "ENCRYPT_METHOD MD5"))


def _old_accounts(host: Build) -> None:
    host.account("retired", secret="$y$j9T$lab$posture-lab-canary")
    host.accounts_declared.append("retired")
    host.root.edit("/etc/shadow", lambda text: text.replace("canary:20000:0:99999:7:35:", "canary:20000:0:99999:7::"))
    host.root.write("/etc/default/useradd", "SHELL=/bin/sh\n")


def _engine_user(host: Build) -> None:
    host.account("ops")
    host.accounts_declared.append("ops")
    host.member("ops", "docker", 990)
    host.root.append("/etc/gshadow", "docker:!::ops\n")


def _loose_jobs(host: Build) -> None:
    host.root.write("/etc/cron.d/report", "0 4 * * * root /bin/true\n", mode=0o666)
    host.root.write("/etc/cron.daily/sweep", "#!/bin/sh\n", mode=0o755, owner=(33, 33))


def _volatile_journal(host: Build) -> None:
    host.root.write("/etc/systemd/journald.conf.d/agency.conf", "[Journal]\nStorage=volatile\n")


def _trusting_apt(host: Build) -> None:
    BY_ID["apt-unsigned"].plant(host, host)
    source = "Types: deb\nURIs: http://other.agency.example/debian\nSuites: stable\nComponents: main\nTrusted: yes\n"
    host.root.write("/etc/apt/sources.list.d/other.sources", source)
    host.root.write("/etc/apt/apt.conf.d/70lax", 'APT::Get::AllowUnauthenticated "true";\n')


def _no_database(host: Build) -> None:
    BY_ID["aide-no-database"].plant(host, host)
    # Debian's rules read the whole disk, which takes a quarter of a minute.
    host.root.write("/etc/aide/aide.conf", _FEW_FILES)


_FEW_FILES = """\
database_in=file:/var/lib/aide/aide.db
database_out=file:/var/lib/aide/aide.db.new
/etc/ssh R
"""


def _loose_tmp(host: Build) -> None:
    host.mounts.update({"/tmp": "nosuid"})
    host.mounts.pop("/var/tmp")
    host.root.write("/etc/fstab", "tmpfs /tmp tmpfs nosuid 0 0\n")


def _program(path: str) -> Callable[[Build], None]:
    return lambda host: host.root.write(path, "#!/bin/sh\n", mode=0o755)


_HOOK = "/usr/lib/python3/dist-packages/lab.pth"


def _python_hook(host: Build) -> None:
    host.root.write(_HOOK, "import sys\n")


def _second_index(host: Build) -> None:
    host.root.write(
        "/etc/pip.conf", "[global]\nindex-url = http://mirror.agency.example/\nextra-index-url = https://x\n"
    )
    host.root.write("/root/.npmrc", "strict-ssl = false\n", mode=0o600)


def _net(**values: str) -> Callable[[Build], None]:
    """Return what makes a setting of the network namespace wrong, both as it runs and as a file has it."""

    def plant(host: Build) -> None:
        changed = {f"net.{key.replace('__', '.')}": value for key, value in values.items()}
        host.net.update(changed)
        configure(host, changed)

    return plant


def _kernel(key: str, value: str) -> Callable[[Build], None]:
    def plant(host: Build) -> None:
        host.kernel[key] = value
        configure(host, {key: value})

    return plant


def _drifted(host: Build) -> None:
    host.net["net.ipv4.conf.all.log_martians"] = "0"


# Every file that pam, passwd and their kin leave beside the one they changed.
_BACKUPS = ("/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-")


def _pickle(host: Build) -> None:
    host.root.write("/opt/models/old.pt", "x" * 70_000)
    host.root.write("/opt/models/chat.safetensors", "x" * 70_000)


def _loose_model(host: Build) -> None:
    host.root.write("/opt/models/chat.safetensors", "x" * 70_000, mode=0o664)


def _agent_settings(host: Build) -> None:
    host.root.write("/home/posture/.mcp.json", '{"mcpServers": {"a": {"command": "/usr/bin/a"}}}\n', mode=0o644)


REMEDIES: tuple[Remedy, ...] = (
    Remedy("SSH-01", _fault("ssh-root-login")),
    Remedy("SSH-02", _fault("ssh-password")),
    Remedy("SSH-03", _no_second_factor),
    Remedy("SSH-04", _fault("ssh-empty-passwords")),
    Remedy("SSH-05", _fault("ssh-many-tries")),
    Remedy("SSH-06", _fault("ssh-slow-logins")),
    Remedy("SSH-08", _fault("ssh-anyone")),
    Remedy("SSH-09", _fault("ssh-forwarding")),
    Remedy("SSH-10", _fault("ssh-x11")),
    Remedy("SSH-11", _fault("ssh-host-trust")),
    Remedy("SSH-12", _fault("ssh-user-environment")),
    Remedy("SSH-13", _fault("ssh-weak-ciphers")),
    Remedy("SSH-14", _fault("ssh-weak-macs")),
    Remedy("SSH-15", _fault("ssh-weak-kex")),
    Remedy("SSH-16", _fault("ssh-short-host-key")),
    Remedy("SSH-17", _fault("ssh-loose-authorized-keys")),
    Remedy(
        "SSH-18",
        _fault("ssh-plain-private-key"),
        names={"ACCOUNT": "deploy"},
        typed=f"{PASSPHRASE}\n{PASSPHRASE}\n",
        typed_back=f"{PASSPHRASE}\n\n\n",
        lost=("/home/deploy/.ssh/id_ed25519",),
    ),
    Remedy("SSH-19", _fault("ssh-idle-forever")),
    Remedy("SSH-21", lambda _: None, once_up="touch /etc/ssh/sshd_config.d/50-agency.conf", one_way=True),
    Remedy("IDN-01", _debian_pam, lost=("/var/lib/pam/seen",)),
    Remedy("IDN-02", _fault("faillock-spares-root")),
    Remedy("IDN-03", _fault("pwquality-lax")),
    Remedy("IDN-04", _faults("account-no-password", "pam-nullok"), lost=_BACKUPS),
    Remedy("IDN-05", _weak_logins, lost=("/etc/shadow", *_BACKUPS)),
    Remedy("IDN-06", _fault("account-second-root"), names={"NAME": "toor"}),
    Remedy("IDN-07", _fault("sudo-nopasswd")),
    Remedy("IDN-08", _faults("sudo-everyone", "su-for-all")),
    Remedy("IDN-09", _old_accounts, lost=("/etc/default/useradd-", *_BACKUPS)),
    Remedy("IDN-10", _fault("account-daemon-shell"), lost=_BACKUPS),
    Remedy("IDN-11", _fault("secret-readable")),
    Remedy("IDN-13", _engine_user, names={"ACCOUNT": "ops"}, lost=_BACKUPS),
    Remedy("IDN-14", _loose_jobs),
    Remedy("EXE-01", _program("/usr/bin/tcc")),
    Remedy("EXE-02", _program("/usr/bin/lua5.4")),
    Remedy("HRD-10", _loose_tmp),
    Remedy("HRD-12", _net(ipv4__conf__eth0__forwarding="1")),  # `all` says 0
    Remedy("HRD-13", _net(ipv4__conf__all__send_redirects="1", ipv6__conf__eth0__accept_redirects="1")),
    Remedy("HRD-14", _fault("firewall-none")),
    Remedy("HRD-15", _fault("firewall-egress")),
    Remedy("HRD-18", _drifted, one_way=True),
    Remedy("LOG-03", _fault("log-local"), restarts=("rsyslog",)),
    Remedy("LOG-05", _no_database),
    Remedy("LOG-08", _volatile_journal, restarts=("systemd-journald",)),
    Remedy("PAT-07", _trusting_apt),
    Remedy("PAT-09", _fault("modules-loadable")),
    Remedy("SUP-01", _python_hook, names={"FILE": _HOOK}, lost=("/root/evidence/lab.pth",)),
    Remedy("SUP-02", _second_index),
    Remedy("AIS-16", _pickle, names={"FILE": "/opt/models/old.pt"}),
    Remedy("AIS-27", _agent_settings, names={"FILE": "/home/posture/.mcp.json"}),
    Remedy("AIS-28", _loose_model, names={"FILE": "/opt/models/chat.safetensors"}),
)
"""What is proven: each remediation mends its check on a real host, and its rollback undoes it."""

LAID_OVER: tuple[Remedy, ...] = (
    Remedy("HRD-01", _kernel("kernel.randomize_va_space", "0")),
    Remedy("HRD-02", _kernel("kernel.unprivileged_bpf_disabled", "0")),
    Remedy("HRD-03", _kernel("kernel.kptr_restrict", "0")),
    Remedy("HRD-04", _kernel("kernel.yama.ptrace_scope", "0")),
    Remedy("HRD-05", _kernel("user.max_user_namespaces", "1000")),
    Remedy("HRD-06", _kernel("fs.suid_dumpable", "2")),
    Remedy("HRD-07", _kernel("fs.protected_symlinks", "0")),
)
"""Run in the same way, but against files that are laid over /proc/sys: commands and undoing are tested, the kernel is not."""

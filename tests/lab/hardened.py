"""A host as the catalogue wants it: every lab host begins like this, so that whatever else fails was planted.

What a namespace cannot show (systemd's units, the audit subsystem, a synchronised clock) is not here; what the
machine's kernel would decide for all hosts alike is laid over /proc/sys and /sys, for this host only.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.lab.host import Build, key_pair
from tests.lab.network import PREFIX4, PREFIX6

SSHD = {
    "HostKey": "/etc/ssh/ssh_host_ed25519_key",
    "PermitRootLogin": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "PermitEmptyPasswords": "no",
    "AuthenticationMethods": "publickey",
    "TrustedUserCAKeys": "/etc/ssh/user_ca.pub",
    "MaxAuthTries": "3",
    "MaxSessions": "10",
    "LoginGraceTime": "60",
    "MaxStartups": "10:30:60",
    "PerSourceMaxStartups": "10",
    "AllowGroups": "ssh-users",
    "DisableForwarding": "yes",
    "AllowTcpForwarding": "no",
    "AllowAgentForwarding": "no",
    "AllowStreamLocalForwarding": "no",
    "PermitTunnel": "no",
    "GatewayPorts": "no",
    "X11Forwarding": "no",
    "HostbasedAuthentication": "no",
    "IgnoreRhosts": "yes",
    "PermitUserEnvironment": "no",
    "Ciphers": "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr",
    "MACs": "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512,hmac-sha2-256",
    "KexAlgorithms": "sntrup761x25519-sha512@openssh.com,curve25519-sha256,ecdh-sha2-nistp384,ecdh-sha2-nistp256",
    "ClientAliveInterval": "300",
    "ClientAliveCountMax": "1",
    "LogLevel": "VERBOSE",
}

KERNEL = {
    "kernel.randomize_va_space": "2",
    "kernel.unprivileged_bpf_disabled": "1",
    "kernel.kptr_restrict": "2",
    "kernel.dmesg_restrict": "1",
    "kernel.perf_event_paranoid": "3",
    "kernel.yama.ptrace_scope": "1",
    "kernel.kexec_load_disabled": "1",
    "kernel.core_pattern": "|/bin/false",
    "kernel.sysrq": "0",
    "kernel.io_uring_disabled": "2",
    "fs.suid_dumpable": "0",
    "fs.protected_symlinks": "1",
    "fs.protected_hardlinks": "1",
    "fs.protected_fifos": "2",
    "fs.protected_regular": "2",
    "user.max_user_namespaces": "0",
    "net.core.bpf_jit_enable": "1",
    "net.core.bpf_jit_harden": "2",
}

NET = {
    f"net.{key}": value
    for scope in ("all", "default", "eth0")  # what is up already keeps what it has
    for key, value in {
        f"ipv4.conf.{scope}.accept_redirects": "0",
        f"ipv4.conf.{scope}.secure_redirects": "0",
        f"ipv4.conf.{scope}.send_redirects": "0",
        f"ipv4.conf.{scope}.accept_source_route": "0",
        f"ipv4.conf.{scope}.rp_filter": "1",
        f"ipv4.conf.{scope}.log_martians": "1",
        f"ipv4.conf.{scope}.forwarding": "0",
        f"ipv6.conf.{scope}.accept_redirects": "0",
        f"ipv6.conf.{scope}.accept_source_route": "0",
        f"ipv6.conf.{scope}.accept_ra": "0",
        f"ipv6.conf.{scope}.forwarding": "0",
    }.items()
}

RARE_MODULES = (
    *("atm", "can", "cramfs", "dccp", "firewire-core", "freevxfs", "hfs", "hfsplus"),
    *("jffs2", "rds", "sctp", "squashfs", "tipc", "udf", "usb-storage"),
)

FILES = {
    "/etc/security/faillock.conf": "deny = 3\nfail_interval = 900\nunlock_time = 900\neven_deny_root\naudit\n",
    "/etc/security/pwquality.conf": "minlen = 15\ndictcheck = 1\nminclass = 4\ndifok = 8\nenforcing = 1\nenforce_for_root\n",
    "/etc/pam.d/common-auth": """\
auth    required                        pam_faillock.so preauth
auth    [success=1 default=ignore]      pam_unix.so
auth    [default=die]                   pam_faillock.so authfail
auth    sufficient                      pam_faillock.so authsucc
auth    required                        pam_permit.so
""",
    "/etc/pam.d/common-account": """\
account required                        pam_faillock.so
account [success=1 new_authtok_reqd=done default=ignore]  pam_unix.so
account requisite                       pam_deny.so
account required                        pam_permit.so
""",
    "/etc/pam.d/su": """\
auth       sufficient pam_rootok.so
auth       required   pam_wheel.so use_uid group=sudo
session    required   pam_limits.so
@include common-auth
@include common-account
@include common-session
""",
    "/etc/default/useradd": "SHELL=/bin/sh\nINACTIVE=35\n",
    "/etc/rsyslog.d/60-agency.conf": """\
global(
  DefaultNetstreamDriver="gtls"
  DefaultNetstreamDriverCAFile="/etc/ssl/certs/agency-ca.pem"
)
*.* action(type="omfwd" target="10.77.4.10" port="6514" protocol="tcp"
  StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
  StreamDriverPermittedPeers="logs.agency.example")
""",
    "/etc/chrony/chrony.conf": "server 10.77.4.10 iburst maxpoll 16\ndriftfile /var/lib/chrony/chrony.drift\nmakestep 1 3\n",
    "/etc/audit/rules.d/10-execve.rules": """\
-a always,exit -F arch=b64 -S execve -C uid!=euid -F euid=0 -k execpriv
-a always,exit -F arch=b32 -S execve -C uid!=euid -F euid=0 -k execpriv
-a always,exit -F arch=b64 -S execve -C gid!=egid -F egid=0 -k execpriv
-a always,exit -F arch=b32 -S execve -C gid!=egid -F egid=0 -k execpriv
""",
    "/etc/audit/rules.d/99-finalize.rules": "-e 2\n",
    "/etc/modprobe.d/90-agency.conf": "".join(
        f"install {name} /bin/false\nblacklist {name}\n" for name in RARE_MODULES
    ),
    "/etc/systemd/coredump.conf": "[Coredump]\nStorage=none\nProcessSizeMax=0\n",
    "/etc/sysctl.d/99-z-agency.conf": "".join(f"{key} = {value}\n" for key, value in (KERNEL | NET).items()),
    "/etc/fstab": "tmpfs /tmp tmpfs nodev,nosuid,noexec 0 0\ntmpfs /var/tmp tmpfs nodev,nosuid,noexec 0 0\n",
    "/etc/fapolicyd/fapolicyd.conf": "permissive = 0\nnice_val = 14\n",
    "/etc/fapolicyd/compiled.rules": "allow perm=execute all : trust=1\ndeny_audit perm=any all : all\n",
    "/etc/systemd/journald.conf.d/agency.conf": "[Journal]\nStorage=persistent\n",
    "/etc/cron.d/aide": "MAILTO=soc@agency.example\n0 5 * * * root /usr/bin/aide --check --config /etc/aide/aide.conf\n",
}

APT_SOURCES = """\
deb http://deb.debian.org/debian bookworm main
deb http://security.debian.org/debian-security bookworm-security main
"""
APT_LISTS = {
    "deb.debian.org_debian_dists_bookworm": "Origin: Debian\nSuite: oldstable\nCodename: bookworm\n",
    "security.debian.org_debian-security_dists_bookworm-security": (
        "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nCodename: bookworm-security\n"
    ),
}
"""What `apt-get update` leaves behind when there is nothing newer."""

TREES: dict[str, dict[str, bytes]] = {
    "/sys/kernel/security": {
        "lsm": b"lockdown,capability,landlock,yama,apparmor",
        "lockdown": b"none [integrity] confidentiality\n",
        "apparmor/profiles": b"/usr/sbin/chronyd (enforce)\n/usr/sbin/sshd (enforce)\n",
    },
    "/sys/module": {"apparmor/parameters/enabled": b"Y\n"},
    "/sys/firmware": {
        # efivarfs: four bytes of attributes, then the value.
        "efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": b"\x06\x00\x00\x00\x01"
    },
}

NO_EXEC = "nodev,nosuid,noexec"


def harden(build: Build) -> None:
    """Make the host what the catalogue asks for; faults come after this."""
    build.sshd.update(SSHD)
    build.kernel.update(KERNEL)
    build.net.update(NET)
    build.trees.update(TREES)
    build.mounts.update({"/tmp": NO_EXEC, "/var/tmp": NO_EXEC, "/dev/shm": NO_EXEC})
    for path, text in FILES.items():
        build.root.write(path, text)
    build.root.write("/etc/ssl/certs/agency-ca.pem", _certificate())
    build.root.write("/etc/ssh/user_ca.pub", f"{key_pair('ed25519')[1]} agency-user-ca\n")
    build.root.edit("/etc/ssh/sshd_config", lambda text: text.replace("\nX11Forwarding yes\n", "\n"))
    build.root.edit("/etc/login.defs", lambda text: text.replace("ENCRYPT_METHOD SHA512", "ENCRYPT_METHOD YESCRYPT"))
    build.root.write("/var/lib/aide/aide.db", "@@begin_db\n@@end_db\n", mode=0o600)
    # The kernel that runs is the newest one that is installed; nothing of it is ever loaded.
    release = os.uname().release
    build.root.write(f"/boot/vmlinuz-{release}", "")
    build.root.directory(f"/usr/lib/modules/{release}")
    build.root.write("/etc/apt/sources.list", APT_SOURCES)
    for name, text in APT_LISTS.items():
        build.root.write(f"/var/lib/apt/lists/{name}_Release", text)
        build.root.write(f"/var/lib/apt/lists/{name}_main_binary-amd64_Packages", "")
    build.firewall = ruleset


def ruleset(build: Build) -> list[str]:
    """Return the hardened firewall: in, what is declared; out, what the agency's own services need."""
    ports = ", ".join(map(str, sorted(build.open_tcp)))
    ping = ["    icmp type echo-request accept", "    icmpv6 type echo-request accept"] if build.ping else []
    return [
        "#!/usr/sbin/nft -f",
        "flush ruleset",
        "table inet filter {",
        "  chain input {",
        "    type filter hook input priority filter; policy drop;",
        "    ct state established,related accept",
        "    iif lo accept",
        # Without neighbour discovery nobody could find the host over IPv6 at all.
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
        *ping,
        f"    tcp dport {{ {ports} }} accept",
        "  }",
        "  chain forward {",
        "    type filter hook forward priority filter; policy drop;",
        "  }",
        "  chain output {",
        "    type filter hook output priority filter; policy drop;",
        "    ct state established,related accept",
        "    oif lo accept",
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
        *(
            f"    {family} daddr {prefix} {rule} accept"
            for family, prefix in (("ip", PREFIX4), ("ip6", PREFIX6))
            for rule in ("tcp dport { 22, 6514 }", "udp dport 123")
        ),
        "  }",
        "}",
    ]


@cache
def _certificate() -> str:
    """Return a certificate authority of the agency's own, which rsyslog wants to see before it starts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agency.example CA")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=3650)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

"""The pool of deliberate faults: what each does to a host. What it must make fail stands in `expectations.py`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.host import Build, key_pair

CANARY = "posture-lab-canary"
"""Part of every secret that is planted; it must never be seen outside the host."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and what it takes hold of, so that two faults on one host never undo each other."""

    id: str
    plant: Callable[[Build, Build], None]
    """Changes the host; the second one is another host of the same lab."""
    touches: frozenset[str] = frozenset()


def ssh_setting(id_: str, **settings: str) -> Fault:
    """Return a fault that changes settings of sshd's own drop-in."""
    return Fault(id_, lambda host, _: host.sshd.update(settings), frozenset(settings))


def kernel_value(id_: str, key: str, value: str) -> Fault:
    """Return a fault that makes the host show this kernel setting, and says so in no file of its own."""
    return Fault(id_, lambda host, _: host.kernel.update({key: value}), frozenset({key}))


def file_text(id_: str, path: str, text: str, *, mode: int = 0o644) -> Fault:
    """Return a fault that writes a file."""
    return Fault(id_, lambda host, _: host.root.write(path, text, mode=mode), frozenset({path}))


def file_edit(id_: str, path: str, old: str, new: str) -> Fault:
    """Return a fault that changes a file; planting it fails when the old text is not there."""

    def change(text: str) -> str:
        if old not in text:
            raise ValueError(f"{id_}: {path} has no `{old}`")
        return text.replace(old, new)

    return Fault(id_, lambda host, _: host.root.edit(path, change), frozenset({path}))


def file_gone(id_: str, path: str) -> Fault:
    """Return a fault that removes a file."""
    return Fault(id_, lambda host, _: host.root.remove(path), frozenset({path}))


def _password_drop_in(host: Build, _: Build) -> None:
    # As a cloud image does it: a drop-in that sorts first, and sshd keeps the first value it reads.
    host.sshd_first += ["PasswordAuthentication yes", "AuthenticationMethods any"]


def _password_match(host: Build, _: Build) -> None:
    host.account("legacy")
    host.accounts_declared.append("legacy")
    host.sshd_last += [
        "Match User legacy",
        "    PasswordAuthentication yes",
        "    AuthenticationMethods password publickey",
    ]


def _anyone(host: Build, _: Build) -> None:
    host.sshd.pop("AllowGroups")


def _host_trust(host: Build, _: Build) -> None:
    host.sshd.update({"HostbasedAuthentication": "yes", "IgnoreRhosts": "no"})
    uid = host.account("batch")
    host.accounts_declared.append("batch")
    host.root.write("/home/batch/.shosts", "10.77.3.10 batch\n", owner=(uid, uid), mode=0o600)


def _short_host_key(host: Build, _: Build) -> None:
    host.host_key_types = (*host.host_key_types, "rsa-2048")
    # Two HostKey lines under one setting: the second one starts a line of its own.
    host.sshd["HostKey"] += "\nHostKey /etc/ssh/ssh_host_rsa_key"


def _loose_authorized_keys(host: Build, _: Build) -> None:
    uid = host.account("ops")
    host.accounts_declared.append("ops")
    host.authorise("ops", uid, f"{key_pair('ed25519')[1]} ops")
    path = "/home/ops/.ssh/authorized_keys"
    host.root.write(path, host.root.read(path), mode=0o666, owner=(uid, uid))


def _plain_private_key(host: Build, other: Build) -> None:
    private, public = key_pair("ed25519")
    uid = host.account("deploy")
    host.accounts_declared.append("deploy")
    host.root.directory("/home/deploy/.ssh", mode=0o700, owner=(uid, uid))
    host.root.write("/home/deploy/.ssh/id_ed25519", private, mode=0o600, owner=(uid, uid))
    host.root.write("/home/deploy/.ssh/id_ed25519.pub", f"{public} deploy@{host.id}\n", owner=(uid, uid))
    there = other.account("deployed")
    other.accounts_declared.append("deployed")
    other.authorise("deployed", there, f"{public} deploy@{host.id}")


def _no_faillock(host: Build, _: Build) -> None:
    host.root.edit(
        "/etc/pam.d/common-auth", lambda text: "".join(line for line in text.splitlines(True) if "faillock" not in line)
    )
    host.root.edit(
        "/etc/pam.d/common-account",
        lambda text: "".join(line for line in text.splitlines(True) if "faillock" not in line),
    )


def _no_password(host: Build, _: Build) -> None:
    host.account("kiosk", secret="")
    host.accounts_declared.append("kiosk")


def _md5_hash(host: Build, _: Build) -> None:
    host.account("oldtimer", secret=f"$1$labsalt0${CANARY.ljust(22, '.')[:22]}")
    host.accounts_declared.append("oldtimer")


def _second_root(host: Build, _: Build) -> None:
    host.account("toor", uid=0, ssh=False)
    host.accounts_declared.append("toor")


def _nopasswd(host: Build, _: Build) -> None:
    host.account("runner")
    host.accounts_declared.append("runner")
    host.root.write("/etc/sudoers.d/90-runner", "runner ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)


def _stranger(host: Build, _: Build) -> None:
    host.account("contractor")


def _daemon_shell(host: Build, _: Build) -> None:
    # Same yescrypt prefix as Debian's; nobody knows the password.
    line = f"redis:$y$j9T$lab${CANARY}:20000:0:99999:7:35::"
    host.root.edit("/etc/shadow", lambda text: re.sub(r"^redis:.*$", line, text, flags=re.M))
    host.root.edit(
        "/etc/passwd", lambda text: text.replace("/var/lib/redis:/usr/sbin/nologin", "/var/lib/redis:/bin/bash")
    )


def _open_secret(host: Build, _: Build) -> None:
    uid = host.account("analyst")
    host.accounts_declared.append("analyst")
    host.root.directory("/home/analyst", mode=0o755, owner=(uid, uid))
    host.root.directory("/home/analyst/.aws", owner=(uid, uid))
    secret = f"[default]\naws_access_key_id = AKIA0000000000000000\naws_secret_access_key = {CANARY}-aws\n"
    host.root.write("/home/analyst/.aws/credentials", secret, mode=0o644, owner=(uid, uid))


def _no_firewall(host: Build, _: Build) -> None:
    host.firewall = None


def _open_egress(host: Build, _: Build) -> None:
    before = host.firewall
    if before is None:
        raise ValueError("egress: the host has no firewall")
    host.firewall = lambda build: [
        line.replace("hook output priority filter; policy drop", "hook output priority filter; policy accept")
        for line in before(build)
    ]


def _redis(host: Build, _: Build) -> None:
    host.open_tcp.add(6379)
    host.root.edit(
        "/etc/redis/redis.conf",
        lambda text: text.replace("\nbind 127.0.0.1 -::1\n", "\nbind 0.0.0.0 ::\n").replace(
            "\nprotected-mode yes\n", "\nprotected-mode no\n"
        ),
    )
    host.services.append(
        "mkdir -p /run/redis; chown redis:redis /run/redis; setpriv --reuid redis --regid redis --init-groups redis-server /etc/redis/redis.conf >/dev/null"
    )


def _http(host: Build, port: int, answers: dict[str, str], *, status: int = 200) -> None:
    """Serve fixed answers over HTTP, as the service one thinks it is would."""
    host.open_tcp.add(port)
    host.root.write(f"/srv/http-{port}.py", _HTTP.format(port=port, answers=answers, status=status))
    host.services.append(f"setsid python3 /srv/http-{port}.py </dev/null >/dev/null 2>&1 &")
    host.services.append(_until_listening(port))


def _until_listening(port: int) -> str:
    return f"for _ in $(seq 250); do grep -q ':{port:04X} 0*:0000 0A' /proc/net/tcp /proc/net/tcp6 && break; sleep 0.02; done"


_HTTP = """\
import http.server, json, socket

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {answers}.get(self.path.split("?")[0])
        self.send_response({status} if body is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write((body or "").encode())

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

Server(("::", {port}), Answer).serve_forever()
"""


def _telnet(host: Build, _: Build) -> None:
    host.open_tcp.add(23)
    host.root.write("/srv/telnet.py", _TELNET)
    host.services.append("setsid python3 /srv/telnet.py </dev/null >/dev/null 2>&1 &")
    host.services.append(_until_listening(23))


_TELNET = """\
import socketserver

class Login(socketserver.BaseRequestHandler):
    def handle(self):
        # IAC DO TERMINAL-TYPE, IAC WILL ECHO: what a telnet server says first (RFC 854).
        self.request.sendall(b"\\xff\\xfd\\x18\\xff\\xfb\\x01Debian GNU/Linux 12\\r\\nlogin: ")
        self.request.recv(200)

socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("0.0.0.0", 23), Login).serve_forever()
"""


def _package(host: Build, name: str, version: str) -> None:
    """Make dpkg believe that a package is installed."""
    host.root.append(
        "/var/lib/dpkg/status",
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: net\nArchitecture: amd64\nVersion: {version}\n"
        f"Maintainer: the lab <lab@agency.example>\nDescription: a package that is not really there\n\n",
    )


def _newer_kernel(host: Build, _: Build) -> None:
    # A kernel of another flavour would be no successor: only the version differs.
    newer = re.sub(r"^\d+", "99", os.uname().release)
    host.root.write(f"/boot/vmlinuz-{newer}", "")
    host.root.directory(f"/usr/lib/modules/{newer}")


def _weak_modules(host: Build, _: Build) -> None:
    host.root.remove("/etc/modprobe.d/90-agency.conf")


def decorate(host: Build) -> None:
    """Put into names and comments what hurts a terminal, a browser or a spreadsheet; no check minds."""
    uid = host.account("guest", ssh=False, shell="/usr/sbin/nologin")
    gecos = f"guest:x:{uid}:{uid}:{MARKUP}:/home/guest:/usr/sbin/nologin"
    host.root.edit(
        "/etc/passwd", lambda text: text.replace(f"guest:x:{uid}:{uid}:guest:/home/guest:/usr/sbin/nologin", gecos)
    )
    host.root.edit("/home/posture/.ssh/authorized_keys", lambda text: text.rstrip("\n") + f" {MARKUP}\n")
    host.root.write(f"/etc/cron.d/{MARKUP.replace('/', '')}", "")
    host.root.append("/etc/sudoers", f"# {MARKUP}\n")


MARKUP = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>=1+1{{7*7}}"

FAULTS: tuple[Fault, ...] = (
    Fault("ssh-password", _password_drop_in, frozenset({"passwords", "AuthenticationMethods"})),
    Fault("ssh-password-match", _password_match, frozenset({"passwords", "AuthenticationMethods", "match"})),
    ssh_setting("ssh-root-login", PermitRootLogin="yes"),
    ssh_setting("ssh-root-by-key", PermitRootLogin="prohibit-password"),
    ssh_setting("ssh-empty-passwords", PermitEmptyPasswords="yes"),
    ssh_setting("ssh-many-tries", MaxAuthTries="10"),
    ssh_setting("ssh-slow-logins", LoginGraceTime="0", MaxStartups="100:30:200"),
    Fault("ssh-anyone", _anyone, frozenset({"AllowGroups"})),
    ssh_setting("ssh-forwarding", DisableForwarding="no", AllowTcpForwarding="yes", AllowAgentForwarding="yes"),
    ssh_setting("ssh-x11", X11Forwarding="yes"),
    Fault("ssh-host-trust", _host_trust, frozenset({"HostbasedAuthentication"})),
    ssh_setting("ssh-user-environment", PermitUserEnvironment="yes"),
    ssh_setting("ssh-weak-ciphers", Ciphers="aes256-ctr,aes128-cbc,3des-cbc"),
    ssh_setting("ssh-weak-macs", MACs="hmac-sha2-256,hmac-sha1,hmac-md5"),
    ssh_setting(
        "ssh-weak-kex", KexAlgorithms="curve25519-sha256,sntrup761x25519-sha512@openssh.com,diffie-hellman-group14-sha1"
    ),
    Fault("ssh-short-host-key", _short_host_key, frozenset({"HostKey"})),
    Fault("ssh-loose-authorized-keys", _loose_authorized_keys),
    Fault("ssh-plain-private-key", _plain_private_key),
    ssh_setting("ssh-idle-forever", ClientAliveInterval="0"),
    file_text(
        "faillock-lenient",
        "/etc/security/faillock.conf",
        "deny = 50\nfail_interval = 60\nunlock_time = 30\neven_deny_root\n",
    ),
    Fault("faillock-missing", _no_faillock, frozenset({"/etc/pam.d/common-auth"})),
    file_text(
        "faillock-spares-root", "/etc/security/faillock.conf", "deny = 3\nfail_interval = 900\nunlock_time = 900\n"
    ),
    file_text("pwquality-lax", "/etc/security/pwquality.conf", "minlen = 8\ndictcheck = 0\n"),
    Fault("account-no-password", _no_password),
    file_edit("pam-nullok", "/etc/pam.d/common-auth", "pam_unix.so", "pam_unix.so nullok"),
    Fault("account-md5-hash", _md5_hash),
    Fault("account-second-root", _second_root),
    Fault("sudo-nopasswd", _nopasswd),
    file_text("sudo-everyone", "/etc/sudoers.d/10-everyone", "ALL ALL=(ALL:ALL) ALL\n", mode=0o440),
    file_edit("su-for-all", "/etc/pam.d/su", "auth       required   pam_wheel.so use_uid group=sudo\n", ""),
    Fault("account-stranger", _stranger),
    Fault("account-daemon-shell", _daemon_shell),
    Fault("secret-readable", _open_secret),
    kernel_value("kernel-aslr", "kernel.randomize_va_space", "0"),
    kernel_value("kernel-bpf", "kernel.unprivileged_bpf_disabled", "0"),
    kernel_value("kernel-pointers", "kernel.kptr_restrict", "0"),
    kernel_value("kernel-ptrace", "kernel.yama.ptrace_scope", "0"),
    kernel_value("kernel-dumps", "fs.suid_dumpable", "2"),
    kernel_value("kernel-links", "fs.protected_symlinks", "0"),
    Fault(
        "mac-complains",
        lambda host, _: host.trees.update(
            {
                "/sys/kernel/security": host.trees["/sys/kernel/security"]
                | {"apparmor/profiles": b"/usr/sbin/sshd (complain)\n"}
            }
        ),
        frozenset({"securityfs"}),
    ),
    Fault("tmp-executable", lambda host, _: host.mounts.update({"/tmp": ""}), frozenset({"mounts"})),
    Fault("host-routes", lambda host, _: host.net.update({"net.ipv4.conf.all.forwarding": "1"}), frozenset({"net"})),
    Fault(
        "host-redirects",
        lambda host, _: host.net.update({"net.ipv4.conf.all.accept_redirects": "1"}),
        frozenset({"net"}),
    ),
    Fault("firewall-none", _no_firewall, frozenset({"firewall"})),
    Fault("firewall-egress", _open_egress, frozenset({"firewall"})),
    file_gone("log-local", "/etc/rsyslog.d/60-agency.conf"),
    file_text("log-cleartext", "/etc/rsyslog.d/60-agency.conf", "*.* @@10.77.4.10:514\n"),
    file_gone("aide-no-database", "/var/lib/aide/aide.db"),
    file_text("time-nobody", "/etc/chrony/chrony.conf", "driftfile /var/lib/chrony/chrony.drift\n"),
    file_text(
        "apt-unsigned",
        "/etc/apt/sources.list.d/vendor.list",
        "deb [trusted=yes] http://vendor.agency.example/debian stable main\n",
    ),
    file_text("apt-by-hand", "/etc/apt/apt.conf.d/20auto-upgrades", 'APT::Periodic::Unattended-Upgrade "0";\n'),
    Fault("package-telnetd", lambda host, _: _package(host, "telnetd", "0.17+2.4-2"), frozenset({"dpkg"})),
    Fault("kernel-not-rebooted", _newer_kernel),
    Fault("modules-loadable", _weak_modules, frozenset({"modprobe"})),
    Fault("redis-open", _redis, frozenset({"ports", "redis"})),
    Fault("telnet-open", _telnet, frozenset({"ports"})),
    Fault("port-undeclared", lambda host, _: _http(host, 8099, {"/": "{}"}), frozenset({"ports"})),
    Fault(
        "docker-open",
        lambda host, _: _http(host, 2375, {"/version": '{"ApiVersion": "1.44", "Version": "25.0.3"}'}),
        frozenset({"ports"}),
    ),
    Fault(
        "ollama-open",
        lambda host, _: _http(
            host,
            11434,
            {"/": "Ollama is running", "/api/tags": '{"models": []}', "/api/version": '{"version": "0.1.30"}'},
        ),
        frozenset({"ports"}),
    ),
)
"""The pool a seed draws from."""

BY_ID = {fault.id: fault for fault in FAULTS}

ALWAYS = ("ssh-password", "ssh-password-match", "sudo-nopasswd", "ssh-plain-private-key", "redis-open")
"""Planted in every agency, whatever the seed; only where is drawn."""

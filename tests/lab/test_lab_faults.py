"""Every fault lands: each is planted alone on a hardened host that really runs, and shows there and not on a clean one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.faults import CANARY, FAULTS
from tests.lab.hardened import harden
from tests.lab.host import Build, Host, key_pair
from tests.lab.network import Network
from tests.lab.places import blank, welcome

pytestmark = pytest.mark.lab

SSHD = "/usr/sbin/sshd -T"
# A shell line for each fault: it succeeds on a host that has the fault, and fails on a hardened one.
SHOWS: dict[str, str] = {
    "ssh-password": f"{SSHD} | grep -x 'passwordauthentication yes' && {SSHD} | grep -x 'authenticationmethods any'",
    "ssh-password-match": f"{SSHD} | grep -x 'passwordauthentication no' && {SSHD} -C user=legacy,host=x,addr=10.0.0.1 | grep -x 'passwordauthentication yes'",
    "ssh-root-login": f"{SSHD} | grep -x 'permitrootlogin yes'",
    "ssh-root-by-key": f"{SSHD} | grep -x 'permitrootlogin without-password'",
    "ssh-empty-passwords": f"{SSHD} | grep -x 'permitemptypasswords yes'",
    "ssh-many-tries": f"{SSHD} | grep -x 'maxauthtries 10'",
    "ssh-slow-logins": f"{SSHD} | grep -x 'logingracetime 0'",
    "ssh-anyone": f"! {SSHD} | grep '^allowgroups'",
    "ssh-forwarding": f"{SSHD} | grep -x 'allowtcpforwarding yes'",
    "ssh-x11": f"{SSHD} | grep -x 'x11forwarding yes'",
    "ssh-host-trust": f"{SSHD} | grep -x 'hostbasedauthentication yes' && test -e /home/batch/.shosts",
    "ssh-user-environment": f"{SSHD} | grep -x 'permituserenvironment yes'",
    "ssh-weak-ciphers": f"{SSHD} | grep '^ciphers .*3des-cbc'",
    "ssh-weak-macs": f"{SSHD} | grep '^macs .*hmac-md5'",
    "ssh-weak-kex": f"{SSHD} | grep '^kexalgorithms .*sha1'",
    "ssh-short-host-key": f"ssh-keygen -lf /etc/ssh/ssh_host_rsa_key | grep '^2048 ' && {SSHD} | grep 'hostkey .*rsa' && {SSHD} | grep 'hostkey .*ed25519'",
    "ssh-loose-authorized-keys": "find /home -name authorized_keys -perm -002 | grep .",
    "ssh-plain-private-key": "ssh-keygen -y -P '' -f /home/deploy/.ssh/id_ed25519",
    "ssh-idle-forever": f"{SSHD} | grep -x 'clientaliveinterval 0'",
    "faillock-lenient": "grep -x 'deny = 50' /etc/security/faillock.conf",
    "faillock-missing": "! grep -r faillock /etc/pam.d && grep pam_unix.so /etc/pam.d/common-auth",
    "faillock-spares-root": "! grep -x even_deny_root /etc/security/faillock.conf",
    "pwquality-lax": "grep -x 'minlen = 8' /etc/security/pwquality.conf",
    "account-no-password": "grep '^kiosk::' /etc/shadow && id kiosk",
    "pam-nullok": "grep 'pam_unix.so nullok' /etc/pam.d/common-auth",
    "account-md5-hash": r"grep '^oldtimer:\$1\$' /etc/shadow",
    "account-second-root": "test $(awk -F: '$3==0' /etc/passwd | wc -l) = 2",
    "sudo-nopasswd": "visudo -c && setpriv --reuid runner --regid runner --init-groups sudo -n id -u | grep -x 0",
    "sudo-everyone": "visudo -c && sudo -l -U nobody | grep -F '(ALL : ALL) ALL'",
    "su-for-all": "! grep pam_wheel /etc/pam.d/su && grep pam_rootok /etc/pam.d/su",
    "account-stranger": "getent passwd contractor | grep /bin/bash",
    "account-daemon-shell": "getent passwd redis | grep /bin/bash",
    "secret-readable": "setpriv --reuid nobody --regid nogroup --clear-groups cat /home/analyst/.aws/credentials",
    "kernel-aslr": "sysctl -n kernel.randomize_va_space | grep -x 0",
    "kernel-bpf": "sysctl -n kernel.unprivileged_bpf_disabled | grep -x 0",
    "kernel-pointers": "sysctl -n kernel.kptr_restrict | grep -x 0",
    "kernel-ptrace": "sysctl -n kernel.yama.ptrace_scope | grep -x 0",
    "kernel-dumps": "sysctl -n fs.suid_dumpable | grep -x 2",
    "kernel-links": "sysctl -n fs.protected_symlinks | grep -x 0",
    "mac-complains": "grep complain /sys/kernel/security/apparmor/profiles",
    "tmp-executable": "findmnt -no OPTIONS /tmp && ! findmnt -no OPTIONS /tmp | grep noexec",
    "host-routes": "sysctl -n net.ipv4.conf.all.forwarding | grep -x 1",
    "host-redirects": "sysctl -n net.ipv4.conf.all.accept_redirects | grep -x 1",
    "firewall-none": "nft list ruleset && ! nft list ruleset | grep .",
    "firewall-egress": "nft list ruleset | grep 'hook output .* policy accept' && nft list ruleset | grep 'hook input .* policy drop'",
    "log-local": "! grep -r omfwd /etc/rsyslog.conf /etc/rsyslog.d",
    "log-cleartext": "rsyslogd -N1 && grep -r '@@10.77' /etc/rsyslog.d",
    "aide-no-database": "test -d /var/lib/aide && ! test -e /var/lib/aide/aide.db",
    "time-nobody": "test -e /etc/chrony/chrony.conf && ! grep -E '^(server|pool)' /etc/chrony/chrony.conf",
    "apt-unsigned": "grep -r 'trusted=yes' /etc/apt/sources.list.d",
    "apt-by-hand": "apt-config dump APT::Periodic::Unattended-Upgrade | grep '\"0\"'",
    "package-telnetd": "dpkg-query -W -f '${db:Status-Status} ${Version}' telnetd | grep '^installed 0.17'",
    "kernel-not-rebooted": "ls /lib/modules | grep '^99[.]' && ls /boot | grep vmlinuz-99",
    "modules-loadable": "! grep -r 'install dccp' /etc/modprobe.d /usr/lib/modprobe.d",
    "redis-open": "redis-cli -h $(hostname -I | cut -d' ' -f1) ping | grep -x PONG && nft list ruleset | grep 6379",
    "telnet-open": "ss -Hltn 'sport = 23' | grep 0.0.0.0 && nft list ruleset | grep '23'",
    "port-undeclared": "ss -Hltn 'sport = 8099' | grep 8099 && nft list ruleset | grep 8099",
    "docker-open": "python3 -c 'import urllib.request; print(urllib.request.urlopen(\"http://127.0.0.1:2375/version\").read())' | grep ApiVersion",
    "ollama-open": "python3 -c 'import urllib.request; print(urllib.request.urlopen(\"http://127.0.0.1:11434/api/tags\").read())' | grep models",
}
SOUND = (
    "sshd -t && visudo -c && nft -c -f /etc/nftables.conf && rsyslogd -N1 && apt-config dump && findmnt && sudo -n true"
)


@pytest.fixture(scope="module")
def ward() -> Iterator[dict[str, Host]]:
    """One hardened host, and one more for each fault."""
    with Network() as network, contextlib.ExitStack() as closing:
        key = key_pair("ed25519")[1]

        def new(id_: str, number: int) -> Build:
            build = blank(network, id_, "servers", number)
            harden(build)
            welcome(build, key)
            return build

        builds = {"clean": new("clean", 20), "other": new("other", 21)}
        for number, fault in enumerate(FAULTS):
            builds[fault.id] = new(f"f{number}", 30 + number)
            fault.plant(builds[fault.id], builds["other"])
        hosts = {id_: Host(build, network) for id_, build in builds.items()}
        for host in hosts.values():
            closing.callback(host.stop)
            host.start()
        for host in hosts.values():
            host.wait()
        yield hosts


def test_every_fault_is_looked_for() -> None:
    assert set(SHOWS) == {fault.id for fault in FAULTS}


@pytest.mark.parametrize("fault", SHOWS)
def test_a_fault_shows_on_its_host_and_not_on_a_clean_one(ward: dict[str, Host], fault: str) -> None:
    found = ward[fault].run(["/bin/sh", "-c", SHOWS[fault]])
    assert found.returncode == 0, (found.stdout, found.stderr)
    assert ward["clean"].run(["/bin/sh", "-c", SHOWS[fault]]).returncode != 0


@pytest.mark.parametrize("fault", ["clean", *SHOWS])
def test_a_faulty_host_is_sound_otherwise(ward: dict[str, Host], fault: str) -> None:
    """A host whose files do not even load would be found for the wrong reason."""
    found = ward[fault].run(["/bin/sh", "-c", SOUND])
    assert found.returncode == 0, (found.stdout[-500:], found.stderr)
    assert "warning" not in found.stderr.lower().replace("warnings", ""), found.stderr


def test_planted_secrets_bear_the_canary(ward: dict[str, Host]) -> None:
    assert CANARY in ward["secret-readable"].run(["cat", "/home/analyst/.aws/credentials"]).stdout
    assert CANARY in ward["account-md5-hash"].run(["cat", "/etc/shadow"]).stdout


def test_kernel_faults_are_shown_by_the_host_and_not_set_in_the_machine(ward: dict[str, Host]) -> None:
    before = Path("/proc/sys/kernel/randomize_va_space").read_text()
    assert ward["kernel-aslr"].run(["sysctl", "-n", "kernel.randomize_va_space"]).stdout == "0\n"
    assert before != "0\n"
    refused = ward["kernel-aslr"].run(["sysctl", "-w", "vm.swappiness=61"])
    assert refused.returncode != 0
    assert Path("/proc/sys/kernel/randomize_va_space").read_text() == before

"""For each check whose remediation is run in the guest: the fault it must mend there, and how the guest is cleaned up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fix:
    """How a remediation is run in the guest; what it does stands in the baselines alone."""

    check: str
    plant: str
    """Shell lines that make the check fail; they run before the first look, as root."""
    clear: str = "true"
    """Shell lines that take the fault away when all is seen."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What stands for the names in capitals that a person fills in, in the remedy and in the rollback."""
    settled: str = "true"
    """Shell lines that return when what was applied has come into force: a clock takes its time."""
    reboot: bool = False
    """The rollback says that it holds from the next boot."""
    once: bool = False
    """The remedy may not be run twice, by its own words."""
    one_way: bool = False
    """The rollback is empty, and says so."""
    lost: tuple[str, ...] = ()
    """Files below /etc that programs of the guest write besides."""


def _sysctl(check: str, *, reboot: bool = False, **values: str) -> Fix:
    """Return a fault of the running kernel that a file sets at every boot."""
    keys = {key.replace("__", "."): value for key, value in values.items()}
    lines = "\\n".join(f"{key} = {value}" for key, value in keys.items())
    name = f"/etc/sysctl.d/50-fault-{check.lower()}.conf"
    return Fix(
        check,
        plant=f"sysctl {' '.join(keys)} > /root/was; printf '{lines}\\n' > {name}; sysctl -p {name}",
        clear=f"rm {name}; sysctl -p /root/was || true",
        reboot=reboot,
    )


_DUMMY = """
mkdir -p /root/{name}/DEBIAN /root/{name}/usr/bin
printf 'Package: {name}\\nVersion: {version}\\nArchitecture: all\\nMaintainer: the lab <lab@agency.example>\\n' \
  > /root/{name}/DEBIAN/control
printf 'Description: made for a test\\n' >> /root/{name}/DEBIAN/control
printf '#!/bin/sh\\n' > /root/{name}/usr/bin/{name}; chmod 755 /root/{name}/usr/bin/{name}
dpkg-deb --root-owner-group -b /root/{name} /srv/mirror/{name}_{version}_all.deb >/dev/null
"""
_INDEX = """
printf 'deb [trusted=yes] copy:/srv/mirror ./\\n' > /etc/apt/sources.list
cd /srv/mirror && apt-ftparchive packages . > Packages
apt-ftparchive -o APT::FTPArchive::Release::Origin=Debian -o APT::FTPArchive::Release::Label=Debian-Security \
  -o APT::FTPArchive::Release::Suite=oldstable-security -o APT::FTPArchive::Release::Codename=bookworm-security \
  release . > Release
apt-get -q update
"""


def _dummy(name: str, version: str) -> str:
    return _DUMMY.format(name=name, version=version)


_NO_AUDIT_RULES = "rm -f /etc/audit/rules.d/[459]?-*.rules; augenrules --load; auditctl -e 1"
_AUDIT_KEEPS = ("/etc/audit/audit.rules.prev",)  # augenrules' own copy of what it replaced

# A clock server in a network namespace of the guest: it needs no world to ask, and sets no clock.
_TIME_SERVER = """
ip netns add clock && ip link add c0 type veth peer name c1 netns clock
ip addr add 192.0.2.1/24 dev c0 && ip link set c0 up
ip -n clock addr add 192.0.2.123/24 dev c1 && ip -n clock link set c1 up
grep -q time.agency /etc/hosts || echo '192.0.2.123 time.agency.example' >> /etc/hosts
printf 'local stratum 2\\nallow\\npidfile /run/clock.pid\\nbindcmdaddress /\\ncmdport 0\\n' > /root/clock.conf
ip netns exec clock chronyd -x -f /root/clock.conf
systemctl start chrony
"""

_REDIS_WITH_A_NEW_LIBRARY = """
sed -i 's/^bind .*/bind 0.0.0.0/' /etc/redis/redis.conf && systemctl restart redis-server
file=$(awk '/libc\\.so/ {print $6; exit}' /proc/$(pidof redis-server)/maps)
cp -p "$file" "$file.new" && mv "$file.new" "$file"
"""

_DOCKER_WITHOUT_FLAGS = """
mkdir -p /etc/systemd/system/docker.service.d /etc/docker
printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd\\n' > /etc/systemd/system/docker.service.d/lab.conf
printf '{"hosts": ["unix:///run/docker.sock", "tcp://0.0.0.0:2375"], "iptables": false, "bridge": "none"}\\n' > /etc/docker/daemon.json
systemctl daemon-reload && systemctl restart docker
"""

_POSTFIX = "cp -p /etc/postfix/main.cf /root/main.cf; "
_NO_POSTFIX = "systemctl stop postfix; cp -p /root/main.cf /etc/postfix/main.cf"

FIXES: tuple[Fix, ...] = (
    _sysctl("HRD-01", kernel__randomize_va_space="0"),
    _sysctl("HRD-02", kernel__unprivileged_bpf_disabled="0", net__core__bpf_jit_harden="0", reboot=True),
    _sysctl("HRD-03", kernel__kptr_restrict="0"),
    _sysctl("HRD-04", kernel__yama__ptrace_scope="0"),
    _sysctl("HRD-05", user__max_user_namespaces="1000"),
    _sysctl("HRD-06", fs__suid_dumpable="2", reboot=True),
    _sysctl("HRD-07", fs__protected_symlinks="0"),
    Fix("HRD-08", "find /etc/apparmor.d -maxdepth 1 -type f -exec aa-complain {} +"),
    Fix(
        "HRD-19",
        "systemctl start cron; touch -d '+1 hour' /lib/systemd/system/cron.service; sleep 1",
        names={"UNIT": "cron.service"},
        one_way=True,
    ),
    Fix("LOG-02", _NO_AUDIT_RULES, clear="augenrules --load", lost=_AUDIT_KEEPS),
    Fix("LOG-07", _NO_AUDIT_RULES, clear="augenrules --load", lost=_AUDIT_KEEPS),
    Fix("LOG-01", _NO_AUDIT_RULES, reboot=True, lost=_AUDIT_KEEPS),
    Fix(
        "LOG-04",
        _TIME_SERVER,
        settled="chronyc waitsync 60 0 0 1",
        clear="systemctl stop chrony; kill $(cat /run/clock.pid); ip netns del clock",
    ),
    Fix(
        "LOG-08",
        "printf '[Journal]\\nStorage=volatile\\n' > /etc/systemd/journald.conf; systemctl restart systemd-journald",
    ),
    Fix(
        "PAT-02",
        _dummy("lab-lock", "1.0") + "dpkg -i /srv/mirror/lab-lock_1.0_all.deb" + _dummy("lab-lock", "1.1") + _INDEX,
        names={"PACKAGE=VERSION": "-y lab-lock=1.0"},
        clear="dpkg -P lab-lock; rm /srv/mirror/lab-lock_*",
    ),
    Fix("PAT-05", _REDIS_WITH_A_NEW_LIBRARY, clear="systemctl stop redis-server", one_way=True),
    Fix(
        "PAT-06",
        "rm -f /etc/apt/apt.conf.d/20auto-upgrades; systemctl disable --now apt-daily.timer apt-daily-upgrade.timer",
        lost=("/etc/systemd/system/timers.target.wants",),
    ),
    Fix(
        "PAT-08",
        _INDEX + "apt-get purge -y -q vsftpd && DEBIAN_FRONTEND=noninteractive apt-get install -y -q telnetd",
        clear="apt-get purge -y telnetd inetutils-telnetd",
    ),
    Fix(
        "EXP-09",
        "echo '/srv 10.0.2.0/24(rw,no_root_squash,no_subtree_check)' > /etc/exports; systemctl start nfs-server",
    ),
    Fix("EXP-14", _DOCKER_WITHOUT_FLAGS, clear="systemctl stop docker docker.socket"),
    Fix(
        "MAIL-01",
        _POSTFIX + "postconf -e inet_interfaces=all; systemctl restart postfix",
        clear=_NO_POSTFIX,
    ),
    Fix("MAIL-02", _POSTFIX + "postconf -e inet_interfaces=all; systemctl restart postfix", clear=_NO_POSTFIX),
    Fix(
        "MAIL-04",
        _POSTFIX
        + "postconf -e inet_interfaces=all mynetworks=0.0.0.0/0 smtpd_relay_restrictions=permit_mynetworks,defer;"
        " systemctl restart postfix",
        names={"mynetworks=OLD": "mynetworks=0.0.0.0/0", "restrictions=OLD": "restrictions=permit_mynetworks,defer"},
        clear=_NO_POSTFIX,
    ),
    Fix(
        "DWN-01",
        _dummy("firefox-esr", "1.0")
        + _dummy("chromium", "1.0")
        + _INDEX
        + "apt-get install -y -q firefox-esr chromium",
        names={"install -y NAME": "install -y firefox-esr chromium"},
        clear="apt-get purge -y firefox-esr chromium",
    ),
    Fix(
        "DWN-02", "printf '#!/bin/sh\\n' > /usr/bin/chromium; chmod 755 /usr/bin/chromium", clear="rm /usr/bin/chromium"
    ),
    Fix("SSH-07", "true"),
)
"""What is proven in the guest: each remediation mends its check there, and its rollback undoes it."""

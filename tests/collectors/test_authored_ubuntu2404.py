"""Ubuntu 24.04 as its documents describe it, written by hand: what differs from Debian, and what we read in it.

Sources: the defaults of Ubuntu 24.04 as its server guide and release notes describe them (ssh.socket, cloud-init,
snaps, ESM, unattended-upgrades, ufw), and the manual page of each program.
"""

from __future__ import annotations

from collectors import (
    accounts,
    audit,
    browsers,
    clock,
    containers,
    cron,
    exports,
    firewall,
    identity,
    integrity,
    interfaces,
    interpreters,
    kernel,
    listeners,
    logins,
    mail,
    mounts,
    package_indexes,
    packages,
    pam,
    python_startup,
    secret_files,
    services,
    ssh_keys,
    sshd,
    sudo,
    syslog,
    timesync,
    updates,
)
from posture.model.observation import Blind
from tests.collectors.authored import find, grep, read_whole, told_by
from tests.collectors.transcripts import answer, facts_of, holes_of


def test_the_ssh_server() -> None:
    seen = read_whole(sshd.COLLECTOR, "authored_ubuntu2404_sshd")
    assert seen.version == "9.6"
    assert seen.effective["passwordauthentication"] == "yes"
    assert seen.effective["kexalgorithms"].startswith("sntrup761x25519-sha512@openssh.com")


def test_the_kernel_restricts_user_namespaces_by_apparmor() -> None:
    seen = read_whole(kernel.COLLECTOR, "authored_ubuntu2404_kernel")
    assert seen.release.startswith("6.8.0-")
    assert seen.sysctl["kernel.apparmor_restrict_unprivileged_userns"] == 1
    assert seen.sysctl["kernel.kptr_restrict"] == 1


PASSWD = """\
root:x:1:0:0:/root:/bin/bash
daemon:x:1:1:1:/usr/sbin:/usr/sbin/nologin
sync:x:1:4:65534:/bin:/bin/sync
nobody:x:1:65534:65534:/nonexistent:/usr/sbin/nologin
systemd-network:x:1:998:998:/:/usr/sbin/nologin
sshd:x:1:109:65534:/run/sshd:/usr/sbin/nologin
pollinate:x:1:105:1:/var/cache/pollinate:/bin/false
ubuntu:x:1:1000:1000:/home/ubuntu:/bin/bash
"""
SHADOW = """\
root:*:1:19905:99999::
daemon:*:1:19905:99999::
sync:*:1:19905:99999::
nobody:*:1:19905:99999::
systemd-network:!*:2:19905:::
sshd:!:1:19905:::
pollinate:!:1:19905:::
ubuntu:!:1:20000:99999::
"""
ACCOUNTS = (
    answer("accounts.passwd", PASSWD),
    answer("accounts.shadow", SHADOW),
    answer("accounts.group", "root:0:\nadm:4:syslog,ubuntu\nsudo:27:ubuntu\nlxd:101:ubuntu\nubuntu:1000:\n"),
    answer("accounts.sources", "passwd:         files systemd\n"),
    answer(
        "accounts.login_defs",
        "UMASK\t\t022\nHOME_MODE\t0750\nPASS_MAX_DAYS\t99999\nUID_MIN\t\t\t 1000\nUSERGROUPS_ENAB yes\nENCRYPT_METHOD SHA512\n",
    ),
    answer("accounts.useradd", "GROUP=100\nHOME=/home\nINACTIVE=-1\nEXPIRE=\nSHELL=/bin/sh\nSKEL=/etc/skel\n"),
)


def test_the_cloud_account_has_no_password_and_is_as_good_as_root() -> None:
    seen = read_whole(accounts.COLLECTOR, ACCOUNTS)
    assert seen.interactive.items == ["root", "ubuntu"] and seen.sources == []
    assert {user.name: user.password for user in seen.users.items}["ubuntu"] == "locked"
    assert {group.name: group.members for group in seen.groups.items}["lxd"] == ["ubuntu"]


LOGINS = (
    answer(
        "logins.lastlog",
        "Username         Port     From                                       Latest\n"
        "root                                                                **Never logged in**\n"
        "ubuntu           pts/0    10.20.0.15                                Fri Nov 20 18:44:03 +0000 2026\n",
    ),
    answer("logins.passwd", "root:x:1:0:0:/root:/bin/bash\nubuntu:x:1:1000:1000:/home/ubuntu:/bin/bash\n"),
    answer("logins.shadow", "root:*:1:19905:99999::\nubuntu:!:1:20000:99999::\n"),
)


def test_logins() -> None:
    rows = [(one.name, one.never) for one in read_whole(logins.COLLECTOR, LOGINS).accounts.items]
    assert rows == [("root", True), ("ubuntu", False)]


LISTENERS = (
    answer(
        "listeners.sockets",
        "udp   UNCONN 0      0         127.0.0.53%lo:53         0.0.0.0:*\n"
        "udp   UNCONN 0      0      10.20.0.31%ens3:68         0.0.0.0:*\n"
        "tcp   LISTEN 0      4096            0.0.0.0:22         0.0.0.0:*\n"
        "tcp   LISTEN 0      4096      127.0.0.53%lo:53         0.0.0.0:*\n"
        "tcp   LISTEN 0      4096               [::]:22            [::]:*\n",
    ),
    answer(
        "listeners.owners",
        'udp   UNCONN 0      0         127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=590,fd=13))\n'
        'udp   UNCONN 0      0      10.20.0.31%ens3:68         0.0.0.0:*    users:(("systemd-network",pid=634,fd=21))\n'
        'tcp   LISTEN 0      4096            0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=1130,fd=3),("systemd",pid=1,fd=171))\n'
        'tcp   LISTEN 0      4096      127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=590,fd=14))\n'
        'tcp   LISTEN 0      4096               [::]:22            [::]:*    users:(("sshd",pid=1130,fd=4),("systemd",pid=1,fd=172))\n',
    ),
    answer(
        "listeners.processes",
        f"{1:>7} {'root':<32} {'init.scope':<96} systemd\n"
        f"{590:>7} {'systemd-resolve':<32} {'systemd-resolved.service':<96} systemd-resolve\n"
        f"{634:>7} {'systemd-network':<32} {'systemd-networkd.service':<96} systemd-network\n"
        f"{1130:>7} {'root':<32} {'ssh.service':<96} sshd\n",
    ),
    answer(
        "listeners.fences",
        "UNIT                                 EXPOSURE PREDICATE HAPPY\n"
        "ssh.service                               9.6 UNSAFE    \N{FEARFUL FACE}\n"
        "systemd-resolved.service                  2.2 OK        \N{SLIGHTLY SMILING FACE}\n",
    ),
    answer("listeners.deleted", ""),
)


def test_a_socket_that_systemd_opened_for_sshd() -> None:
    seen = read_whole(listeners.COLLECTOR, LISTENERS)
    assert seen.tcp_ports.items == [22]
    (ssh,) = [one for one in seen.sockets.items if one.port == 22 and one.address == "0.0.0.0"]
    assert (ssh.process, ssh.user) == ("systemd", "root")  # the oldest holder; the daemon is one of the others
    dns = next(one for one in seen.sockets.items if one.endpoint == "tcp/53")
    assert (dns.interface, dns.loopback, dns.exposure) == ("lo", True, 2.2)


MOUNTS = (
    answer(
        "mounts.now",
        '{"filesystems": [\n'
        '{"target": "/", "source": "/dev/vda1", "fstype": "ext4", "options": "rw,relatime,discard,errors=remount-ro"},\n'
        '{"target": "/snap/core22/1564", "source": "/dev/loop0", "fstype": "squashfs", "options": "ro,nodev,relatime"},\n'
        '{"target": "/run/snapd/ns/lxd.mnt", "source": "nsfs[mnt:[4026532281]]", "fstype": "nsfs", "options": "rw"}]}\n',
    ),
    grep("mounts.fstab", {"/etc/fstab": "LABEL=cloudimg-rootfs\t/\t ext4\tdiscard,errors=remount-ro\t0 1\n"}),
)


def test_mounts_of_snaps_are_no_network() -> None:
    seen = read_whole(mounts.COLLECTOR, MOUNTS)
    assert seen.network == [] and seen.targets["/snap/core22/1564"].fstype == "squashfs"
    assert seen.fstab.items[0].source == "LABEL=cloudimg-rootfs"


SUDOERS = """\
Defaults\tenv_reset
Defaults\tmail_badpass
Defaults\tsecure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
Defaults\tuse_pty
root\tALL=(ALL:ALL) ALL
%admin ALL=(ALL) ALL
%sudo\tALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
"""
SUDO = (
    grep("sudo.sudoers", {"/etc/sudoers": SUDOERS, "/etc/sudoers.d/90-cloud-init-users": "ubuntu ALL=(ALL) NOPASSWD:ALL\n"}),
    grep("sudo.nsswitch", {"/etc/nsswitch.conf": "passwd:         files systemd\n"}),
)  # fmt: skip


def test_cloud_init_gives_its_account_everything_without_a_password() -> None:
    seen = read_whole(sudo.COLLECTOR, SUDO)
    assert [rule.who for rule in seen.rules.items] == ["root", "%admin", "%sudo", "ubuntu"]
    assert seen.nopasswd_all and seen.settings["use_pty"] == "yes"
    assert seen.settings["secure_path"].endswith("/snap/bin")


RSYSLOG = """\
module(load="imuxsock") # provides support for local system logging
module(load="imklog" permitnonkernelfacility="on")
$RepeatedMsgReduction on
$FileOwner syslog
$FileGroup adm
$PrivDropToUser syslog
$PrivDropToGroup syslog
$WorkDirectory /var/spool/rsyslog
$IncludeConfig /etc/rsyslog.d/*.conf
"""
SYSLOG = (
    grep("syslog.rsyslog", {"/etc/rsyslog.conf": RSYSLOG, "/etc/rsyslog.d/50-default.conf": "*.*;auth,authpriv.none\t-/var/log/syslog\n"
                            "auth,authpriv.*\t/var/log/auth.log\n"}),
    grep("syslog.journal", {"/etc/systemd/journald.conf": "[Journal]\n#Storage=auto\n"}, ("/etc/syslog-ng/syslog-ng.conf",)),
    find("syslog.journal_place", ("2755 d 0 999 1724000000.0 root systemd-journal /var/log/journal",)),
)  # fmt: skip


def test_logs_stay_at_home_as_shipped() -> None:
    seen = read_whole(syslog.COLLECTOR, SYSLOG)
    assert not seen.remote and seen.targets.items == [] and seen.journal_kept


TIMESYNC = (
    grep("timesync.chrony", {}, ("/etc/chrony.conf", "/etc/chrony/chrony.conf")),
    grep("timesync.ntp", {}, ("/etc/ntp.conf", "/etc/ntpsec/ntp.conf")),
    grep("timesync.timesyncd", {"/etc/systemd/timesyncd.conf": "[Time]\n#NTP=\n#FallbackNTP=ntp.ubuntu.com\n",
                                "/etc/systemd/timesyncd.conf.d/agency.conf": "[Time]\nNTP=10.20.0.10 10.20.0.11\n"}),
    answer("timesync.state", "NTP=yes\nNTPSynchronized=yes\n"),
    answer("timesync.tracking", "", "", 127),
)  # fmt: skip


def test_timesyncd_with_a_drop_in() -> None:
    seen = read_whole(timesync.COLLECTOR, TIMESYNC)
    assert seen.tools == ["timesyncd"] and seen.synchronised
    assert seen.addresses == ["10.20.0.10", "10.20.0.11"]


CRON = (
    find("cron.files", ("644 f 0 0 1.0 root root /etc/crontab", "755 d 0 0 1.0 root root /etc/cron.d",
                        "644 f 0 0 1.0 root root /etc/cron.d/e2scrub_all", "755 d 0 0 1.0 root root /etc/cron.daily",
                        "755 f 0 0 1.0 root root /etc/cron.daily/apport"), ("/etc/cron.allow", "/etc/cron.deny")),
    find("cron.tables", ("755 d 0 0 1.0 root root /var/spool/cron", "1730 d 0 997 1.0 root crontab /var/spool/cron/crontabs",
                         "600 f 1000 997 1.0 ubuntu crontab /var/spool/cron/crontabs/ubuntu")),
)  # fmt: skip


def test_cron() -> None:
    seen = read_whole(cron.COLLECTOR, CRON)
    assert seen.user_tables.items == ["ubuntu"] and not seen.allow_list and not seen.deny_list


_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKl6VL6G41bQlWYQgK9Ze5IIccrJYoSXGkWVN47XsZ86"
_DENY = (
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,"
    'command="echo \'Please login as the user \\"ubuntu\\" rather than the user \\"root\\".\';echo;sleep 10;exit 142"'
)
_NO_SSHD_HOME = "/usr/bin/find: '/run/sshd/.ssh': No such file or directory\n"
SSH_KEYS = (
    answer("ssh_keys.effective", "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\nauthorizedkeyscommand none\n"
           "hostkey /etc/ssh/ssh_host_ed25519_key\n"),
    answer("ssh_keys.lines", "#AuthorizedKeysFile\t.ssh/authorized_keys .ssh/authorized_keys2\n"),
    answer("ssh_keys.passwd", "root:0:/root\nsshd:109:/run/sshd\nubuntu:1000:/home/ubuntu\n"),
    answer("ssh_keys.mounts", "/ ext4\n/snap/core22/1564 squashfs\n/proc proc\n"),
    answer("ssh_keys.links", ""),
    answer("ssh_keys.homes", f"\0f\t600\troot\troot\t300\t/root/.ssh/authorized_keys\0{_DENY} {_KEY} admin\n"
           f"\0f\t600\tubuntu\tubuntu\t99\t/home/ubuntu/.ssh/authorized_keys\0{_KEY} admin\n"),
    answer("ssh_keys.elsewhere", "", _NO_SSHD_HOME, 1),
    answer("ssh_keys.there", "", _NO_SSHD_HOME, 1),
    answer("ssh_keys.host", f"\0f\t644\troot\troot\t95\t/etc/ssh/ssh_host_ed25519_key.pub\0{_KEY} root@vm\n"
           "\0f\t600\troot\troot\t387\t/etc/ssh/ssh_host_ed25519_key\0"),
    answer("ssh_keys.trust", "", "/usr/bin/find: '/etc/hosts.equiv': No such file or directory\n", 1),
)  # fmt: skip


def test_cloud_init_ties_the_key_of_root_to_a_command() -> None:
    seen = read_whole(ssh_keys.COLLECTOR, SSH_KEYS)
    assert [(key.account, key.restricted) for key in seen.authorized.items] == [("root", True), ("ubuntu", False)]
    assert seen.authorized.complete and seen.host_keys.items[0].protected and seen.key_command is None


FILES = """\
apparmor.service                             enabled         enabled
ssh.service                                  disabled        enabled
ssh.socket                                   enabled         enabled
snapd.service                                enabled         enabled
unattended-upgrades.service                  enabled         enabled
systemd-timesyncd.service                    enabled         enabled
apt-daily-upgrade.timer                      enabled         enabled
"""
UNITS = """\
apparmor.service             loaded active exited  Load AppArmor profiles
ssh.service                  loaded active running OpenBSD Secure Shell server
ssh.socket                   loaded active running OpenBSD Secure Shell server socket
snapd.service                loaded active running Snap Daemon
unattended-upgrades.service  loaded active running Unattended Upgrades Shutdown
systemd-timesyncd.service    loaded active running Network Time Synchronization
apt-daily-upgrade.timer      loaded active waiting Daily apt upgrade and clean activities
"""
SERVICES = (
    answer("services.files", FILES),
    answer("services.units", UNITS),
    answer("services.show", "Id=ssh.service\nNeedDaemonReload=no\nEnvironment=\n"),
)


def test_a_disabled_service_that_its_socket_starts() -> None:
    units = read_whole(services.COLLECTOR, SERVICES).units
    assert (units["ssh.service"].enabled, units["ssh.service"].active) == ("disabled", "active")
    assert (units["ssh.socket"].enabled, units["ssh.socket"].sub) == ("enabled", "running")


PAM = (
    grep("pam.stacks", {
        "/etc/pam.d/common-auth": "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\n"
                                  "auth\trequired\tpam_permit.so\nauth\toptional\tpam_cap.so\n",
        "/etc/pam.d/common-password": "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n"
                                      "password\trequisite\tpam_deny.so\n",
        "/etc/pam.d/sshd": "@include common-auth\n@include common-password\n",
        "/etc/pam.d/su": "auth       sufficient pam_rootok.so\n@include common-auth\n",
    }),
    grep("pam.settings", {"/etc/security/faillock.conf": "# deny = 3\n"}, ("/etc/security/pwquality.conf",)),
)  # fmt: skip


def test_nothing_counts_failed_logins_as_shipped() -> None:
    seen = read_whole(pam.COLLECTOR, PAM)
    assert not seen.faillock_in_stack and not seen.pwquality_in_stack and seen.su_wheel_only is False
    assert seen.nullok.items == ["/etc/pam.d/common-auth:1"]


PACKAGES = (
    answer("packages.dpkg", "openssh-server\t1:9.6p1-3ubuntu13.5\tamd64\tinstalled\topenssh\t1:9.6p1-3ubuntu13.5\n"
           "linux-image-6.8.0-45-generic\t6.8.0-45.45\tamd64\tinstalled\tlinux-signed\t6.8.0-45.45\n"
           "snapd\t2.63.1+24.04\tamd64\tinstalled\tsnapd\t2.63.1+24.04\n"),
    answer("packages.rpm", "", "", 127),
    answer("packages.python", ""),
    answer("packages.npm", ""),
)  # fmt: skip


def test_packages_carry_ubuntus_own_revisions() -> None:
    seen = read_whole(packages.COLLECTOR, PACKAGES)
    assert seen.manager == "dpkg" and seen.versions["openssh-server"] == "1:9.6p1-3ubuntu13.5"


SOURCES = """\
Types: deb
URIs: http://archive.ubuntu.com/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Types: deb
URIs: http://security.ubuntu.com/ubuntu/
Suites: noble-security
Components: main universe
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
UPDATES = (
    answer(
        "updates.apt",
        "Reading package lists...\nThe following packages will be upgraded:\n  libssl3t64\n"
        "1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n"
        "Inst libssl3t64 [3.0.13-0ubuntu3.3] (3.0.13-0ubuntu3.4 Ubuntu:24.04/noble-updates,"
        " Ubuntu:24.04/noble-security [amd64])\n"
        "Conf libssl3t64 (3.0.13-0ubuntu3.4 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])\n",
    ),
    answer(
        "updates.apt_config",
        'APT::Architecture "amd64";\nAPT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'
        'Unattended-Upgrade::Allowed-Origins "";\nUnattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}";\n'
        'Unattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-security";\n'
        'Unattended-Upgrade::Allowed-Origins:: "${distro_id}ESMApps:${distro_codename}-apps-security";\n',
    ),
    grep("updates.apt_sources", {"/etc/apt/sources.list": "# moved to sources.list.d/ubuntu.sources\n",
                                 "/etc/apt/sources.list.d/ubuntu.sources": SOURCES}),
    find("updates.apt_lists", ("755 d 0 0 1795000000.0 root root /var/lib/apt/lists",
                               "644 f 0 0 1795000000.0 root root /var/lib/apt/lists/security.ubuntu.com_ubuntu_dists_noble-security_InRelease",
                               "755 f 0 0 1.0 root root /usr/bin/unattended-upgrade")),
    answer("updates.dnf", "", "", 127),
    answer("updates.dnf_advisories", "", "", 127),
    grep("updates.dnf_files", {}, ("/etc/dnf/dnf.conf",)),
    find("updates.dnf_cache", (), ("/var/cache/dnf", "/usr/bin/dnf")),
)  # fmt: skip


def test_a_security_update_comes_from_the_security_pocket() -> None:
    seen = read_whole(updates.COLLECTOR, UPDATES)
    assert (seen.manager, [one.package for one in seen.pending_security.items]) == ("apt", ["libssl3t64"])
    assert seen.automatic.security and seen.unsigned_repositories.items == []


FIREWALL = (
    find("firewall.programs", ("755 f 0 0 1.0 root root /usr/sbin/nft", "755 f 0 0 1.0 root root /usr/sbin/iptables-save",
                               "755 f 0 0 1.0 root root /usr/sbin/ufw"), ("/usr/bin/firewall-cmd",)),
    answer("firewall.nft", '{"nftables": [{"metainfo": {"version": "1.0.9", "release_name": "Old Doc Yak #3", "json_schema_version": 1}}]}\n'),
    answer("firewall.iptables", ""),
    answer("firewall.ip6tables", ""),
    answer("firewall.iptables_legacy", ""),
    answer("firewall.ip6tables_legacy", ""),
    grep("firewall.ufw", {"/etc/ufw/ufw.conf": "ENABLED=no\nLOGLEVEL=low\n", "/etc/default/ufw": 'IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\n'}),
    answer("firewall.zones", "", "", 127),
    answer("firewall.default_zone", "", "", 127),
    answer("firewall.kernel", "0000000000000000 t nf_tables_newtable\t[nf_tables]\n"),
    answer("firewall.legacy_tables", "", "", 1),
)  # fmt: skip


def test_ufw_is_there_and_off_as_shipped() -> None:
    seen = read_whole(firewall.COLLECTOR, FIREWALL)
    assert (seen.inbound_ipv4, seen.inbound_ipv6) == ("none", "none")
    assert seen.rules.items == [] and seen.rules.complete


AUDIT = (
    answer("audit.status", "", "", 127),
    answer("audit.rules", "", "", 127),
    grep("audit.files", {}, ("/etc/audit/auditd.conf", "/etc/audit/rules.d")),
)
INTEGRITY = (
    find("integrity.paths", ("755 d 0 0 1.0 root root /etc/systemd/system/timers.target.wants",), ("/usr/bin/aide", "/usr/sbin/aide")),
    grep("integrity.jobs", {"/etc/crontab": "17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"}, ("/etc/aide/aide.conf",)),
)  # fmt: skip


def test_neither_audit_nor_aide_is_shipped() -> None:
    unasked = facts_of(audit.COLLECTOR, told_by(audit.COLLECTOR, *AUDIT))
    assert not unasked.value.installed
    assert (
        holes_of(unasked)["enabled"] is Blind.COMMAND_MISSING
    )  # the kernel was not asked, so it is not said to be off
    assert not read_whole(integrity.COLLECTOR, INTEGRITY).installed


CONTAINERS = (
    find("containers.paths", ("660 s 0 101 1.0 root lxd /var/snap/lxd/common/lxd/unix.socket",)),
    answer("containers.groups", "lxd:x:101:ubuntu\n", "", 2),
    grep("containers.daemon", {}, ("/etc/docker/daemon.json",)),
    answer("containers.walls", "", "/usr/bin/grep: /var/lib/docker/containers: No such file or directory\n", 2),
)


def test_lxd_is_a_snap_and_its_group_holds_the_cloud_account() -> None:
    seen = read_whole(containers.COLLECTOR, CONTAINERS)
    assert seen.engines == ["lxd"]
    assert [(group.group, group.members) for group in seen.groups.items] == [("lxd", ["ubuntu"])]


BROWSERS = (
    find("browsers.programs", ("755 f 0 0 1.0 root root /snap/bin/firefox",)),
    grep("browsers.policies", {"/etc/firefox/policies/policies.json": '{"policies": {"DisableTelemetry": true}}'}),
)
INTERPRETERS = (find("interpreters.programs", ("755 f 0 0 1.0 root root /usr/bin/python3",)),)
MAIL = (
    find("mail.programs", (), ("/usr/sbin/postconf",)),
    answer("mail.settings", "", "", 127),
    answer("mail.services", "", "", 127),
    answer("mail.overrides", "", "", 127),
)
EXPORTS = (grep("exports.files", {}, ("/etc/exports",)), grep("exports.active", {}, ("/var/lib/nfs/etab",)))
PACKAGE_INDEXES = (
    grep("package_indexes.files", {"/etc/pip.conf": "extra-index-url = https://pypi.example.gov/simple\n"}),
)
PYTHON_STARTUP = (
    answer("python_startup.hooks", "/usr/lib/python3/dist-packages/distutils-precedence.pth\0001\n/usr/lib/python3.12/sitecustomize.py\0000\n"),
    answer("python_startup.dpkg", "/usr/lib/python3.12/sitecustomize.py\n/etc/python3.12/sitecustomize.py\n"
           "/usr/lib/python3/dist-packages/distutils-precedence.pth\n"),
)  # fmt: skip
SECRET_FILES = (
    answer("secret_files.homes", "file 600 1000 ubuntu ubuntu /home/ubuntu/.aws/credentials\0", "/usr/bin/find: '/var/www': No such file or directory\n", 1),
    answer("secret_files.mounts", "/\n/snap/core22/1564\n"),
    answer("secret_files.accounts", "root:x:0:0:root:/root:/bin/bash\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n"),
)  # fmt: skip


def test_what_programs_and_files_are_in_their_places() -> None:
    (firefox,) = read_whole(browsers.COLLECTOR, BROWSERS).installed.items
    assert (firefox.path, firefox.downloads_restricted) == ("/snap/bin/firefox", False)
    (python,) = read_whole(interpreters.COLLECTOR, INTERPRETERS).programs.items
    assert python.name == "python3"
    assert read_whole(mail.COLLECTOR, MAIL).agents == []
    assert read_whole(exports.COLLECTOR, EXPORTS).exports.items == []
    (index,) = read_whole(package_indexes.COLLECTOR, PACKAGE_INDEXES).settings.items
    assert index.second_index and index.host == "pypi.example.gov"
    (hook,) = [
        one for one in read_whole(python_startup.COLLECTOR, PYTHON_STARTUP).hooks.items if one.path.endswith(".pth")
    ]
    assert hook.owned
    (secret,) = read_whole(secret_files.COLLECTOR, SECRET_FILES).files.items
    assert (secret.kind, secret.readable_by_others) == ("aws", False)


CLOCK = (answer("clock.date", "1795000000\n"), answer("clock.uptime", "86400.12 170000.00\n"))
IDENTITY = (answer("identity.nodename", "vm1\n"),)


def test_clock_and_name() -> None:
    assert read_whole(clock.COLLECTOR, CLOCK).epoch_s == 1795000000
    assert read_whole(identity.COLLECTOR, IDENTITY).hostname == "vm1"


# 10-network-security.conf sets rp_filter to 2 (loose); the kernel's own defaults for the rest.
INTERFACES = (
    answer("interfaces.settings", "".join(
        f"/proc/sys/net/{place}:{value}\n" for place, value in (
            ("ipv4/conf/all/accept_redirects", 1), ("ipv4/conf/all/accept_source_route", 0), ("ipv4/conf/all/forwarding", 0),
            ("ipv4/conf/all/rp_filter", 2), ("ipv4/conf/all/send_redirects", 1),
            ("ipv4/conf/ens3/accept_redirects", 1), ("ipv4/conf/ens3/accept_source_route", 1), ("ipv4/conf/ens3/forwarding", 0),
            ("ipv4/conf/ens3/rp_filter", 2), ("ipv4/conf/ens3/send_redirects", 1),
            ("ipv6/conf/all/accept_redirects", 1), ("ipv6/conf/all/accept_source_route", 0), ("ipv6/conf/all/forwarding", 0),
            ("ipv6/conf/ens3/accept_redirects", 1), ("ipv6/conf/ens3/accept_source_route", 0), ("ipv6/conf/ens3/forwarding", 0),
        )
    )),
)  # fmt: skip


def test_interfaces_as_shipped() -> None:
    four, six = read_whole(interfaces.COLLECTOR, INTERFACES).links.items
    assert (four.name, four.forwards, four.accepts_redirects, four.accepts_source_route) == ("ens3", False, True, False)
    assert four.filters_source and six.filters_source is None and six.accepts_redirects

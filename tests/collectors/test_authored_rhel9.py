"""RHEL 9 as its documents describe it, written by hand: what differs from Debian, and what we read in it.

Sources: the packages' default files as documented in passwd(5), sudoers(5), crontab(5), chrony.conf(5), rsyslog.conf(5)
and the RHEL 9 guides "Security hardening", "Configuring basic system settings" and "Managing file systems".
"""

from __future__ import annotations

from collectors import (
    accounts,
    browsers,
    clock,
    containers,
    cron,
    exports,
    identity,
    interfaces,
    interpreters,
    kernel,
    listeners,
    logins,
    mail,
    mounts,
    package_indexes,
    secret_files,
    ssh_keys,
    sshd,
    sudo,
    syslog,
    timesync,
)
from tests.collectors.authored import find, grep, read_whole
from tests.collectors.transcripts import answer


def test_the_ssh_server_follows_the_crypto_policy() -> None:
    seen = read_whole(sshd.COLLECTOR, "authored_rhel9_sshd")
    assert (seen.present, seen.version) == (True, "8.7")
    assert seen.effective["permitrootlogin"] == "without-password"
    assert seen.effective["gssapiauthentication"] == "yes"
    assert seen.effective["ciphers"].split(",")[0] == "aes256-gcm@openssh.com"
    assert "hmac-sha1" in seen.effective["macs"].split(",")


def test_the_kernel_of_the_newest_package_is_not_the_one_that_runs() -> None:
    seen = read_whole(kernel.COLLECTOR, "authored_rhel9_kernel")
    assert seen.release == "5.14.0-427.13.1.el9_4.x86_64"
    assert seen.newest_installed == "5.14.0-427.16.1.el9_4.x86_64" and seen.running_is_newest is False
    assert seen.sysctl["kernel.kptr_restrict"] == 1
    assert seen.sysctl["kernel.unprivileged_bpf_disabled"] == 2


PASSWD = """\
root:x:1:0:0:/root:/bin/bash
bin:x:1:1:1:/bin:/sbin/nologin
daemon:x:1:2:2:/sbin:/sbin/nologin
adm:x:1:3:4:/var/adm:/sbin/nologin
sync:x:1:5:0:/sbin:/bin/sync
shutdown:x:1:6:0:/sbin:/sbin/shutdown
halt:x:1:7:0:/sbin:/sbin/halt
operator:x:1:11:0:/root:/sbin/nologin
nobody:x:1:65534:65534:/:/sbin/nologin
sshd:x:1:74:74:/usr/share/empty.sshd:/usr/sbin/nologin
chrony:x:1:998:995:/var/lib/chrony:/sbin/nologin
jdoe:x:1:1000:1000:/home/jdoe:/bin/bash
legacy:x:1:1001:1001:/home/legacy:/bin/bash
"""
SHADOW = """\
root:$6$:118::0:99999::
bin:*:1:19820:0:99999::
daemon:*:1:19820:0:99999::
adm:*:1:19820:0:99999::
sync:*:1:19820:0:99999::
shutdown:*:1:19820:0:99999::
halt:*:1:19820:0:99999::
operator:*:1:19820:0:99999::
nobody:*:1:19820:0:99999::
sshd:!!:2:20300::::
chrony:!!:2:20300::::
jdoe:$6$:106:20300:60:35:
legacy:$1$:34:15000:99999::
""".replace(":0:99999::", ":99999::").replace("20300::::", "20300:::")
ACCOUNTS = (
    answer("accounts.passwd", PASSWD),
    answer("accounts.shadow", SHADOW),
    answer("accounts.group", "root:0:\nwheel:10:jdoe\nssh_keys:101:\njdoe:1000:\nlegacy:1001:\n"),
    answer("accounts.sources", "passwd:     files sss systemd\n"),
    answer(
        "accounts.login_defs",
        "MAIL_DIR\t/var/spool/mail\nUMASK\t\t022\nHOME_MODE\t0700\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\n"
        "PASS_WARN_AGE\t7\nUID_MIN                  1000\nUID_MAX                 60000\nSYS_UID_MIN               201\n"
        "CREATE_HOME\tyes\nUSERGROUPS_ENAB yes\nENCRYPT_METHOD SHA512\n",
    ),
    answer("accounts.useradd", "GROUP=100\nHOME=/home\nINACTIVE=-1\nEXPIRE=\nSHELL=/bin/bash\nSKEL=/etc/skel\n"),
)


def test_accounts_lock_with_two_marks_and_may_come_from_sssd() -> None:
    seen = read_whole(accounts.COLLECTOR, ACCOUNTS)
    kinds = {user.name: user.password for user in seen.users.items}
    assert (kinds["sshd"], kinds["bin"], kinds["jdoe"]) == ("locked", "none", "hash")
    assert seen.interactive.items == ["jdoe", "legacy", "root"]
    assert seen.sources == ["sss"]
    assert (seen.login_defs["ENCRYPT_METHOD"], seen.login_defs["UMASK"]) == ("SHA512", "022")
    assert seen.weak_hashes.items == ["legacy"]
    assert [group.members for group in seen.groups.items if group.name == "wheel"] == [["jdoe"]]
    assert seen.inactive_default is None and seen.uid_zero.items == ["root"]


LOGINS = (
    answer(
        "logins.lastlog",
        "Username         Port     From             Latest\n"
        "root             tty1                      Mon Nov 16 08:01:12 +0000 2026\n"
        "sshd                                       **Never logged in**\n"
        "jdoe             pts/0    10.20.0.15       Fri Nov 20 13:44:03 -0500 2026\n",
    ),
    answer("logins.passwd", "\n".join(line for line in PASSWD.split("\n") if line[:4] in ("root", "sshd", "jdoe")) + "\n"),
    answer("logins.shadow", "\n".join(line for line in SHADOW.split("\n") if line[:4] in ("root", "sshd", "jdoe")) + "\n"),
)  # fmt: skip


def test_logins_are_told_in_the_hosts_own_zone() -> None:
    seen = read_whole(logins.COLLECTOR, LOGINS)
    rows = {login.name: login.last_at.isoformat() if login.last_at else None for login in seen.accounts.items}
    assert rows == {"jdoe": "2026-11-20T18:44:03+00:00", "root": "2026-11-16T08:01:12+00:00", "sshd": None}
    assert [login.enabled for login in seen.accounts.items] == [True, True, False]


LISTENERS = (
    answer(
        "listeners.sockets",
        "udp   UNCONN 0      0          127.0.0.1:323       0.0.0.0:*\n"
        "udp   UNCONN 0      0              [::1]:323          [::]:*\n"
        "tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*\n"
        "tcp   LISTEN 0      128             [::]:22           [::]:*\n"
        "tcp   LISTEN 0      4096               *:9090            *:*\n",
    ),
    answer(
        "listeners.owners",
        'udp   UNCONN 0      0          127.0.0.1:323       0.0.0.0:*    users:(("chronyd",pid=812,fd=5))\n'
        'udp   UNCONN 0      0              [::1]:323          [::]:*    users:(("chronyd",pid=812,fd=6))\n'
        'tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=904,fd=3))\n'
        'tcp   LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=904,fd=4))\n'
        'tcp   LISTEN 0      4096               *:9090            *:*    users:(("systemd",pid=1,fd=44))\n',
    ),
    answer(
        "listeners.processes",
        f"{1:>7} {'root':<32} {'init.scope':<96} systemd\n"
        f"{812:>7} {'chrony':<32} {'chronyd.service':<96} chronyd\n"
        f"{904:>7} {'root':<32} {'sshd.service':<96} sshd\n",
    ),
    answer(
        "listeners.fences",
        "UNIT                     EXPOSURE PREDICATE HAPPY\n"
        "chronyd.service               3.9 OK        \N{SLIGHTLY SMILING FACE}\n"
        "sshd.service                  9.6 UNSAFE    \N{FEARFUL FACE}\n",
    ),
    answer("listeners.deleted", "/proc/904/map_files /usr/lib64/libcrypto.so.3.0.7 (deleted)\0"),
)


def test_listeners_know_unit_user_fence_and_replaced_libraries() -> None:
    seen = read_whole(listeners.COLLECTOR, LISTENERS)
    assert seen.tcp_ports.items == [22, 9090]
    chrony = next(one for one in seen.sockets.items if one.endpoint == "udp/323")
    assert (chrony.process, chrony.user, chrony.unit, chrony.loopback) == ("chronyd", "chrony", "chronyd.service", True)
    ssh = next(one for one in seen.sockets.items if one.endpoint == "tcp/22")
    assert (ssh.unit, ssh.exposure, ssh.every_address) == ("sshd.service", 9.6, True)
    assert ssh.deleted_libraries == ["/usr/lib64/libcrypto.so.3.0.7"]
    cockpit = next(one for one in seen.sockets.items if one.port == 9090)
    assert (cockpit.process, cockpit.every_address) == ("systemd", True)


MOUNTS = (
    answer(
        "mounts.now",
        '{"filesystems": [\n'
        '{"target": "/", "source": "/dev/mapper/rhel-root", "fstype": "xfs",'
        ' "options": "rw,relatime,seclabel,attr2,inode64,logbufs=8,logbsize=32k,noquota"},\n'
        '{"target": "/tmp", "source": "tmpfs", "fstype": "tmpfs", "options": "rw,nosuid,nodev,noexec,seclabel,inode64"},\n'
        '{"target": "/boot/efi", "source": "/dev/vda1", "fstype": "vfat", "options": "rw,relatime,fmask=0077,dmask=0077"},\n'
        '{"target": "/srv/projects", "source": "nfs1.example.gov:/projects", "fstype": "nfs4",'
        ' "options": "rw,relatime,vers=4.2,sec=krb5p"}]}\n',
    ),
    grep("mounts.fstab", {"/etc/fstab": "\n#\n/dev/mapper/rhel-root   /   xfs   defaults   0 0\n"
                          "UUID=7B77-95E7  /boot/efi  vfat  umask=0077,shortname=winnt  0 2\n"}),
)  # fmt: skip


def test_mounts_of_an_lvm_and_xfs_host() -> None:
    seen = read_whole(mounts.COLLECTOR, MOUNTS)
    assert seen.targets["/"].fstype == "xfs" and "seclabel" in seen.targets["/"].options
    assert {"nosuid", "nodev", "noexec"} <= set(seen.targets["/tmp"].options)
    assert seen.network == ["/srv/projects"]
    assert [row.target for row in seen.fstab.items] == ["/", "/boot/efi"]


SUDOERS = """\
## Sudoers allows particular users to run various commands as
Defaults   !visiblepw
Defaults    always_set_home
Defaults    match_group_by_gid
Defaults    always_query_group_plugin
Defaults    env_reset
Defaults    env_keep =  "COLORS DISPLAY HOSTNAME HISTSIZE KDEDIR LS_COLORS"
Defaults    env_keep += "MAIL PS1 PS2 QTDIR USERNAME LANG LC_ADDRESS LC_CTYPE"
Defaults    secure_path = /sbin:/bin:/usr/sbin:/usr/bin
root\tALL=(ALL) \tALL
%wheel\tALL=(ALL)\tALL
# %wheel        ALL=(ALL)       NOPASSWD: ALL
#includedir /etc/sudoers.d
"""
SUDO = (
    grep("sudo.sudoers", {"/etc/sudoers": SUDOERS, "/etc/sudoers.d/90-cloud-init-users": "# User rules\ncloud-user ALL=(ALL) NOPASSWD:ALL\n"}),
    grep("sudo.nsswitch", {"/etc/nsswitch.conf": "passwd:     files sss systemd\ngroup:      files sss systemd\n"}),
)  # fmt: skip


def test_sudo_gives_wheel_everything_and_reads_the_old_spelling_of_includedir() -> None:
    seen = read_whole(sudo.COLLECTOR, SUDO)
    assert [(rule.who, rule.nopasswd) for rule in seen.rules.items] == [
        ("root", False),
        ("%wheel", False),
        ("cloud-user", True),
    ]
    assert seen.nopasswd_all and seen.rules.complete
    assert seen.settings["secure_path"] == "/sbin:/bin:/usr/sbin:/usr/bin" and seen.settings["visiblepw"] == "no"


RSYSLOG = """\
#### GLOBAL DIRECTIVES ####
global(workDirectory="/var/lib/rsyslog")
module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")
#### MODULES ####
module(load="imuxsock" \t  # provides support for local system logging (e.g. via logger command)
       SysSock.Use="off") # Turn off message reception via local log socket;
module(load="imjournal" \t    # provides access to the systemd journal
       StateFile="imjournal.state") # File to store the position in the journal
include(file="/etc/rsyslog.d/*.conf" mode="optional")
*.info;mail.none;authpriv.none;cron.none                /var/log/messages
authpriv.*                                              /var/log/secure
mail.*                                                  -/var/log/maillog
*.emerg                                                 :omusrmsg:*
"""
FORWARD = """\
global(DefaultNetstreamDriver="ossl"
       DefaultNetstreamDriverCAFile="/etc/pki/tls/certs/agency-ca.pem")
action(type="omfwd" Target="logs.example.gov" Port="6514" Protocol="tcp"
       StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
       StreamDriverPermittedPeers="logs.example.gov" queue.type="LinkedList")
"""
JOURNAL = ("/etc/systemd/journald.conf", "[Journal]\n#Storage=auto\n#Compress=yes\n")
SYSLOG = (
    grep("syslog.rsyslog", {"/etc/rsyslog.conf": RSYSLOG, "/etc/rsyslog.d/forward.conf": FORWARD}),
    grep("syslog.journal", dict([JOURNAL]), ("/etc/syslog-ng/syslog-ng.conf",)),
    find("syslog.journal_place", (), ("/var/log/journal",)),
)


def test_syslog_in_rainerscript_over_several_lines() -> None:
    seen = read_whole(syslog.COLLECTOR, SYSLOG)
    assert seen.remote and seen.remote_verified and seen.targets.complete
    assert [(target.host, target.port) for target in seen.targets.items] == [("logs.example.gov", "6514")]
    assert not seen.journal_kept  # RHEL ships no /var/log/journal, so the journal dies with a boot


CHRONY = """\
# Use public servers from the pool.ntp.org project.
pool 2.rhel.pool.ntp.org iburst
# Use NTP servers from DHCP.
sourcedir /run/chrony-dhcp
driftfile /var/lib/chrony/drift
makestep 1.0 3
rtcsync
keyfile /etc/chrony.keys
ntsdumpdir /var/lib/chrony
leapsectz right/UTC
logdir /var/log/chrony
"""
_TRACKING = "0A14000A,10.20.0.10,3,1795000000.12,0.00001,0.00002,0.00003,-1.2,0.001,0.02,0.01,0.002,64.2,Normal\n"
TIMESYNC = (
    grep("timesync.chrony", {"/etc/chrony.conf": CHRONY, "/run/chrony-dhcp/ens3.sources": "server 10.20.0.10 iburst\n"},
         ("/etc/chrony/chrony.conf", "/etc/chrony.d", "/etc/chrony/conf.d", "/etc/chrony/sources.d")),
    grep("timesync.ntp", {}, ("/etc/ntp.conf", "/etc/ntpsec/ntp.conf")),
    grep("timesync.timesyncd", {}, ("/etc/systemd/timesyncd.conf", "/usr/lib/systemd/timesyncd.conf.d")),
    answer("timesync.state", "NTP=yes\nNTPSynchronized=yes\n"),
    answer("timesync.tracking", _TRACKING),
)  # fmt: skip


def test_chrony_in_etc_itself_with_sources_of_dhcp() -> None:
    seen = read_whole(timesync.COLLECTOR, TIMESYNC)
    assert seen.tools == ["chrony"] and seen.synchronised
    assert seen.addresses == ["10.20.0.10", "2.rhel.pool.ntp.org"]


CRON = (
    find(
        "cron.files",
        (
            "644 f 0 0 1663000000.0 root root /etc/crontab",
            "644 f 0 0 1663000000.0 root root /etc/anacrontab",
            "755 d 0 0 1663000000.0 root root /etc/cron.d",
            "644 f 0 0 1663000000.0 root root /etc/cron.d/0hourly",
            "755 d 0 0 1663000000.0 root root /etc/cron.hourly",
            "755 f 0 0 1663000000.0 root root /etc/cron.hourly/0anacron",
            "644 f 0 0 1663000000.0 root root /etc/cron.deny",
        ),
        ("/etc/cron.allow",),
    ),
    find(
        "cron.tables",
        ("700 d 0 0 1663000000.0 root root /var/spool/cron", "600 f 1000 1000 1795000000.0 jdoe jdoe /var/spool/cron/jdoe"),
    ),
)  # fmt: skip


def test_cron_tables_lie_in_the_spool_itself_and_a_deny_list_is_shipped() -> None:
    seen = read_whole(cron.COLLECTOR, CRON)
    assert (seen.present, seen.allow_list, seen.deny_list) == (True, False, True)
    assert seen.user_tables.items == ["jdoe"]
    assert not any(file.writable_by_others for file in seen.files.items)


_ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKl6VL6G41bQlWYQgK9Ze5IIccrJYoSXGkWVN47XsZ86"
SSH_KEYS = (
    answer("ssh_keys.effective", "authorizedkeysfile .ssh/authorized_keys\nauthorizedkeyscommand /usr/bin/sss_ssh_authorizedkeys\n"
           "authorizedkeyscommanduser nobody\nhostkey /etc/ssh/ssh_host_ed25519_key\n"),
    answer("ssh_keys.lines", "AuthorizedKeysFile\t.ssh/authorized_keys\n"),
    answer("ssh_keys.passwd", "root:0:/root\nsshd:74:/usr/share/empty.sshd\njdoe:1000:/home/jdoe\n"),
    answer("ssh_keys.mounts", "/ xfs\n/home xfs\n/proc proc\n"),
    answer("ssh_keys.links", ""),
    answer("ssh_keys.homes", f"\0f\t600\tjdoe\tjdoe\t99\t/home/jdoe/.ssh/authorized_keys\0{_ED25519} jdoe@ws\n"),
    answer("ssh_keys.elsewhere", "", "/usr/bin/find: '/usr/share/empty.sshd/.ssh': No such file or directory\n", 1),
    answer("ssh_keys.there", "", "/usr/bin/find: '/usr/share/empty.sshd/.ssh': No such file or directory\n", 1),
    answer("ssh_keys.host", f"\0f\t644\troot\troot\t95\t/etc/ssh/ssh_host_ed25519_key.pub\0{_ED25519} \n"
           "\0f\t640\troot\tssh_keys\t387\t/etc/ssh/ssh_host_ed25519_key\0"),
    answer("ssh_keys.trust", "", "/usr/bin/find: '/etc/hosts.equiv': No such file or directory\n", 1),
)  # fmt: skip


def test_the_group_of_the_key_signer_may_read_host_keys_and_sssd_may_add_keys() -> None:
    seen = read_whole(ssh_keys.COLLECTOR, SSH_KEYS)
    assert [(key.mode, key.group, key.protected) for key in seen.host_keys.items] == [("0640", "ssh_keys", True)]
    assert seen.key_command == "/usr/bin/sss_ssh_authorizedkeys"
    assert [(key.account, key.type) for key in seen.authorized.items] == [("jdoe", "ssh-ed25519")]
    assert seen.authorized.complete and seen.not_searched == []


CONTAINERS = (
    find("containers.paths", ("755 f 0 0 1.0 root root /usr/bin/podman", "600 s 0 0 1.0 root root /run/podman/podman.sock")),
    answer("containers.groups", "", "", 2),
    grep("containers.daemon", {}, ("/etc/docker/daemon.json",)),
    answer("containers.walls", "", "/usr/bin/grep: /var/lib/docker/containers: No such file or directory\n", 2),
)  # fmt: skip


def test_podman_instead_of_docker() -> None:
    seen = read_whole(containers.COLLECTOR, CONTAINERS)
    assert seen.engines == ["podman"] and seen.groups.items == []
    assert [(socket.path, socket.writable_by_all) for socket in seen.sockets.items] == [
        ("/run/podman/podman.sock", False)
    ]


EXPORTS = (
    grep("exports.files", {"/etc/exports": "/srv/projects 10.20.0.0/24(rw,sync,sec=krb5p)\n"}, ("/etc/exports.d",)),
    grep("exports.active", {"/var/lib/nfs/etab": "/srv/projects\t10.20.0.0/24(rw,sync,wdelay,hide,nocrossmnt,secure,root_squash,"
                            "no_all_squash,no_subtree_check,secure_locks,acl,no_pnfs,anonuid=65534,anongid=65534,sec=krb5p)\n"}),
)  # fmt: skip


def test_exports() -> None:
    (one,) = read_whole(exports.COLLECTOR, EXPORTS).exports.items
    assert (one.client, one.everyone, one.no_root_squash, one.active) == ("10.20.0.0/24", False, False, True)


MAIL = (
    find("mail.programs", ("755 f 0 0 1.0 root root /usr/sbin/postconf",)),
    answer("mail.settings", "content_filter = \ninet_interfaces = localhost\nmynetworks = 127.0.0.0/8 [::1]/128\n"
           "smtpd_milters = \nsmtpd_recipient_restrictions = \n"
           "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination\n"),
    answer("mail.services", "smtp       inet  n       -       n       -       -       smtpd\n"
           "pickup     unix  n       -       n       60      1       pickup\n"),
    answer("mail.overrides", ""),
)  # fmt: skip


def test_postfix_listens_on_loopback_as_shipped() -> None:
    seen = read_whole(mail.COLLECTOR, MAIL)
    assert seen.agents == ["postfix"] and seen.receivers == [] and not seen.relays_for_strangers


INTERPRETERS = (
    find("interpreters.programs", ("755 f 0 0 1.0 root root /usr/bin/perl", "755 f 0 0 1.0 root root /usr/bin/python3")),
)  # fmt: skip
BROWSERS = (
    find("browsers.programs", ("755 f 0 0 1.0 root root /usr/bin/firefox",)),
    grep("browsers.policies", {}, ("/etc/firefox/policies/policies.json",)),
)
PACKAGE_INDEXES = (
    grep("package_indexes.files", {"/etc/pip.conf": "index-url = https://pypi.example.gov/simple\n"}, ("/root/.pip/pip.conf",)),
)  # fmt: skip
SECRET_FILES = (
    answer("secret_files.homes", "file 600 1000 jdoe jdoe /home/jdoe/.kube/config\0file 644 0 root root /opt/app/.env\0",
           "/usr/bin/find: '/var/www': No such file or directory\n", 1),
    answer("secret_files.mounts", "/\n/home\n/proc\n"),
    answer("secret_files.accounts", "root:x:0:0:root:/root:/bin/bash\njdoe:x:1000:1000::/home/jdoe:/bin/bash\n"),
)  # fmt: skip


def test_what_programs_and_files_are_in_their_places() -> None:
    programs = read_whole(interpreters.COLLECTOR, INTERPRETERS).programs
    assert [(one.name, one.path) for one in programs.items] == [
        ("perl", "/usr/bin/perl"),
        ("python3", "/usr/bin/python3"),
    ]
    assert [one.name for one in read_whole(browsers.COLLECTOR, BROWSERS).installed.items] == ["firefox"]
    indexes = read_whole(package_indexes.COLLECTOR, PACKAGE_INDEXES)
    assert [(one.key, one.host, one.verified) for one in indexes.settings.items] == [
        ("index-url", "pypi.example.gov", True)
    ]
    files = read_whole(secret_files.COLLECTOR, SECRET_FILES)
    assert [(one.path, one.readable_by_others) for one in files.files.items] == [
        ("/home/jdoe/.kube/config", False),
        ("/opt/app/.env", True),
    ]


CLOCK = (answer("clock.date", "1795000000\n"), answer("clock.uptime", "86400.12 170000.00\n"))
IDENTITY = (answer("identity.nodename", "web1.example.gov\n"),)


def test_clock_and_name() -> None:
    assert read_whole(clock.COLLECTOR, CLOCK).epoch_s == 1795000000
    assert read_whole(identity.COLLECTOR, IDENTITY).hostname == "web1.example.gov"


# 50-redhat.conf sets rp_filter of `default` and of `*` to 1 (systemd 252); the kernel's own defaults for the rest.
INTERFACES = (
    answer("interfaces.settings", "".join(
        f"/proc/sys/net/{place}:{value}\n" for place, value in (
            ("ipv4/conf/all/accept_redirects", 1), ("ipv4/conf/all/accept_source_route", 0), ("ipv4/conf/all/forwarding", 0),
            ("ipv4/conf/all/rp_filter", 0), ("ipv4/conf/all/send_redirects", 1),
            ("ipv4/conf/ens192/accept_redirects", 1), ("ipv4/conf/ens192/accept_source_route", 0), ("ipv4/conf/ens192/forwarding", 0),
            ("ipv4/conf/ens192/rp_filter", 1), ("ipv4/conf/ens192/send_redirects", 1),
            ("ipv6/conf/all/accept_redirects", 1), ("ipv6/conf/all/accept_source_route", 0), ("ipv6/conf/all/forwarding", 0),
            ("ipv6/conf/ens192/accept_redirects", 1), ("ipv6/conf/ens192/accept_source_route", 0), ("ipv6/conf/ens192/forwarding", 0),
        )
    )),
)  # fmt: skip


def test_interfaces_as_shipped() -> None:
    four, six = read_whole(interfaces.COLLECTOR, INTERFACES).links.items
    assert (four.name, four.forwards, four.accepts_redirects, four.accepts_source_route) == (
        "ens192",
        False,
        True,
        False,
    )
    assert four.filters_source and six.filters_source is None and six.accepts_redirects

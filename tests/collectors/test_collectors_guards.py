"""mac, updates, containers, secret_files and exports: what holds when something else gave way."""

from __future__ import annotations

import json

import pytest

from collectors import containers, exports, mac, secret_files, updates
from collectors.base import Facts
from posture.model.observation import Blind
from tests.collectors.authored import find, grep, told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, told

AUTHORED_RHEL9_KERNEL = {
    "/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted",
    "/sys/fs/selinux/enforce": "1",
    "/sys/kernel/security/lsm": "lockdown,capability,yama,selinux,bpf",
}
AUTHORED_UBUNTU_KERNEL = {
    "/sys/kernel/security/lsm": "lockdown,capability,landlock,yama,apparmor",
    "/sys/module/apparmor/parameters/enabled": "Y",
}
AUTHORED_UBUNTU_PROFILES = (
    "/usr/sbin/chronyd (enforce)\n/usr/bin/man (complain)\nfirefox (unconfined)\nsnap x (y) (kill)"
)
PROFILES = "/sys/kernel/security/apparmor/profiles"


def _mac(kernel: dict[str, str], protected: dict[str, str]) -> Facts:
    missing = tuple(path for path in (PROFILES, "/etc/fapolicyd/fapolicyd.conf") if path not in protected)
    answers = told_by(mac.COLLECTOR, grep("mac.kernel", kernel), grep("mac.profiles", protected, missing))
    return facts_of(mac.COLLECTOR, answers)


def test_selinux_enforces():
    facts = _mac(AUTHORED_RHEL9_KERNEL, {}).value
    assert (facts.framework, facts.enforcing, facts.selinux.mode, facts.selinux.policy) == (
        "selinux",
        True,
        "enforcing",
        "targeted",
    )


def test_permissive_now_is_not_enforcing_whatever_the_file_says():
    facts = _mac({**AUTHORED_RHEL9_KERNEL, "/sys/fs/selinux/enforce": "0"}, {}).value
    assert not facts.enforcing
    assert facts.selinux.configured == "enforcing"


def test_apparmor_profiles_by_mode():
    facts = _mac(AUTHORED_UBUNTU_KERNEL, {PROFILES: AUTHORED_UBUNTU_PROFILES}).value
    assert facts.enforcing
    assert facts.apparmor.enforce.items == ["/usr/sbin/chronyd", "snap x (y)"]
    assert facts.apparmor.complain.items == ["/usr/bin/man", "firefox"]


def test_profiles_that_were_refused_do_not_mean_that_nothing_is_enforced():
    kernel = grep("mac.kernel", AUTHORED_UBUNTU_KERNEL)
    answers = told_by(mac.COLLECTOR, kernel, answer("mac.profiles", "", "sudo: a password is required", 1))
    holes = holes_of(facts_of(mac.COLLECTOR, answers))
    assert holes["enforcing"] is Blind.COMMAND_REFUSED
    assert holes["apparmor.enforce"] is Blind.COMMAND_REFUSED


@pytest.mark.parametrize(
    ("last", "denies"),
    [
        ("deny_audit perm=execute all : all", True),
        ("deny perm=any all : all", True),
        ("allow perm=open all : all", False),
        ("deny_audit perm=execute all : ftype=text/x-python", False),
    ],
)
def test_fapolicyd_denies_when_its_last_rule_does(last, denies):
    rules = f"%languages=x\nallow perm=any uid=0 : dir=/usr/\n{last}\n# end"
    protected = {"/etc/fapolicyd/fapolicyd.conf": "permissive = 0", "/etc/fapolicyd/compiled.rules": rules}
    facts = _mac(AUTHORED_RHEL9_KERNEL, protected).value
    assert (facts.fapolicyd.installed, facts.fapolicyd.permissive, facts.fapolicyd.denies_by_default) == (
        True,
        False,
        denies,
    )


def _apt() -> dict[str, object]:
    return dict(as_declared(updates.COLLECTOR, recorded("recorded_debian12_updates")))


def test_recorded_security_updates_wait():
    parsed = facts_of(updates.COLLECTOR, _apt())
    facts = parsed.value
    assert facts.manager == "apt"
    assert not parsed.holes
    assert "aide" in {update.package for update in facts.pending_security.items}
    assert facts.pending_security.complete
    assert facts.automatic.tool == "unattended-upgrades"
    assert facts.automatic.security
    assert facts.signatures_enforced
    assert {repo.id for repo in facts.repositories.items if repo.security} == {
        "http://deb.debian.org/debian-security bookworm-security"
    }


def test_a_host_without_a_security_source_has_unknown_updates_not_none():
    answers = told(
        _apt(), "updates.apt_sources", "/etc/apt/sources.list\x001:deb http://deb.debian.org/debian bookworm main\n"
    )
    parsed = facts_of(updates.COLLECTOR, told(answers, "updates.apt", ""))
    assert holes_of(parsed)["pending_security"] is Blind.NOT_ATTEMPTED
    assert not parsed.value.pending_security.complete


def test_a_held_package_leaves_the_list_of_updates_open():
    said = """\
The following packages have been kept back:
  openssl
0 upgraded, 0 newly installed, 0 to remove and 1 not upgraded.
"""
    pending = facts_of(updates.COLLECTOR, told(_apt(), "updates.apt", said)).value.pending_security
    assert (pending.items, pending.complete) == ([], False)


def test_a_simulation_without_its_last_line_says_nothing():
    parsed = facts_of(updates.COLLECTOR, told(_apt(), "updates.apt", "Reading package lists...\n"))
    assert holes_of(parsed)["pending_security"] is Blind.UNPARSEABLE


def test_lists_that_were_never_fetched_are_stale():
    answers = told(_apt(), "updates.apt_lists", "0755 d 0 0 1 root root /var/lib/apt/lists\0")
    parsed = facts_of(updates.COLLECTOR, told(answers, "updates.apt", ""))
    assert holes_of(parsed)["pending"] is Blind.STALE
    assert parsed.value.refreshed_at is None


@pytest.mark.parametrize(
    ("line", "signed"),
    [
        ("deb [trusted=yes] http://evil.example x main", False),
        ("deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] https://ok.example x main", True),
        ("deb [allow-insecure=yes] http://evil.example x main", False),
        ("# deb [trusted=yes] http://evil.example x main", True),
    ],
)
def test_one_line_sources_that_are_not_checked(line, signed):
    facts = facts_of(
        updates.COLLECTOR, told(_apt(), "updates.apt_sources", f"/etc/apt/sources.list.d/x.list\x001:{line}\n")
    ).value
    assert facts.signatures_enforced is signed
    assert facts.unsigned_repositories.items == ([] if signed else ["/etc/apt/sources.list.d/x.list:1"])


def test_stanzas_of_sources_files():
    rows = [
        "Types: deb deb-src",
        "URIs: https://user:pw@a.example/debian",
        "Suites: stable",
        " stable-security",
        "Trusted: yes",
    ]
    rows += [
        "",
        "Enabled: no",
        "Types: deb",
        "URIs: http://b.example",
        "Suites: x",
        "",
        "Types: deb-src",
        "URIs: http://c.example",
        "Suites: x",
    ]
    text = "".join(f"/etc/apt/sources.list.d/x.sources\0{n}:{row}\n" for n, row in enumerate(rows, 1) if row)
    facts = facts_of(updates.COLLECTOR, told(_apt(), "updates.apt_sources", text)).value
    assert [(repo.id, repo.enabled, repo.signed, repo.security) for repo in facts.repositories.items] == [
        ("https://a.example/debian stable", True, False, True),
        ("http://b.example x", False, True, False),
    ]


@pytest.mark.parametrize("key", ["APT::Get::AllowUnauthenticated", "Acquire::AllowInsecureRepositories"])
def test_a_global_switch_turns_signatures_off(key):
    facts = facts_of(updates.COLLECTOR, told(_apt(), "updates.apt_config", f'{key} "true";\n')).value
    assert not facts.signatures_enforced


AUTHORED_RHEL9_UPDATES = """\
RHSA-2026:1234 Important/Sec. openssl-1:3.0.7-25.el9_3.x86_64
RHSA-2026:1300 Critical/Sec.  kernel-5.14.0-427.13.1.el9_4.x86_64
RHBA-2026:1400 bugfix         bash-5.1.8-9.el9.x86_64
"""
AUTHORED_RHEL9_SUMMARY = """\
Updates Information Summary: all
    104 Security notice(s)
         8 Critical Security notice(s)
        96 Important Security notice(s)
    211 Bugfix notice(s)
"""
AUTHORED_RHEL9_FILES = {
    "/etc/dnf/automatic.conf": "[commands]\nupgrade_type = security\napply_updates = yes",
    "/etc/dnf/dnf.conf": "[main]\ngpgcheck=1\ninstallonly_limit=3",
    "/etc/yum.repos.d/a.repo": "[baseos]\nbaseurl=https://cdn.example/\n[extra]\nenabled=1\ngpgcheck=0\nbaseurl=http://x.example/",
}


def _dnf(
    said: str = AUTHORED_RHEL9_UPDATES,
    files: dict[str, str] = AUTHORED_RHEL9_FILES,
    summary: str = AUTHORED_RHEL9_SUMMARY,
) -> Facts:
    answers = told_by(
        updates.COLLECTOR,
        answer("updates.apt_config", "", "", 127),
        answer("updates.dnf", said),
        answer("updates.dnf_advisories", summary),
        grep("updates.dnf_files", files),
        find(
            "updates.dnf_cache",
            (
                "0755 f 0 0 1 root root /usr/bin/dnf",
                "0755 d 0 0 1781481600 root root /var/cache/dnf/baseos-0123456789abcdef",
            ),
        ),
    )
    return facts_of(updates.COLLECTOR, answers)


def test_dnf_advisories_repositories_and_automation():
    facts = _dnf().value
    assert [(update.package, update.severity) for update in facts.pending_security.items] == [
        ("bash", ""),
        ("kernel", "critical"),
        ("openssl", "important"),
    ]
    assert facts.refreshed_at == "2026-06-15T00:00:00Z"
    assert facts.automatic.enabled
    assert facts.unsigned_repositories.items == ["/etc/yum.repos.d/a.repo:3"]
    assert not facts.signatures_enforced


def test_dnf_that_speaks_in_riddles_is_not_up_to_date():
    assert (
        holes_of(_dnf("Error: cache-only enabled but no cache for 'baseos'\n"))["pending_security"] is Blind.UNPARSEABLE
    )


def test_nothing_pending_is_believed_where_the_repositories_publish_advisories():
    facts = _dnf("")
    assert facts.value.pending_security.items == []
    assert facts.value.pending_security.complete
    assert "pending_security" not in holes_of(facts)


@pytest.mark.parametrize("summary", ["", "Available advisory information summary:\nSecurity : 0\n  Critical : 0\n"])
def test_a_distribution_that_publishes_no_advisories_is_not_up_to_date(summary: str):
    assert holes_of(_dnf("", summary=summary))["pending_security"] is Blind.NOT_ATTEMPTED


def test_without_gpgcheck_in_the_main_section_signatures_are_not_enforced():
    assert not _dnf(files={"/etc/dnf/dnf.conf": "[main]\ninstallonly_limit=3"}).value.signatures_enforced


def _containers(walls: str = "", daemon: str = "{}", sockets: tuple[str, ...] = ()) -> Facts:
    there = "0710 d 0 0 1 root root /var/lib/docker/containers"
    answers = told_by(
        containers.COLLECTOR,
        find("containers.paths", (there, *sockets)),
        answer("containers.groups", "docker:x:998:zoe,adam\nlxd:x:101:\n", "", 2),
        grep("containers.daemon", {"/etc/docker/daemon.json": daemon}),
        answer("containers.walls", walls),
    )
    return facts_of(containers.COLLECTOR, answers)


def test_sockets_and_the_groups_behind_them():
    facts = _containers(sockets=("0666 s 0 998 1 root docker /run/docker.sock",)).value
    assert facts.engines == ["docker"]
    assert facts.sockets.items[0].writable_by_all
    assert [(group.group, group.members) for group in facts.groups.items] == [("docker", ["adam", "zoe"]), ("lxd", [])]


def test_containers_without_walls_are_counted():
    path = f"/var/lib/docker/containers/{'ab' * 32}/hostconfig.json"
    facts = _containers(f'{path}\0"Privileged":true\n{path}\0docker.sock\n').value
    assert facts.privileged.items == ["ab" * 6]
    assert facts.holds_docker_socket.items == ["ab" * 6]


def test_daemon_listeners_need_client_certificates():
    daemon = json.dumps({"hosts": ["unix:///run/docker.sock", "tcp://0.0.0.0:2375"], "tlsverify": False})
    facts = _containers(daemon=daemon).value
    assert facts.network_listeners == ["tcp://0.0.0.0:2375"]
    assert not facts.tls_verified
    assert holes_of(_containers(daemon="{"))["network_listeners"] is Blind.UNPARSEABLE


def test_recorded_secret_files_survive_forged_names():
    parsed = facts_of(
        secret_files.COLLECTOR, as_declared(secret_files.COLLECTOR, recorded("recorded_debian12_secret_files"))
    )
    kinds = {file.path: (file.kind, file.mode) for file in parsed.value.files.items}
    assert kinds["/home/alice/.aws/credentials"] == ("aws", "0644")
    assert kinds["/root/.netrc"] == ("netrc", "0600")
    assert "/root/.pgpass" not in kinds
    assert "/root/.netrc" not in parsed.value.exposed.items
    assert "/var/lib/app/.kube/config" in parsed.value.exposed.items


def _homes(passwd: str, mounts: str = "/\n", found: str = "") -> Facts:
    answers = told_by(
        secret_files.COLLECTOR,
        answer("secret_files.homes", found),
        answer("secret_files.mounts", mounts),
        answer("secret_files.accounts", passwd),
    )
    return facts_of(secret_files.COLLECTOR, answers)


@pytest.mark.parametrize(
    ("passwd", "mounts", "found", "skipped"),
    [
        ("eve:x:1:1::/home/eve:/bin/bash\n", "/\n", "", []),
        ("postgres:x:1:1::/var/lib/postgresql:/bin/bash\n", "/\n", "", []),
        ("eve:x:1:1::/export/eve:/bin/bash\n", "/\n", "", ["/export/eve"]),
        ("eve:x:1:1::/export/eve:/usr/sbin/nologin\n", "/\n", "", []),
        ("", "/\n/home/nfs\n", "", ["/home/nfs"]),
        ("", "/\n", "net /home\0", ["/home"]),
        ("eve:x:1:1::/home/eve:/bin/bash\n", "/\n", "link /home/eve\0", ["/home/eve"]),
        ("eve:x:1:1::/home/eve:/bin/bash\n", "/\n", "link /home\0", ["/home/eve"]),
        ("eve:x:1:1::/home/eve:/bin/bash\n", "/\n", "link /home/eve-old\0", []),
    ],
)
def test_homes_that_were_not_searched_leave_the_list_open(passwd, mounts, found, skipped):
    facts = _homes(passwd, mounts, found).value
    assert facts.not_searched == skipped
    assert facts.files.complete is not bool(skipped)


def test_recorded_exports():
    facts = facts_of(exports.COLLECTOR, as_declared(exports.COLLECTOR, recorded("recorded_debian12_exports"))).value
    found = {(export.path, export.client): export for export in facts.exports.items}
    assert found["/srv/open", "*"].no_root_squash
    assert found["/srv/open", "*"].everyone
    assert not found["/srv/open", "10.0.0.0/8"].writable
    assert found["/srv/with space", "@trusted"].writable
    assert found["/srv/all", "*"].everyone


def test_what_nfsd_serves_now_is_listed_once_and_marked():
    answers = told_by(
        exports.COLLECTOR,
        grep("exports.files", {"/etc/exports": "/srv *(rw)"}),
        grep(
            "exports.active", {"/var/lib/nfs/etab": "/srv\t*(rw,sync,no_root_squash)\n/old\t192.0.2.7(ro,root_squash)"}
        ),
    )
    facts = facts_of(exports.COLLECTOR, answers).value
    assert [(export.path, export.active, export.no_root_squash) for export in facts.exports.items] == [
        ("/old", True, False),
        ("/srv", True, True),
    ]


def test_a_later_option_beats_an_earlier_one():
    answers = told_by(
        exports.COLLECTOR,
        grep("exports.files", {"/etc/exports": "/srv -ro,no_root_squash *(rw,root_squash)"}),
        grep("exports.active", {}, ("/var/lib/nfs/etab",)),
    )
    (export,) = facts_of(exports.COLLECTOR, answers).value.exports.items
    assert export.writable
    assert not export.no_root_squash

"""services, cron and mounts: what runs, what is scheduled, what is mounted."""

from __future__ import annotations

import pytest

from collectors import cron, mounts, services
from posture.model.observation import Blind, Hole
from tests.collectors.authored import told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, told

AUTHORED_FILES = """\
auditd.service                             enabled         enabled
fapolicyd.service                          disabled        disabled
telnet.socket                              masked          enabled
dnf-automatic.timer                        static          -
"""
AUTHORED_UNITS = """\
auditd.service                loaded    active   running Security Auditing Service
● nginx.service               loaded    failed   failed  A high performance web server
telnet.socket                 masked    inactive dead    telnet.socket
plymouth.service              not-found inactive dead    plymouth.service
run-u12.service               loaded    active   running /usr/bin/something
"""
AUTHORED_SHOW = """\
Id=auditd.service
NeedDaemonReload=no
Environment=

Id=app.service
NeedDaemonReload=yes
Environment=PATH=/usr/bin "API_KEY=<redacted>" PLAIN=a\\"b=c "WITH=two words X=1" LAST=1
"""


def _services(show: str = AUTHORED_SHOW) -> dict[str, object]:
    return dict(
        told_by(
            services.COLLECTOR,
            answer("services.files", AUTHORED_FILES),
            answer("services.units", AUTHORED_UNITS),
            answer("services.show", show),
        )
    )


def test_units_say_what_is_configured_and_what_runs():
    facts = facts_of(services.COLLECTOR, _services()).value
    states = {name: (unit.enabled, unit.active, unit.sub, unit.masked) for name, unit in facts.units.items()}
    assert states == {
        "auditd.service": ("enabled", "active", "running", False),
        "dnf-automatic.timer": ("static", "inactive", "dead", False),
        "fapolicyd.service": ("disabled", "inactive", "dead", False),
        "nginx.service": ("transient", "failed", "failed", False),
        "run-u12.service": ("transient", "active", "running", False),
        "telnet.socket": ("masked", "inactive", "dead", True),
    }
    assert facts.failed == ["nginx.service"]
    assert facts.changed_on_disk == ["app.service"]


def test_a_unit_others_only_mention_does_not_exist():
    assert "plymouth.service" not in facts_of(services.COLLECTOR, _services()).value.units


def test_names_of_variables_come_without_their_values():
    facts = facts_of(services.COLLECTOR, _services()).value
    assert facts.environment_names == {"app.service": ["API_KEY", "LAST", "PATH", "PLAIN", "WITH"]}


def test_unit_files_are_asked_for_only_where_systemd_answers():
    assert [one.id for one in services.follow_up(_services())] == ["services.files", "services.show"]
    assert services.follow_up(recorded("recorded_debian12_services")) == ()
    assert services.follow_up({}) == ()


def test_a_host_without_systemd_has_unseen_services_not_none():
    parsed = services.parse(as_declared(services.COLLECTOR, recorded("recorded_debian12_services")))
    assert isinstance(parsed, Hole)
    assert parsed.reason is Blind.COMMAND_MISSING
    assert "systemd" in parsed.detail


def test_environments_that_were_refused_are_a_hole_of_their_own():
    answers = told(_services(), "services.show", "", "Access denied", 4)
    assert set(holes_of(facts_of(services.COLLECTOR, answers))) == {"changed_on_disk", "environment_names"}


def test_recorded_cron_files_others_may_write_are_seen():
    facts = facts_of(cron.COLLECTOR, as_declared(cron.COLLECTOR, recorded("recorded_debian12_cron"))).value
    assert [file.path for file in facts.files.items if file.writable_by_others] == ["/etc/cron.d/weak"]
    assert facts.user_tables.items == ["alice"]
    assert facts.files.complete
    assert not facts.allow_list


def test_without_cron_there_are_no_jobs():
    answers = told(as_declared(cron.COLLECTOR, recorded("recorded_debian12_cron")), "cron.files", "", "", 0)
    assert facts_of(cron.COLLECTOR, answers).value.present is False


def test_recorded_mounts():
    parsed = facts_of(mounts.COLLECTOR, as_declared(mounts.COLLECTOR, recorded("recorded_debian12_mounts")))
    assert {"noexec", "nosuid", "nodev"} <= set(parsed.value.targets["/tmp"].options)
    assert "/var/tmp" not in parsed.value.targets
    assert parsed.value.fstab.items[1].target == "/mnt/my share"


def test_passwords_in_fstab_do_not_become_facts():
    parsed = facts_of(mounts.COLLECTOR, as_declared(mounts.COLLECTOR, recorded("recorded_debian12_mounts")))
    assert "hunter2" not in str(parsed.value)


@pytest.mark.parametrize(("fstype", "network"), [("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("ext4", False)])
def test_network_file_systems_are_known(fstype, network):
    said = f'{{"filesystems": [{{"target": "/mnt", "source": "x", "fstype": "{fstype}", "options": "rw"}}]}}'
    facts = facts_of(mounts.COLLECTOR, told_by(mounts.COLLECTOR, answer("mounts.now", said))).value
    assert facts.targets["/mnt"].network is network
    assert facts.network == (["/mnt"] if network else [])


def test_the_upper_of_two_mounts_counts():
    said = '{"filesystems": [{"target": "/tmp", "options": "rw"}, {"target": "/tmp", "options": "rw,noexec"}]}'
    facts = facts_of(mounts.COLLECTOR, told_by(mounts.COLLECTOR, answer("mounts.now", said))).value
    assert facts.targets["/tmp"].options == ["noexec", "rw"]


@pytest.mark.parametrize("said", ["", "[]", '{"filesystems": 7}', '{"filesystems": [7]}', "TARGET SOURCE"])
def test_mounts_that_cannot_be_read_are_unseen(said):
    answers = told(as_declared(mounts.COLLECTOR, recorded("recorded_debian12_mounts")), "mounts.now", said)
    assert holes_of(facts_of(mounts.COLLECTOR, answers))["targets"] is Blind.UNPARSEABLE

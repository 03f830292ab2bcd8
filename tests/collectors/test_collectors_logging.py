"""audit, syslog, integrity and timesync: evidence that survives, and the clock it is dated with."""

from __future__ import annotations

import pytest

from collectors import audit, integrity, syslog, timesync
from collectors.base import Answer
from collectors.syslog import SyslogFacts
from posture.model.observation import Blind, Hole
from tests.collectors.authored import find, grep, told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, refused

AUTHORED_RHEL9_STATUS = """\
enabled 2
failure 1
pid 871
rate_limit 0
backlog_limit 8192
lost 0
backlog 4
backlog_wait_time 60000
backlog_wait_time_actual 0
loginuid_immutable 0 unlocked
"""
AUTHORED_RHEL9_RULES = """\
-a always,exit -F arch=b32 -S execve -C uid!=euid -F euid=0 -F key=execpriv
-a always,exit -F arch=b64 -S execve -C uid!=euid -F euid=0 -F key=execpriv
-a always,exit -F arch=b64 -S execve -C gid!=egid -F egid=0 -F key=execpriv
-w /etc/sudoers -p wa -k identity
"""
AUDIT_FILES = grep(
    "audit.files",
    {
        "/etc/audit/auditd.conf": "Log_File = /var/log/audit/audit.log\nspace_left_action = EMAIL",
        "/etc/audit/rules.d/10-base.rules": "# -e 2\n-D",
        "/etc/audit/rules.d/99-final.rules": "-e 2",
        "/etc/audit/rules.d/notes.txt": "-e 0",
    },
)


def _audit(status: str = AUTHORED_RHEL9_STATUS, rules: str = AUTHORED_RHEL9_RULES) -> dict[str, object]:
    return dict(told_by(audit.COLLECTOR, answer("audit.status", status), answer("audit.rules", rules), AUDIT_FILES))


def test_a_locked_audit_system_with_its_rules():
    facts = facts_of(audit.COLLECTOR, _audit()).value
    assert (facts.enabled, facts.immutable, facts.daemon_running, facts.immutable_in_files) == (2, True, True, True)
    assert facts.privileged_execve == ["b32.uid", "b64.gid", "b64.uid"]
    assert facts.file_rules.items == ["-D", "-e 2"]
    assert facts.settings["space_left_action"] == "email"


def test_no_rules_is_an_answer_and_silence_is_not():
    assert facts_of(audit.COLLECTOR, _audit(rules="No rules\n")).value.rules.complete
    assert holes_of(facts_of(audit.COLLECTOR, _audit(rules="")))["rules"] is Blind.UNPARSEABLE


def test_a_refused_auditctl_leaves_the_files():
    parsed = facts_of(audit.COLLECTOR, refused(_audit(), "audit.status", "audit.rules"))
    assert set(holes_of(parsed)) == {"enabled", "immutable", "daemon_running", "failure", "rules", "privileged_execve"}
    assert parsed.value.immutable_in_files


def test_a_container_without_audit_rights_is_unseen():
    answers = refused(_audit(), "audit.status", "audit.rules", "audit.files")
    assert isinstance(audit.parse(answers), Hole)


def test_a_host_without_auditd_has_no_daemon_rather_than_an_unknown_one():
    gone = grep("audit.files", {}, ("/etc/audit/auditd.conf", "/etc/audit/rules.d"))
    answers = told_by(audit.COLLECTOR, answer("audit.status", "", "", 127), answer("audit.rules", "", "", 127), gone)
    parsed = facts_of(audit.COLLECTOR, answers)
    assert not parsed.value.daemon_running
    assert "daemon_running" not in holes_of(parsed)
    assert holes_of(parsed)["enabled"] is Blind.COMMAND_MISSING


def test_recorded_debian_audit_is_off():
    facts = facts_of(audit.COLLECTOR, as_declared(audit.COLLECTOR, recorded("recorded_debian12_audit"))).value
    assert facts.installed
    assert not facts.daemon_running
    assert facts.rules.complete


JOURNAL = grep(
    "syslog.journal", {"/etc/systemd/journald.conf": "[Journal]\n#Storage=auto"}, ("/etc/syslog-ng/syslog-ng.conf",)
)
AUTHORED_LEGACY_TLS = """\
$DefaultNetstreamDriver gtls
$DefaultNetstreamDriverCAFile /etc/pki/ca.pem
$ActionSendStreamDriverMode 1
$ActionSendStreamDriverAuthMode x509/name
*.* @@(o)[2001:db8::1]:6514
mail.* -/var/log/maillog
"""
AUTHORED_RAINER_TLS = """\
global(DefaultNetstreamDriver="gtls")
action(
  type="omfwd" # to the collector
  target="logs.agency.example" port="6514" protocol="tcp"
  StreamDriver="gtls" StreamDriverMode="1"
  StreamDriverAuthMode="x509/name"
)
"""


THERE = find("syslog.journal_place", ("2755 d 0 999 1781481600 root systemd-journal /var/log/journal",))
NOT_THERE = find("syslog.journal_place", (), ("/var/log/journal",))


@pytest.mark.parametrize(
    ("storage", "place", "kept"),
    [
        ("#Storage=auto", THERE, True),
        ("#Storage=auto", NOT_THERE, False),
        ("Storage=auto", THERE, True),
        ("Storage=persistent", NOT_THERE, True),
        ("Storage=volatile", THERE, False),
        ("Storage=none", THERE, False),
    ],
)
def test_a_journal_left_to_itself_is_kept_where_its_directory_is(storage: str, place: Answer, kept: bool):
    files = {"/etc/systemd/journald.conf": f"[Journal]\n{storage}"}
    journal = grep("syslog.journal", files, ("/etc/syslog-ng/syslog-ng.conf",))
    parsed = facts_of(syslog.COLLECTOR, told_by(syslog.COLLECTOR, grep("syslog.rsyslog", {}), journal, place))
    assert parsed.value.journal_kept is kept
    assert "journal_kept" not in holes_of(parsed)


def test_without_a_look_at_the_directory_nobody_knows_whether_the_journal_is_kept():
    answers = told_by(syslog.COLLECTOR, grep("syslog.rsyslog", {}), JOURNAL)
    assert "journal_kept" in holes_of(facts_of(syslog.COLLECTOR, answers))


def _syslog(text: str, journal=JOURNAL, **drop_ins: str) -> SyslogFacts:
    files = {"/etc/rsyslog.conf": text} | {f"/etc/rsyslog.d/{name}.conf": body for name, body in drop_ins.items()}
    return facts_of(syslog.COLLECTOR, told_by(syslog.COLLECTOR, grep("syslog.rsyslog", files), journal)).value


@pytest.mark.parametrize(
    ("text", "host", "port", "protocol", "tls", "verified"),
    [
        (AUTHORED_LEGACY_TLS, "2001:db8::1", "6514", "tcp", True, True),
        (AUTHORED_RAINER_TLS, "logs.agency.example", "6514", "tcp", True, True),
        ("*.* @logs.example", "logs.example", "", "udp", False, False),
        ("*.info;mail.none @@logs.example:514", "logs.example", "514", "tcp", False, False),
        (':msg, contains, "x" @@logs.example', "logs.example", "", "tcp", False, False),
        ('action(type="omrelp" target="a" port="2514" tls="on" tls.authmode="name")', "a", "2514", "relp", True, True),
        (
            '*.* action(type="omfwd" target="a" protocol="tcp" StreamDriver="gtls" StreamDriverMode="1")',
            "a",
            "",
            "tcp",
            True,
            False,
        ),
        ('*.* action(type="omfwd" target="a" StreamDriver="gtls" StreamDriverMode="1")', "a", "", "udp", False, False),
    ],
)
def test_targets_in_both_languages(text, host, port, protocol, tls, verified):
    (target,) = _syslog(text).targets.items
    assert (target.host, target.port, target.protocol, target.tls, target.verified) == (
        host,
        port,
        protocol,
        tls,
        verified,
    )


def test_drop_ins_are_read_where_they_are_included():
    facts = _syslog("$IncludeConfig /etc/rsyslog.d/*.conf", out="*.* @@a")
    assert [target.path for target in facts.targets.items] == ["/etc/rsyslog.d/out.conf"]
    assert facts.remote
    assert not facts.remote_verified


def test_a_drop_in_nobody_includes_sends_nothing():
    assert not _syslog("*.* /var/log/all", out="*.* @@a").remote


def test_commented_targets_are_none():
    assert not _syslog('# *.* @@a\n#action(type="omfwd" target="a")').targets.items


def test_what_is_included_from_elsewhere_leaves_the_claim_open():
    answers = told_by(
        syslog.COLLECTOR, grep("syslog.rsyslog", {"/etc/rsyslog.conf": 'include(file="/srv/x.conf")'}), JOURNAL
    )
    parsed = facts_of(syslog.COLLECTOR, answers)
    assert holes_of(parsed)["remote_verified"] is Blind.NOT_ATTEMPTED
    assert not parsed.value.targets.complete


def test_syslog_ng_is_noticed_and_not_judged():
    journal = grep("syslog.journal", {"/etc/syslog-ng/syslog-ng.conf": "@version: 4.0"})
    parsed = facts_of(
        syslog.COLLECTOR, told_by(syslog.COLLECTOR, grep("syslog.rsyslog", {}, ("/etc/rsyslog.conf",)), journal)
    )
    assert parsed.value.syslog_ng
    assert holes_of(parsed)["remote"] is Blind.NOT_ATTEMPTED


def test_journal_upload_counts_as_a_way_out():
    journal = grep(
        "syslog.journal", {"/etc/systemd/journal-upload.conf": "[Upload]\nURL=https://u:p@logs.example:19532"}
    )
    facts = _syslog("", journal)
    assert facts.journal_upload is not None
    assert facts.journal_upload.url == "https://logs.example:19532"
    assert facts.remote_verified


def test_drop_ins_of_journald_win_by_name():
    journal = grep(
        "syslog.journal",
        {
            "/etc/systemd/journald.conf": "Storage=auto",
            "/etc/systemd/journald.conf.d/10.conf": "Storage=persistent",
            "/usr/lib/systemd/journald.conf.d/20.conf": "Storage=volatile",
            "/run/systemd/journald.conf.d/10.conf": "Storage=none",
        },
    )
    assert _syslog("", journal).journald["storage"] == "volatile"


def test_recorded_debian_keeps_its_logs_to_itself():
    facts = facts_of(syslog.COLLECTOR, as_declared(syslog.COLLECTOR, recorded("recorded_debian12_syslog"))).value
    assert facts.rsyslog
    assert not facts.remote
    assert facts.targets.complete


def test_recorded_aide_is_scheduled_and_has_no_database():
    facts = facts_of(
        integrity.COLLECTOR, as_declared(integrity.COLLECTOR, recorded("recorded_debian12_integrity"))
    ).value
    assert facts.installed
    assert facts.database is None
    assert "/etc/cron.daily/aide" in facts.scheduled


def test_aide_on_rhel_runs_from_a_crontab():
    answers = told_by(
        integrity.COLLECTOR,
        find(
            "integrity.paths",
            ("0755 f 0 0 1 root root /usr/sbin/aide", "0600 f 0 0 1781481600 root root /var/lib/aide/aide.db.gz"),
        ),
        grep("integrity.jobs", {"/etc/crontab": "05 4 * * * root /usr/sbin/aide --check | /bin/mail -s x root"}),
    )
    facts = facts_of(integrity.COLLECTOR, answers).value
    assert (facts.database, facts.database_at) == ("/var/lib/aide/aide.db.gz", "2026-06-15")
    assert facts.scheduled == ["/etc/crontab"]
    assert facts.reported


def test_a_commented_aide_job_runs_nothing():
    answers = told_by(
        integrity.COLLECTOR,
        find("integrity.paths", ()),
        grep("integrity.jobs", {"/etc/crontab": "# 05 4 * * * root /usr/sbin/aide --check"}),
    )
    assert not facts_of(integrity.COLLECTOR, answers).value.scheduled


SYNCHRONISED = answer("timesync.state", "NTP=yes\nNTPSynchronized=yes\n")
AUTHORED_TRACKING = "C0000207,192.0.2.7,2,1781700000.1,0.0,0.0,0.0,1.0,0.0,0.0,0.0,0.0,64.0,{leap}\n"


def _time(*answers, files: dict[str, str]):
    chrony = {path: text for path, text in files.items() if "chrony" in path}
    timesyncd = {path: text for path, text in files.items() if "timesyncd" in path}
    rest = grep("timesync.ntp", {path: text for path, text in files.items() if "/ntp" in path})
    given = (grep("timesync.chrony", chrony), grep("timesync.timesyncd", timesyncd), rest, *answers)
    return facts_of(timesync.COLLECTOR, told_by(timesync.COLLECTOR, *given))


def test_chrony_sources_with_their_poll_and_keys():
    text = "server 10.0.0.1 iburst maxpoll 16 key 7\npool pool.example nts\nrefclock PHC /dev/ptp0\n# server evil"
    facts = _time(SYNCHRONISED, files={"/etc/chrony.conf": text}).value
    assert [(s.address, s.kind, s.maxpoll, s.authenticated) for s in facts.sources.items] == [
        ("10.0.0.1", "server", 16, True),
        ("pool.example", "pool", 10, True),
        ("PHC /dev/ptp0", "refclock", 10, False),
    ]
    assert facts.synchronised
    assert facts.tools == ["chrony"]


def test_fallback_servers_count_only_without_others():
    both = {"/etc/systemd/timesyncd.conf": "[Time]\nNTP=10.0.0.1 10.0.0.2\nFallbackNTP=pool.example"}
    only = {"/etc/systemd/timesyncd.conf": "[Time]\n#NTP=\nFallbackNTP=pool.example"}
    assert _time(SYNCHRONISED, files=both).value.addresses == ["10.0.0.1", "10.0.0.2"]
    assert _time(SYNCHRONISED, files=only).value.addresses == ["pool.example"]


@pytest.mark.parametrize(("leap", "synchronised"), [("Normal", True), ("Not synchronised", False)])
def test_chrony_itself_is_believed_without_systemd(leap, synchronised):
    tracking = answer("timesync.tracking", AUTHORED_TRACKING.format(leap=leap))
    assert _time(tracking, files={"/etc/chrony.conf": "server a"}).value.synchronised is synchronised


def test_a_clock_nobody_vouches_for_is_unseen():
    assert "synchronised" in holes_of(_time(files={"/etc/chrony.conf": "server a"}))

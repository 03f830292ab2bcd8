"""The sudo topic: rules, tags, aliases, drop-ins, and who else decides."""

from __future__ import annotations

import pytest

from collectors import sudo
from collectors.sudo import SudoFacts
from collectors.sudo_grants import Rule
from posture.model.observation import Blind
from tests.collectors.authored import grep, told_by
from tests.collectors.transcripts import as_declared, facts_of, holes_of, recorded

NSSWITCH = grep("sudo.nsswitch", {"/etc/nsswitch.conf": "passwd: files systemd\nsudoers: files"})


def _recorded(name: str) -> SudoFacts:
    value = facts_of(sudo.COLLECTOR, as_declared(sudo.COLLECTOR, recorded(name))).value
    assert isinstance(value, SudoFacts)
    return value


def _policy(text: str, **files: str) -> SudoFacts:
    paths = {"/etc/sudoers": text} | {f"/etc/sudoers.d/{name}": body for name, body in files.items()}
    return facts_of(sudo.COLLECTOR, told_by(sudo.COLLECTOR, grep("sudo.sudoers", paths), NSSWITCH)).value


def _one(text: str) -> Rule:
    (rule,) = _policy(text).rules.items
    return rule


def test_a_fresh_debian_has_no_rule_without_a_password():
    facts = _recorded("recorded_debian12_sudo")
    assert [rule.who for rule in facts.rules.items] == ["root", "%sudo"]
    assert facts.nopasswd.complete
    assert not facts.nopasswd.items
    assert facts.settings["use_pty"] == "yes"


def test_a_recorded_policy_is_read_as_sudo_reads_it():
    facts = _recorded("recorded_debian12_sudo_rules")
    rules = {(rule.who, tuple(rule.hosts), rule.nopasswd): rule for rule in facts.rules.items}
    assert rules["alice", ("ALL",), True].alias == "ADMINS"
    assert rules["alice", ("ALL",), True].but_not == ["mallory"]
    assert rules["carol", ("web1", "web2"), True].commands == ["/usr/bin/rsync", "/usr/local/sbin/backup --all"]
    assert rules["carol", ("web1", "web2"), True].runas == ["postgres", "mysql"]
    assert rules["carol", ("web1", "web2"), False].commands == ["/usr/bin/systemctl restart nginx", "!/usr/bin/su"]
    assert rules["carol", ("db1",), False].commands == ["/usr/bin/less"]
    assert rules["#1000", ("ALL",), False].every_command
    assert facts.nopasswd_all
    assert facts.authenticate_off == ["/etc/sudoers.d/10-team:5 :bob"]
    assert facts.ignored == ["/etc/sudoers.d/old.bak"]


def test_the_scanner_can_be_told_from_the_others():
    facts = _recorded("recorded_debian12_sudo_rules")
    assert "posture" in {rule.who for rule in facts.nopasswd.items}
    assert not {rule.every_command for rule in facts.nopasswd.items if rule.who == "posture"} - {False}


def test_a_drop_in_that_nobody_includes_is_not_in_force():
    assert not _policy("root ALL=(ALL:ALL) ALL", extra="eve ALL=(ALL) NOPASSWD: ALL").nopasswd.items


@pytest.mark.parametrize("word", ["@includedir", "#includedir"])
def test_a_drop_in_is_read_where_it_is_included(word):
    facts = _policy(f"{word} /etc/sudoers.d\n", extra="eve ALL=(ALL) NOPASSWD: ALL")
    assert [rule.who for rule in facts.nopasswd.items] == ["eve"]


def test_a_tag_holds_until_it_is_taken_back():
    facts = _policy("eve ALL=(ALL) NOPASSWD: /bin/a, /bin/b, PASSWD: /bin/c")
    assert [(rule.nopasswd, rule.commands) for rule in facts.rules.items] == [
        (True, ["/bin/a", "/bin/b"]),
        (False, ["/bin/c"]),
    ]


def test_a_continued_line_is_one_rule():
    assert _one("eve ALL=(ALL) \\\n  NOPASSWD: \\\n  ALL").nopasswd


def test_a_comment_after_a_rule_is_no_part_of_it_and_a_user_id_is_no_comment():
    assert not _one("eve ALL=(ALL) ALL # NOPASSWD: ALL").nopasswd
    assert _one("#1001 ALL=(ALL) NOPASSWD: ALL").who == "#1001"


def test_everybody_unrestricted_is_seen():
    assert _policy("ALL ALL=(ALL) ALL").everyone_unrestricted
    assert not _policy("ALL ALL=(postgres) ALL").everyone_unrestricted
    assert not _policy("%wheel ALL=(ALL) ALL").everyone_unrestricted


def test_root_without_a_password_gives_nothing_away():
    facts = _policy("root ALL=(ALL) NOPASSWD: ALL")
    assert not facts.nopasswd.items
    assert not facts.nopasswd_all


def test_aliases_that_name_each_other_end():
    doubling = "\n".join(f"User_Alias A{n} = A{n + 1}, A{n + 1}" for n in range(60))
    facts = _policy(f"{doubling}\nUser_Alias A60 = eve\nA0 ALL = ALL")
    assert [rule.who for rule in facts.rules.items] == ["eve"]


def test_a_policy_that_grows_without_end_is_incomplete():
    commands = ", ".join(f"/bin/{n}" for n in range(1000))
    facts = _policy(f"Cmnd_Alias C = {commands}\n" + "\n".join(f"u{n} ALL = C" for n in range(200)))
    assert not facts.rules.complete


def test_a_file_included_from_elsewhere_leaves_the_claims_open():
    answers = told_by(
        sudo.COLLECTOR,
        grep("sudo.sudoers", {"/etc/sudoers": "@include /srv/policy\nroot ALL=(ALL) ALL"}),
        NSSWITCH,
    )
    parsed = facts_of(sudo.COLLECTOR, answers)
    assert parsed.value.unread == ["/srv/policy"]
    assert not parsed.value.nopasswd.complete
    assert holes_of(parsed)["nopasswd_all"] is Blind.NOT_ATTEMPTED


def test_a_true_claim_stands_whatever_was_not_read():
    answers = told_by(
        sudo.COLLECTOR,
        grep("sudo.sudoers", {"/etc/sudoers": "@include /srv/policy\neve ALL=(ALL) NOPASSWD: ALL"}),
        NSSWITCH,
    )
    assert "nopasswd_all" not in holes_of(facts_of(sudo.COLLECTOR, answers))


def test_rules_in_a_directory_service_are_not_overlooked():
    answers = told_by(
        sudo.COLLECTOR,
        grep("sudo.sudoers", {"/etc/sudoers": "root ALL=(ALL) ALL"}),
        grep("sudo.nsswitch", {"/etc/nsswitch.conf": "sudoers: files [SUCCESS=return] sss # AD"}),
    )
    parsed = facts_of(sudo.COLLECTOR, answers)
    assert parsed.value.unread == ["nsswitch:sss"]
    assert not parsed.value.rules.complete


def test_without_sudo_there_is_nothing_to_allow():
    missing = ("/etc/sudoers", "/etc/sudoers.d")
    facts = facts_of(sudo.COLLECTOR, told_by(sudo.COLLECTOR, grep("sudo.sudoers", {}, missing), NSSWITCH)).value
    assert not facts.present
    assert facts.rules.complete

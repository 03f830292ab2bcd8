"""The `sshd` topic, from answers a real OpenSSH 9.2 gave in a namespace of our own, and from hosts that lie or refuse."""

from __future__ import annotations

import pytest

from collectors.base import Answer
from collectors.sshd import COLLECTOR, SshdFacts, follow_up
from posture.model.observation import Blind
from tests.collectors.transcripts import as_declared, facts_of, holes_of, recorded, refused, told

FIRST_BATCH = tuple(command.id for command in COLLECTOR.commands)


@pytest.fixture
def answers() -> dict[str, Answer]:
    """A server with drop-ins, five Match blocks, an option on its command line and a file changed since it started."""
    return as_declared(COLLECTOR, recorded("recorded_debian12_sshd"))


def sshd(answers: dict[str, Answer]) -> SshdFacts:
    value = facts_of(COLLECTOR, answers).value
    assert isinstance(value, SshdFacts)
    return value


def plain(answers: dict[str, Answer]) -> dict[str, Answer]:
    """The same server without options on its command line."""
    return told(answers, "sshd.daemon", "7 1 5 sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\n")


def test_a_drop_in_that_is_read_first_wins_over_the_main_file(answers):
    """sshd_config says no; the drop-in included above it says yes."""
    assert sshd(answers).effective["passwordauthentication"] == "yes"
    assert sshd(answers).effective["logingracetime"] == 30


def test_the_options_of_the_running_server_are_part_of_what_it_does(answers):
    facts = sshd(answers)
    assert facts.options == ["-oMaxSessions=5"]
    assert facts.effective["maxsessions"] == 5
    assert sshd(plain(answers)).effective["maxsessions"] == 10


def test_lists_are_split_and_numbers_are_numbers(answers):
    facts = sshd(answers)
    assert facts.lists["allowusers"] == ["alice", "deploy", "carol@10.0.0.0/8"]
    assert facts.lists["acceptenv"] == ["LANG", "LC_*"]
    assert "aes256-gcm@openssh.com" in facts.lists["ciphers"]
    assert "denyusers" not in facts.lists
    assert (facts.effective["maxstartups_start"], facts.effective["maxstartups_full"]) == (10, 100)
    assert (facts.version, facts.release) == ("9.2", "9.2p1")


def test_each_match_block_is_asked_about_with_a_connection_it_applies_to(answers):
    contexts = {one.match: one for one in sshd(answers).contexts.items}
    assert contexts["User deploy,backup-*"].effective["passwordauthentication"] == "yes"
    group = contexts["Group sftponly,!admins Address 10.0.0.0/8,!10.0.0.0/24"]
    assert "user=guest," in group.probe, "deploy, who is in the group as well, falls under another block too"
    assert group.effective["x11forwarding"] == "yes"
    assert contexts["LocalPort 2222"].effective["permitrootlogin"] == "yes"
    assert "Group nobodyisin" not in contexts
    assert sshd(answers).contexts.complete


def test_when_plain_dash_t_refuses_because_of_a_local_port_the_strangers_answer_counts(answers):
    assert answers["sshd.effective"].exit_code == 255
    facts = facts_of(COLLECTOR, plain(answers))
    assert facts.value.effective["clientaliveinterval"] == 300
    assert facts.holes == ()


def test_a_stranger_who_gets_something_else_than_the_plain_answer_is_a_context(answers):
    dump = answers["sshd.anyone"].text
    other = told(plain(answers), "sshd.effective", dump.replace("x11forwarding no", "x11forwarding yes"))
    contexts = sshd(other).contexts.items
    assert contexts[0].match == ""
    assert contexts[0].effective["x11forwarding"] == "no"


def test_a_file_changed_after_the_server_read_it_is_noticed(answers):
    assert sshd(answers).config_newer_than_daemon is True
    assert sshd(answers).binary_newer_than_daemon is False
    reloaded = told(answers, "sshd.read_at", "1995388909.0 1995388909.0 /run/sshd.pid\n")
    assert sshd(reloaded).config_newer_than_daemon is False


def test_without_a_running_server_there_is_nothing_to_compare(answers):
    stopped = told(answers, "sshd.read_at", "", "find: '/run/sshd.pid': No such file or directory", 1)
    stopped = told(stopped, "sshd.daemon", "", "", 1)
    facts = facts_of(COLLECTOR, stopped)
    assert facts.value.config_newer_than_daemon is None
    assert "config_newer_than_daemon" not in holes_of(facts)


def test_a_server_without_the_usual_pid_file_is_a_hole_not_an_answer(answers):
    hidden = told(answers, "sshd.read_at", "", "find: '/run/sshd.pid': No such file or directory", 1)
    facts = facts_of(COLLECTOR, hidden)
    assert facts.value.config_newer_than_daemon is None
    assert holes_of(facts)["config_newer_than_daemon"] is Blind.UNPARSEABLE


def test_a_host_without_sshd_is_seen_as_such():
    nothing = told({}, "sshd.program", "", "/usr/bin/find: '/usr/sbin/sshd': No such file or directory", 1)
    facts = facts_of(COLLECTOR, as_declared(COLLECTOR, nothing))
    assert facts.value == SshdFacts(present=False)
    assert facts.holes == ()


def test_a_refusing_sudo_leaves_holes_and_no_settings(answers):
    silent = refused(plain(answers), *(id_ for id_ in answers if answers[id_].command.sudo))
    facts = facts_of(COLLECTOR, silent)
    assert facts.value.effective is None and facts.value.contexts is None
    reasons = holes_of(facts)
    for path in ("effective", "lists", "contexts", "config_newer_than_daemon", "smartcard_login"):
        assert reasons[path] is Blind.COMMAND_REFUSED
    assert facts.value.version == "9.2"


def test_a_block_whose_question_is_refused_makes_the_contexts_incomplete(answers):
    facts = sshd(refused(answers, "sshd.context/2"))
    assert not facts.contexts.complete
    assert len(facts.contexts.items) == 2


def test_an_include_elsewhere_makes_the_contexts_incomplete(answers):
    named = answers["sshd.blocks"].text + "/etc/ssh/sshd_config\0Include /opt/vendor/*.conf\n"
    assert not sshd(told(answers, "sshd.blocks", named)).contexts.complete


def test_a_group_nobody_local_is_in_is_a_doubt_where_a_directory_may_add_members(answers):
    directory = told(answers, "sshd.sources", "passwd: files sss\ngroup: files sss\n")
    assert not sshd(directory).contexts.complete


def test_options_that_cannot_be_repeated_leave_the_configuration_unseen(answers):
    odd = told(answers, "sshd.daemon", "7 1 5 /usr/sbin/sshd -D -o 'Banner=/etc/is sue'\n")
    assert holes_of(facts_of(COLLECTOR, odd))["effective"] is Blind.UNPARSEABLE
    assert not [one for one in follow_up(odd) if one.id == "sshd.running"]


def test_the_second_batch_repeats_the_options_and_asks_one_question_for_each_block(answers):
    first = {id_: answers[id_] for id_ in FIRST_BATCH if id_ in answers}
    asked = follow_up(first)
    assert [one.id for one in asked] == [
        "sshd.running",
        "sshd.running_anyone",
        "sshd.context/1",
        "sshd.context/2",
        "sshd.context/3",
    ]
    assert all(one.argv[:3] == ("/usr/sbin/sshd", "-T", "-oMaxSessions=5") and one.sudo for one in asked)


def test_rhel_8_hands_the_crypto_policy_over_on_the_command_line(answers):
    """authored: the title of OpenSSH 8.0 has no `sshd:` before and no `[listener]` behind."""
    line = "7 1 77 /usr/sbin/sshd -D -oCiphers=aes256-gcm@openssh.com,aes256-ctr -oGSSAPIKexAlgorithms=a-\n"
    first = told(answers, "sshd.daemon", "8 900 3 sshd: alice [priv]\n9 901 2 sshd: alice@pts/0\n" + line)
    assert follow_up(first)[0].argv[2:] == (
        "-oCiphers=aes256-gcm@openssh.com,aes256-ctr",
        "-oGSSAPIKexAlgorithms=a-",
    )


def test_the_server_of_a_container_is_not_taken_for_the_hosts_own(answers):
    ours = answers["sshd.daemon"].text
    both = told(answers, "sshd.daemon", "99 5000 99999 sshd: /usr/sbin/sshd -oPort=22 [listener] 0 of 1\n" + ours)
    assert sshd(both).options == ["-oMaxSessions=5"]


@pytest.mark.parametrize("text", ["", "garbage", "port 22\n", "port 22\npasswordauthentication\0no", "<script>\n" * 9])
def test_an_answer_that_is_no_configuration_is_a_hole(answers, text):
    spoiled = told(told(plain(answers), "sshd.effective", text), "sshd.anyone", text)
    facts = facts_of(COLLECTOR, spoiled)
    assert facts.value.effective is None
    assert holes_of(facts)["effective"] is Blind.UNPARSEABLE


def test_a_smart_card_login_is_seen_in_sssd(answers):
    assert sshd(answers).smartcard_login is False
    assert sshd(told(answers, "sshd.smartcard", "pam_cert_auth = True\n")).smartcard_login is True

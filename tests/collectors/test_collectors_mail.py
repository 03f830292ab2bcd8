"""mail: who is handed mail here, who looks at it, and for whom it is passed on."""

from __future__ import annotations

import pytest

from collectors import mail
from collectors.base import Answer
from collectors.mail import MailFacts
from posture.model.observation import Blind, Hole
from tests.collectors.authored import find, told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, told

RECORDED = "recorded_debian12_mail"


def _recorded() -> dict[str, Answer]:
    return as_declared(mail.COLLECTOR, recorded(RECORDED))


def _with(**settings: str) -> MailFacts:
    answers = _recorded()
    lines = answers["mail.settings"].text.splitlines()
    kept = [line for line in lines if line.split(" =")[0] not in settings]
    said = "".join(f"{line}\n" for line in (*kept, *(f"{key} = {value}" for key, value in settings.items())))
    facts = facts_of(mail.COLLECTOR, told(answers, "mail.settings", said)).value
    assert isinstance(facts, MailFacts)
    return facts


def test_a_recorded_relay_examines_what_its_submission_service_takes_and_nothing_else():
    parsed = facts_of(mail.COLLECTOR, _recorded())
    assert parsed.value.agents == ["postfix"]
    assert parsed.value.receivers == ["smtp/inet", "submission/inet"]
    assert parsed.value.unexamined == ["smtp/inet"]
    assert parsed.value.relay_networks == ["10.0.0.0/8", "127.0.0.0/8", "[::1]/128"]
    assert not parsed.value.relays_for_strangers
    assert not parsed.holes


@pytest.mark.parametrize(
    "settings",
    [
        {"smtpd_milters": "inet:127.0.0.1:8891"},
        {"content_filter": "smtp-amavis:[127.0.0.1]:10024"},
        {"smtpd_recipient_restrictions": "check_policy_service unix:private/policyd-spf"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_any_of_three_kinds_of_filter_examines_mail(settings):
    assert _with(**settings).unexamined == []


def test_an_agent_that_listens_on_loopback_only_receives_nothing_from_the_network():
    assert _with(inet_interfaces="loopback-only").receivers == []
    assert _with(inet_interfaces="127.0.0.1, [::1]").receivers == []


@pytest.mark.parametrize(
    ("settings", "strangers"),
    [
        ({"mynetworks": "0.0.0.0/0"}, True),
        ({"mynetworks": "[::]/0"}, True),
        ({"mynetworks": "static:all"}, True),
        ({"mynetworks": "127.0.0.0/8 cidr:/etc/postfix/clients"}, False),
        ({"smtpd_relay_restrictions": "permit_mynetworks permit"}, True),
        ({"smtpd_relay_restrictions": "permit, reject_unauth_destination"}, True),
        ({"smtpd_relay_restrictions": "", "smtpd_recipient_restrictions": "reject_unauth_destination"}, False),
        ({"smtpd_relay_restrictions": "permit_mynetworks, defer_unauth_destination"}, False),
    ],
    ids=str,
)
def test_strangers_are_relayed_for_when_nothing_stops_them(settings, strangers):
    assert _with(**settings).relays_for_strangers is strangers


def test_postscreen_in_front_counts_as_a_receiver():
    services = (
        "smtp       inet  n       -       y       -       1       postscreen\n"
        "smtpd      pass  -       -       y       -       -       smtpd\n"
    )
    facts = facts_of(mail.COLLECTOR, told(_recorded(), "mail.services", services)).value
    assert facts.receivers == ["smtpd/pass"]


def test_a_host_without_an_agent_receives_nothing():
    answers = told_by(mail.COLLECTOR, find("mail.programs", (), tuple(mail._AGENTS)))
    parsed = facts_of(mail.COLLECTOR, answers)
    assert parsed.value.agents == []
    assert parsed.value.receivers == []
    assert not parsed.holes


def test_the_configuration_of_exim_is_unseen_and_not_clean():
    programs = find("mail.programs", ("0755 f 0 0 1700000000.0 root root /usr/sbin/exim4",), ("/usr/sbin/postconf",))
    parsed = facts_of(mail.COLLECTOR, told_by(mail.COLLECTOR, programs))
    assert parsed.value.agents == ["exim"]
    assert holes_of(parsed)["unexamined"] is Blind.NOT_ATTEMPTED
    assert holes_of(parsed)["relays_for_strangers"] is Blind.NOT_ATTEMPTED


@pytest.mark.parametrize("said", ["", "postconf: fatal", "smtpd_milters =\n", "\0\xff = 7"])
def test_settings_that_cannot_be_read_are_unseen(said):
    parsed = facts_of(mail.COLLECTOR, told(_recorded(), "mail.settings", said))
    assert holes_of(parsed)["unexamined"] is Blind.UNPARSEABLE


def test_a_program_list_that_was_refused_leaves_nothing_seen():
    refused = answer("mail.programs", "", "sudo: a password is required\n", 1)
    assert isinstance(mail.parse({"mail.programs": refused}), Hole)

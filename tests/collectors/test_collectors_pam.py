"""The pam topic: stacks with their includes, lockout, password quality, su."""

from __future__ import annotations

from collectors import pam
from collectors.pam import PamFacts
from posture.model.observation import Blind
from tests.collectors.authored import grep, told_by
from tests.collectors.transcripts import as_declared, facts_of, holes_of, recorded, refused

AUTHORED_RHEL9_AUTH = """\
auth        required                                     pam_env.so
auth        required                                     pam_faillock.so preauth silent
auth        sufficient                                   pam_unix.so try_first_pass
auth        required                                     pam_faillock.so authfail
auth        required                                     pam_deny.so
account     required                                     pam_faillock.so
account     required                                     pam_unix.so
password    requisite                                    pam_pwquality.so local_users_only
password    sufficient                                   pam_unix.so sha512 shadow use_authtok
password    required                                     pam_deny.so
"""
AUTHORED_RHEL9 = {
    "/etc/pam.d/password-auth": AUTHORED_RHEL9_AUTH,
    "/etc/pam.d/sshd": "auth       substack     password-auth\nauth       include      postlogin\naccount    include      password-auth",
    "/etc/pam.d/su": "auth sufficient pam_rootok.so\nauth required pam_wheel.so use_uid\nauth substack system-auth",
    "/etc/pam.d/system-auth": AUTHORED_RHEL9_AUTH,
}
AUTHORED_FAILLOCK = "# deny = 9\ndeny = 3\nfail_interval=900\nunlock_time = never\neven_deny_root\n"


def _facts(stacks: dict[str, str], confs: dict[str, str] | None = None) -> PamFacts:
    answers = told_by(pam.COLLECTOR, grep("pam.stacks", stacks), grep("pam.settings", confs or {}))
    return facts_of(pam.COLLECTOR, answers).value


def test_a_fresh_debian_counts_no_failures_and_accepts_empty_passwords():
    parsed = facts_of(pam.COLLECTOR, as_declared(pam.COLLECTOR, recorded("recorded_debian12_pam")))
    facts = parsed.value
    assert not parsed.holes
    assert not facts.faillock_in_stack
    assert facts.nullok.items == ["/etc/pam.d/common-auth:17"]
    assert facts.su_wheel_only is False
    assert facts.pwquality_in_stack
    assert facts.pwquality.minlen == 8
    assert facts.pwquality.configured == ["retry"]


def test_includes_are_followed_by_type():
    facts = _facts(AUTHORED_RHEL9)
    sshd = [(line.type, line.module) for line in facts.stacks.items if line.service == "sshd"]
    assert ("auth", "pam_faillock.so") in sshd
    assert ("account", "pam_faillock.so") in sshd
    assert ("password", "pam_pwquality.so") not in sshd


def test_rhel_with_faillock_is_read_as_configured():
    facts = _facts(AUTHORED_RHEL9, {"/etc/security/faillock.conf": AUTHORED_FAILLOCK})
    assert facts.faillock_in == {"password-auth": True, "sshd": True, "system-auth": True}
    assert facts.faillock_in_stack
    assert (facts.faillock.deny, facts.faillock.unlock_time_s, facts.faillock.even_deny_root) == (3, 0, True)
    assert facts.faillock.configured == ["deny", "even_deny_root", "fail_interval", "silent", "unlock_time"]
    assert facts.su_wheel_only
    assert facts.su_group == "wheel"
    assert not facts.nullok.items


def test_one_stack_without_the_counter_is_enough_to_lose_it():
    stacks = AUTHORED_RHEL9 | {"/etc/pam.d/system-auth": "auth required pam_unix.so"}
    assert not _facts(stacks).faillock_in_stack


def test_authsucc_alone_counts_nothing():
    facts = _facts({"/etc/pam.d/common-auth": "auth required pam_faillock.so authsucc\nauth required pam_unix.so"})
    assert not facts.faillock_in_stack


def test_an_argument_in_the_stack_beats_the_file():
    stack = {
        "/etc/pam.d/common-auth": "auth required pam_faillock.so preauth deny=5\nauth [default=die] pam_faillock.so authfail deny=8"
    }
    facts = _facts(stack, {"/etc/security/faillock.conf": "deny=3"})
    assert facts.faillock.deny == 8


def test_the_main_pwquality_file_beats_its_drop_ins():
    confs = {
        "/etc/security/pwquality.conf": "minlen = 15\n",
        "/etc/security/pwquality.conf.d/50.conf": "minlen = 20\ndictcheck=0",
        "/etc/security/pwquality.conf.d/README": "minlen = 30",
    }
    quality = _facts(AUTHORED_RHEL9, confs).pwquality
    assert (quality.minlen, quality.dictcheck) == (15, 0)


def test_the_library_never_goes_below_six():
    assert _facts({}, {"/etc/security/pwquality.conf": "minlen = 1"}).pwquality.minlen == 6


def test_wheel_that_only_trusts_keeps_nobody_out():
    facts = _facts({"/etc/pam.d/su": "auth sufficient pam_wheel.so trust\nauth required pam_unix.so"})
    assert facts.su_wheel_only is False


def test_without_a_pam_file_for_su_nothing_is_claimed():
    assert _facts({"/etc/pam.d/sshd": "auth required pam_unix.so"}).su_wheel_only is None


def test_a_stack_that_includes_itself_ends():
    facts = _facts({"/etc/pam.d/su": "auth include su\nauth required pam_unix.so nullok"})
    assert facts.nullok.items == ["/etc/pam.d/su:2"]


def test_backups_are_no_services():
    facts = _facts({"/etc/pam.d/su.rpmnew": "auth required pam_unix.so nullok"})
    assert not facts.stacks.items


def test_refused_settings_are_holes_and_not_defaults():
    answers = as_declared(pam.COLLECTOR, recorded("recorded_debian12_pam"))
    holes = holes_of(facts_of(pam.COLLECTOR, refused(answers, "pam.settings")))
    assert holes == {"faillock": Blind.COMMAND_REFUSED, "pwquality": Blind.COMMAND_REFUSED}

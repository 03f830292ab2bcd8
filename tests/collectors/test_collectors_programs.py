"""browsers, interpreters, python_startup and package_indexes: what runs text from elsewhere, and where code comes from."""

from __future__ import annotations

import pytest

from collectors import browsers, interpreters, package_indexes, python_startup
from collectors.base import Answer, Collector
from collectors.browsers import Browser
from collectors.transports.script import check
from posture.model.observation import Blind, Hole
from tests.collectors.authored import find, grep, told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, told


def _recorded(collector: Collector) -> dict[str, Answer]:
    return as_declared(collector, recorded(f"recorded_debian12_{collector.topic}"))


# browsers -------------------------------------------------------------------------------------------------------------

CHROMIUM = ("0755 f 0 0 1700000000.0 root root /usr/bin/chromium",)
FIREFOX = ("0755 f 0 0 1700000000.0 root root /usr/bin/firefox",)
MANAGED = "/etc/chromium/policies/managed"


def _browser(programs: tuple[str, ...], files: dict[str, str]) -> Browser:
    answers = told_by(browsers.COLLECTOR, find("browsers.programs", programs), grep("browsers.policies", files))
    (one,) = facts_of(browsers.COLLECTOR, answers).value.installed.items
    assert isinstance(one, Browser)
    return one


def test_recorded_browsers_with_and_without_a_policy():
    parsed = facts_of(browsers.COLLECTOR, _recorded(browsers.COLLECTOR))
    found = {one.name: (one.policies, one.downloads_restricted) for one in parsed.value.installed.items}
    assert found == {"chromium": ([f"{MANAGED}/10-agency.json"], True), "firefox": ([], False)}
    assert parsed.value.installed.complete
    assert not parsed.holes


@pytest.mark.parametrize(
    ("files", "restricted"),
    [
        ({f"{MANAGED}/a.json": '{"DownloadRestrictions": 3}'}, True),
        ({f"{MANAGED}/a.json": '{"DownloadRestrictions": 0}'}, False),
        ({f"{MANAGED}/a.json": '{"DownloadRestrictions": "3"}'}, False),
        ({f"{MANAGED}/a.json": '{"DownloadRestrictions": true}'}, False),
        ({f"{MANAGED}/a.json": '{"DownloadRestrictions": 3}', f"{MANAGED}/b.json": '{"DownloadRestrictions": 0}'}, False),
        ({f"{MANAGED}/a.txt": '{"DownloadRestrictions": 3}'}, False),
    ],
    ids=str,
)  # fmt: skip
def test_the_last_policy_of_chromium_counts(files, restricted):
    assert _browser(CHROMIUM, files).downloads_restricted is restricted


@pytest.mark.parametrize(
    ("rules", "restricted"),
    [
        ('{"policies": {"DisableSecurityBypass": {"SafeBrowsing": true}}}', True),
        ('{"policies": {"DisableSecurityBypass": {"SafeBrowsing": false}}}', False),
        ('{"policies": {"DisableSecurityBypass": true}}', False),
        ('{"policies": []}', False),
    ],
)
def test_firefox_is_restricted_when_its_warnings_cannot_be_overruled(rules, restricted):
    assert _browser(FIREFOX, {"/etc/firefox/policies/policies.json": rules}).downloads_restricted is restricted


@pytest.mark.parametrize("text", ["{", "[]", "7", "\x1b[2J"])
def test_a_policy_that_is_no_policy_is_unseen(text):
    files = {f"{MANAGED}/a.json": text}
    answers = told_by(browsers.COLLECTOR, find("browsers.programs", CHROMIUM), grep("browsers.policies", files))
    holes = holes_of(facts_of(browsers.COLLECTOR, answers))
    assert holes["installed[path=/usr/bin/chromium].downloads_restricted"] is Blind.UNPARSEABLE


# interpreters ---------------------------------------------------------------------------------------------------------


def test_recorded_interpreters_and_compilers():
    found = facts_of(interpreters.COLLECTOR, _recorded(interpreters.COLLECTOR)).value.programs
    assert found.complete
    assert {(one.name, one.kind, one.for_everyone) for one in found.items} == {
        ("as", "compiler", True),
        ("gcc", "compiler", True),
        ("perl", "interpreter", True),
        ("python3", "interpreter", True),
        ("tcl", "interpreter", False),
    }


def test_a_program_list_with_a_refused_place_is_not_complete():
    said = find("interpreters.programs", ("0755 f 0 0 1.0 root root /usr/bin/perl",))
    stderr = "/usr/bin/find: '/usr/local/bin/node': Permission denied\n"
    answers = told({said.command.id: said}, "interpreters.programs", said.text, stderr, 1)
    assert not facts_of(interpreters.COLLECTOR, as_declared(interpreters.COLLECTOR, answers)).value.programs.complete


@pytest.mark.parametrize("said", ["garbage\0", "0755 x\0\0", "\x1b]0;x\x07\0"])
def test_rows_that_find_did_not_write_are_never_a_complete_list(said):
    answers = as_declared(interpreters.COLLECTOR, {"interpreters.programs": answer("interpreters.programs", said)})
    found = facts_of(interpreters.COLLECTOR, answers).value.programs
    assert found.items == []
    assert not found.complete


# python_startup -------------------------------------------------------------------------------------------------------

DROPPED = "/usr/local/lib/python3.11/dist-packages/zz_helper.pth"


def test_recorded_hooks_of_packages_and_of_nobody():
    parsed = facts_of(python_startup.COLLECTOR, _recorded(python_startup.COLLECTOR))
    assert [(one.path, one.kind, one.owned) for one in parsed.value.hooks.items] == [
        ("/usr/lib/python3.11/sitecustomize.py", "sitecustomize", True),
        (DROPPED, "pth", False),
    ]
    assert parsed.value.hooks.complete
    assert not parsed.holes


def test_a_path_file_without_code_is_no_hook():
    names = [
        one.name for one in facts_of(python_startup.COLLECTOR, _recorded(python_startup.COLLECTOR)).value.hooks.items
    ]
    assert "paths.pth" not in names


def _rpm_host(*, rpm: str | None, code: int = 1) -> dict[str, Answer]:
    owned, dropped = "/usr/lib/python3.9/site-packages/distutils-precedence.pth", DROPPED
    counted = answer("python_startup.hooks", f"{owned}\0001\n{dropped}\0001\n")
    no_dpkg = answer("python_startup.dpkg", "", "/usr/bin/grep: /var/lib/dpkg/info: No such file or directory\n", 2)
    answers = as_declared(python_startup.COLLECTOR, {one.command.id: one for one in (counted, no_dpkg)})
    (asked,) = python_startup.follow_up(answers)
    assert check(asked) is asked
    assert asked.argv == ("/usr/bin/rpm", "-q", "-f", owned, dropped)
    if rpm is not None:
        answers[asked.id] = Answer(asked, rpm.encode(), b"", code, 1)
    return answers


def test_rpm_is_asked_whose_the_files_are():
    said = f"python3-setuptools-53.0.0-13.el9.noarch\nfile {DROPPED} is not owned by any package\n"
    parsed = facts_of(python_startup.COLLECTOR, _rpm_host(rpm=said))
    assert [one.owned for one in parsed.value.hooks.items] == [True, False]
    assert not parsed.holes


def test_without_an_answer_of_rpm_the_owner_is_unseen():
    assert "hooks[*].owned" in holes_of(facts_of(python_startup.COLLECTOR, _rpm_host(rpm=None)))
    assert "hooks[*].owned" in holes_of(facts_of(python_startup.COLLECTOR, _rpm_host(rpm="", code=127)))


def test_an_answer_of_rpm_with_too_few_lines_owns_nothing():
    parsed = facts_of(python_startup.COLLECTOR, _rpm_host(rpm="python3-setuptools-53.0.0-13.el9.noarch\n"))
    assert [one.owned for one in parsed.value.hooks.items] == [False, False]


def test_a_host_with_dpkg_is_asked_nothing_more():
    assert python_startup.follow_up(_recorded(python_startup.COLLECTOR)) == ()


def test_a_directory_that_was_refused_is_not_an_empty_one():
    denied = "/usr/bin/grep: /usr/local/lib/python3.11: Permission denied\n"
    answers = told(_recorded(python_startup.COLLECTOR), "python_startup.hooks", "", denied, 2)
    assert isinstance(python_startup.parse(answers), Hole)


# package_indexes ------------------------------------------------------------------------------------------------------


def test_recorded_settings_of_pip_and_npm():
    found = facts_of(package_indexes.COLLECTOR, _recorded(package_indexes.COLLECTOR)).value.settings
    assert found.complete
    assert [(one.tool, one.key, one.host, one.verified, one.second_index) for one in found.items] == [
        ("pip", "index-url", "pypi.agency.example", True, False),
        ("pip", "extra-index-url", "pypi.org", True, True),
        ("pip", "trusted-host", "", False, False),
        ("npm", "registry", "npm.agency.example", False, False),
        ("npm", "strict-ssl", "", False, False),
        ("npm", "@agency:registry", "npm.agency.example", True, False),
    ]


def test_neither_tokens_nor_passwords_become_facts():
    answers = _recorded(package_indexes.COLLECTOR)
    assert b"_authToken" not in answers["package_indexes.files"].stdout
    assert "hunter2" not in str(package_indexes.parse(answers))


def test_two_addresses_in_one_setting_are_two_indexes():
    files = {"/etc/pip.conf": "index-url = https://a.example/simple https://b.example/simple"}
    (one,) = facts_of(
        package_indexes.COLLECTOR, told_by(package_indexes.COLLECTOR, grep("package_indexes.files", files))
    ).value.settings.items
    assert one.second_index


def test_a_file_of_root_that_was_refused_leaves_the_list_open():
    said = grep("package_indexes.files", {}, ("/etc/pip.conf",), ("/root/.npmrc",))
    found = facts_of(package_indexes.COLLECTOR, told_by(package_indexes.COLLECTOR, said)).value.settings
    assert not found.complete

"""Work handed over: the guard rails are in it, and hold when it is really run; nothing a host chose is a command."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_agency
import yaml

from posture.catalogue.load import load
from posture.model.assessment import Assessment
from posture.model.check import Baseline, Check, Remediation, Risk
from posture.model.plan import Fix
from reports.handover.orders import PLACES, orders
from reports.handover.playbook import keeps_the_way_back, write_playbook
from reports.handover.shell import write_shell
from reports.handover.tickets import write_tickets
from reports.handover.yamltext import yaml_lines

BESIDE = (Path(sys.executable).parent, Path(__file__).parents[2] / ".venv-bench/bin")
PLAYBOOK = shutil.which("ansible-playbook") or next(
    (str(place / "ansible-playbook") for place in BESIDE if (place / "ansible-playbook").exists()), ""
)
needs_ansible = pytest.mark.skipif(not PLAYBOOK, reason="no ansible-core here")
WORDS = frozenset(
    [
        "A",
        "AESGCM",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS",
        "ALL",
        "APT",
        "C",
        "CN",
        "D",
        "DES",
        "E",
        "ECDHE",
        "ENABLE_SIGNUP",
        "ENCRYPT_METHOD",
        "END",
        "F",
        "FASTMCP_HOST",
        "FNR",
        "G",
        "GRUB_CMDLINE_LINUX",
        "HUP",
        "I",
        "L",
        "LANGFLOW_AUTO_LOGIN",
        "NOAUTH",
        "NOPASSWD",
        "NR",
        "OLLAMA_HOST",
        "OPTIONS",
        "P",
        "RAY_AUTH_MODE",
        "S",
        "SCN",
        "SSH",
        "T",
        "TARGET",
        "TLS",
        "U",
        "VERBOSE",
        "W",
        "X",
        "YESCRYPT",
    ]
)
"""What stands for itself in the catalogue's commands."""


class Loader(yaml.SafeLoader):
    """Reads `!unsafe`, which tells Ansible to take a string for no template."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def every_check() -> tuple[Check, ...]:
    catalogue = load(None)
    found = {one.id: one for name in ("fceb", "dow", "nss") for one in catalogue.baseline(name).checks}
    return tuple(found[id_] for id_ in sorted(found))


def fixing(*checks: Check, hosts: tuple[str, ...] = ("localhost",)) -> Assessment:
    """An agency whose plan is to mend these checks on these hosts."""
    agency = sample_agency.agency()
    fixes = tuple(
        Fix(one.id, "ops", one.title, hosts, (), one.severity, None, "", 5, one.remediation.risk, 1.0, "it is first")
        for one in checks
    )
    return replace(agency, baseline=Baseline(agency.baseline.profile, checks), plan=replace(agency.plan, fixes=fixes))


def mending(place: Path, change: str, *, verify: str = "", precondition: str = "", risk: Risk = Risk.NONE) -> Check:
    check = sample_agency.CHECKS[0]
    rollback = f"touch {place}/rolled-back"
    return replace(check, remediation=Remediation("mend it", risk, 5, precondition, change, (), rollback, verify))


def plays(path: Path) -> list[dict[str, Any]]:
    return yaml.load(path.read_text(), Loader) or []


def test_every_word_in_capitals_is_known_to_stand_for_itself_or_for_something_to_be_put_in() -> None:
    found = {
        word
        for check in every_check()
        for text in (
            check.remediation.shell,
            check.remediation.rollback,
            check.remediation.verify,
            " ".join(str(dict(task)) for task in check.remediation.ansible),
        )
        for word in re.findall(r"(?<![A-Za-z0-9_$])[A-Z][A-Z_]*(?![A-Za-z0-9_])", text)
    }
    assert found - PLACES - WORDS == set(), "say in PLACES or here what it is: else it is run as it stands"


def test_a_fix_with_a_gap_or_no_way_back_is_left_to_a_person(tmp_path: Path) -> None:
    found = {one.check.id: one.by_hand for one in orders(fixing(*every_check()))}
    assert "UNIT" in found["AIS-08"] and "takes it back" in found["PAT-01"]
    assert found["SSH-02"] == "" and found["HRD-01"] == ""
    assert sum(not why for why in found.values()) > 60
    write_shell(fixing(*every_check()), tmp_path / "sh")
    assert "AIS-08" in (tmp_path / "sh/by-hand.txt").read_text()
    assert "AIS-08" not in (tmp_path / "sh/localhost.sh").read_text()


def test_each_play_asks_changes_validates_and_takes_back(tmp_path: Path) -> None:
    assessment = fixing(*every_check())
    write_playbook(assessment, tmp_path / "p.yml", marking="CUI")
    by_tag = {play["tags"][0]: play for play in plays(tmp_path / "p.yml")}
    for order in orders(assessment):
        if order.by_hand:
            assert order.check.id not in by_tag
            continue
        play = by_tag[order.check.id]
        assert (play["serial"], play["max_fail_percentage"]) == (1, 0)
        body = play["tasks"][-1]
        assert any("roll back" in task["name"] for task in body["rescue"])
        assert body["rescue"][0]["ansible.builtin.shell"].strip() == order.remedy.rollback.strip()
        assert bool(order.agreement) == ("ansible.builtin.assert" in play["tasks"][0])
        if not keeps_the_way_back(order.remedy):
            assert body["block"][0]["ansible.builtin.shell"].strip() == order.remedy.shell.strip()
            continue
        steps = body["block"][: len(order.remedy.ansible)]
        for task, step in zip(order.remedy.ansible, steps, strict=True):
            assert {key: step[key] for key in task} == dict(task), "the catalogue's own words, unchanged"


def test_a_name_that_ansible_would_take_apart_is_no_host(tmp_path: Path) -> None:
    (check,) = [one for one in every_check() if one.id == "HRD-01"]
    write_playbook(fixing(check, hosts=("all:!x", "{{ lookup('pipe','id') }}", "web1")), tmp_path / "p.yml")
    assert [play["hosts"] for play in plays(tmp_path / "p.yml")] == [["web1"]]
    write_playbook(fixing(check, hosts=("*",)), tmp_path / "p.yml")
    assert plays(tmp_path / "p.yml") == []
    assert "# By hand: 1. HRD-01" in (tmp_path / "p.yml").read_text()


def test_what_looks_like_a_template_is_marked_as_none() -> None:
    written = "\n".join(yaml_lines([{"a": "x {{ y }}", "b": "one\ntwo {% if %}\n", "c": "plain"}]))
    assert written.count("!unsafe") == 2
    assert yaml.load(written, Loader) == [{"a": "x {{ y }}", "b": "one\ntwo {% if %}\n", "c": "plain"}]


@needs_ansible
def test_ansible_takes_the_whole_catalogue(tmp_path: Path) -> None:
    write_playbook(fixing(*every_check()), tmp_path / "p.yml")
    done = ansible(tmp_path, "--syntax-check")
    assert done.returncode == 0, done.stderr


def ansible(place: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [PLAYBOOK, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    command = [*words, "-e", '{"ansible_become": false}', place / "p.yml", *more]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=place)


@needs_ansible
def test_check_mode_changes_nothing_and_a_fix_nobody_agreed_to_is_not_made(tmp_path: Path) -> None:
    check = mending(tmp_path, f"touch {tmp_path}/changed", precondition="Nobody is logged in.")
    write_playbook(fixing(check), tmp_path / "p.yml")
    assert ansible(tmp_path, "--check").returncode == 0
    refused = ansible(tmp_path)
    assert refused.returncode != 0 and "Nobody is logged in" in refused.stdout
    assert not (tmp_path / "changed").exists() and not (tmp_path / "rolled-back").exists()
    made = ansible(tmp_path, "-e", f"posture_agreed={check.id}")
    assert made.returncode == 0, made.stdout
    assert (tmp_path / "changed").exists() and not (tmp_path / "rolled-back").exists()


@needs_ansible
def test_a_change_that_does_not_validate_is_rolled_back(tmp_path: Path) -> None:
    write_playbook(fixing(mending(tmp_path, f"touch {tmp_path}/changed", verify="false")), tmp_path / "p.yml")
    done = ansible(tmp_path)
    assert done.returncode != 0 and "was rolled back" in done.stdout
    assert (tmp_path / "rolled-back").exists()


def script(place: Path, check: Check, *words: str) -> subprocess.CompletedProcess[str]:
    write_shell(fixing(check), place / "sh")
    command = ["sh", place / "sh/localhost.sh", *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_the_script_says_first_and_makes_only_what_was_agreed_to(tmp_path: Path) -> None:
    check = mending(tmp_path, f"touch '{tmp_path}/changed'", precondition="It's quiet.")
    said = script(tmp_path, check, "--check")
    assert said.returncode == 0 and "It's quiet." in said.stdout and "to undo" in said.stdout
    assert script(tmp_path, check).returncode == 2
    assert script(tmp_path, check, "--host", "other", "--make", check.id).returncode == 2
    refused = script(tmp_path, check, "--host", "localhost", "--make", check.id)
    assert refused.returncode == 1 and "not agreed to" in refused.stderr
    assert not (tmp_path / "changed").exists()
    made = script(tmp_path, check, "--host", "localhost", "--make", check.id, "--agree", check.id)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "changed").exists() and not (tmp_path / "rolled-back").exists()


@pytest.mark.parametrize(("change", "verify"), [("false; true", ""), ("true", "false")], ids=["change", "validation"])
def test_the_script_takes_back_what_fails(tmp_path: Path, change: str, verify: str) -> None:
    check = mending(tmp_path, change, verify=verify)
    done = script(tmp_path, check, "--host", "localhost", "--make", check.id)
    assert done.returncode == 1 and "rolling back" in done.stderr
    assert (tmp_path / "rolled-back").exists()


def test_every_script_of_the_catalogue_can_be_read_by_a_shell(tmp_path: Path) -> None:
    write_shell(fixing(*every_check()), tmp_path / "sh")
    said = subprocess.run(["sh", tmp_path / "sh/localhost.sh", "--check"], capture_output=True, text=True, check=False)
    assert said.returncode == 0 and said.stderr == ""
    (check,) = [one for one in every_check() if one.id == "HRD-01"]
    assert check.remediation.shell.strip() in said.stdout, "what is shown is the catalogue's, letter for letter"


def test_a_ticket_is_found_again_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    evil = replace(agency.plan.fixes[0], owner=sample_agency.FORMULA, hosts=(sample_agency.FORMULA,))
    changed = replace(agency, plan=replace(agency.plan, fixes=(evil, *agency.plan.fixes[1:])))
    write_tickets(agency, tmp_path / "a.csv")
    write_tickets(changed, tmp_path / "b.csv")
    first, second = (list(csv.DictReader((tmp_path / name).open(newline=""))) for name in ("a.csv", "b.csv"))
    assert len(first) == len(agency.plan.fixes)
    assert [one["External ID"] for one in first[1:]] == [one["External ID"] for one in second[1:]]
    assert {one["Priority"] for one in first} <= {"Highest", "High", "Medium", "Low", "Lowest"}
    assert not [cell for one in second for cell in one.values() if cell.startswith(("=", "+", "-", "@"))]

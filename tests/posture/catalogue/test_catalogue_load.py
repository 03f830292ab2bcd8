"""Loading: strict, with file, line and suggestion; tailoring leaves check files alone and leaves a trace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from posture.catalogue.checkfile import read_checks
from posture.catalogue.load import Catalogue, load
from posture.catalogue.schema import check_file_schema, render_schema
from posture.errors import BaselineError
from posture.model.check import All, Assertion, ParamRef, Severity, Tailoring

ROOT = Path(__file__).parents[3] / "baselines"
SSH = (ROOT / "checks" / "ssh.yaml").read_text()
ONE = SSH[: SSH.index("  - id: SSH-02")]
"""A file with SSH-01 alone."""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "x.yaml"
        path.write_text(text)
        return path

    return to_file


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    place = tmp_path / "baselines"
    shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (place / "checks").glob("*.yaml"):
        if path.name not in ("ssh.yaml", "identity.yaml"):
            path.unlink()
    return place


def changed(old: str, new: str) -> str:
    assert old in ONE, old
    return ONE.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_check_becomes_the_model() -> None:
    check = load().checks["SSH-01"]
    assert (check.title, check.severity, check.deadline_days, check.confidence) == (
        "Root can log in over SSH",
        Severity.HIGH,
        30,
        95,
    )
    assert isinstance(check.condition, All)
    first = check.condition.members[0]
    assert isinstance(first, Assertion) and (first.fact, first.op, first.value) == (
        "sshd.effective.permitrootlogin",
        "eq",
        "no",
    )
    assert check.source.startswith("checks/ssh.yaml:")
    assert len(check.digest) == 64


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("    severity: high", "    sevrity: high", "key `checks[0].sevrity`: unknown key", "did you mean `severity`?"),
        ("op: eq\n          value: \"no\"", "op: equals\n          value: \"no\"", "unknown operator `equals`", "one of"),
        ("op: eq\n          value: \"no\"", "op: eq\n          value: no", "bare `no`", "quote it"),
        ("value: \"no\"\n          message", "value: [no1, no2]\n          message", "`eq` needs one value", ""),
        ("          on_empty: pass\n", "", "`every` must say what an empty list means", "on_empty"),
        ("op: every\n", "op: eq\n", "takes no `where`", ""),
        ("sshd.effective.permitrootlogin\n", "sshd.contexts[*].x\n", "`eq` on a path with [*]", "every"),
        ("sshd.effective.permitrootlogin\n", "sshd..x\n", "is not a fact path", "topic.field"),
        ("{fact: .effective.permitrootlogin, op: eq", "{fact: effective.permitrootlogin, op: eq", "starts with a dot", ""),
        ("        - id: root_off\n", "        - id: Root Off\n", "is not an assertion id", ""),
        ("        - id: root_off\n", "        -\n", "is not an assertion id", ""),
        ("id: root_off_in_match_blocks", "id: root_off", "is used twice", ""),
        ("{actual}, expected {expected}", "{actual} {self.__class__}", "unknown slot", ""),
        ("title: Root can log in over SSH", "title: Ensure root cannot log in", "a title states the finding", ""),
        ("title: Root can log in over SSH", "title: " + "x" * 81, "checks[0].title", ""),
        ("id: SSH-01", "id: ssh-1", "checks[0].id", ""),
        ("categories: [AIT-04, AIT-06]", "categories: [AIT-04, AIT-06, AIT-01, AIT-02]", "categories", ""),
        ("categories: [AIT-04, AIT-06]", "categories: []", "categories", ""),
        ("holes: {sshd.effective: command_refused", "holes: {sshd.effective: refused", "is not a reason for a hole", ""),
        ("        - {fact: os.family, op: eq, value: linux}", "        - {all: [], any: []}", "a condition is one of", ""),
        ("        - {fact: os.family, op: eq, value: linux}", "        - {all: []}", "no members", "decide by itself"),
        ("        - {fact: os.family, op: eq, value: linux}", "        - {not: {fact: os.family, op: eq, value: linux}}", "on_absent is not given", "write on_absent"),
        ("        - {fact: os.family, op: eq, value: linux}", "        - {fact: os.family, op: exists, on_absent: pass}", "about absence itself", ""),
        ("        - {fact: os.family, op: eq, value: linux}", "        - {fact: os.family, op: eq, value: {param: gone}}", "unknown parameter `gone`", ""),
        ("        - {fact: os.family, op: eq, value: linux}", "        - {fact: os.family, op: matches, value: linux}", "is not anchored", ""),
        ("    assert:\n", "    params: {unused: {type: int, default: 1}}\n    assert:\n", "no assertion uses this parameter", ""),
        ("    assert:\n", "    params: {unused: {type: int, default: x}}\n    assert:\n", "the default must be of type int", ""),
        ("revision: 1", "revision: 1\n    revision: 2", "was already given on line", ""),
        ("    rationale: >\n", "    rational: >\n", "unknown key", "did you mean `rationale`?"),
    ],
)  # fmt: skip
def test_a_check_that_breaks_a_guard_rail_does_not_load(
    write: Write, old: str, new: str, message: str, hint: str
) -> None:
    with pytest.raises(BaselineError) as caught:
        read_checks(write(changed(old, new)))
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert "x.yaml:" in str(caught.value)


@pytest.mark.parametrize("key", ["rationale", "remediation", "references", "examples", "ai_threat", "severity_reason"])
def test_a_check_without_one_of_its_parts_does_not_load(write: Write, key: str) -> None:
    with pytest.raises(BaselineError):
        read_checks(write(changed(f"    {key}:", f"    tags: []\n    x{key}:")))


def test_errors_name_the_line_of_the_key(write: Write) -> None:
    text = changed("severity: high", "severity: awful")
    with pytest.raises(
        BaselineError, match=rf"x\.yaml:{line_of(text, 'severity: awful')}: key `checks\[0\]\.severity`"
    ):
        read_checks(write(text))


def test_an_id_is_used_once_and_never_again(copy: Path) -> None:
    (copy / "checks" / "again.yaml").write_text(ONE)
    with pytest.raises(BaselineError, match=r"SSH-01 is already used at checks/again\.yaml"):
        _ = load(copy).checks
    (copy / "checks" / "again.yaml").unlink()
    (copy / "removed.yaml").write_text(
        'schema: posture.removed/1\nremoved:\n  - {id: SSH-01, reason: "merged", removed: 2026-11-01}\n'
    )
    with pytest.raises(BaselineError, match="SSH-01 was removed on 2026-11-01") as caught:
        _ = load(copy).checks
    assert "never reused" in caught.value.hint


def test_a_category_that_is_not_in_the_taxonomy_does_not_load(copy: Path) -> None:
    (copy / "checks" / "ssh.yaml").write_text(ONE.replace("[AIT-04, AIT-06]", "[AIT-44]"))
    with pytest.raises(BaselineError, match="no AI-threat category `AIT-44`"):
        _ = load(copy).checks


def test_a_folder_that_is_no_catalogue_says_so(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="no `checks` folder"):
        load(tmp_path)


# Profiles and overlays ------------------------------------------------------------------------------------------------

OVERLAY = """\
schema: posture.overlay/1
id: agency-x
title: Agency X
profile: fceb
without: {SSH-04: covered by the platform team}
overrides:
  SSH-01: {severity: critical, days: 7, reason: "an incident in May"}
  SSH-13:
    params: {ciphers: [aes256-ctr]}
    reason: stricter
"""


def test_every_profile_selects_checks_and_names_clocks_that_exist() -> None:
    catalogue = load()
    assert set(catalogue.profile_ids) == {"fceb", "dow", "nss"}
    for id_ in catalogue.profile_ids:
        baseline = catalogue.baseline(id_)
        assert baseline.profile.id == id_ and baseline.checks and not baseline.tailoring
        assert list(baseline.checks) == sorted(baseline.checks, key=lambda check: check.id)
    assert catalogue.baseline("fceb").profile.max_age_days == 14


def test_an_overlay_changes_checks_and_every_change_is_told(copy: Path, write: Write) -> None:
    before = load(copy).baseline("fceb")
    after = load(copy).baseline("fceb", overlay=write(OVERLAY))
    assert {check.id for check in before.checks} - {check.id for check in after.checks} == {"SSH-04"}
    root = next(check for check in after.checks if check.id == "SSH-01")
    assert (root.severity, root.deadline_days) == (Severity.CRITICAL, 7)
    old = ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"]
    assert after.tailoring == (
        Tailoring("SSH-04", "selected", True, False, "covered by the platform team"),
        Tailoring("SSH-01", "severity", "high", "critical", "an incident in May"),
        Tailoring("SSH-01", "days", 30, 7, "an incident in May"),
        Tailoring("SSH-13", "params.ciphers", old, ["aes256-ctr"], "stricter"),
    )
    assert after.digest != before.digest


def test_a_tailored_parameter_changes_the_checks_digest_and_severity_does_not(copy: Path, write: Write) -> None:
    before = {check.id: check.digest for check in load(copy).baseline("fceb").checks}
    after = {check.id: check.digest for check in load(copy).baseline("fceb", overlay=write(OVERLAY)).checks}
    assert after["SSH-13"] != before["SSH-13"]
    assert after["SSH-01"] == before["SSH-01"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("profile: fceb", "profile: nss", "is for profile `nss`"),
        ("SSH-01: {severity", "SSH-99: {severity", "no check `SSH-99`"),
        ("SSH-01: {severity", "SSH-04: {severity", "SSH-04 is not selected"),
        ("params: {ciphers: [aes256-ctr]}", "params: {cipher: [x]}", "has no parameter `cipher`"),
        ("params: {ciphers: [aes256-ctr]}", "params: {ciphers: aes}", "must be of type list"),
        ("params: {ciphers: [aes256-ctr]}", "params: {ciphers: []}", "not empty"),
        ("days: 7", "days: 0", "at least 1"),
        (', reason: "an incident in May"}', "}", "missing key `reason`"),
    ],
)
def test_an_overlay_that_does_not_fit_is_refused(copy: Path, write: Write, old: str, new: str, message: str) -> None:
    assert old in OVERLAY
    with pytest.raises(BaselineError, match=message):
        load(copy).baseline("fceb", overlay=write(OVERLAY.replace(old, new)))


def test_digests_do_not_depend_on_where_the_files_lie(copy: Path) -> None:
    moved = copy.parent / "elsewhere"
    one = load(copy).baseline("fceb")
    copy.rename(moved)
    assert load(moved).baseline("fceb") == one


def test_all_and_any_have_different_digests(write: Write) -> None:
    (one,) = read_checks(write(ONE))
    (other,) = read_checks(write(changed("    assert:\n      all:", "    assert:\n      any:")))
    assert one.digest != other.digest


def test_texts_do_not_change_a_checks_digest(write: Write) -> None:
    (one,) = read_checks(write(ONE))
    (other,) = read_checks(
        write(
            changed("{actual}, expected {expected}", "{actual}!").replace(
                "title: Root can", "title: The root account can"
            )
        )
    )
    assert one.digest == other.digest and one.title != other.title


def test_params_are_referred_to_by_name() -> None:
    condition = load().checks["SSH-13"].condition
    assert isinstance(condition, Assertion) and condition.value == ParamRef("ciphers")


# The other files ------------------------------------------------------------------------------------------------------


def test_the_taxonomy_has_ten_categories_and_weights_for_each() -> None:
    catalogue = load()
    assert list(catalogue.taxonomy) == [f"AIT-{n:02}" for n in range(1, 11)]
    assert set(catalogue.weights.categories) == set(catalogue.taxonomy)


def test_a_draft_is_marked_as_one() -> None:
    assert {entry.id: entry.status for entry in load().frameworks}["nist-ir-8596"] == "draft"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("days: 30", "days: -1", "between 0"),
        ("starts: campaign", "starts: fixed", "go together"),
        ("id: campaign-30d", "id: other", "must be called"),
    ],
)
def test_a_clock_that_makes_no_sense_is_refused(copy: Path, old: str, new: str, message: str) -> None:
    path = copy / "clocks" / "campaign-30d.yaml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BaselineError, match=message):
        _ = Catalogue(copy).clocks


def test_the_published_schema_is_the_one_the_loader_uses() -> None:
    assert (ROOT / "schema.json").read_bytes() == render_schema(), "run: python -m posture.catalogue.schema"
    jsonschema = pytest.importorskip("jsonschema")
    from posture.yamlfile import plain, read

    for path in sorted((ROOT / "checks").glob("*.yaml")):
        jsonschema.validate(plain(read(path)), check_file_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": "posture.check/1", "checks": [{"id": "SSH-01"}]}, check_file_schema())
    assert msgspec.json.decode(render_schema())["title"] == "posture.check/1"

"""The three profiles differ in authority, clocks, age of evidence and parameters, and each fix mends what its profile asks."""

from __future__ import annotations

from typing import Any

import pytest

from posture.catalogue.load import load
from posture.model.check import Baseline, Check, Severity

CATALOGUE = load()
PROFILES = {id_: CATALOGUE.baseline(id_) for id_ in CATALOGUE.profile_ids}


def check(baseline: Baseline, id_: str) -> Check:
    return next(one for one in baseline.checks if one.id == id_)


def param(profile: str, id_: str, name: str) -> Any:
    return {one.name: one.default for one in check(PROFILES[profile], id_).params}[name]


def test_every_profile_asks_every_check() -> None:
    assert {len(baseline.checks) for baseline in PROFILES.values()} == {len(CATALOGUE.checks)}


def test_the_directives_of_cisa_bind_civilian_agencies_and_inform_the_others() -> None:
    modes = {id_: dict(baseline.profile.clocks)["bod-23-02"] for id_, baseline in PROFILES.items()}
    assert modes == {"fceb": "binding", "dow": "informative", "nss": "informative"}
    assert [id_ for id_, baseline in PROFILES.items() if "nspm-12" in dict(baseline.profile.clocks)] == ["nss"]


def test_evidence_ages_at_three_speeds() -> None:
    assert {id_: baseline.profile.max_age_days for id_, baseline in PROFILES.items()} == {
        "dow": 7,
        "fceb": 14,
        "nss": 30,
    }


def test_three_failed_logins_by_the_stig_and_five_by_cis() -> None:
    assert {id_: param(id_, "IDN-01", "deny") for id_ in PROFILES} == {"dow": 3, "fceb": 5, "nss": 3}


def test_each_profile_has_fewer_ciphers_than_the_one_before() -> None:
    fceb, dow, nss = (set(param(id_, "SSH-13", "ciphers")) for id_ in ("fceb", "dow", "nss"))
    assert nss < dow < fceb
    assert all("aes256" in cipher for cipher in nss)
    assert set(param("nss", "SSH-14", "macs")) < set(param("dow", "SSH-14", "macs"))


def test_a_road_out_weighs_more_where_none_may_be() -> None:
    found = {id_: (check(b, "EGR-01").severity, check(b, "EGR-01").deadline_days) for id_, b in PROFILES.items()}
    assert found == {"dow": (Severity.MEDIUM, 90), "fceb": (Severity.MEDIUM, 90), "nss": (Severity.HIGH, 30)}


def test_no_two_profiles_have_one_digest() -> None:
    assert len({baseline.digest for baseline in PROFILES.values()}) == len(PROFILES)
    assert all(not baseline.tailoring for baseline in PROFILES.values())


@pytest.mark.parametrize(("id_", "name"), [("SSH-13", "ciphers"), ("SSH-14", "macs")])
@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_fix_writes_the_list_the_profile_asks_for(profile: str, id_: str, name: str) -> None:
    wanted = ",".join(param(profile, id_, name))
    remediation = check(PROFILES[profile], id_).remediation
    lines = [line.strip() for line in remediation.shell.splitlines()]
    (written,) = [line for line in lines if line.startswith(("Ciphers ", "MACs "))]
    assert written.split(" ", 1)[1] == wanted
    assert wanted in str(remediation.ansible)


def test_a_fix_that_quotes_a_stricter_number_still_mends() -> None:
    # The fix of IDN-01 writes the STIG's three, which is within the five of CIS.
    assert "deny = 3" in check(PROFILES["fceb"], "IDN-01").remediation.shell

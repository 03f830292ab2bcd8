"""Two lab hosts that differ in one setting differ in exactly the checks that name it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from posture.catalogue.load import load
from posture.evaluate.logic import assertions
from posture.model.check import Check
from posture.model.finding import Status
from tests.lab.host import Build, key_pair
from tests.lab.looking import verdicts
from tests.lab.network import Network
from tests.lab.remedies import configure
from tests.lab.remedying import new_host

pytestmark = pytest.mark.lab

CHECKS: Mapping[str, Check] = load().checks
Change = Callable[[Build], None]


def sshd(key: str, value: str) -> Change:
    return lambda host: host.sshd.update({key: value})


def kernel(key: str, value: str) -> Change:
    def change(host: Build) -> None:
        host.kernel[key] = value
        configure(host, {key: value})

    return change


def network_setting(key: str, value: str) -> Change:
    def change(host: Build) -> None:
        host.net[key] = value
        configure(host, {key: value})

    return change


def text(path: str, old: str, new: str) -> Change:
    return lambda host: host.root.edit(path, lambda before: before.replace(old, new))


SETTINGS: dict[str, Change] = {
    "sshd.effective.permitrootlogin": sshd("PermitRootLogin", "yes"),
    "sshd.effective.maxauthtries": sshd("MaxAuthTries", "20"),
    "sshd.effective.x11forwarding": sshd("X11Forwarding", "yes"),
    "sshd.effective.clientaliveinterval": sshd("ClientAliveInterval", "0"),
    "sshd.lists.macs": sshd("MACs", "hmac-sha2-256,hmac-md5"),
    'kernel.sysctl["kernel.kptr_restrict"]': kernel("kernel.kptr_restrict", "0"),
    'kernel.sysctl["net.ipv4.conf.all.send_redirects"]': network_setting("net.ipv4.conf.all.send_redirects", "1"),
    "pam.faillock.even_deny_root": text("/etc/security/faillock.conf", "even_deny_root\n", ""),
    "accounts.inactive_default": text("/etc/default/useradd", "INACTIVE=35", "INACTIVE=90"),
    "accounts.login_defs.ENCRYPT_METHOD": text("/etc/login.defs", "ENCRYPT_METHOD YESCRYPT", "ENCRYPT_METHOD MD5"),
    'mounts.targets["/tmp"].options': lambda host: host.mounts.update({"/tmp": "nodev,nosuid"}),
    "syslog.journal_kept": text("/etc/systemd/journald.conf.d/agency.conf", "persistent", "volatile"),
}
"""By the fact that shows it."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def unchanged(network: Network) -> dict[str, Status]:
    with new_host(network, key_pair("ed25519")[1], lambda _: None) as host:
        return verdicts(host, CHECKS.values())


@pytest.mark.parametrize("fact", SETTINGS)
def test_one_setting_changes_exactly_the_checks_that_name_it(
    fact: str, network: Network, unchanged: dict[str, Status]
) -> None:
    with new_host(network, key_pair("ed25519")[1], SETTINGS[fact]) as host:
        changed = verdicts(host, CHECKS.values())
    naming = {check.id for check in CHECKS.values() if fact in {one.fact for one in assertions(check.condition)}}
    assert naming
    assert {id_ for id_, status in changed.items() if status is not unchanged[id_]} == naming
    assert {changed[id_] for id_ in naming} == {Status.FAIL}

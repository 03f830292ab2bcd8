"""In one boot of the guest, for every check of ``FIXES``: it fails, is mended twice, passes, is rolled back, fails.

Named so that an ordinary test run does not collect it: ``make guest`` does. Read over SSH, by the scan account, with
the generated sudo rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from collectors.base import observe
from collectors.registry import COLLECTORS
from collectors.transports.credentials import Credential, CredentialKind
from collectors.transports.reach import Reach
from collectors.transports.ssh import connect
from posture.catalogue.load import load
from posture.engine.visit import visit
from posture.evaluate.judge import judge, topics_of
from posture.inputs.scope import Scope, Window
from posture.model.check import Check
from posture.model.finding import Status
from posture.model.observation import Observation
from tests.guest.fixes import FIXES, Fix
from tests.guest.machine import KEY, Guest
from tests.lab.looking import declared

CHECKS: Mapping[str, Check] = load().checks


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    with Guest(tmp_path_factory.mktemp("guest")) as booted:
        yield booted


@pytest.mark.parametrize("fix", FIXES, ids=lambda fix: fix.check)
def test_a_remediation_mends_its_check_and_its_rollback_undoes_it(fix: Fix, guest: Guest) -> None:
    check = CHECKS[fix.check]
    try:
        do(guest, fix.plant)
        before, files = look(guest, check), contents(guest)
        assert before[check.id] is Status.FAIL, before[check.id]

        remedy = named(check.remediation.shell, fix)
        do(guest, remedy)
        if not fix.once:
            do(guest, remedy)  # whoever runs it twice loses nothing
        do(guest, fix.settled)
        mended = look(guest, check)
        assert mended[check.id] is Status.PASS, mended[check.id]
        assert failing(mended) < failing(before)

        if fix.one_way:
            return
        do(guest, named(check.remediation.rollback, fix))
        if fix.reboot:
            guest.reboot()
        assert look(guest, check) == before
        assert changes(files, contents(guest)) - set(fix.lost) == set()
    finally:
        guest.run(fix.clear)


def do(guest: Guest, script: str) -> None:
    """Run shell lines as root; they must end well and find every program they name."""
    done = guest.run(script)
    assert done.returncode == 0, f"{script}\n--\n{done.stdout}{done.stderr}"
    assert "not found" not in done.stderr, done.stderr


def look(guest: Guest, check: Check) -> dict[str, Status]:
    """Return what this check says, and every other one that is judged from the same topics."""
    topics = {*topics_of(check), "os", "sshd"}
    chosen = [collector for collector in COLLECTORS if collector.topic in topics]
    credential = Credential("guest", CredentialKind.KEY, path=str(KEY))
    reach = Reach(_scope(), "scanner", {"guest": credential})
    transcript = visit(guest.host, lambda host: connect(host, reach), chosen, "scanner")
    assert transcript.failure is None, transcript.failure
    seen: dict[str, Observation] = {collector.topic: observe(collector, transcript) for collector in chosen}
    seen["declared"] = declared("guest", accounts=("admin", "posture", "root"), tcp_ports=(22,))
    now = datetime.now(UTC)
    return {
        one.id: judge(one, seen, as_of=now).status
        for one in CHECKS.values()
        if one.scope != "fleet" and set(topics_of(one)) <= set(seen)
    }


def failing(said: Mapping[str, Status]) -> set[str]:
    return {id_ for id_, status in said.items() if status is not Status.PASS and status is not Status.NOT_APPLICABLE}


def named(script: str, fix: Fix) -> str:
    for name, value in fix.names.items():
        script = script.replace(name, value)
    return script


def contents(guest: Guest) -> dict[str, str]:
    """Return mode, owner and digest of every file below the directories that hold configuration."""
    listed = guest.run(
        "find /etc /var/lib/posture-undo -type f -printf '%p\\t%m %u %g\\n' 2>/dev/null;"
        " find /etc /var/lib/posture-undo -type f -exec sha256sum {} + 2>/dev/null | sed 's/  /\\t/'"
    )
    assert listed.stdout
    found: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        first, _, second = line.partition("\t")
        path, said = (first, second) if first.startswith("/") else (second, first)
        found[path] = f"{found.get(path, '')} {said}"
    return found


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def _scope() -> Scope:
    now = datetime.now(UTC)
    return Scope("GUEST-1", "tests", Window(now - timedelta(hours=1), now + timedelta(hours=1)), ("127.0.0.1/32",))

"""Logins over a real sshd: with each kind of identity, through a jump host, and every way they are refused."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from collectors.base import Command, hole
from collectors.transports import openssh, ssh
from collectors.transports.credentials import Credential, CredentialGuard, CredentialKind
from posture.errors import CollectError
from posture.inputs.scope import Scope
from posture.model.host import Host
from posture.model.observation import Blind, Origin
from tests.collectors.real_sshd import QUICK, SCOPE, SSHD, USER, RealSshd, free_port, make_key, running_sshd

pytestmark = pytest.mark.skipif(not SSHD or os.getuid() != 0, reason="needs sshd and root")

HELLO = Command("a.hello", ("/bin/echo", "it's $HOME"))
FAILS = Command("a.fails", ("/bin/sh", "-c", "echo out; echo err >&2; exit 7"))
BOTH = pytest.mark.parametrize("transport", [ssh, openssh], ids=["paramiko", "openssh"])


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSshd]:
    home = tmp_path_factory.mktemp("sshd")
    make_key(home / "ca")
    with running_sshd(home, f"TrustedUserCAKeys {home}/ca.pub", "AllowTcpForwarding yes") as server:
        yield server


def refusal(transport: ModuleType, host: Host, reach: object) -> CollectError:
    with pytest.raises(CollectError) as caught:
        transport.connect(host, reach).close()
    return caught.value


@BOTH
def test_two_batches_go_over_one_login(sshd: RealSshd, transport: ModuleType) -> None:
    link = transport.connect(sshd.host(), sshd.reach())
    try:
        first = link.run((HELLO, FAILS))
        second = link.run((Command("b.id", ("/usr/bin/id", "-u")),))
    finally:
        link.close()
    assert first["a.hello"].text == "it's $HOME\n"
    assert (first["a.fails"].stdout, first["a.fails"].stderr, first["a.fails"].exit_code) == (b"out\n", b"err\n", 7)
    assert second["b.id"].text == "0\n"
    assert second["b.id"].ran_as_root


@BOTH
def test_the_session_says_who_looked_and_which_key_answered(sshd: RealSshd, transport: ModuleType) -> None:
    link = transport.connect(sshd.host(), sshd.reach())
    link.close()
    session = link.session
    assert (session.host, session.account, session.vantage, session.origin) == ("real", USER, "lab", Origin.LIVE)
    assert session.host_key == sshd.fingerprint


@BOTH
def test_a_host_that_shows_another_key_is_not_logged_in_to(sshd: RealSshd, transport: ModuleType) -> None:
    other = " ".join((sshd.home / "stranger.pub").read_text().split()[:2])
    assert refusal(transport, sshd.host(host_keys=(other,)), sshd.reach()).reason is Blind.HOST_KEY_MISMATCH


@BOTH
def test_a_host_without_a_recorded_key_is_not_logged_in_to(sshd: RealSshd, transport: ModuleType) -> None:
    assert refusal(transport, sshd.host(host_keys=()), sshd.reach()).reason is Blind.HOST_KEY_UNKNOWN


@BOTH
@pytest.mark.parametrize("hashed", [False, True])
def test_known_hosts_is_read_when_nothing_is_pinned(
    sshd: RealSshd, transport: ModuleType, tmp_path: Path, hashed: bool
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"# comment\n[127.0.0.1]:{sshd.port} {sshd.host_key}\nother ssh-rsa broken\n")
    if hashed:
        subprocess.run(("ssh-keygen", "-q", "-H", "-f", str(known)), check=True, capture_output=True)
        assert b"127.0.0.1" not in known.read_bytes()
    transport.connect(sshd.host(host_keys=()), sshd.reach(known_hosts=known)).close()
    known.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n@revoked * {sshd.host_key}\n")
    assert refusal(transport, sshd.host(host_keys=()), sshd.reach(known_hosts=known)).reason is Blind.HOST_KEY_MISMATCH


@BOTH
def test_a_refused_login_stops_the_credential_for_the_run(sshd: RealSshd, transport: ModuleType) -> None:
    stranger = sshd.credential("stranger", path=str(sshd.home / "stranger"))
    reach = sshd.reach(stranger, guard=CredentialGuard(2))
    reasons = [refusal(transport, sshd.host(credential="stranger"), reach).reason for _ in range(3)]
    assert reasons == [Blind.LOGIN_REFUSED, Blind.LOGIN_REFUSED, Blind.NOT_ATTEMPTED]
    assert reach.guard.stopped() == ("stranger",)
    transport.connect(sshd.host(), reach).close()


@BOTH
def test_a_certificate_logs_in_where_its_key_alone_does_not(
    sshd: RealSshd, transport: ModuleType, tmp_path: Path
) -> None:
    key = tmp_path / "signed"
    make_key(key)
    bare = sshd.credential("bare", path=str(key))
    signed = sshd.credential("signed", CredentialKind.CERTIFICATE, path=str(key))
    reach = sshd.reach(bare, signed)
    subprocess.run(
        ("ssh-keygen", "-q", "-s", str(sshd.home / "ca"), "-I", "t", "-n", USER, str(key) + ".pub"),
        check=True,
        capture_output=True,
    )
    assert refusal(transport, sshd.host(credential="bare"), reach).reason is Blind.LOGIN_REFUSED
    transport.connect(sshd.host(credential="signed"), reach).close()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "agent"
    process = subprocess.Popen(("ssh-agent", "-D", "-a", str(path)), stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    for _ in range(6000):
        if path.exists():
            break
        process.poll()
        threading.Event().wait(0.01)
    yield path
    process.terminate()
    process.wait(60)


@BOTH
@pytest.mark.parametrize("by", ["fingerprint", "comment"])
def test_only_the_named_key_of_the_agent_is_offered(
    sshd: RealSshd, transport: ModuleType, agent: Path, by: str
) -> None:
    subprocess.run(("ssh-add", "-q", str(sshd.home / "stranger"), str(sshd.home / "user")), check=True)
    keys = {
        name: subprocess.run(
            ("ssh-keygen", "-lf", str(sshd.home / name)), capture_output=True, text=True, check=True
        ).stdout.split()[1]
        for name in ("user", "stranger")
    }
    names = keys if by == "fingerprint" else {"user": "user", "stranger": "stranger"}
    good = Credential("agent-good", CredentialKind.AGENT, fingerprint=names["user"])
    bad = Credential("agent-bad", CredentialKind.AGENT, fingerprint=names["stranger"])
    none = Credential("agent-none", CredentialKind.AGENT, fingerprint="SHA256:nothing")
    reach = sshd.reach(good, bad, none)
    transport.connect(sshd.host(credential="agent-good"), reach).close()
    assert refusal(transport, sshd.host(credential="agent-bad"), reach).reason is Blind.LOGIN_REFUSED
    assert refusal(transport, sshd.host(credential="agent-none"), reach).reason is Blind.NOT_ATTEMPTED


@BOTH
def test_a_server_that_hangs_up_after_one_try_has_refused_the_login(tmp_path: Path, transport: ModuleType) -> None:
    with running_sshd(tmp_path, "MaxAuthTries 1") as server:
        stranger = server.credential("stranger", path=str(server.home / "stranger"))
        reach = server.reach(stranger, guard=CredentialGuard(1))
        host = server.host(credential="stranger")
        assert [refusal(transport, host, reach).reason for _ in range(2)] == [Blind.LOGIN_REFUSED, Blind.NOT_ATTEMPTED]


def test_a_program_may_print_the_private_key(sshd: RealSshd) -> None:
    vault = Credential("vault", CredentialKind.COMMAND, argv=("/bin/cat", str(sshd.home / "user")))
    ssh.connect(sshd.host(credential="vault"), sshd.reach(vault)).close()


@pytest.mark.parametrize("argv", [("/bin/false",), ("/bin/true",), ("/no/such/vault",)], ids=str)
def test_a_program_that_prints_no_secret_is_not_a_refused_login(sshd: RealSshd, argv: tuple[str, ...]) -> None:
    vault = Credential("vault", CredentialKind.COMMAND, argv=argv)
    assert refusal(ssh, sshd.host(credential="vault"), sshd.reach(vault)).reason is Blind.NOT_ATTEMPTED


@BOTH
def test_a_host_behind_a_jump_host_is_reached_and_both_keys_are_checked(
    sshd: RealSshd, transport: ModuleType, tmp_path: Path
) -> None:
    jump = sshd.host("jump")
    with running_sshd(tmp_path) as inner:
        (tmp_path / "authorized").write_text((sshd.home / "user.pub").read_text())
        target = inner.host("inner", jump=("jump",))
        link = transport.connect(target, sshd.reach(hosts=(jump,)))
        try:
            assert link.run((HELLO,))["a.hello"].text == "it's $HOME\n"
            assert link.session.host_key == inner.fingerprint
        finally:
            link.close()
        wrong = sshd.host("jump", host_keys=(inner.host_key,))
        assert refusal(transport, target, sshd.reach(hosts=(wrong,))).reason is Blind.HOST_KEY_MISMATCH
        wrong_inner = inner.host("inner", jump=("jump",), host_keys=(sshd.host_key,))
        assert refusal(transport, wrong_inner, sshd.reach(hosts=(jump,))).reason is Blind.HOST_KEY_MISMATCH


@BOTH
@pytest.mark.parametrize("where", ["host", "jump"])
def test_nothing_outside_the_scope_is_touched(sshd: RealSshd, transport: ModuleType, where: str) -> None:
    """The excluded address listens, so a connection would succeed."""
    narrow = Scope(SCOPE.authorisation, SCOPE.owner, SCOPE.window, ("127.0.0.0/8",), excluded=("127.0.0.1/32",))
    jump = sshd.host("jump")
    host = sshd.host() if where == "host" else sshd.host(address="127.0.0.2", jump=("jump",))
    reach = sshd.reach(hosts=(jump,))
    outside = type(reach)(narrow, "lab", reach.credentials, reach.hosts, limits=QUICK)
    assert refusal(transport, host, outside).reason is Blind.OUT_OF_SCOPE


@BOTH
def test_a_closed_port_is_unreachable(sshd: RealSshd, transport: ModuleType) -> None:
    assert refusal(transport, sshd.host(port=free_port()), sshd.reach()).reason is Blind.UNREACHABLE


def test_a_server_that_knows_curve25519_by_its_standard_name_only_is_reached(tmp_path: Path) -> None:
    with running_sshd(tmp_path, "KexAlgorithms curve25519-sha256") as server:
        ssh.connect(server.host(), server.reach()).close()


def test_a_server_with_old_ciphers_only_is_not_spoken_to(tmp_path: Path) -> None:
    with running_sshd(tmp_path, "Ciphers aes128-cbc,3des-cbc") as server:
        refused = refusal(ssh, server.host(), server.reach())
    assert refused.reason is Blind.UNREACHABLE
    assert "no common algorithm" in str(refused)


def test_a_host_with_several_keys_shows_the_one_that_is_recorded(tmp_path: Path) -> None:
    subprocess.run(("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(tmp_path / "rsa")), check=True)
    subprocess.run(("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "ecdsa")), check=True)
    with running_sshd(tmp_path, f"HostKey {tmp_path}/rsa", f"HostKey {tmp_path}/ecdsa") as server:
        for name in ("rsa", "ecdsa", "host"):
            recorded = " ".join((tmp_path / f"{name}.pub").read_text().split()[:2])
            ssh.connect(server.host(host_keys=(recorded,)), server.reach()).close()


def test_the_host_key_can_be_looked_at_without_a_login(sshd: RealSshd) -> None:
    shown = ssh.scan_host_key("127.0.0.1", sshd.port, 5)
    assert (str(shown), shown.fingerprint) == (sshd.host_key, sshd.fingerprint)


@BOTH
def test_an_account_that_may_run_no_shell_is_a_refused_command(tmp_path: Path, transport: ModuleType) -> None:
    with running_sshd(tmp_path, "ForceCommand /bin/echo go away") as server:
        link = transport.connect(server.host(), server.reach())
        try:
            with pytest.raises(CollectError) as caught:
                link.run((HELLO,))
        finally:
            link.close()
    assert caught.value.reason is Blind.COMMAND_REFUSED
    assert "go away" in str(caught.value)


@BOTH
def test_a_large_batch_and_large_answers_come_back_whole(sshd: RealSshd, transport: ModuleType) -> None:
    commands = tuple(
        Command(f"a.{n}", ("/bin/sh", "-c", f"head -c {n * 1000} /dev/zero | tr '\\0' x")) for n in range(80)
    )
    link = transport.connect(sshd.host(), sshd.reach())
    try:
        answers = link.run(commands)
    finally:
        link.close()
    assert [len(answers[f"a.{n}"].stdout) for n in range(80)] == [n * 1000 for n in range(80)]
    assert not any(hole(answer) for answer in answers.values())

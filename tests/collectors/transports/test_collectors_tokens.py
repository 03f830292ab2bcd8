"""Keys that never leave a token (PIV, PKCS#11) and Kerberos tickets, by the system's own ssh."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.transports import openssh, ssh
from collectors.transports.credentials import Credential, CredentialKind
from collectors.transports.hostkeys import Trusted
from collectors.transports.reach import Hop
from collectors.transports.script import SessionLimits
from posture.errors import CollectError
from posture.model.host import Access, Host
from posture.model.observation import Blind
from tests.collectors.real_sshd import RealSshd, running_sshd

LIBRARY = next((path for path in Path("/usr/lib").rglob("libsofthsm2.so")), Path("/none"))
PIN = "493817"
needs_token = pytest.mark.skipif(not LIBRARY.exists(), reason="softhsm2 is not installed (make test installs it)")


def understood(tmp_path: Path, credential: Credential) -> dict[str, str]:
    """Return what the real ssh makes of the configuration we write for this credential."""
    host = Host("h", ("192.0.2.7",), "lab", access=Access(user="scan", port=2222))
    hop = Hop(host, "192.0.2.7", Trusted(()), credential)
    path = tmp_path / "config"
    path.write_text(openssh.config((hop,), tmp_path, SessionLimits()))
    told = subprocess.run(("ssh", "-G", "-F", str(path), "hop-0"), capture_output=True, text=True, check=True).stdout
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in told.splitlines()}


def test_a_ticket_is_the_only_thing_offered(tmp_path: Path) -> None:
    said = understood(tmp_path, Credential("ticket", CredentialKind.GSSAPI))
    assert (said["gssapiauthentication"], said["preferredauthentications"]) == ("yes", "gssapi-with-mic")
    assert (said["identityagent"], said["batchmode"], said["stricthostkeychecking"]) == ("none", "yes", "true")


def test_a_token_is_the_only_place_where_keys_are_looked_for(tmp_path: Path) -> None:
    said = understood(tmp_path, Credential("piv", CredentialKind.PKCS11, path="/usr/lib/opensc-pkcs11.so"))
    assert said["pkcs11provider"] == "/usr/lib/opensc-pkcs11.so"
    assert (said["preferredauthentications"], said["gssapiauthentication"]) == ("publickey", "no")
    assert (said["identityagent"], said["identityfile"], said["identitiesonly"]) == ("none", "none", "yes")


@pytest.mark.parametrize("kind", [CredentialKind.GSSAPI, CredentialKind.PKCS11], ids=str)
def test_the_other_transport_says_which_one_to_use(sshd: RealSshd, kind: CredentialKind) -> None:
    credential = Credential("token", kind, path="/usr/lib/opensc-pkcs11.so")
    with pytest.raises(CollectError) as refused:
        ssh.connect(sshd.host(credential="token"), sshd.reach(credential))
    assert refused.value.reason is Blind.NOT_ATTEMPTED and "openssh" in refused.value.hint


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[RealSshd]:
    with running_sshd(tmp_path) as server:
        yield server


@pytest.fixture
def token(sshd: RealSshd, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token whose one key the server lets in; the fingerprint of that key."""
    home = sshd.home
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(home / "softhsm2.conf"))
    key = home / "on-token"
    for argv in (
        ("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-m", "PKCS8", "-f", str(key)),
        ("softhsm2-util", "--init-token", "--free", "--label", "piv", "--pin", PIN, "--so-pin", PIN),
        ("softhsm2-util", "--import", str(key), "--token", "piv", "--label", "key", "--id", "01", "--pin", PIN),
    ):
        subprocess.run(argv, check=True, capture_output=True)
    key.unlink()
    (home / "authorized").write_text((home / "on-token.pub").read_text())
    listed = subprocess.run(("ssh-keygen", "-lf", f"{key}.pub"), check=True, capture_output=True, text=True)
    return listed.stdout.split()[1]


@needs_token
@pytest.mark.parametrize("transport", [openssh, ssh], ids=lambda module: module.__name__)
def test_a_key_on_a_token_logs_in_through_the_agent_that_was_told_the_pin(
    sshd: RealSshd, token: str, transport: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sshd.home / "ask"
    asked.write_text(f"#!/bin/sh\necho {PIN}\n")
    asked.chmod(0o700)
    socket = str(sshd.home / "agent")
    agent = subprocess.Popen(("ssh-agent", "-D", "-a", socket), stdout=subprocess.DEVNULL)
    try:
        while not Path(socket).exists():
            assert agent.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        add = {**os.environ, "SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(("ssh-add", "-q", "-s", str(LIBRARY)), check=True, env=add, capture_output=True)
        piv = Credential("piv", CredentialKind.AGENT, fingerprint=token)
        connect = openssh.connect if transport is openssh else ssh.connect
        connect(sshd.host(credential="piv"), sshd.reach(piv)).close()
    finally:
        agent.terminate()
        agent.wait(60)


@needs_token
def test_a_token_that_wants_a_pin_is_not_a_refused_login(sshd: RealSshd, token: str) -> None:
    """Nobody is there to type it, and no try is counted against the credential."""
    assert token.startswith("SHA256:")
    piv = Credential("piv", CredentialKind.PKCS11, path=str(LIBRARY))
    with pytest.raises(CollectError) as refused:
        openssh.connect(sshd.host(credential="piv"), sshd.reach(piv))
    assert refused.value.reason is Blind.NOT_ATTEMPTED
    assert "ssh-add -s" in refused.value.hint

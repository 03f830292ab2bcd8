"""The `ssh_keys` topic: recorded from homes with keys of every format, and homes that hide, link or lie."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import Answer
from collectors.public_keys import public_key
from collectors.redact import redact
from collectors.ssh_key_search import KEY_FILES, above, follow_up
from collectors.ssh_keys import COLLECTOR, SshKeyFacts
from posture.model.observation import Blind
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, refused, told

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f nobody@example"


@pytest.fixture
def answers() -> dict[str, Answer]:
    return as_declared(COLLECTOR, recorded("recorded_debian12_ssh_keys"))


def keys(answers: dict[str, Answer]) -> SshKeyFacts:
    value = facts_of(COLLECTOR, answers).value
    assert isinstance(value, SshKeyFacts)
    return value


def test_every_authorized_key_names_the_account_it_opens(answers):
    rows = [(key.account, key.type, key.restricted) for key in keys(answers).authorized.items]
    assert sorted(rows) == [
        ("alice", "ssh-ed25519", False),
        ("deploy", "ecdsa-sha2-nistp256", True),
        ("deploy", "ssh-ed25519", False),
    ]
    assert keys(answers).authorized.complete
    (mine,) = [key for key in keys(answers).authorized.items if key.account == "alice"]
    assert mine.writable_by_others and mine.mode == "0666"


def test_the_key_that_opens_another_account_has_the_fingerprint_of_the_private_one(answers):
    facts = keys(answers)
    (stolen,) = [key for key in facts.private.items if key.path == "/home/alice/.ssh/id_ed25519"]
    assert stolen.fingerprint in {key.fingerprint for key in facts.authorized.items if key.account == "deploy"}


def test_each_private_key_says_whether_a_passphrase_protects_it(answers):
    rows = {key.path: (key.format, key.encrypted, key.exposed) for key in keys(answers).private.items}
    assert rows == {
        "/home/alice/.ssh/id_ed25519": ("openssh", False, False),
        "/home/alice/.ssh/id_rsa": ("openssh", True, False),
        "/home/deploy/.ssh/key8": ("pkcs8", True, False),
        "/home/deploy/aws.pem": ("rsa", False, True),
    }


def test_host_keys_and_trust_files(answers):
    facts = keys(answers)
    assert [(key.type, key.bits, key.protected) for key in facts.host_keys.items] == [
        ("ecdsa-sha2-nistp256", 256, True),
        ("ssh-ed25519", 256, True),
        ("ssh-rsa", 3072, False),
    ]
    assert [file.path for file in facts.trust_files.items] == ["/home/alice/.shosts"]
    assert facts.host_keys.complete and facts.trust_files.complete


def test_a_refusing_sudo_leaves_the_lists_unseen(answers):
    facts = facts_of(COLLECTOR, refused(answers, "ssh_keys.homes", "ssh_keys.elsewhere", "ssh_keys.effective"))
    for path in ("authorized", "private", "trust_files", "key_command"):
        assert holes_of(facts)[path] is Blind.COMMAND_REFUSED
    assert not facts.value.authorized.complete and not facts.value.private.complete


def test_that_service_accounts_have_no_keys_can_be_seen_without_sudo(answers):
    assert keys(refused(answers, "ssh_keys.elsewhere")).private.complete
    there = answers["ssh_keys.there"].text + "/var/lib/postgresql/.ssh\n"
    seen = keys(told(refused(answers, "ssh_keys.elsewhere"), "ssh_keys.there", there))
    assert seen.not_searched == ["/var/lib/postgresql/.ssh: not searched"]
    assert not seen.private.complete


def test_a_home_on_a_network_file_system_is_left_alone_and_said_so(answers):
    mounts = answers["ssh_keys.mounts"].text + "/var/lib/postgresql nfs4\n"
    remote = told(answers, "ssh_keys.mounts", mounts)
    asked = [argument for command in follow_up(remote) for argument in command.argv]
    assert "/var/lib/postgresql/.ssh" not in asked
    assert keys(remote).not_searched == ["/var/lib/postgresql/.ssh: on nfs4"]


def folder(path: str, mode: str = "755", owner: str = "alice", group: str = "alice") -> str:
    return f"\0d\t{mode}\t{owner}\t{group}\t4096\t{path}\0"


def test_directories_above_a_file_of_keys_come_with_their_mode_and_owner(answers):
    assert not keys(answers).folders.complete, "the recorded host was asked by an earlier version"
    homes = folder("/root") + folder("/home") + folder("/home/alice", "775", group="staff") + folder("/home/deploy")
    homes += folder("/home/guest") + folder("/home/mallory") + folder("/root/.cache")
    seen = told(answers, "ssh_keys.links", homes)
    inside = "".join(folder(f"{home}/.ssh", "700") for home in ("/root", "/home/alice", "/home/deploy", "/home/guest"))
    facts = keys(told(seen, "ssh_keys.homes", answers["ssh_keys.homes"].text + inside))
    assert facts.folders.complete
    modes = {one.path: (one.mode, one.owner, one.group) for one in facts.folders.items}
    assert modes["/home/alice"] == ("0775", "alice", "staff")
    assert modes["/home/alice/.ssh"] == ("0700", "alice", "alice")
    assert not set(modes) & {"/home", "/root/.cache", "/home/mallory"}
    assert not [line for line in facts.not_searched if ".ssh" in line]


def test_directories_above_key_files_elsewhere_are_asked_about_without_root(answers):
    named = told(answers, "ssh_keys.lines", "  AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys\n")
    (asked,) = [command for command in follow_up(named) if command.id == "ssh_keys.there"]
    assert {"/etc/ssh/keys", "/etc/ssh", "/etc", "/var/lib/postgresql", "/var/lib/postgresql/.ssh"} <= set(asked.argv)
    assert not asked.sudo


def test_above_a_file_ends_with_the_home_or_below_the_root():
    assert above("/home/a/.ssh/authorized_keys", "/home/a") == ["/home/a/.ssh", "/home/a"]
    assert above("/etc/ssh/keys/a", "/home/a") == ["/etc/ssh/keys", "/etc/ssh", "/etc"]
    assert above("/.ssh/authorized_keys", "/") == ["/.ssh"]


def test_a_home_that_is_a_link_is_searched_by_its_own_name(answers):
    for printed in ("/home/alice\n", folder("/home/deploy") + frame("/home/alice", kind="l")):
        linked = told(answers, "ssh_keys.links", printed)
        (search,) = [command for command in follow_up(linked) if command.id == "ssh_keys.elsewhere"]
        assert "/home/alice/.ssh" in search.argv and "/home/deploy/.ssh" not in search.argv


def test_key_files_that_only_a_match_block_names_are_read_for_everybody(answers):
    named = told(answers, "ssh_keys.lines", "  AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys\n")
    (search,) = [command for command in follow_up(named) if command.id == "ssh_keys.named"]
    assert "/etc/ssh/keys/alice" in search.argv and "/etc/ssh/keys/root" in search.argv


def test_strange_homes_are_never_asked_about(answers):
    passwd = answers["ssh_keys.passwd"].text + "odd:1200:/srv/../etc\nworse:1201:/srv/$(id) x\n"
    odd = told(answers, "ssh_keys.passwd", passwd)
    asked = [argument for command in follow_up(odd) for argument in command.argv]
    assert not [argument for argument in asked if "$(" in argument or "/../" in argument]
    assert len(keys(odd).not_searched) == 2


def frame(path: str, text: str = "", kind: str = "f", mode: str = "600") -> str:
    return f"\0{kind}\t{mode}\talice\talice\t{len(text)}\t{path}\0{text}"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (frame("/home/alice/.ssh/authorized_keys", kind="l"), "link"),
        (frame("/home/alice/.ssh", kind="l"), "link"),
        (frame("/home/alice/mnt", kind="N"), "local"),
        (frame("/home/alice/.ssh/authorized_keys", "ssh-ed25519 nonsense\n"), "no key"),
        ("\0garbage\0", "no sense"),
    ],
    ids=["link", "linked directory", "network", "bad line", "bad frame"],
)
def test_what_could_not_be_read_makes_the_list_incomplete(answers, found, why):
    facts = keys(told(answers, "ssh_keys.homes", answers["ssh_keys.homes"].text + found))
    assert not facts.authorized.complete
    assert any(why in line for line in facts.not_searched)


def test_an_openssh_key_with_an_unknown_cipher_is_not_called_encrypted(answers):
    found = frame("/home/alice/.ssh/odd", "BEGIN OPENSSH PRIVATE KEY\n")
    facts = facts_of(COLLECTOR, told(answers, "ssh_keys.homes", found))
    assert facts.value.private.items[0].encrypted is None
    assert holes_of(facts)['private[path="/home/alice/.ssh/odd"].encrypted'] is Blind.UNPARSEABLE


def test_sockets_of_open_connections_are_told_with_whose_they_are(answers):
    assert keys(answers).sockets.items == [] and keys(answers).sockets.complete
    found = frame("/home/alice/.ssh/cm-bob@app1:22", kind="s")
    facts = keys(told(answers, "ssh_keys.homes", answers["ssh_keys.homes"].text + found))
    assert [(one.path, one.owner, one.mode) for one in facts.sockets.items] == [
        ("/home/alice/.ssh/cm-bob@app1:22", "alice", "0600")
    ]


def test_the_real_search_sees_a_socket(home):
    where = home / "alice" / ".ssh" / "cm-bob@app1:22"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(where))
        found = search(home)
    where.unlink()
    assert b"\0s\t" in found and b"cm-bob@app1:22" in found


def test_values_of_options_come_along_only_where_they_decide_who_gets_in(answers):
    line = 'from="10.0.0.0/8",expiry-time="20250101",environment="TOKEN=secret" ' + ED25519
    found = frame("/home/alice/.ssh/authorized_keys2", line)
    facts = keys(told(answers, "ssh_keys.homes", answers["ssh_keys.homes"].text + found))
    (options,) = [key.options for key in facts.authorized.items if key.path.endswith("keys2")]
    assert options == ["from=10.0.0.0/8", "expiry-time=20250101", "environment"]


CA = "/etc/ssh/user_ca.pub"


def trusting(answers: dict[str, Answer], found: str | None, line: str = f"TrustedUserCAKeys {CA}\n"):
    """Return answers in which some Match block trusts an authority, and what its file says."""
    named = told(answers, "ssh_keys.lines", line)
    (search,) = [command for command in follow_up(named) if command.id == "ssh_keys.trusted"]
    assert CA in search.argv and not search.sudo
    return named if found is None else {**named, "ssh_keys.trusted": answer(search, found)}


def test_the_keys_of_authorities_that_sshd_trusts_are_read_with_their_fingerprints(answers):
    assert keys(answers).authorities.items == [] and keys(answers).authorities.complete
    facts = keys(trusting(answers, frame(CA, f"# those who sign\n{ED25519}\n", mode="644")))
    ((path, fingerprint),) = [(one.path, one.fingerprint) for one in facts.authorities.items]
    key = public_key(ED25519)
    assert (path, fingerprint) == (CA, key.fingerprint)
    assert facts.authorities.complete and facts.authorized.complete


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, f"TrustedUserCAKeys {CA}\n"),
        (frame(CA, "no key at all\n"), f"TrustedUserCAKeys {CA}\n"),
        (frame(CA, kind="d"), f"TrustedUserCAKeys {CA}\n"),
        ("\0garbage\0", f"TrustedUserCAKeys {CA}\n"),
        (frame(CA, ED25519), f"TrustedUserCAKeys {CA}\n  TrustedUserCAKeys /srv/$(id)\n"),
    ],
    ids=["not asked", "no key", "a directory", "bad frame", "a strange path"],
)
def test_an_authority_that_was_not_read_makes_the_list_incomplete(answers, found, line):
    assert not keys(trusting(answers, found, line)).authorities.complete


def test_a_file_of_authorities_that_may_not_be_read_or_is_not_there(answers):
    named = trusting(answers, frame(CA))
    told_so = f"/usr/bin/grep: {CA}: Permission denied\n".encode()
    assert not keys(
        {**named, "ssh_keys.trusted": replace(named["ssh_keys.trusted"], stderr=told_so)}
    ).authorities.complete
    empty = replace(
        named["ssh_keys.trusted"], stdout=b"", exit_code=1,
        stderr=f"/usr/bin/find: ‘{CA}’: No such file or directory\n".encode(),
    )  # fmt: skip
    assert keys({**named, "ssh_keys.trusted": empty}).authorities.complete


def test_where_the_configuration_cannot_be_read_authorities_may_be_missing(answers):
    for id_ in ("ssh_keys.lines", "ssh_keys.effective"):
        assert not keys(refused(answers, id_)).authorities.complete, id_


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with one key of each kind, made by the real ssh-keygen."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen")
    home = tmp_path_factory.mktemp("home")
    folder = home / "alice" / ".ssh"
    folder.mkdir(parents=True)
    for name, kind, form, phrase in (
        ("ed", "ed25519", "RFC4716", ""),
        ("ed_locked", "ed25519", "RFC4716", "correct horse"),
        ("ec_pem", "ecdsa", "PEM", ""),
        ("ec_pem_locked", "ecdsa", "PEM", "correct horse"),
        ("ec_8", "ecdsa", "PKCS8", ""),
        ("ec_8_locked", "ecdsa", "PKCS8", "correct horse"),
    ):
        made = ("ssh-keygen", "-q", "-t", kind, "-m", form, "-N", phrase, "-C", name, "-f", str(folder / name))
        subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
        (folder / f"{name}.pub").unlink()
    return home


def search(home: Path) -> bytes:
    done = subprocess.run(("/usr/bin/find", str(home), "-maxdepth", "4", *KEY_FILES), capture_output=True, check=False)
    return done.stdout


def test_no_line_of_a_private_key_comes_home(home):
    said = search(home)
    for file in (home / "alice" / ".ssh").iterdir():
        for line in file.read_bytes().splitlines()[1:-1]:
            secret = line[48:] if line.startswith(b"b3BlbnNzaC1rZXktdjE") else line
            assert len(secret) < 16 or b":" in secret or secret not in said


def test_the_real_search_tells_protected_keys_from_open_ones_also_after_redaction(home):
    said = redact(search(home)).content.decode()
    parsed = facts_of(COLLECTOR, {"ssh_keys.homes": answer("ssh_keys.homes", said)})
    found = {Path(key.path).name: key.encrypted for key in parsed.value.private.items}
    assert found == {
        "ed": False,
        "ed_locked": True,
        "ec_pem": False,
        "ec_pem_locked": True,
        "ec_8": False,
        "ec_8_locked": True,
    }


def test_a_public_key_reads_as_ssh_keygen_reads_it(home, tmp_path):
    for kind, bits in (("rsa", "1024"), ("ecdsa", "521"), ("ed25519", "256")):
        path = tmp_path / kind
        subprocess.run(("ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(path)), check=True)
        line = path.with_suffix(".pub").read_text()
        shown = subprocess.run(("ssh-keygen", "-lf", str(path)), capture_output=True, text=True, check=True).stdout
        key = public_key(line)
        assert key is not None and [str(key.bits), key.fingerprint] == shown.split()[:2]


ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFz/O8uYX0nTjVJYbf0HV80Z3GFItfJ2gs9/3y50ww7H"


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (f"{ED} a comment with words", ()),
        (f"restrict,pty {ED}", (("restrict", ""), ("pty", ""))),
        (f'command="echo \\"a, b\\"",FROM="10.0.0.0/8" {ED}', (("command", 'echo \\"a, b\\"'), ("from", "10.0.0.0/8"))),
        (f"cert-authority {ED}", (("cert-authority", ""),)),
    ],
)
def test_options_before_a_key_are_read(line, options):
    key = public_key(line)
    assert key is not None and key.options == options


@pytest.mark.parametrize("line", ["", "# x", "ssh-ed25519", "ssh-rsa " + ED.split()[1], "ssh-ed25519 AAAA", ED[:50]])
def test_what_is_no_key_is_none(line):
    assert public_key(line) is None


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_the_reading_of_keys(text):
    public_key(text)
    public_key(f"{text} {ED}")

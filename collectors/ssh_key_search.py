"""Where SSH keys are searched for, and the commands that do it without bringing key material home."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.base import Answer, Answers, Command, hole
from collectors.records import FRAME, blind, framed_files, lines
from collectors.ssh_match import ANYONE
from collectors.sshd_daemon import CONFIG
from posture.model.observation import Blind

LOCAL_FILE_SYSTEMS = ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "overlay", "tmpfs", "ecryptfs")
"""Everything else (nfs, cifs, autofs, fuse, 9p, …) is left alone, and said so."""

_CIPHERS = (
    "none",
    "3des-cbc",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
)


def _cipher_mark(cipher: str) -> str:
    """Return the base64 beginning of a private key file with this cipher (OpenSSH PROTOCOL.key); no secret is in it."""
    head = b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher.encode()
    return base64.b64encode(head).decode().rstrip("=")[: min(len(head) * 8 // 6, _TELLING)]


_MAGIC = "b3BlbnNzaC1rZXktdjEAAAAA"  # in base64, as every file of the format begins
_TELLING = len(_MAGIC) + 13  # far enough to tell any two ciphers apart
OPENSSH_MARKS = {_cipher_mark(cipher): cipher for cipher in _CIPHERS}
PEM_MARKS = {
    "BEGIN OPENSSH PRIVATE KEY": "openssh",
    "BEGIN RSA PRIVATE KEY": "rsa",
    "BEGIN DSA PRIVATE KEY": "dsa",
    "BEGIN EC PRIVATE KEY": "ec",
    "BEGIN PRIVATE KEY": "pkcs8",
    "BEGIN ENCRYPTED PRIVATE KEY": "pkcs8",
}
ENCRYPTED_MARK = "Proc-Type: 4,ENCRYPTED"
# One pattern for each kind, not one for each mark: a pattern of sudoers may hold 1024 characters, see `manifest`.
_MARKS = (
    *("-e", "BEGIN PRIVATE KEY", "-e", "BEGIN (OPENSSH|RSA|DSA|EC|ENCRYPTED) PRIVATE KEY", "-e", ENCRYPTED_MARK),
    *("-e", f"{_MAGIC}({'|'.join(mark.removeprefix(_MAGIC) for mark in OPENSSH_MARKS)})"),
)

# No wildcard anywhere, so that the command can stand in sudoers as it is; `-regex` matches the whole path.
_FOREIGN = (
    *("!", "("),
    *" -o ".join(f"-fstype {name}" for name in LOCAL_FILE_SYSTEMS).split(),
    *(")", "-printf", FRAME.replace("%y", "N"), "-prune", "-o"),
)
_WANTED = (
    *("!", "-type", "d", "(", "-regex", "/.+/.ssh/.+", "-o", "-regex", "/.+/id_.+", "-o", "-regex", "/.+.pem"),
    *("-o", "-name", ".ssh", "-o", "-name", ".rhosts", "-o", "-name", ".shosts", ")"),
)
_TEXT_OF_PUBLIC = (
    *("(", "-name", "authorized_keys", "-o", "-name", "authorized_keys2", "-o", "-regex", "/.+.pub", ")"),
    *("-exec", "/usr/bin/grep", "-I", ".", "{}", ";"),
)
# `grep -o` prints the marks and nothing else of the line, so no key material can come along; `-m 2` because the first
# two lines of a key file hold them all. `ssh-keygen -l` prints the fingerprint and never asks for a passphrase.
_MARKS_OF_PRIVATE = (
    *("-exec", "/usr/bin/grep", "-IoE", "-m", "2", *_MARKS, "{}", ";"),
    *("-exec", "/usr/bin/ssh-keygen", "-l", "-f", "{}", ";"),
)
KEY_FILES = (
    *_FOREIGN,
    *_WANTED,
    *("-printf", FRAME, "-type", "f", "-size", "-1024k"),
    *("(", *_TEXT_OF_PUBLIC, "-o", *_MARKS_OF_PRIVATE, ")"),
)
# Whoever may write a `.ssh` decides what is in it. `-false`: what it is is asked of it as of everything else.
_DIRECTORIES = ("-type", "d", "-name", ".ssh", "-printf", FRAME, "-false", "-o")
_WHOLE_FILES = (
    *_FOREIGN,
    "-printf",
    FRAME,
    "-type",
    "f",
    "-size",
    "-1024k",
    "-exec",
    "/usr/bin/grep",
    "-I",
    ".",
    "{}",
    ";",
)
HOMES = ("/root", "/home")
MAX_SIZE_BYTES = 1023 * 1024  # `find -size -1024k` rounds up to whole KiB
MAX_PLACES = 500  # homes elsewhere; a POSIX argument list holds thousands

COMMANDS = (
    Command("ssh_keys.effective", ("/usr/sbin/sshd", "-T", "-C", ANYONE), sudo=True, max_bytes=256_000),
    # Match blocks may name other key files: what any line of the configuration names is searched for everybody.
    Command(
        "ssh_keys.lines",
        ("/usr/bin/grep", "-rhIiw", "-D", "skip", "-e", "authorizedkeysfile", "-e", "trustedusercakeys", *CONFIG),
        sudo=True,
        max_bytes=64_000,
        ok_exit=(0, 1),
    ),
    Command("ssh_keys.passwd", ("/usr/bin/cut", "-d:", "-f1,3,6", "/etc/passwd"), max_bytes=1_000_000),
    Command("ssh_keys.mounts", ("/usr/bin/cut", "-d ", "-f2,3", "/proc/self/mounts"), max_bytes=1_000_000),
    Command(
        "ssh_keys.links",
        ("/usr/bin/find", *HOMES, "-maxdepth", "1", "(", "-type", "l", "-o", "-type", "d", ")", "-printf", FRAME),
        sudo=True,
    ),
    Command(
        "ssh_keys.homes",
        ("/usr/bin/find", *HOMES, "-maxdepth", "4", *_DIRECTORIES, *KEY_FILES),
        sudo=True,
        timeout_s=60,
        max_bytes=16_000_000,
    ),
    Command(
        "ssh_keys.host",
        (
            *("/usr/bin/find", "/etc/ssh", "-maxdepth", "1", "-regex", "/etc/ssh/ssh_host_.+", "-printf", FRAME),
            *("-type", "f", "-regex", "/.+.pub", "-exec", "/usr/bin/grep", "-I", ".", "{}", ";"),
        ),
    ),
    Command(
        "ssh_keys.trust",
        (
            *("/usr/bin/find", "/etc/hosts.equiv", "/etc/shosts.equiv", "/etc/ssh/shosts.equiv"),
            *("-maxdepth", "0", "-printf", FRAME),
        ),
    ),
)
SECOND = (
    Command("ssh_keys.elsewhere", ("/usr/bin/find", "-H", "{home}/.ssh", "-maxdepth", "2", *KEY_FILES), sudo=True),
    Command("ssh_keys.named", ("/usr/bin/find", "-H", "{authorized_keys}", "-maxdepth", "0", *_WHOLE_FILES), sudo=True),
    # Without root: public keys lie where everybody may read them, and the path may be any the configuration names.
    Command("ssh_keys.trusted", ("/usr/bin/find", "-H", "{place}", "-maxdepth", "0", *_WHOLE_FILES)),
    Command("ssh_keys.there", ("/usr/bin/find", "-H", "{place}", "-maxdepth", "0", "-printf", FRAME)),
)


def follow_up(answers: Answers) -> tuple[Command, ...]:
    """Return the search of homes that are neither /root nor in /home, and of key files that sshd is told to read."""
    places = places_of(answers)
    find = ("/usr/bin/find", "-H")
    commands = []
    if places.authorities:
        search = (*find, *places.authorities, "-maxdepth", "0", *_WHOLE_FILES)
        commands.append(Command("ssh_keys.trusted", search, max_bytes=1_000_000))
    if not places.homes and not places.files:
        return tuple(commands)
    if places.homes:
        search = (*find, *places.homes, "-maxdepth", "2", *KEY_FILES)
        commands.append(Command("ssh_keys.elsewhere", search, sudo=True, max_bytes=4_000_000))
    if places.files:
        search = (*find, *places.files, "-maxdepth", "0", *_WHOLE_FILES)
        commands.append(Command("ssh_keys.named", search, sudo=True, max_bytes=4_000_000))
    # Without sudo one still sees that most service accounts have no `.ssh` at all.
    there = (*find, *places.homes, *places.files, *places.above, "-maxdepth", "0", "-printf", FRAME)
    return (*commands, Command("ssh_keys.there", there))


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look beside /root and /home."""

    homes: tuple[str, ...]
    files: tuple[str, ...]
    doubts: tuple[str, ...]
    key_doubt: str
    """Why sshd may read other files than we think."""
    key_file: Mapping[str, tuple[str, ...]]
    """The files sshd reads for each account."""
    home: Mapping[str, str]
    """The home of each account."""
    above: tuple[str, ...]
    """Directories above what is looked for here."""
    authorities: tuple[str, ...]
    """The files that TrustedUserCAKeys names, for anybody."""
    authority_doubts: tuple[str, ...]
    """Why keys of authorities may be missing."""


def above(path: str, home: str) -> list[str]:
    """Return the directories whose mode and owner sshd looks at before it believes a file of keys, the nearest first.

    They end with the account's home, or outside of it before `/`. Source: sshd_config(5), StrictModes; safe_path() in
    misc.c of OpenSSH.
    """
    found = []
    folder = path.rpartition("/")[0]
    while folder:
        found.append(folder)
        folder = "" if folder == home else folder.rpartition("/")[0]
    return found


def told_paths(answer: Answer | None) -> set[str]:
    """Return the paths that a find printed: in frames, or in lines as earlier versions asked for them."""
    plain = {line for line in lines(answer) if "\0" not in line}
    return plain | {file.path for file in framed_files(answer)}


_DEFAULT_KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_PLACE = re.compile(r"/[A-Za-z0-9._/@+-]{1,255}", re.ASCII)


def _accounts(answers: Answers) -> dict[str, tuple[str, str]]:
    """Return uid and home of each account."""
    rows = (line.split(":") for line in lines(answers.get("ssh_keys.passwd")))
    return {row[0]: (row[1], _clean(row[2])) for row in rows if len(row) == 3}


def _clean(path: str) -> str:
    """Return the path without doubled and trailing slashes; a relative or empty home is `/`, as sshd takes it."""
    return "/" + "/".join(part for part in path.split("/") if part) if path.startswith("/") else "/"


def _patterns(answers: Answers) -> tuple[list[str], str]:
    """Return every AuthorizedKeysFile pattern, and a doubt when sshd may read other files."""
    effective, raw = answers.get("ssh_keys.effective"), answers.get("ssh_keys.lines")
    told = [line.split() for answer in (effective, raw) for line in lines(answer)]
    named = {word for words in told if words[0].lower() == "authorizedkeysfile" for word in words[1:]}
    reason, seen = hole(effective), blind(raw) is None
    patterns = named | (set() if reason is None else set(_DEFAULT_KEY_FILES))
    missing = reason is not None and reason.reason is Blind.COMMAND_MISSING
    doubt = "" if seen or missing else "AuthorizedKeysFile of Match blocks is unknown"
    return sorted(pattern.strip("\"'") for pattern in patterns if pattern.lower() != "none"), doubt


def _authorities(answers: Answers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return every file TrustedUserCAKeys names, and why there may be others."""
    effective, raw = answers.get("ssh_keys.effective"), answers.get("ssh_keys.lines")
    told = [line.split() for answer in (effective, raw) for line in lines(answer)]
    named = {words[1].strip("\"'") for words in told if words[0].lower() == "trustedusercakeys" and len(words) > 1}
    files = {path for path in named if path.lower() != "none"}
    strange = {path for path in files if not _PLACE.fullmatch(path) or "/../" in f"{path}/"}
    doubts = [f"{path}: a strange path" for path in sorted(strange)]
    unseen, missing = hole(effective), Blind.COMMAND_MISSING
    if blind(raw) is not None and (unseen is None or unseen.reason is not missing):
        doubts.append("TrustedUserCAKeys of Match blocks is unknown")
    if unseen is not None and unseen.reason is not missing:
        doubts.append(f"what sshd goes by: {unseen.reason.value}")
    return tuple(sorted(files - strange))[:MAX_PLACES], tuple(doubts)


def places_of(answers: Answers) -> Places:
    """Return what the first batch did not search."""
    patterns, key_doubt = _patterns(answers)
    accounts = _accounts(answers)
    doubts = []
    if blind(answers.get("ssh_keys.passwd")) is not None or not accounts:
        doubts.append("homes of accounts are unknown")
    foreign = _foreign_mounts(answers)
    told = answers.get("ssh_keys.links")
    links = told_paths(told) - {file.path for file in framed_files(told) if file.kind == "d"}
    homes: set[str] = set()
    files: set[str] = set()
    key_file: dict[str, tuple[str, ...]] = {}
    for name, (uid, home) in accounts.items():
        expanded = tuple(_expanded(pattern, name, uid, home) for pattern in patterns)
        key_file[name] = expanded
        homes |= set() if _searched(home, links) else {_clean(f"{home}/.ssh")}
        files |= {path for path in expanded if not _covered(path, home)}
    strange = {path for path in homes | files if not _PLACE.fullmatch(path) or "/../" in f"{path}/"}
    remote = {path for path in homes | files if _mount_of(path, foreign) is not None} - strange
    doubts += [f"{path}: a strange path" for path in strange] + [
        f"{path}: on {_mount_of(path, foreign)}" for path in remote
    ]
    left = sorted((homes | files) - strange - remote)
    doubts += ["too many homes"] if len(left) > MAX_PLACES else []
    left = left[:MAX_PLACES]
    home_of = {name: home for name, (_, home) in accounts.items()}
    folders = {
        one for name, paths in key_file.items() for path in paths if path in left for one in above(path, home_of[name])
    }
    folders |= {path.removesuffix("/.ssh") for path in left if path in homes}
    return Places(
        tuple(path for path in left if path in homes),
        tuple(path for path in left if path in files),
        tuple(doubts),
        key_doubt,
        key_file,
        home_of,
        tuple(sorted(folders - {""})),
        *_authorities(answers),
    )


def _expanded(pattern: str, name: str, uid: str, home: str) -> str:
    """Source: sshd_config(5), TOKENS."""
    tokens = {"%%": "%", "%h": home, "%u": name, "%U": uid}
    path = re.sub("%[%huU]", lambda token: tokens[token[0]], pattern)
    return _clean(path if path.startswith("/") else f"{home}/{path}")


def _searched(home: str, links: set[str]) -> bool:
    """Return whether the search of /root and /home went through this home: deep enough, and by no symbolic link."""
    inside = home == "/root" or home.startswith("/root/") or home.startswith("/home/")
    return inside and home.count("/") <= 3 and not any(f"{home}/".startswith(f"{link}/") for link in links)


def _covered(path: str, home: str) -> bool:
    """Return whether the search of the home's `.ssh` reads this file."""
    folder, _, name = path.rpartition("/")
    return folder == _clean(f"{home}/.ssh") and name in ("authorized_keys", "authorized_keys2")


def _foreign_mounts(answers: Answers) -> list[tuple[str, str]]:
    """Return mount points that are not local, deepest first, with what they are."""
    rows = (line.split(" ") for line in lines(answers.get("ssh_keys.mounts")))
    mounts = [(row[0].replace("\\040", " "), row[1]) for row in rows if len(row) == 2]
    return sorted(mounts, key=lambda mount: -len(mount[0]))


def _mount_of(path: str, mounts: list[tuple[str, str]]) -> str | None:
    """Return the file system of the path when it is not a local one."""
    for point, kind in mounts:
        if path == point or path.startswith(point.rstrip("/") + "/"):
            return kind if kind not in LOCAL_FILE_SYSTEMS and kind in _REMOTE else None
    return None


_REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "autofs", "ceph", "glusterfs", "afs", "9p", "lustre", "fuse.sshfs", "fuse"}
)

"""The `ssh_keys` topic: who may log in with which key, which private keys lie around, and the server's own keys.

No key material comes home: of private keys only the name of their format and whether a cipher protects them. In one
file, for all its facts come of one search; where it searches is ``ssh_key_search``, what a public key says
``public_keys``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing, hole
from collectors.public_keys import PublicKey, public_key
from collectors.records import FoundFile, blind, framed_files, frames_are_whole, lines, missing_paths
from collectors.ssh_key_search import (
    COMMANDS,
    ENCRYPTED_MARK,
    MAX_SIZE_BYTES,
    OPENSSH_MARKS,
    PEM_MARKS,
    SECOND,
    Places,
    above,
    follow_up,
    places_of,
    told_paths,
)
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """One line of an authorized_keys file."""

    account: str
    """Who can be logged in as; owner of the file when no account has it as home."""
    path: str
    type: str
    """``ssh-ed25519``, ``ssh-rsa``, ``ecdsa-sha2-nistp256``, …"""
    bits: int | None
    """Size of the key; absent when its type is unknown to us."""
    fingerprint: str
    """``SHA256:…`` as `ssh-keygen -l` prints it."""
    options: list[str]
    """Names in lower case, values left out except of `from`, `command`, `expiry-time` and `principals`, which stand as
    ``from=…``."""
    restricted: bool
    """It has `command=`, `restrict` or `from=`."""
    cert_authority: bool
    """Every certificate this key signs may log in."""
    comment: str
    mode: str
    """Octal, four digits."""
    owner: str
    group: str
    writable_by_others: bool
    """Group or everybody may write the file."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A key whose certificates sshd takes for any account it is told so for (`TrustedUserCAKeys`)."""

    path: str
    type: str
    fingerprint: str
    """``SHA256:…``, of the key that signs."""
    mode: str
    """Octal, four digits."""
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory above a file of keys: where others may write it, sshd believes no such file (StrictModes)."""

    path: str
    mode: str
    """Octal, four digits."""
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """One private key file in a home."""

    path: str
    account: str
    """Owner of the file."""
    mode: str
    owner: str
    group: str
    format: str
    """``openssh``, ``rsa``, ``dsa``, ``ec``, ``pkcs8``."""
    encrypted: bool | None
    """A passphrase protects it; a hole where the file does not say."""
    exposed: bool
    """Group or everybody may read it."""
    type: str | None
    """Kind as `ssh-keygen -l` prints it: ``ED25519``, ``RSA``; absent when the public half cannot be read."""
    bits: int | None
    fingerprint: str | None
    """``SHA256:…``; absent when the public half cannot be read without the passphrase."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """One key of the server itself."""

    path: str
    """Of the private half."""
    type: str
    bits: int | None
    fingerprint: str
    mode: str | None
    """Of the private half; absent when there is none beside the public one."""
    owner: str | None
    group: str | None
    protected: bool | None
    """Owner root, and nobody else reads it (group `ssh_keys` may: 0640)."""


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file by which one host trusts another's word for who logs in."""

    path: str
    mode: str
    owner: str


@dataclass(frozen=True, slots=True)
class SocketFile:
    """A socket in a `.ssh` directory: an SSH connection that stays open for others to join, or an agent."""

    path: str
    owner: str
    mode: str


@dataclass(frozen=True, slots=True)
class SshKeyFacts:
    """Keys of this host."""

    authorized: Listing[AuthorizedKey]
    """By path, then line; keys that `AuthorizedKeysCommand` adds are not in files, see ``key_command``."""
    authorities: Listing[Authority]
    """Keys in the files that `TrustedUserCAKeys` names, for everybody or in a Match block; by path, then line."""
    folders: Listing[Folder]
    """Directories above the files of ``authorized``, up to the account's home or to below `/`; sorted by path, and
    incomplete when any of them was not seen."""
    private: Listing[PrivateKey]
    """In `.ssh` directories, and files named `id_…` or `….pem`, four levels deep in /root and /home, and in the `.ssh`
    of every other account."""
    host_keys: Listing[HostKey]
    trust_files: Listing[TrustFile]
    """.shosts, .rhosts, shosts.equiv and hosts.equiv."""
    sockets: Listing[SocketFile]
    """Sockets in `.ssh` directories, such as those of ControlMaster; sorted by path."""
    key_command: str | None
    """`AuthorizedKeysCommand`; absent when none."""
    not_searched: list[str]
    """Homes on network file systems and files that could not be read; each makes the lists incomplete."""


def parse(answers: Answers) -> Facts | Hole:
    """Return the keys of this host.

    Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT; sshd_config(5), AuthorizedKeysFile; ssh-keygen(1), -l.
    """
    places = places_of(answers)
    main = answers.get("ssh_keys.homes")
    unseen = blind(main)
    files = framed_files(main)
    doubts = list(places.doubts)
    if main is None or unseen is not None or not frames_are_whole(main):
        doubts.append(f"/root and /home: {unseen.reason.value if unseen else 'frames that make no sense'}")
    for id_, wanted in (("ssh_keys.elsewhere", places.homes), ("ssh_keys.named", places.files)):
        more, doubt = _second(answers, id_, wanted)
        files += more
        doubts += doubt
    doubts += [f"{file.path}: {why}" for file in files if (why := _withheld(file))]
    holes: list[Hole] = []
    nothing = unseen is not None and not files
    if nothing and unseen is not None:
        holes += [
            Hole(path, unseen.reason, unseen.detail) for path in ("authorized", "private", "sockets", "trust_files")
        ]
    lines_lost = [places.key_doubt] if places.key_doubt else []
    complete, key_file = not doubts, places.key_file
    authorized = [key for file in files for key in _authorized(file, key_file, lines_lost)]
    private, unclear = _private(files)
    holes += unclear
    command, refused = _key_command(answers)
    holes += refused
    return Facts(
        SshKeyFacts(
            authorized=Listing(authorized, complete and not lines_lost),
            authorities=_authorities(answers, places),
            folders=_folders(answers, files, authorized, places),
            private=Listing(private, complete),
            host_keys=_host_keys(answers, holes),
            trust_files=_trust_files(answers, files, complete),
            sockets=Listing(_sockets(files), complete),
            key_command=command,
            not_searched=sorted({*doubts, *lines_lost})[:100],
        ),
        tuple(holes),
    )


COLLECTOR = Collector("ssh_keys", 4, COMMANDS, SshKeyFacts, parse, follow_up, SECOND)

_SHOWN = ("from", "command", "expiry-time", "principals")
"""Options whose value decides who gets in; those of the others may hold secrets (`environment`)."""
_FINGERPRINT = re.compile(r"(\d{2,5}) (SHA256:[A-Za-z0-9+/]{43}) .*\(([A-Z0-9-]{2,20})\)", re.ASCII)


def _second(answers: Answers, id_: str, wanted: tuple[str, ...]) -> tuple[list[FoundFile], list[str]]:
    """Return the files of a second search, and why there may be more."""
    if not wanted:
        return [], []
    answer = answers.get(id_)
    if blind(answer) is None and answer is not None and frames_are_whole(answer):
        return framed_files(answer), []
    there = answers.get("ssh_keys.there")
    missing = missing_paths(there)
    if blind(there) is None:
        missing |= set(wanted) - told_paths(there)
    wanted = tuple(path for path in wanted if path not in missing)
    return framed_files(answer), [f"{path}: not searched" for path in wanted]


def _withheld(file: FoundFile) -> str:
    """Return why the text of this file is not all here."""
    name = file.path.rpartition("/")[2]
    if file.kind == "N":
        return "not a local file system"
    if name not in (".ssh", "authorized_keys", "authorized_keys2") or (name == ".ssh" and file.kind == "d"):
        return ""
    if file.kind != "f":
        return "a symbolic link or a device, not followed"
    if file.size_bytes > MAX_SIZE_BYTES:
        return "too large"
    return "holds something that is no text" if file.size_bytes > 2 and not file.text.strip() else ""


def _authorized(file: FoundFile, key_file: Mapping[str, tuple[str, ...]], doubts: list[str]) -> list[AuthorizedKey]:
    """Return the keys of a file that sshd reads for somebody; a line we cannot read makes the list incomplete."""
    users = sorted(name for name, paths in key_file.items() if file.path in paths)
    by_name = file.path.rpartition("/")[2] in ("authorized_keys", "authorized_keys2")
    if file.kind != "f" or not (users or by_name):
        return []
    keys = []
    for line in file.text.splitlines():
        key = public_key(line)
        if key is not None:
            keys += [_authorized_key(name, key, file) for name in users or [file.owner]]
        elif line.strip() and not line.strip().startswith("#"):
            doubts.append(f"{file.path}: a line that is no key")
    return keys


def _authorized_key(account: str, key: PublicKey, file: FoundFile) -> AuthorizedKey:
    names = {name for name, _ in key.options}
    shown = [f"{name}={value}" if name in _SHOWN else name for name, value in key.options]
    return AuthorizedKey(
        account=account,
        path=file.path,
        type=key.type,
        bits=key.bits,
        fingerprint=key.fingerprint,
        options=[option[:300] for option in shown],
        restricted=bool(names & {"command", "restrict", "from"}),
        cert_authority="cert-authority" in names,
        comment=key.comment,
        mode=file.mode,
        owner=file.owner,
        group=file.group,
        writable_by_others=bool(int(file.mode, 8) & 0o022),
    )


def _authorities(answers: Answers, places: Places) -> Listing[Authority]:
    """Return the keys in these files; incomplete where one was not read, or a line is no key.

    A file that is not there holds none: sshd then takes no certificate.
    """
    answer = answers.get("ssh_keys.trusted")
    doubts = list(places.authority_doubts)
    if places.authorities and (answer is None or blind(answer) is not None or not frames_are_whole(answer)):
        doubts.append("the files were not all read")
    keys = []
    for file in sorted(framed_files(answer), key=lambda one: one.path):
        told = [line for line in lines_of(file.text) if not line.startswith("#")]
        known = [key for line in told if (key := public_key(line)) is not None]
        withheld = (
            file.kind != "f" or file.size_bytes > MAX_SIZE_BYTES or (file.size_bytes > 2 and not file.text.strip())
        )
        doubts += [file.path] if withheld or len(known) < len(told) else []
        keys += [Authority(file.path, key.type, key.fingerprint, file.mode, file.owner, file.group) for key in known]
    return Listing(keys, not doubts)


def _folders(answers: Answers, files: list[FoundFile], keys: list[AuthorizedKey], places: Places) -> Listing[Folder]:
    """Return the directories above the files of these keys."""
    more = [one for id_ in ("ssh_keys.links", "ssh_keys.there") for one in framed_files(answers.get(id_))]
    seen = {one.path: Folder(one.path, one.mode, one.owner, one.group) for one in [*more, *files] if one.kind == "d"}
    wanted = {path for key in keys for path in above(key.path, places.home.get(key.account, ""))}
    return Listing([seen[path] for path in sorted(wanted & set(seen))], wanted <= set(seen))


def _private(files: list[FoundFile]) -> tuple[list[PrivateKey], list[Hole]]:
    """Return the private keys, and a hole for each of which we cannot tell whether it is encrypted."""
    public = {file.path: public_key(file.text) for file in files if file.path.endswith(".pub")}
    keys = []
    holes = []
    for file in sorted(files, key=lambda one: one.path):
        told = lines_of(file.text)
        form = next((PEM_MARKS[mark] for mark in told if mark in PEM_MARKS), None)
        if file.kind != "f" or form is None or file.path.endswith(".pub"):
            continue
        encrypted = _encrypted(told, form)
        if encrypted is None:
            where = f'private[path="{file.path}"].encrypted'
            holes.append(Hole(where, Blind.UNPARSEABLE, "its first lines name no cipher we know"))
        printed = next((match for line in told if (match := _FINGERPRINT.fullmatch(line))), None)
        beside = public.get(f"{file.path}.pub")
        keys.append(
            PrivateKey(
                path=file.path,
                account=file.owner,
                mode=file.mode,
                owner=file.owner,
                group=file.group,
                format=form,
                encrypted=encrypted,
                exposed=bool(int(file.mode, 8) & 0o077),
                type=printed[3] if printed else None,
                bits=int(printed[1]) if printed else beside.bits if beside else None,
                fingerprint=printed[2] if printed else beside.fingerprint if beside else None,
            )
        )
    return keys, holes


def lines_of(text: str) -> list[str]:
    """Return the lines of a file's text, stripped."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _encrypted(told: list[str], form: str) -> bool | None:
    if form == "openssh":
        # Evidence of earlier versions holds longer marks.
        found = (cipher for line in told for mark, cipher in OPENSSH_MARKS.items() if line.startswith(mark))
        cipher = next(found, None)
        return None if cipher is None else cipher != "none"
    return "BEGIN ENCRYPTED PRIVATE KEY" in told or ENCRYPTED_MARK in told


def _host_keys(answers: Answers, holes: list[Hole]) -> Listing[HostKey]:
    """Return the keys in /etc/ssh; incomplete when sshd uses others, or a file could not be read."""
    answer = answers.get("ssh_keys.host")
    unseen = blind(answer, "host_keys")
    if unseen is not None:
        holes.append(unseen)
        return Listing([], complete=False)
    files = {file.path: file for file in framed_files(answer)}
    keys = []
    for path, file in sorted(files.items()):
        key = public_key(file.text) if path.endswith("_key.pub") else None
        half = files.get(path.removesuffix(".pub"))
        if key is not None:
            keys.append(_host_key(path.removesuffix(".pub"), key, half))
    told = {line.split(" ", 1)[1] for line in lines(answers.get("ssh_keys.effective")) if line.startswith("hostkey ")}
    halves = {path for path in files if path.endswith("_key")}
    return Listing(keys, told | halves <= {key.path for key in keys})


def _host_key(path: str, key: PublicKey, half: FoundFile | None) -> HostKey:
    protected = None
    if half is not None:
        # RHEL before 10 keeps them 0640 for the group of ssh-keysign(8)
        allowed = 0o640 if half.group == "ssh_keys" else 0o600
        protected = half.owner == "root" and int(half.mode, 8) & ~allowed == 0
    return HostKey(
        path=path,
        type=key.type,
        bits=key.bits,
        fingerprint=key.fingerprint,
        mode=half.mode if half else None,
        owner=half.owner if half else None,
        group=half.group if half else None,
        protected=protected,
    )


def _sockets(files: list[FoundFile]) -> list[SocketFile]:
    found = {(file.path, file.owner, file.mode) for file in files if file.kind == "s"}
    return [SocketFile(*one) for one in sorted(found)]


def _trust_files(answers: Answers, files: list[FoundFile], complete: bool) -> Listing[TrustFile]:
    answer = answers.get("ssh_keys.trust")
    found = [*framed_files(answer), *(file for file in files if file.path.rpartition("/")[2] in (".shosts", ".rhosts"))]
    trusted = sorted({(file.path, file.mode, file.owner) for file in found})
    return Listing([TrustFile(*one) for one in trusted], complete and blind(answer) is None)


def _key_command(answers: Answers) -> tuple[str | None, list[Hole]]:
    answer = answers.get("ssh_keys.effective")
    unseen = hole(answer, "key_command")
    if unseen is not None:
        return None, [] if unseen.reason is Blind.COMMAND_MISSING else [unseen]
    told = [line.partition(" ")[2].strip() for line in lines(answer) if line.startswith("authorizedkeyscommand ")]
    return (told[0] if told and told[0] != "none" else None), []

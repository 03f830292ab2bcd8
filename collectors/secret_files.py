"""Files in home directories that usually hold credentials: names, modes and owners, never their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class SecretFile:
    """One such file."""

    path: str
    kind: str
    """What it usually holds, such as ``aws``, ``netrc``, ``kubernetes``."""
    mode: str
    """Octal, four digits."""
    owner: str
    group: str
    readable_by_others: bool
    """Its group or everybody may read or write it."""


@dataclass(frozen=True, slots=True)
class SecretFileFacts:
    """Credential files of homes below /root, /home, /opt, /srv, /var/lib and /var/www, without network file systems."""

    files: Listing[SecretFile]
    """Incomplete when a home lies on a network file system, or an account with a shell has its home elsewhere or
    behind a symbolic link."""
    exposed: Listing[str]
    """Paths of those that others may read, sorted."""
    not_searched: list[str]
    """Directories left out because they are on a network file system, and homes elsewhere or behind links; sorted."""


_PLACES = {
    "aws": ".aws/credentials",
    "azure": ".azure/msal_token_cache.json",
    "boto": ".boto",
    "cargo": ".cargo/credentials.toml",
    "docker": ".docker/config.json",
    "dotenv": ".env",
    "gcloud": ".config/gcloud/application_default_credentials.json",
    "gcloud-legacy": ".config/gcloud/credentials.db",
    "git": ".git-credentials",
    "github": ".config/gh/hosts.yml",
    "huggingface": ".cache/huggingface/token",
    "kubernetes": ".kube/config",
    "mysql": ".my.cnf",
    "netrc": ".netrc",
    "npm": ".npmrc",
    "postgres": ".pgpass",
    "pypi": ".pypirc",
    "s3": ".s3cfg",
    "terraform": ".terraform.d/credentials.tfrc.json",
    "vault": ".vault-token",
}
"""Kind to the path below a home directory."""

_NETWORK = (
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
)


def _any_of(test: str, values: tuple[str, ...]) -> tuple[str, ...]:
    words: list[str] = []
    for value in values:
        words += ["-o", test, value] if words else [test, value]
    return ("(", *words, ")")


_ROOTS = ("/root", "/home", "/opt", "/srv", "/var/lib", "/var/www")
"""Homes of people, and of services that own an account."""

_NO_HOMES = tuple(
    f"/var/lib/{name}"
    for name in (
        "apt",
        "containerd",
        "containers",
        "docker",
        "dpkg",
        "flatpak",
        "kubelet",
        "lxd",
        "rpm",
        "snapd",
    )
)
"""Big trees without homes; leaving them out keeps the walk below a tenth of a second."""

COMMANDS = (
    Command(
        "secret_files.homes",
        (
            "/usr/bin/find",
            *_ROOTS,
            "-xdev",
            "-maxdepth",
            "4",
            *_any_of("-fstype", _NETWORK),
            "-prune",
            "-printf",
            "net %p\\0",
            "-o",
            *_any_of("-path", _NO_HOMES),
            "-prune",
            "-o",
            "-type",
            "f",
            *_any_of("-path", tuple(f"*/{place}" for place in _PLACES.values())),
            "-printf",
            "file %m %U %u %g %p\\0",
            # A home that is a link leads somewhere the walk does not go.
            "-o",
            "-type",
            "l",
            "-not",
            "-path",
            "/*/*/*",
            "-printf",
            "link %p\\0",
        ),
        sudo=True,
        timeout_s=30,
        ok_exit=(0, 1),
    ),
    Command("secret_files.mounts", ("/usr/bin/findmnt", "-rn", "-o", "TARGET")),
    Command("secret_files.accounts", ("/usr/bin/getent", "passwd")),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the files found; their text was never read.

    Source: find(1); the places are the ones these tools document.
    """
    answer = answers.get("secret_files.homes")
    problem = hole(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    refused = _refused(answer)
    if refused is not None and not answer.stdout:
        return refused
    rows = [row for row in answer.text.split("\0") if row]
    files = sorted((file for row in rows if (file := _file(row)) is not None), key=lambda file: file.path)
    links = {row.removeprefix("link ") for row in rows if row.startswith("link ")}
    skipped = sorted(
        {row.removeprefix("net ") for row in rows if row.startswith("net ")} | set(_elsewhere(answers, links))
    )
    unread = any(row.partition(" ")[0] not in {"net", "link"} and _file(row) is None for row in rows)
    # Without the accounts and the mounts nobody knows which homes lie elsewhere.
    blank = _unknown_homes(answers)
    complete = problem is None and refused is None and blank is None and not skipped and not unread
    facts = SecretFileFacts(
        files=Listing(files, complete),
        exposed=Listing([file.path for file in files if file.readable_by_others], complete),
        not_searched=skipped,
    )
    why = refused or blank
    return Facts(facts, () if why is None else (Hole("not_searched", why.reason, why.detail),))


def _unknown_homes(answers: Answers) -> Hole | None:
    """Return why it is not known which homes lie elsewhere."""
    for id_, form in (("secret_files.accounts", _ACCOUNT), ("secret_files.mounts", _MOUNT)):
        answer = answers.get(id_)
        problem = hole(answer)
        if answer is None or problem is not None:
            return problem
        lines = answer.text.splitlines()
        if not lines or not all(form.fullmatch(line) for line in lines):
            return Hole("", Blind.UNPARSEABLE, f"{id_}: a line that makes no sense")
    return None


_ACCOUNT = re.compile(r"[^:]*(?::[^:]*){6}")
_MOUNT = re.compile(r"/.*")


def _refused(answer: Answer) -> Hole | None:
    """Missing starting points are no refusal: a host without /home has no homes there."""
    lines = answer.stderr.decode("utf-8", "replace").splitlines()
    other = [line for line in lines if "No such file or directory" not in line and "unable to resolve host" not in line]
    if answer.exit_code == 0 or not other:
        return None
    return Hole("", Blind.COMMAND_REFUSED, other[0][:200])


_ROW = re.compile(r"file (?P<mode>[0-7]{1,4}) (?P<uid>\d+) (?P<owner>\S+) (?P<group>\S+) (?P<path>/.+)", re.DOTALL)


def _file(row: str) -> SecretFile | None:
    found = _ROW.fullmatch(row)
    if found is None:
        return None
    mode = int(found["mode"], 8)
    kind = next((kind for kind, place in _PLACES.items() if found["path"].endswith("/" + place)), "other")
    return SecretFile(found["path"], kind, found["mode"].zfill(4), found["owner"], found["group"], bool(mode & 0o066))


_NO_LOGIN = ("/nologin", "/false", "/sync", "/shutdown", "/halt")


def _elsewhere(answers: Answers, links: set[str]) -> Iterator[str]:
    """Yield homes of accounts with a shell that lie outside the search, or on file systems of their own."""
    accounts = answers.get("secret_files.accounts")
    mounts = answers.get("secret_files.mounts")
    if mounts is not None and hole(mounts) is None:
        roots = tuple(f"{root}/" for root in _ROOTS[:2])
        below = [line for line in mounts.text.splitlines() if line.startswith(roots)]
        yield from (target for target in below if target.count("/") <= _DEEPEST)
    if accounts is None or hole(accounts) is not None:
        return
    for line in accounts.text.splitlines():
        words = line.split(":")
        if len(words) == 7 and not words[6].endswith(_NO_LOGIN) and words[6]:
            home = words[5].rstrip("/")
            if home and home != "/nonexistent" and (not _searched(home) or _linked(home, links)):
                yield home


def _linked(home: str, links: set[str]) -> bool:
    """Return whether the home, or a directory it lies in, is a symbolic link."""
    return any(home == link or home.startswith(link + "/") for link in links)


def _searched(home: str) -> bool:
    """Return whether the walk went three levels below this home."""
    if any(home == tree or home.startswith(tree + "/") for tree in _NO_HOMES):
        return False
    return any(home == root or home.rpartition("/")[0] == root for root in _ROOTS)


_DEEPEST = 5  # slashes in the deepest directory the search would have entered


COLLECTOR = Collector(topic="secret_files", version=2, commands=COMMANDS, facts=SecretFileFacts, parse=parse)

"""Accounts of one host, each behind another setting of sshd, and what its sshd says to somebody who asks for a shell.

The product works out from files who gets in and never tries; here, and only here, the lab's own sshd is asked as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from tests.lab.host import Build, Host
from tests.lab.network import LabError
from tests.lab.places import ACCOUNT

With = Literal["key", "key and password", "password", "nothing"]
WAYS: tuple[With, ...] = ("key", "key and password", "password", "nothing")
PASSWORD = "correct horse"
AT_ONCE = 8
"""Logins that are tried side by side: half of the time they wait for PAM, which makes a wrong password wait."""
HASH = "$6$labsalt$G7iWEvzejTe/xBSwtH9gD9FfIsFWk4Xfy5GItCgWbAHbleGj502.Wo68eTVbRDczBzl0th4.4gbBOIeLoOcse1"
_DMZ, _ELSEWHERE, _WEB = "10.77.1.0/24", "10.77.4.0/24", "10.77.1.30"


@dataclass(frozen=True, slots=True)
class Login:
    """One account, what stands in its way, and with what somebody on web gets a shell all the same."""

    account: str
    about: str
    """The setting this is about."""
    opens: With | None
    line: str | None = ""
    """Options of its line in authorized_keys; ``None`` when it has no such line."""
    block: tuple[str, ...] = ()
    """Lines of a Match block, for the account where they do not begin with one of their own."""
    lists: tuple[str, ...] = ()
    """Patterns for the whole server, such as ``DenyUsers x``."""
    groups: tuple[str, ...] = ("ssh-users",)
    secret: str = "*"
    shell: str = "/bin/bash"
    uid: int | None = None
    ages: str = "20000:0:99999:7:35::"
    """What stands behind the secret in /etc/shadow: last change, least and most days, warning, inactive, end."""
    mode: int = 0o600
    """Of its authorized_keys."""
    folder: int = 0o700
    """Mode of its `.ssh`."""
    home: int = 0o750
    """Mode of its home."""
    home_of: tuple[int, int] | None = None
    """Owner and group of its home; its own where none are given."""


def _key(account: str, about: str, **more: object) -> Login:
    return Login(account, about, "key", **more)  # type: ignore[arg-type]


def _shut(account: str, about: str, **more: object) -> Login:
    return Login(account, about, None, **more)  # type: ignore[arg-type]


def _root(account: str, word: str, opens: With | None, line: str = "") -> Login:
    return Login(account, f"PermitRootLogin {word}", opens, line, (f"PermitRootLogin {word}",), uid=0)


_PASSWORDS = "PasswordAuthentication yes"

LOGINS: tuple[Login, ...] = (
    _key("plain", "nothing in the way"),
    # options of the line in authorized_keys
    _key("here", "from=", line=f'from="{_DMZ}" '),
    _key("exactly", "from=", line=f'from="{_WEB}" '),
    _key("wildcard", "from=", line='from="10.77.1.3?" '),
    _shut("elsewhere", "from=", line=f'from="{_ELSEWHERE}" '),
    _shut("notweb", "from=", line='from="!10.77.1.*,10.77.*" '),
    _shut("byname", "from= and UseDNS", line='from="web" '),
    _shut("forced", "command=", line='command="/bin/date" '),
    _key("restricted", "restrict", line="restrict "),
    _shut("both", "restrict and command=", line='restrict,command="/bin/date" '),
    _key("noforward", "no-agent-forwarding", line="no-agent-forwarding,no-pty "),
    _key("later", "expiry-time=", line='expiry-time="20990101" '),
    _shut("expired", "expiry-time=", line='expiry-time="20200101" '),
    _shut("authority", "cert-authority", line="cert-authority "),
    # lists of the whole server
    _shut("unlisted", "AllowUsers"),
    _key("listedhere", "AllowUsers user@host", lists=("AllowUsers listedhere@10.77.1.*",)),
    _shut("listedthere", "AllowUsers user@host", lists=(f"AllowUsers listedthere@{_ELSEWHERE}",)),
    _shut("denied", "DenyUsers", lists=("DenyUsers deni?d",)),
    _shut("deniedhere", "DenyUsers user@host", lists=("DenyUsers deniedhere@10.77.1.*",)),
    _key("deniedthere", "DenyUsers user@host", lists=("DenyUsers deniedthere@10.77.4.*",)),
    _shut("ungrouped", "AllowGroups", groups=()),
    _shut("nokeys", "DenyGroups", groups=("ssh-users", "locked-out")),
    _key("otherwise", "DenyGroups", groups=("ssh-users", "games")),
    # Match blocks
    _shut("matched", "Match User, ForceCommand", block=("ForceCommand /bin/date",)),
    _key("unforced", "Match User, ForceCommand none", block=("ForceCommand none",)),
    _shut("sftponly", "ForceCommand internal-sftp", block=("ForceCommand internal-sftp",)),
    _shut("grouped", "Match Group", groups=("ssh-users", "keysoff"), block=("Match Group keysoff", "PubkeyAuthentication no")),
    _shut("fromthere", "Match Address", block=(f"Match Address {_DMZ} User fromthere", "ForceCommand /bin/date")),
    _key("fromother", "Match Address", block=(f"Match Address {_ELSEWHERE} User fromother", "ForceCommand /bin/date")),
    _key("negated", "Match User with a negation", block=("Match User !negated,negat*", "PubkeyAuthentication no")),
    _shut("boxed", "a Match block for several", block=("ForceCommand /bin/date",)),
    _key("boxes", "a Match block for several", block=("Match User box*", "X11Forwarding yes")),
    _key("anyfirst", "AuthenticationMethods any", block=("Match User anyfirst", "AuthenticationMethods any", "Match User anyf*", "AuthenticationMethods publickey,password")),
    _shut("nokey", "PubkeyAuthentication", block=("PubkeyAuthentication no",)),
    _shut("algorithm", "PubkeyAcceptedAlgorithms", block=("PubkeyAcceptedAlgorithms rsa-sha2-512",)),
    _shut("nofile", "AuthorizedKeysFile none", block=("AuthorizedKeysFile none",)),
    _shut("moved", "AuthorizedKeysFile", block=("AuthorizedKeysFile /etc/ssh/keys/%u",)),
    _key("named", "AuthorizedKeysFile", block=("AuthorizedKeysFile %h/.ssh/authorized_keys /etc/ssh/keys/%u",)),
    _shut("nosession", "MaxSessions 0", block=("MaxSessions 0",)),
    # methods
    _shut("twofactor", "AuthenticationMethods", block=("AuthenticationMethods publickey,keyboard-interactive",)),
    _shut("twokeys", "AuthenticationMethods", block=("AuthenticationMethods publickey,publickey",)),
    _shut("keyboard", "AuthenticationMethods", block=("AuthenticationMethods keyboard-interactive",)),
    _key("either", "AuthenticationMethods", block=("AuthenticationMethods publickey,keyboard-interactive publickey",)),
    Login("keyandword", "AuthenticationMethods", "key and password", secret=HASH, block=("AuthenticationMethods publickey,password", _PASSWORDS)),
    # the account itself
    _shut("noshell", "a nologin shell", shell="/usr/sbin/nologin"),
    _shut("falseshell", "a nologin shell", shell="/bin/false"),
    _key("locked", "a locked account, with PAM", secret="!"),
    _shut("over", "an account that has expired", ages="20000:0:99999:7:35:18000:"),
    _key("notyet", "an account that has expired", ages="20000:0:99999:7:35:60000:"),
    _shut("mustchange", "a password that must be changed", ages="0:0:99999:7:35::"),
    _shut("outworn", "a password that must be changed", ages="18000:0:90:7:::"),
    _key("ageless", "a password that must be changed", ages="18000:0:99999:7:30::"),
    _shut("inactive", "INACTIVE", ages="18000:0:90:7:30::"),
    _shut("loose", "StrictModes", mode=0o666),
    _key("ownfile", "StrictModes and its own group", mode=0o660),
    _key("ownfolder", "StrictModes and its own group", folder=0o770),
    _key("ownhome", "StrictModes and its own group", home=0o770),
    _shut("loosefolder", "StrictModes", folder=0o777),
    _shut("loosehome", "StrictModes", home=0o707),
    _shut("teamhome", "StrictModes", groups=("ssh-users", "games"), home=0o770, home_of=(0, 60)),
    _shut("theirhome", "StrictModes", home_of=(2, 2)),
    _key("roothome", "StrictModes", home=0o755, home_of=(0, 0)),
    # names of root
    _root("rootyes", "yes", "key"),
    _root("rootkeys", "prohibit-password", "key"),
    _root("rootforced", "forced-commands-only", None),
    _root("rootno", "no", None),
    # passwords
    Login("guessed", "PasswordAuthentication", "password", None, (_PASSWORDS,), secret=HASH),
    Login("nopassword", "PasswordAuthentication", None, None, secret=HASH),
    Login("asked", "KbdInteractiveAuthentication", "password", None, ("KbdInteractiveAuthentication yes",), secret=HASH),
    Login("lockedword", "a locked password", None, None, (_PASSWORDS,), secret="!" + HASH),
    Login("inactiveword", "INACTIVE", None, None, (_PASSWORDS,), secret=HASH, ages="18000:0:90:7:30::"),
    Login("deniedword", "DenyUsers", None, None, (_PASSWORDS,), lists=("DenyUsers deniedword",), secret=HASH),
    Login("wordkey", "AuthenticationMethods", None, None, ("AuthenticationMethods publickey,password", _PASSWORDS), secret=HASH),
    Login("rootword", "PermitRootLogin yes", "password", None, ("PermitRootLogin yes", _PASSWORDS), uid=0, secret=HASH),
    Login("rootnoword", "PermitRootLogin prohibit-password", None, None, ("PermitRootLogin prohibit-password", _PASSWORDS), uid=0, secret=HASH),
    Login("open", "PermitEmptyPasswords", "nothing", None, (_PASSWORDS, "PermitEmptyPasswords yes"), secret=""),
    Login("empty", "PermitEmptyPasswords", None, None, (_PASSWORDS,), secret=""),
)  # fmt: skip

SETTINGS = (
    "PermitRootLogin no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitEmptyPasswords no",
    "AllowGroups ssh-users", "DenyGroups locked-out",
)  # fmt: skip
"""Of the whole server; a Match block of an account is laid over them."""


def plant(build: Build, public: str, others: Iterable[str] = ()) -> None:
    """Put the accounts on a host, all with the same key; AllowUsers names the others there as well."""
    lists: dict[str, list[str]] = {"AllowUsers": [ACCOUNT, *others], "DenyUsers": []}
    for login in LOGINS:
        _account(build, login, public)
        for text in login.lists:
            keyword, pattern = text.split()
            lists[keyword].append(pattern)
        if login.account != "unlisted" and not any(one.startswith("AllowUsers") for one in login.lists):
            lists["AllowUsers"].append(login.account)
        if login.block:
            header = () if login.block[0].startswith("Match") else (f"Match User {login.account}",)
            build.sshd_last += [*header, *login.block]
    build.sshd |= dict(line.split(" ", 1) for line in SETTINGS)
    build.sshd |= {keyword: " ".join(patterns) for keyword, patterns in lists.items()}
    build.sshd["MaxStartups"] = "100"  # several are asked at a time


def _account(build: Build, login: Login, public: str) -> None:
    name = login.account
    uid = build.account(name, uid=login.uid, shell=login.shell, secret=login.secret, ssh=False)
    for group in login.groups:
        build.member(name, group, gid=900 + sum(map(ord, group)) % 90)
    was, told = (f"\n{name}:{login.secret}:{ages}\n" for ages in ("20000:0:99999:7:35::", login.ages))
    build.root.edit("/etc/shadow", lambda text: text.replace(was, told))
    if login.line is not None:
        build.authorise(name, uid, f"{login.line}{public} {name}")
        path = f"/home/{name}/.ssh/authorized_keys"
        build.root.write(path, build.root.read(path), mode=login.mode, owner=(uid, uid))
        build.root.directory(f"/home/{name}/.ssh", mode=login.folder, owner=(uid, uid))
        build.root.directory(f"/home/{name}", mode=login.home, owner=login.home_of or (uid, uid))


def answers(client: Host, key: str, address: str, logins: Iterable[Login] = LOGINS) -> Mapping[tuple[str, With], bool]:
    """Return who gets a shell with what, asked on ``client`` of the sshd behind an address."""
    client.run(["/bin/sh", "-c", f"printf '#!/bin/sh\\necho {PASSWORD}\\n' >/srv/say && chmod 755 /srv/say"])
    asked = [(login.account, way) for login in logins for way in _asked(login)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = pool.map(lambda one: gets_a_shell(client, key, address, *one), asked)
        return dict(zip(asked, told, strict=True))


def _asked(login: Login) -> tuple[With, ...]:
    """Return what is worth trying; a wrong password costs PAM's two seconds."""
    if login.secret in ("*", "!"):
        return ("key",)
    if not login.secret:
        return ("nothing",)
    return ("password",) if login.line is None else ("key", "key and password")


def _argv(key: str, address: str, account: str, way: With) -> list[str]:
    methods = {"key": "publickey", "key and password": "publickey,password", "nothing": "none"}
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "ConnectTimeout": "60",
        "NumberOfPasswordPrompts": "1",
        "IdentitiesOnly": "yes",
        "BatchMode": "no" if "password" in way else "yes",
        "PubkeyAuthentication": "yes" if "key" in way else "no",
        "PreferredAuthentications": methods.get(way, "password,keyboard-interactive"),
    }
    told = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    say = ["/usr/bin/env", "SSH_ASKPASS=/srv/say", "SSH_ASKPASS_REQUIRE=force"]
    return [*say, "/usr/bin/timeout", "120", "/usr/bin/ssh", "-i", key, *told, f"{account}@{address}", "echo let-in"]


_UNANSWERED = ("Connection refused", "timed out", "kex_exchange_identification", "No route to host")
_BROKEN = "Connection "
_TRIES = 3
_TIMED_OUT = 124  # exit code of timeout(1)


def gets_a_shell(client: Host, key: str, address: str, account: str, way: With = "key") -> bool:
    """Return whether the sshd behind an address gives somebody on ``client`` a shell as this account.

    A connection that broke is no answer, unless it breaks each time: so PAM turns expired accounts away.

    Raises:
        LabError: sshd never answered; that says nothing about the account.
    """
    argv = _argv(key, address, account, way)
    for _ in range(_TRIES):
        done = client.run(argv)
        if "let-in" in done.stdout:
            return True
        silent = done.returncode == _TIMED_OUT or any(word in done.stderr for word in _UNANSWERED)
        if not silent and _BROKEN not in done.stderr:
            return False
    if silent:
        raise LabError(f"{account}@{address}: no answer in {_TRIES} tries: {done.stderr.strip() or done.returncode}")
    return False

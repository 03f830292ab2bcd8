"""Accounts of gate behind certificates: what sshd says to one that a stolen authority signed, and what the graph must.

The authority's key is that of signer on den. Some accounts trust it by a line of their own, others by TrustedUserCAKeys.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.lab.host import Build, Host
from tests.lab.logins import AT_ONCE, gets_a_shell

_FILE = "/etc/ssh/lab_ca.pub"
_TRUSTS = f"TrustedUserCAKeys {_FILE}"
_CERTIFY = "umask 077; cat >/srv/authority; ssh-keygen -q -t ed25519 -N '' -f /srv/own; ssh-keygen -q -s /srv/authority -I me -n "


@dataclass(frozen=True, slots=True)
class Vouched:
    """One account of gate, and whether a certificate for its name opens it."""

    account: str
    about: str
    opens: bool
    block: tuple[str, ...] = ()
    """Lines of its Match block."""
    line: str | None = None
    """Options of a line in authorized_keys for the authority's key."""
    uid: int | None = None
    doubtful: bool = False
    """The graph cannot tell, and says that it is possible."""


VOUCHED = (
    Vouched("signed", "cert-authority", True, line="cert-authority "),
    Vouched("signedonly", "cert-authority and command=", False, line='cert-authority,command="/bin/date" '),
    Vouched("certsonly", "certificates and nothing else", True, ("PubkeyAcceptedAlgorithms ssh-ed25519-cert-v01@openssh.com",), "cert-authority "),
    Vouched("vouched", "TrustedUserCAKeys", True, (_TRUSTS,)),
    Vouched("unvouched", "no authority", False),
    Vouched("vouchedelse", "TrustedUserCAKeys of another authority", False, ("TrustedUserCAKeys /etc/ssh/other_ca.pub",)),
    Vouched("vouchedrsa", "CASignatureAlgorithms", False, (_TRUSTS, "CASignatureAlgorithms rsa-sha2-512")),
    Vouched("vouchedtwo", "AuthenticationMethods", False, (_TRUSTS, "AuthenticationMethods publickey,keyboard-interactive")),
    Vouched("unnamed", "AuthorizedPrincipalsFile", False, (_TRUSTS, "AuthorizedPrincipalsFile /etc/ssh/principals-%u"), doubtful=True),
    Vouched("vouchroot", "PermitRootLogin forced-commands-only", True, (_TRUSTS, "PermitRootLogin forced-commands-only"), uid=0),
)  # fmt: skip


def plant(gate: Build, authority: str, other: str) -> None:
    """Put the accounts on a host that trust this authority's public key; ``other`` signs nothing."""
    gate.root.write(_FILE, f"# who signs\n{authority}\n")
    gate.root.write("/etc/ssh/other_ca.pub", f"{other}\n")
    for one in VOUCHED:
        uid = gate.account(one.account, uid=one.uid)
        if one.line is not None:
            gate.authorise(one.account, uid, f"{one.line}{authority}")
        if one.block:
            gate.sshd_last += [f"Match User {one.account}", *one.block]


def answers(client: Host, authority: str, address: str) -> Mapping[str, bool]:
    """Return which accounts behind an address a certificate for all of them opens, signed with a private key.

    Who signs says what runs: a command for root comes with the certificate, as every shell could.
    """
    names = ",".join(one.account for one in VOUCHED)
    made = client.run(["/bin/sh", "-ec", f"{_CERTIFY}{names} -O force-command='echo let-in' /srv/own.pub"], authority)
    assert made.returncode == 0, made.stderr
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = pool.map(lambda one: gets_a_shell(client, "/srv/own", address, one.account), VOUCHED)
        return {one.account: yes for one, yes in zip(VOUCHED, told, strict=True)}

"""Rule 15 where sshd trusts an authority for all accounts (TrustedUserCAKeys): what its key signs logs in."""

from __future__ import annotations

from datetime import datetime

from posture.graph import draft as d
from posture.graph.admission import admits_certificate
from posture.graph.draft import Draft
from posture.graph.evidence import Facts, HostView
from posture.graph.logins import Doors
from posture.graph.ssh_trust import Keys, root_findings


def add_certificates(draft: Draft, doors: Doors, keys: Keys, as_of: datetime) -> None:
    """Add what whoever holds an authority's key can sign, and say that others may hold it, or a certificate."""
    if not doors.endpoints:
        return
    for file in doors.sshd.told("trustedusercakeys"):
        draft.lets_in("ssh-ca", doors.view.id, _trusted(doors.view, file))
    for authority in doors.view.rows("ssh_keys", "authorities"):
        for name in doors.sshd.people.workers():
            _add_certificate(draft, doors, authority, name, keys, as_of)


def _trusted(view: HostView, file: str) -> str:
    listed = [str(one["fingerprint"]) for one in view.rows("ssh_keys", "authorities") if one["path"] == file]
    named = f"of CA {', '.join(listed[:3])}" if listed else "of whom was not read"
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return f"sshd trusts certificates {named}{more} ({file}): who else holds a key of it or a certificate was not seen"


def _add_certificate(draft: Draft, doors: Doors, authority: Facts, user: str, keys: Keys, as_of: datetime) -> None:
    """Add what whoever holds the key of an authority of TrustedUserCAKeys can sign for one account."""
    view, people = doors.view, doors.sshd.people
    fingerprint, path = str(authority["fingerprint"]), str(authority["path"])
    short = fingerprint[:19]
    for door in doors.open_to(lambda source: admits_certificate(doors.sshd, user, authority, source, as_of)):
        trusted = draft.setting(
            view,
            f"trusted-authority|{fingerprint}",
            f"sshd of {view.id} trusts certificates that key {short}… of {path} signs",
            f"take key {short}… out of {path} on {view.id}, and trust one instead that is kept in hardware",
        )
        premises = [d.key(draft, fingerprint), door.premise]
        if door.admitted.with_password:
            premises.append(d.password(draft, view, user))
        asked = " and the account's password" if door.admitted.with_password else ""
        draft.edge(
            "ssh-ca",
            premises,
            d.account(draft, view, user),
            f"key {short}…{asked} signs a certificate that logs in as {user} on {view.id} over {door.words}: "
            f"TrustedUserCAKeys {path} has it, and sshd lets the account in with a shell",
            conditions=[trusted, *door.conditions, *root_findings(draft, view, user, people)],
            sure=door.admitted.sure,
            evidence=(
                *view.ref("ssh_keys", f"authorities[fingerprint={fingerprint}]"),
                *view.ref("sshd", "effective.trustedusercakeys"),
            ),
        )
        keys.opens.setdefault(fingerprint, set()).add(view.id)

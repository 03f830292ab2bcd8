"""Adds to a bundle what others make over its digests: a second person's signature, an authority's timestamp.

What was signed first stays byte for byte: the new member goes behind the last one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from posture.errors import UsageError
from posture.proof import signing
from posture.proof.answers import Answered
from posture.proof.layout import COUNTERSIGN_NAMESPACE, COUNTERSIGNATURE, SSH_SIGNATURE, SUMS, TIMESTAMP
from posture.proof.reading import Bundle
from posture.proof.signing import Signer
from posture.proof.stamping import MAX_REPLY_BYTES, Stamp, query_of, stamp_of, why_not
from posture.proof.tarfile_strict import TarWriter, end_of
from posture.proof.verify import files_hold
from reports.files import new_file


def countersign(path: Path, signer: Signer) -> None:
    """Add a second person's signature over the same digests.

    Raises:
        UsageError: it is no whole bundle, is not signed, has one already, or the key is the one that signed it.
    """
    bundle = _whole(path)
    sums = bundle.content(SUMS)
    first = signing.ssh_key_of(sums, bundle.content(SSH_SIGNATURE)) if SSH_SIGNATURE in bundle.members else ""
    if not first:
        raise UsageError(f"{path} has no signature that holds: nothing to countersign", hint="sign it when it is made")
    if signer.ssh_fingerprint == first:
        raise UsageError(f"{first} signed it first", hint="a countersignature is another person's, by another key")
    _append(bundle, COUNTERSIGNATURE, signer.sign_ssh(sums, COUNTERSIGN_NAMESPACE))


def timestamp_request(path: Path) -> bytes:
    """Return the query for a timestamp of a bundle; whoever carries it to the authority shows it a digest only.

    Raises:
        UsageError: it is no whole bundle.
    """
    return query_of(_whole(path).content(SUMS))


def add_timestamp(path: Path, token: Path, authority: Path) -> Stamp:
    """Add the authority's reply, checked first, and return what it says.

    Raises:
        UsageError: it is no whole bundle, has one already, or the reply is not about it or not the authority's.
    """
    bundle = _whole(path)
    try:
        with token.open("rb") as file:
            reply = file.read(MAX_REPLY_BYTES + 1)
    except OSError as reason:
        raise UsageError(f"{token} cannot be read: {reason.strerror}", hint="name the authority's reply") from None
    stamp = stamp_of(reply) if len(reply) <= MAX_REPLY_BYTES else None
    if stamp is None or why_not(bundle.content(SUMS), reply, authority, stamp.made_at):
        raise UsageError(
            f"{token} is no timestamp of these digests by {authority}",
            hint="send the query of this very bundle, and name the certificate of that authority",
        )
    _append(bundle, TIMESTAMP, reply)
    return stamp


def _whole(path: Path) -> Bundle:
    bundle = Bundle(path)
    for line in files_hold(bundle):
        if line.answered is not Answered.HOLDS:
            raise UsageError(f"{path} does not hold: {line.detail}", hint="`posture verify` says all that is wrong")
    return bundle


def _append(bundle: Bundle, name: str, content: bytes) -> None:
    if name in bundle.members:
        raise UsageError(f"{bundle.path} has {name} already", hint="a bundle carries one; `posture verify` checks it")
    home = bundle.path.resolve()  # a link to the bundle stays a link
    with home.open("rb") as old, new_file(home) as file:
        os.fchmod(file.fileno(), stat.S_IMODE(os.fstat(old.fileno()).st_mode))
        writer = TarWriter(file)
        left = end_of(bundle.members.values())
        while left:
            chunk = old.read(min(left, 1 << 20))
            if not chunk:
                raise UsageError(
                    f"{bundle.path} became shorter while it was read", hint="run it again on a file at rest"
                )
            file.write(chunk)
            left -= len(chunk)
        writer.add(name, content)
        writer.close()

"""The authorities that an agency's clients trust: a file of certificates in PEM, roots and intermediates."""

from __future__ import annotations

import re
from pathlib import Path

from posture.certificates import read_certificate
from posture.errors import ConfigError

FILE_BYTES = 8_000_000  # the federal and the defence bundle together have less than one
ANCHORS_MAX = 2_000
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


def read(path: Path) -> tuple[str, ...]:
    """Return each certificate of the file once, in its order.

    Raises:
        ConfigError: when there is no such file, nothing in it, or something in it is no certificate of an authority.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no trust anchors", hint="the inventory names them under `trust_anchors`")
    with path.open("rb") as file:
        content = file.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        raise ConfigError(f"{path}: more than {FILE_BYTES:,} bytes", hint="only the certificates of authorities")
    found = tuple(dict.fromkeys(_PEM.findall(content.decode("ascii", "replace").replace("\r", ""))))
    if not found or len(found) > ANCHORS_MAX:
        hint = "blocks from BEGIN CERTIFICATE to END CERTIFICATE"
        raise ConfigError(f"{path}: {len(found):,} certificates, of 1 to {ANCHORS_MAX:,}", hint=hint)
    for number, pem in enumerate(found, 1):
        read_one = read_certificate(pem)
        if isinstance(read_one, str):
            raise ConfigError(f"{path}: certificate {number}: {read_one}", hint="take it out, or export it again")
        if not read_one.authority:
            hint = "only authorities belong here: roots and intermediates"
            raise ConfigError(f"{path}: certificate {number}, `{read_one.subject}`, may not sign others", hint=hint)
    return found

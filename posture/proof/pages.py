"""VERIFY.md: how to check a bundle with programs that every Linux box has, and none of ours."""

from __future__ import annotations

from collections.abc import Set

from posture.proof.layout import COUNTERSIGN_NAMESPACE, NAMESPACE
from posture.proof.signing import Signer

_SIGNED = """\
3. Were the digests signed? `allowed_signers` and `signer.pub` must reach you **outside** this
   bundle, from whoever runs the scanner.

       ssh-keygen -Y verify -f allowed_signers -I assessor@example.gov -n {namespace} -s SHA256SUMS.sig < SHA256SUMS
"""
_ECDSA = """\
   The same with OpenSSL alone:

       openssl dgst -sha256 -verify signer.pub -signature SHA256SUMS.ecdsa SHA256SUMS

   `attestation.dsse.json` is an in-toto statement over SHA256SUMS in a DSSE envelope, signed with the same key.
"""
_NOT_SIGNED = """\
3. **This bundle is not signed.** Signing was turned off when it was made: anyone could have made it.
"""
_COUNTERSIGNED = """\
   {whether} a second person's signature over the same digests in `SHA256SUMS.countersig`; its key stands in
   `allowed_signers` too, under another name, and is not the first one:

       {unless}ssh-keygen -Y verify -f allowed_signers -I reviewer@example.gov -n {namespace} \\
         -s SHA256SUMS.countersig < SHA256SUMS
"""
_STAMPED = """\
   {whether} a timestamp of an authority (RFC 3161) in `SHA256SUMS.tsr`:

       {unless}openssl ts -verify -data SHA256SUMS -in SHA256SUMS.tsr -CAfile tsa.crt

   `openssl ts -reply -in SHA256SUMS.tsr -text` says when it was made. When the authority's certificate has expired
   since, the command above fails; with `-attime` and that moment in seconds (`date -ud MOMENT +%s`) it asks as of then.
"""
_ASKED, _MAY = "It is asked to carry, and is not whole without,", "It may carry, added after it was made,"

_CHAIN = """\
import hashlib, json, sys
prev = "00" * 32
for line in open("audit.jsonl"):
    row = json.loads(line)
    digest = hashlib.sha256(bytes.fromhex(prev) + row["content"].encode()).hexdigest()
    if row["prev"] != prev or row["digest"] != digest:
        sys.exit(f"row {row['seq']} does not follow from the one before")
    prev = digest
want = json.load(open("manifest.json"))["audit_head"]
print("chain holds" if prev == want else "the chain was cut")
sys.exit(prev != want)
"""


def verify_page(run: str, signer: Signer | None, *, asks: Set[str]) -> str:
    """Return the page for a bundle that is signed in this way; what it does not ask for may still be added."""
    signed = _NOT_SIGNED
    if signer is not None:
        signed = _SIGNED.format(namespace=NAMESPACE) + ("\n" + _ECDSA if signer.ecdsa is not None else "")
        signed += "\n" + _later(_COUNTERSIGNED, "SHA256SUMS.countersig", asked="countersignature" in asks)
    signed += "\n" + _later(_STAMPED, "SHA256SUMS.tsr", asked="timestamp" in asks)
    chain = "".join(f"       {line}\n" if line else "\n" for line in _CHAIN.splitlines())
    return f"""\
# Evidence of run {run}

Unpack it into an empty directory (`tar -xf`), and work there. No program of ours is needed.

1. Is every file what it was?

       sha256sum -c --strict --quiet SHA256SUMS

2. Is nothing there that is not listed? This prints nothing:

       find . -type f | sed 's|^./||' | LC_ALL=C sort > /tmp/there
       sed -i -E '/^(SHA256SUMS(\\.sig|\\.countersig|\\.ecdsa|\\.tsr)?|attestation\\.dsse\\.json)$/d' /tmp/there
       cut -c67- SHA256SUMS | LC_ALL=C sort | LC_ALL=C comm -3 - /tmp/there

{signed}
4. Is the audit log whole? Save these lines as chain.py outside and run them here with python3:

{chain}
What lies where: `manifest.json` says who scanned, by what authority, and how much was seen. `raw/HOST/` has each
session (with the SSH host key it was held with) and each answer as it came, after redaction, with what was asked beside
it in `.meta.json`. `verdicts.jsonl` has every verdict, `judged-by/` what they were judged by, `reports/` the reports.
`receipts.jsonl` says of each finding that this run closed as fixed with which evidence it failed and with which it
passes. `attestations.jsonl` has what people state where no program could look, by name and with the digest of the
document it rests on: such results are `manual`, never `pass`.

With the scanner installed, `posture verify BUNDLE` does all of this, judges every raw answer again and compares each
verdict.
"""


def _later(text: str, name: str, *, asked: bool) -> str:
    unless = "" if asked else f"test ! -e {name} || "
    return text.format(whether=_ASKED if asked else _MAY, unless=unless, namespace=COUNTERSIGN_NAMESPACE)

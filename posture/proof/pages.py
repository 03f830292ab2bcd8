"""VERIFY.md: how to check a bundle with programs that every Linux box has, and none of ours."""

from __future__ import annotations

from collections.abc import Set

from posture.proof.layout import BASELINE, COUNTERSIGN_NAMESPACE, INVENTORY, NAMESPACE, PARTS
from posture.proof.signing import Signer
from posture.store.pins import ANSWER_KEYS, SESSION_KEYS

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

_PARTS = ",\n    ".join(f'("{what}", "{name}")' for what, name in PARTS.items())
_CHAIN = f"""\
import glob, hashlib, json, sys
manifest = json.load(open("manifest.json"))
prev, begun, ended = "00" * 32, None, None
for line in open("audit.jsonl", encoding="utf-8"):
    row = json.loads(line)
    digest = hashlib.sha256(bytes.fromhex(prev) + row["content"].encode()).hexdigest()
    if row["prev"] != prev or row["digest"] != digest:
        sys.exit(f"row {{row['seq']}} does not follow from the one before")
    prev, said = digest, json.loads(row["content"])
    if said["run"] == manifest["run"] and said["event"] in ("run_begun", "run_ended", "run_pinned"):
        if ended and ended.get("state") != "incomplete":
            sys.exit("the run goes on after its end")
        begun, ended = (said["detail"], ended) if said["event"] == "run_begun" else (begun, said["detail"])
if prev != manifest["audit_head"]:
    sys.exit("the chain was cut")
print("the chain holds")

listed = {{name: digest for digest, name in (line.rstrip("\\n").split("  ", 1) for line in open("SHA256SUMS"))}}
if "answers" not in (ended or {{}}):
    sys.exit("no digest of the answers was written when the run was made")
wrong = []
for what, name in (("inventory", "{INVENTORY}"), ("baseline", "{BASELINE}")):
    wrong += [name] if listed.get(name) != begun[what] else []
for piece in json.load(open("{INVENTORY}"))["pieces"]:
    wrong += [piece] if listed.get(f"judged-by/inventory/{{piece}}.json") != piece else []
for what, name in (
    {_PARTS}
):
    wrong += [name] if listed.get(name) != ended["parts"].get(what) else []
wrong += [name for name in ("operator", "scanner", "authorisation", "origin") if manifest[name] != begun[name]]
wrong += ["fingerprint"] if manifest["fingerprint"] != (ended.get("fingerprint") or manifest["fingerprint"]) else []

SESSION = "{" ".join(SESSION_KEYS)}".split()
ANSWER = (
    "{" ".join(ANSWER_KEYS[:8])} "
    "{" ".join(ANSWER_KEYS[8:])}"
).split()
sessions, answers = [], hashlib.sha256()
for name in glob.glob("raw/*/*.session.json"):
    number = int(name.split("/")[2].split(".")[0])
    sessions.append((json.load(open(name, encoding="utf-8")), number, name.removesuffix(".session.json")))
for session, number, stem in sorted(sessions, key=lambda one: (one[0]["host"], one[1])):
    lines = []
    for name in sorted(glob.glob(stem + "-*.meta.json")):
        answer, base = json.load(open(name, encoding="utf-8")), name.removesuffix(".meta.json")
        for end, key in ((".out", "sha256"), (".err", "stderr_sha256")):
            wrong += [base + end] if listed.get(base + end, hashlib.sha256().hexdigest()) != answer[key] else []
        lines.append([answer[key] for key in ANSWER])
    told = [*(session[key] for key in SESSION), sorted(lines)]
    answers.update(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\\n")
wrong += ["raw/"] if answers.hexdigest() != ended["answers"] else []
print("not what the chain says: " + ", ".join(wrong) if wrong else "everything is what the chain says of the run")
sys.exit(bool(wrong))
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
4. Is the audit log whole, and is this bundle what it said of the run when the run was made? Save these lines as
   chain.py outside and run them here with python3:

{chain}
   This shows that evidence, inventory, scope and results were not changed after the run ended while the log stayed
   what it was. It does not show that the log stayed what it was: nothing in it is secret, and who holds the signing key
   can write all of it anew. Against that, hold it against what they cannot reach. A timestamp as in step 3 covers
   SHA256SUMS, which covers audit.jsonl: the log was not written after that moment. Between the run and that moment it
   proves nothing. A bundle that you were given earlier, unpacked in EARLIER, has the beginning of the same log:

       test ! -e EARLIER/audit.jsonl || head -c "$(wc -c < EARLIER/audit.jsonl)" audit.jsonl | cmp - EARLIER/audit.jsonl

What lies where: `manifest.json` says who scanned, by what authority, and how much was seen. `raw/HOST/` has each
session (with the SSH host key it was held with) and each answer as it came, after redaction, with what was asked beside
it in `.meta.json`. `verdicts.jsonl` has every verdict, `judged-by/` what they were judged by, `reports/` the reports.
`receipts.jsonl` says of each finding that this run closed as fixed with which evidence it failed and with which it
passes. `first-sights.json` says since when each finding is known: its due dates start there. `attestations.jsonl` has
what people state where no program could look, by name and with the digest of the document it rests on: such results
are `manual`, never `pass`.

With the scanner installed, `posture verify BUNDLE` does all of this, judges every raw answer again and compares each
verdict.
"""


def _later(text: str, name: str, *, asked: bool) -> str:
    unless = "" if asked else f"test ! -e {name} || "
    return text.format(whether=_ASKED if asked else _MAY, unless=unless, namespace=COUNTERSIGN_NAMESPACE)

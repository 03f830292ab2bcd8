"""docs/attack-paths.md: the model in plain words, and every rule of the catalogue."""

from __future__ import annotations

from posture.catalogue.load import load
from posture.model.rule import AttackRule, RuleBook
from tests.lab.logins import LOGINS
from tests.lab.planted import NOT_PLANTED, PLANTED
from tools.markdown import BANNER, flowed, table

INTRO = """# Attack paths

A scan says what is wrong on each host. This says what an attacker makes of it over all hosts: from where, over which
steps, to what must not be lost, and which change ends it.

## The model

- A **node** is something an attacker holds: packets from a zone, a port that answers, an account, root, a key, a
  password, a share.
- An **edge** is a rule at one place: *whoever holds every premise can get the conclusion*. `key + port of the host ->
  account` is one edge with two premises.
- A **condition** is what is configured and lets the edge be: a finding of a check, or a legitimate setting such as a
  line of authorized_keys. It is a label, not a node: take away **any one** condition of an edge and the edge is gone.
  That is how fixes are counted.
- Nothing is ever lost again by the attacker, so what can be reached is one least fixed point; cycles need no care.
- **Origins** are untrusted zones (prior 1.0), partner zones (0.3), and, shown apart, an assumed breach in each
  internal zone (0.05). **Objectives** are hosts declared `essential`, `vital` or `crown jewel`; hosts whose keys open
  three others or more are suggested, and stay suggestions until the inventory says so.
- Each edge carries two numbers. `p` is the chance of success of somebody able who tries; the **confidence** is how
  sure it is that the step exists. At 0.9 and above everywhere a path is *confirmed*, otherwise *possible*. Both are
  judgements in tiers, uncalibrated; they order work and set no date.

The graph stays linear in hosts: ports that the same zones reach share one *reach* node; an account is present in its
zone once; a key joins those who hold it to those who accept it. A login that sshd allows from some sources only
(`from=`, `Match Address`, `AllowUsers user@host`) gets a reach node of its own.

## What it does not do

- No login is tried and no exploit is run. Fingerprints of private keys that lie on hosts are matched to
  authorized_keys, and what sshd would say is worked out from `sshd -T` with its Match blocks.
- It never says "unreachable": it says *no path found in the evidence collected*, with the coverage beside it. A rule
  whose facts are unseen on a host is listed as not evaluated there.
- A zone from which nobody looked may reach every port that listens: such steps are *possible*. More vantages make
  them known.
- Lockouts, detection and outages take nothing away from the attacker here.
- `posture dispute` marks an edge that is wrong, with owner, reason and expiry; it is shown, and stays.
"""


def paths_page() -> str:
    """Return the page."""
    book = load().rulebook
    asked = sorted((rule for rule in book.rules if rule.evaluated), key=_order)
    unasked = sorted((rule for rule in book.rules if not rule.evaluated), key=_order)
    aged = ", ".join(f"x {one.factor:g} after {one.days} days" for one in book.staleness)
    parts = [
        BANNER + INTRO,
        f"## The rules\n\n{_count(book, asked)}\n",
        table(_COLUMNS, (_row(rule) for rule in asked)),
        "## Not evaluated anywhere\n",
        table(("rule", "step", "why"), ((rule.id, flowed(rule.title), flowed(rule.why_not)) for rule in unasked)),
        f"## Tried on real hosts\n\n{_TRIED}\n",
        table(
            ("rule", "must be found", "must not be found", "after the fix"),
            ((row.rule, row.what, row.near_what, "gone" if row.where else "stays") for row in PLANTED),
        ),
        "Found beside near misses by other scans of the lab, real services among them, and gone in the next one:\n",
        "\n".join(f"- {rule}: {flowed(why)}" for rule, why in sorted(NOT_PLANTED.items())) + "\n",
        f"{_logins()}\n",
        "## Tiers\n",
        table(
            ("tier", "p", "meaning", "source"),
            ((one.tier.value, f"{one.p:g}", flowed(one.meaning), flowed(one.source)) for one in book.tiers),
        ),
        "## Confidence\n",
        table(
            ("evidence", "confidence", "meaning"),
            ((one.id, f"{one.value:g}", flowed(one.meaning)) for one in book.confidence),
        ),
        f"Evidence grows old: {aged}.\n",
    ]
    return "\n".join(parts)


_TRIED = (
    "Every rule is tried on made documents in the tests: an edge, a near miss, a fix. Those below are tried on hosts "
    "of the lab as well (network namespaces with a real sshd, scanned by the command line): one scan must find the "
    "first and not the second; the fix is made on the hosts, and the next scan must show that the edge is gone."
)


def _logins() -> str:
    about = sorted({login.about for login in LOGINS}, key=str.casefold)
    return (
        f"For {len(LOGINS)} accounts of one of these hosts the graph must say what its sshd does when it is asked "
        f"for a shell with the key or the password: {', '.join(about)}."
    )


_COLUMNS = ("rule", "step", "facts", "conditions by", "ATT&CK", "tier", "minutes, human / machine", "ended by")


def _count(book: RuleBook, asked: list[AttackRule]) -> str:
    covered = sum(rule.number > 0 for rule in asked)
    total = sum(rule.number > 0 for rule in book.rules)
    return (
        f"{covered} of the {total} kinds of step we set out to cover are evaluated, {len(asked) - covered} of our own. "
        f"Technique ids are of ATT&CK {book.attack_version}. Source: `baselines/graph/rules.yaml`."
    )


def _order(rule: AttackRule) -> tuple[int, str]:
    return (rule.number or 99, rule.id)


def _row(rule: AttackRule) -> tuple[str, ...]:
    mark = " (experimental)" if rule.maturity.value == "experimental" else ""
    return (
        rule.id,
        f"{flowed(rule.title)}{mark}: {' + '.join(rule.premises)} -> {rule.conclusion}",
        ", ".join(f"`{fact}`" for fact in rule.facts),
        ", ".join(rule.checks) or "-",
        ", ".join(rule.attack),
        "/".join(tier.value for tier in rule.tiers),
        f"{rule.minutes_human:g} / {rule.minutes_machine:g}",
        flowed(rule.remedy),
    )

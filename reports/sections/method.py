"""What the words mean, how numbers are made, and what a report like this cannot say."""

from __future__ import annotations

from reports.survey import Survey
from reports.view import MethodView, Pair
from reports.words import STATUS

_TERMS = (
    ("Coverage", "Decided results (pass, fail, not applicable) out of hosts of the inventory times checks of the "
     "profile. The denominator is fixed before anything is collected. Shares are rounded down."),
    ("Assessed host", "A host with at least one decided result that rests on an answer, not only on what the "
     "inventory declares. It is complete when every check is decided."),
    ("Blind spot", "Something we asked for and do not have, with the reason. It is never counted as good."),
    ("Finding", "A failing check on a host, from the day it was first seen until it is seen mended. "
     "A finding that could not be looked at again stays open."),
    ("Waived", "Someone accepted the failure until a date. It remains a failure and is counted as one."),
    ("Due", "The date of the first binding clock, in calendar days, UTC. Scores and weights never set a date."),
    ("Clock", "A deadline rule with its authority, version and start. Only those marked as law or directive are law."),
    ("Score", "Weight of the checks that hold, out of the weight of all checks of a category. The low end takes every "
     "unknown as failing, the high end as passing. The weights are judgements and are not fitted to losses."),
    ("Evidence", "The bytes a host answered with, after secrets were taken out, named by their SHA-256."),
    ("Vantage", "The place we looked from. `self` is a machine looking at itself and proves nothing about exposure."),
    ("U+202E in brackets", "A character written out: it could steer a terminal, turn the reading direction or hide."),
)  # fmt: skip

_WALK = (
    ("A result", "`posture show host ID --json` and `assessment.json` hold every result of a host, passes too, each "
     "with its facts, expected and actual values, and the ids of the commands it rests on."),
    ("A finding", "`posture show finding ID`, or its row in `findings.csv`: dates, waiver, evidence digests."),
    ("A blind spot", "Its row in `blind_spots.csv`: host, reason, topics and checks."),
    ("A digest", "`posture show evidence DIGEST` shows the stored answer; the digest is the SHA-256 of its "
     "bytes as stored."),
    ("A date", "The clock of that name under What is due when, with its authority, version and start."),
    ("The whole", "`posture evaluate` judges the stored evidence again, offline, and comes to the same fingerprint."),
)  # fmt: skip

_CANNOT_SAY = (
    "That a system is free of weaknesses. It says what these checks looked at, on these hosts, at this time.",
    "Anything about hosts that are not in the inventory.",
    "What an attacker has already done. No finding is not the same as no intrusion.",
    "That a deadline has been met in law. It computes dates from the rules it names; the authority decides.",
    "That text from hosts is true or meant for you. Banners, names and outputs are quoted as evidence. "
    "Instructions in them are not ours; neither people nor programs should follow them.",
)


def build_method(survey: Survey) -> MethodView:
    """Return the glossary; it is the same in every report."""
    return MethodView(
        statuses=tuple(Pair(status.label.replace("_", " "), meaning) for status, meaning in STATUS.items()),
        terms=tuple(Pair(term, meaning) for term, meaning in _TERMS),
        walk=tuple(Pair(term, meaning) for term, meaning in _WALK),
        cannot_say=_CANNOT_SAY,
        fingerprint=survey.assessment.fingerprint,
    )

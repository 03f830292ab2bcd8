"""The shape of assessment.json, schema ``posture.assessment/1``: fields may be added, never renamed or reused.

Apart from the nouns on purpose: those may change with the program, what others read may not.
One module for each part of the file; everyone takes the names from here.
"""

from reports.wire.assessment import Assessment
from reports.wire.attack import AttackPath, AttackPaths, PathEnd, PathStep, RuleGap, UnknownWay
from reports.wire.baseline import Baseline, Check, FixText, References, Tailoring
from reports.wire.hosts import Assertion, Evidence, Host, Result, UnassessedHost, Unseen, Zone
from reports.wire.proof import Approval, Attestation, Receipt, Sight, Unsettled, Waiver
from reports.wire.run import Coverage, Run
from reports.wire.words import SCHEMA, SeverityWord, StatusWord, Wire
from reports.wire.work import Campaign, Clock, Due, Finding, Fix, GroupScore, Rebase, Score

__all__ = [
    "SCHEMA",
    "Approval",
    "Assertion",
    "Assessment",
    "AttackPath",
    "AttackPaths",
    "Attestation",
    "Baseline",
    "Campaign",
    "Check",
    "Clock",
    "Coverage",
    "Due",
    "Evidence",
    "Finding",
    "Fix",
    "FixText",
    "GroupScore",
    "Host",
    "PathEnd",
    "PathStep",
    "Rebase",
    "Receipt",
    "References",
    "Result",
    "RuleGap",
    "Run",
    "Score",
    "SeverityWord",
    "Sight",
    "StatusWord",
    "Tailoring",
    "UnassessedHost",
    "UnknownWay",
    "Unseen",
    "Unsettled",
    "Waiver",
    "Wire",
    "Zone",
]

"""What the words in a report mean: one sentence each, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from posture.model.assessment import RunState
from posture.model.attestation import REASON as ATTESTED
from posture.model.attestation import AttestationState
from posture.model.burndown import Burndown
from posture.model.check import Effect, Risk
from posture.model.clock import Clock
from posture.model.finding import Closing, Status, WaiverState
from posture.model.observation import Blind, Origin

UNEXPLAINED = "unexplained"
"""The reason of a result that names none; it is a blind spot like any other."""


@dataclass(frozen=True, slots=True)
class BlindWords:
    """A reason for not knowing, what it means, and what to do about it."""

    title: str
    meaning: str
    action: str


BLIND: dict[str, BlindWords] = {
    Blind.UNREACHABLE: BlindWords(
        "Unreachable",
        "No connection could be made: the host is down, moved or behind a filter.",
        "Check address, route and firewall from the scanner; if the host is gone, take it out of the inventory.",
    ),
    Blind.HOST_KEY_UNKNOWN: BlindWords(
        "Host key not known",
        "The host showed a key that nobody has recorded, and we never trust on first use.",
        "Compare the fingerprint with the console, then record it with `posture trust`.",
    ),
    Blind.HOST_KEY_MISMATCH: BlindWords(
        "Host key changed",
        "The host showed another key than the recorded one: reinstalled, or someone stands in between.",
        "Find out which before anyone logs in; record the new key with `posture trust` only after that.",
    ),
    Blind.LOGIN_REFUSED: BlindWords(
        "Login refused",
        "The host answered and did not accept the scan account.",
        "Create the account, or name the right credential in the inventory.",
    ),
    Blind.COMMAND_REFUSED: BlindWords(
        "Command refused",
        "The account may log in, but may not run a command as root.",
        "Install the sudoers file that `posture manifest` prints; it allows exactly the commands listed there.",
    ),
    Blind.COMMAND_MISSING: BlindWords(
        "Command missing",
        "A program we ask is not on the host.",
        "Install the package, or declare in the inventory that the host has none.",
    ),
    Blind.TIMED_OUT: BlindWords(
        "Timed out",
        "The host did not finish its answer in the time allowed.",
        "Scan again at a quieter hour; if it stays so, raise the deadline for this host.",
    ),
    Blind.TRUNCATED: BlindWords(
        "Answer cut off",
        "The answer was longer than the limit, so the end of it was not seen.",
        "See in the evidence why it is so long; raise the limit only for a host you trust.",
    ),
    Blind.UNPARSEABLE: BlindWords(
        "Not understood",
        "The answer came and could not be read as what it should be.",
        "Look at the evidence: an unusual version, or a host that answers with rubbish.",
    ),
    Blind.NOT_ATTEMPTED: BlindWords(
        "Not attempted",
        "The question was never asked: the run ended early, or nobody stood where it can be asked.",
        "Resume the run, give the host a transport, or scan from a vantage in the zone that the detail names.",
    ),
    Blind.OUT_OF_SCOPE: BlindWords(
        "Out of scope",
        "The written authorisation does not cover this address or this time.",
        "Ask the system owner to extend the scope file, or accept that this stays unknown.",
    ),
    Blind.STALE: BlindWords(
        "Too old",
        "There is evidence, but it is older than the profile allows.",
        "Scan the host again.",
    ),
    Blind.NOT_KEPT: BlindWords(
        "No longer kept",
        "The answer was there, and the retention policy let it go since; its digest is still on record.",
        "While its archive is kept, `posture store retrieve RUN` brings it back; or scan the host again.",
    ),
    Blind.BUG: BlindWords(
        "Fault in the scanner",
        "Our own program failed here; the host is not to blame and is not known either.",
        "Report it with the run id; no other host was affected.",
    ),
    Status.ERROR.label: BlindWords(
        "Error while judging",
        "The facts are there and the check broke on them.",
        "Run `posture checks lint` and report the check with the run id.",
    ),
    Status.MANUAL.label: BlindWords(
        "Needs a person",
        "No program can decide this; it waits for someone to look and attest.",
        "Have the owner attest it, with name and date.",
    ),
    ATTESTED: BlindWords(
        "Attested, not measured",
        "No program could decide this. A person answers for it by name, with a reason and a last day.",
        "Look at the statement; where it can be measured, give the scanner what it needs.",
    ),
    UNEXPLAINED: BlindWords(
        "No reason given",
        "There is no verdict and no reason for it, or no result at all.",
        "Scan the host again; report it with the run id if it comes back.",
    ),
}

STATUS: dict[Status, str] = {
    Status.PASS: "Every fact was seen and every assertion holds.",
    Status.FAIL: "The facts were seen and at least one assertion does not hold. A waiver does not change this.",
    Status.NOT_APPLICABLE: "The facts were seen and the check does not concern this host.",
    Status.NOT_CHECKED: "A fact that decides is missing, and the reason says why. It may be good or bad.",
    Status.ERROR: "The facts were seen and judging them broke. It may be good or bad.",
    Status.MANUAL: "A person has to decide, or has stated something. It is not measured, so it is unknown.",
}

RISK: dict[Risk, str] = {
    Risk.NONE: "none expected",
    Risk.RESTART: "restarts a service",
    Risk.SESSION_DROP: "drops open sessions",
    Risk.LOCKOUT: "may lock administrators out",
    Risk.OUTAGE: "may cause an outage",
}

EFFECT: dict[Effect, str] = {
    Effect.PREVENTS: "prevents the attack",
    Effect.SLOWS: "slows the attacker",
    Effect.LIMITS_BLAST: "limits what is lost",
    Effect.DETECTS: "shows the attack",
}

CLOSING: dict[Closing, str] = {
    Closing.FIXED: "fixed",
    Closing.HOST_GONE: "host gone (not a fix)",
    Closing.NOT_APPLICABLE: "no longer applicable (not a fix)",
    Closing.CHECK_CHANGED: "check changed (not a fix)",
    Closing.MERGED: "merged into another finding (not a fix)",
}

WAIVER: dict[WaiverState, str] = {
    WaiverState.ACTIVE: "In force. The failures it covers stay failures.",
    WaiverState.EXPIRED: "Expired. It covers nothing any more.",
    WaiverState.UNNEEDED: "Not needed: the check no longer fails. Withdraw it.",
    WaiverState.ORPHAN: "Its check or its hosts are gone. Withdraw it.",
    WaiverState.LAPSED: "Lapsed: the facts it was granted for have changed. Decide again.",
}

ATTESTATION: dict[AttestationState, str] = {
    AttestationState.ACTIVE: "Stands in this run. What it speaks of stays unknown to the scanner and is not a pass.",
    AttestationState.EXPIRED: "Expired: the check is not checked again.",
    AttestationState.UNNEEDED: "Not needed: the scanner has a verdict of its own, and that stands.",
    AttestationState.ORPHAN: "Its check is not asked of its host in this run.",
}

ORIGIN: dict[Origin, str] = {
    Origin.LIVE: "read from the hosts in this run",
    Origin.REPLAYED: "replayed from recorded transcripts; no host was contacted",
    Origin.IMPORTED: "imported from files made by other tools",
    Origin.ATTESTED: "stated by a person, not measured",
}

RUN_STATE: dict[RunState, str] = {
    RunState.RUNNING: "The run has not ended: everything below is provisional.",
    RunState.INCOMPLETE: "The run was interrupted: what is missing is counted as unknown.",
    RunState.COMPLETE: "The run ended by itself.",
}

CAMPAIGN_LABEL = "agency campaign, not law"


def standing(*, legal: bool, binding: bool, campaign: bool, binds_from: date | None = None) -> str:
    """Return what a date is, so that a campaign is never taken for law; ``binds_from`` only while it lies ahead."""
    if campaign:
        return CAMPAIGN_LABEL
    if not legal:
        return "agency rule, not law"
    if binding and binds_from is not None:
        return f"directive, binding here from {binds_from}"
    return "law or directive, binding here" if binding else "law or directive, informative here"


def clock_standing(clock: Clock, *, binding: bool) -> str:
    """Return the standing of a clock; history makes nothing due."""
    if clock.history:
        return "history, makes nothing due"
    return standing(legal=clock.legal, binding=binding, campaign=clock.starts == "campaign")


def blind_words(reason: str) -> BlindWords:
    """Return the words for a reason; one we do not know is unexplained, never left out."""
    return BLIND.get(reason, BLIND[UNEXPLAINED])


def thousands(number: int) -> str:
    """Return ``12,345``."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 host`` or ``12 hosts``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(part: int, whole: int) -> str:
    """Return a share in whole percent, rounded down: what is not complete never reads ``100 %``."""
    if whole <= 0:
        return "0 %"
    if 0 < part * 100 < whole:
        return "under 1 %"
    return f"{part * 100 // whole} %"


def minutes_words(minutes: float) -> str:
    """Return ``under a minute``, ``10 minutes`` or ``5 h 15 min``."""
    return duration(round(minutes)) if minutes >= 1 else "under a minute"


def duration(minutes: int) -> str:
    """Return ``10 minutes`` or ``5 h 15 min``."""
    if minutes < 120:
        return counted(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    return f"{hours:,} h {rest} min" if rest else f"{hours:,} h"


def rate_words(found: Burndown) -> str:
    """Return the rate, its interval and what it leaves late, in a sentence."""
    if found.rate is None:
        return "rate: unknown, there is less than a day of history"
    rate, (slow, middle, fast) = found.rate, found.outlooks
    return (
        f"rate: {rate.per_day:.2f} fixed a day ({rate.fixed} in {rate.days} days; 95 % interval {rate.low:.2f} to "
        f"{rate.high:.2f}, Poisson); at this rate {middle.late} findings are late ({fast.late} to {slow.late})"
    )

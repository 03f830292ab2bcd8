"""Whether an account or its password has run out, and what a login then still needs.

Source: shadow(5); pam_unix(8), account management (``check_shadow_expiry`` of Linux-PAM); auth-shadow.c of OpenSSH.
Seen with OpenSSH 9.2: without PAM the last day counts, and with a key nobody asks how old the password is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from posture.graph.evidence import Facts, HostView

NEVER_SET = date(1970, 1, 1)
"""As the day of the last change: the password must be changed at the next login."""


@dataclass(frozen=True, slots=True)
class Age:
    """What is over for one account."""

    refused: str = ""
    """Why it may not log in at all."""
    must_change: bool = False
    """It may log in, and has to change its password before anything else."""
    sure: bool = True
    """Whether what judges the age was seen."""


def age_of(account: Facts, view: HostView, service: str, today: date, *, with_key: bool) -> Age:
    """Return what is over by the line in /etc/shadow; ``service`` is the name of sshd for PAM, empty without PAM."""
    expires = _day(account, "expires")
    if not service:
        return Age("the account has expired" if expires and expires < today else "")
    found = _by_pam(account, expires, today)
    if found == Age():
        return found
    asked = [one for one in view.rows("pam", "stacks") if _judges(one, service)]
    ignored = found.must_change and with_key and asked and all("no_pass_expiry" in one["arguments"] for one in asked)
    if ignored or (not asked and view.complete("pam", "stacks")):
        return Age()
    return found if asked else Age(found.refused, found.must_change, sure=False)


def _by_pam(account: Facts, expires: date | None, today: date) -> Age:
    if expires and expires <= today:
        return Age("the account has expired")
    changed, lasts = _day(account, "last_change"), account.get("max_days")
    if changed == NEVER_SET:
        return Age(must_change=True)
    if changed is None or lasts is None or (today - changed).days <= lasts:
        return Age()
    inactive = account.get("inactive_days")
    if inactive is not None and (today - changed).days > lasts + inactive:
        return Age("its password was not changed in time, and the account is disabled")
    return Age(must_change=True)


def _judges(line: Facts, service: str) -> bool:
    return (line["service"], line["type"], line["module"]) == (service, "account", "pam_unix.so")


def _day(account: Facts, key: str) -> date | None:
    told = account.get(key)
    return date.fromisoformat(str(told)[:10]) if told else None

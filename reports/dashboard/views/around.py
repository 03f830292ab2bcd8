"""What stands around every page, and the pages without a menu."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.view import Pair


@dataclass(frozen=True, slots=True)
class NavLine:
    """One entry of the menu."""

    title: str
    path: str
    here: bool


@dataclass(frozen=True, slots=True)
class NewerRun:
    """A run that is newer than the one shown and says less; findings are those it opened or closed since."""

    path: str
    """Address of its own overview."""
    as_of: datetime
    why: str
    """What it did not ask, or that it was interrupted."""
    coverage: str
    opened: tuple[Pair, ...]
    """Title and address of the first few."""
    opened_total: int
    closed: tuple[Pair, ...]
    closed_total: int


@dataclass(frozen=True, slots=True)
class ChromeView:
    """What stands around every page."""

    title: str
    marking: str
    style: str
    """Address of the style sheet, with its digest in it."""
    account: str
    """Who is signed in; empty on the pages before that."""
    role: str
    sees: str
    """What the account sees: every system, or which."""
    form: str
    """What every form sends back."""
    run: str
    as_of: datetime | None
    asked: str
    """What the run did not ask; empty when it asked everything."""
    newer: NewerRun | None
    """``None`` when nothing newer is there, or another run than the leading one is looked at."""
    running: bool
    """A scan is running now."""
    nav: tuple[NavLine, ...]
    scripts: tuple[str, ...] = ()
    """Addresses of the scripts that the page may load; nearly always none."""


@dataclass(frozen=True, slots=True)
class SignInView:
    """The way in, and what went wrong with the last try."""

    wrong: str
    first: bool
    """True while there is no administrator: the one-time token makes one."""
    other: str
    """The identity provider of single sign-on; empty without one."""
    silent: str
    """That the provider gives no answer, and what to do; empty while it does."""


@dataclass(frozen=True, slots=True)
class OnwardView:
    """Where a browser goes by itself; the page is for those that do not."""

    place: str
    asks: str
    """The identity provider that is asked again; empty once somebody is in."""


@dataclass(frozen=True, slots=True)
class TroubleView:
    """Why there is no page, and what to do."""

    what: str
    hint: str

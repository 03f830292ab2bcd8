"""What stands around every page, and the pages without a menu."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NavLine:
    """One entry of the menu."""

    title: str
    path: str
    here: bool


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
    nav: tuple[NavLine, ...]
    scripts: tuple[str, ...] = ()
    """Addresses of the scripts that the page may load; nearly always none."""


@dataclass(frozen=True, slots=True)
class SignInView:
    """The way in, and what went wrong with the last try."""

    wrong: str
    first: bool
    """True while there is no administrator: the one-time token makes one."""


@dataclass(frozen=True, slots=True)
class TroubleView:
    """Why there is no page, and what to do."""

    what: str
    hint: str

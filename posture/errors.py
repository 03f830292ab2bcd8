"""Everything this program raises on purpose.

PostureError
├── UsageError            the operator can mend it: exit code 2
│   ├── ConfigError       a file of ours does not say what it should (file:line and a suggestion)
│   ├── BaselineError     a check, profile, clock or waiver does not load
│   ├── ScopeError        a target or time that the written authorisation does not cover
│   ├── FeedError         a feed or an imported file is damaged, hostile or older than the one we have
│   └── StoreError        the database or a blob is missing, damaged or newer than this program
│       └── NotKeptError  the retention policy let a blob go
└── CollectError          one host or one topic could not be read; becomes an ``Unseen``
"""

from __future__ import annotations

from posture.model.observation import Blind


class PostureError(Exception):
    """The root of what we raise; ``hint`` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(PostureError):
    """Something the operator can mend."""


class ConfigError(UsageError):
    """A file the operator wrote does not load; the message starts with ``file:line``."""


class BaselineError(UsageError):
    """A check, profile, clock or waiver does not load."""


class ScopeError(UsageError):
    """A target or a time lies outside the written authorisation."""


class FeedError(UsageError):
    """A feed or an imported file cannot be taken; what was there before stays."""


class StoreError(UsageError):
    """The database or an evidence blob cannot be used as it is."""


class NotKeptError(StoreError):
    """The bytes of an answer that the retention policy let go; the message says by which policy and when."""

    def __init__(self, message: str, row: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.row = row
        """Of the audit chain."""


class CollectError(PostureError):
    """One host, or one topic of it, could not be read; caught in ``posture.engine`` only."""

    def __init__(self, reason: Blind, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason

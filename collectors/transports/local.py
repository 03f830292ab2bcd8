"""This machine, read with the same script as any other, through a shell of our own."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from collectors.base import Answer, Command
from collectors.transports.batch import Budget, run_batch
from collectors.transports.process import ProcessStream
from collectors.transports.reach import Reach, session_of
from posture.model.host import Host


class LocalTransport:
    """Runs batches in ``/bin/sh`` on this machine."""

    def __init__(self, host: Host, reach: Reach) -> None:
        self.session = session_of(host, reach, transport="local", account=_account())
        self._budget = Budget.start(reach.limits, reach.stop)

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        """Run them all and return every answer; see ``collectors.base.Transport``."""
        # Nothing of our own environment reaches the commands: it may hold secrets, and answers must not depend on it.
        return run_batch(lambda shell: ProcessStream(shell, env={"PATH": os.defpath}), commands, self._budget)

    def close(self) -> None:
        """Nothing stays open between batches."""


def connect(host: Host, reach: Reach) -> LocalTransport:
    """Return a transport to this machine."""
    return LocalTransport(host, reach)


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())

"""Runs ``ssh-keygen``, ``openssl`` and what the operator names for them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from posture.errors import UsageError

_PROGRAM_S = 60  # ssh-keygen and openssl answer at once; an agent may wait for a touch


def run_program(
    command: Sequence[str], message: bytes = b"", *, timeout_s: int = _PROGRAM_S
) -> subprocess.CompletedProcess[bytes]:
    """Return what came of a command that was given the message on its input.

    Raises:
        UsageError: it is not here, cannot be run, or does not end in time.
    """
    try:
        return subprocess.run(command, input=message, capture_output=True, check=False, timeout=timeout_s)
    except FileNotFoundError:
        raise UsageError(f"{command[0]} is not here", hint=f"install it: {command[0]} signs and checks") from None
    except OSError as reason:
        raise UsageError(f"{command[0]} cannot be run: {reason.strerror}", hint="name an executable program") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{command[0]} did not end in {timeout_s} s", hint="does it wait for a passphrase?") from None

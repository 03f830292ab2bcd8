"""One POSIX sh script out of a batch of commands: it is fed to ``/bin/sh -s`` and leaves nothing on the target."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from collectors.base import Command
from posture.errors import PostureError

SHELL = ("/bin/sh", "-s")
"""What every transport executes; the script itself comes over standard input, so no process list shows it."""
ROOT_SHELL = ("/usr/bin/sudo", "-n", "--", *SHELL)
"""The same as root, for an account that may run anything as root anyway: one sudo for all that needs it."""


STDERR_BYTES = 64_000  # a complaint per file of a large directory fits


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long and how much one host may keep us busy; every limit has an end, also for a hostile host."""

    connect_s: float = 10.0
    login_s: float = 20.0
    """From the first byte of the banner to the end of the login."""
    hello_s: float = 20.0
    """From the start of a batch to its first frame."""
    session_s: float = 300.0
    """From the first packet to the last, both batches together."""
    grace_s: float = 5.0
    """What a command gets beyond its own timeout before we give it up from here (2 s of it are ``timeout -k``)."""
    total_bytes: int = 32_000_000
    """Everything a host may send in one session, frames and noise included."""
    stderr_bytes: int = STDERR_BYTES
    """Standard error of one command."""
    stuck_commands: int = 2
    """So many commands may hang past their timeout before the host is given up."""


class BadCommandError(PostureError, ValueError):
    """A command does not follow the argument grammar; it is never sent."""


def check(command: Command) -> Command:
    """Return the command when its arguments follow the grammar.

    Raises:
        BadCommandError: no arguments, a relative program, a NUL, a line break or an argument that is too long.
    """
    if not command.argv or not _PROGRAM.fullmatch(command.argv[0]):
        raise BadCommandError(
            f"{command.id}: the program must be a plain absolute path",
            hint="collectors name programs such as /usr/sbin/sshd; nothing is looked up in PATH",
        )
    for argument in command.argv:
        if len(argument) > MAX_ARGUMENT or _UNSENDABLE.search(argument):
            raise BadCommandError(
                f"{command.id}: an argument is too long or has a control character",
                hint="a collector checks what comes from the host before it asks about it",
            )
    if not 1 <= command.timeout_s <= 3600 or command.max_bytes < 1:
        raise BadCommandError(
            f"{command.id}: the timeout or the size limit makes no sense", hint="1 s to 3600 s, and 1 byte or more"
        )
    return command


def build(commands: Sequence[Command], nonce: str, *, defer: bool = False, as_root: bool = False) -> bytes:
    """Return the script that runs the commands one by one and frames what each of them says.

    Standard output and standard error travel on the two streams of the channel, each with frames of its own, so that
    binary output needs no encoding and nothing is written on the target. The whole script is one function: a shell
    that did not get all of it runs none of it.

    With ``defer`` it ends before the first command that needs root, from which on all of them have to, where sudo says
    that the account may run ``ROOT_SHELL``. With ``as_root`` it runs nothing for another account.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError("a nonce has 32 lower-case hex digits")
    calls = [_call(index, check(command)) for index, command in enumerate(commands)]
    if defer:
        calls.insert(first_of_root(commands), _DEFER)
    if as_root:
        calls.insert(0, '[ "$U" = 0 ] || return')
    return _TEMPLATE.replace("@NONCE@", nonce).replace("@CALLS@", "\n".join(calls)).encode()


def first_of_root(commands: Sequence[Command]) -> int:
    """Return the place of the first command that needs root; the number of commands when none does."""
    return next((at for at, command in enumerate(commands) if command.sudo), len(commands))


def _call(index: int, command: Command) -> str:
    how = "s" if command.sudo else "u"
    return shlex.join(("q", str(index), str(command.timeout_s), how, *command.argv))


MAX_ARGUMENT = 4096
_PROGRAM = re.compile(r"/[A-Za-z0-9_./+@:\[-]{1,255}")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[\ud800-\udfff]")
_NONCE = re.compile(r"[0-9a-f]{32}")

# sudo(8): -l with a command runs nothing and says whether it is allowed; a "no" is not logged as a denied command.
_DEFER = """\
if [ "$U" != 0 ] && [ "$S" = /usr/bin/sudo ] &&
${T:+timeout -k 2 9} "$S" -n -l -- /bin/sh -s </dev/null >/dev/null 2>&1; then
printf '\\n%%%s R\\n' "$N" >&8
return
fi"""

# Frames: `H` hello with what the host has, `B i` begin, `E i exit from to how` end, `Z` all done, `R` the rest as root.
# File descriptors 8 and 9 are the channel. A command writes straight into it: two forks for each (`timeout` and the
# program), no pipe and no filter on the target. What it may say is bounded over here, where a flood ends the channel
# and the program dies of SIGPIPE. Durations come from /proc/uptime because reading it needs no process. Programs that
# are not there are found by the shell's own `test`, also behind sudo, which would answer 1 instead of 127.
_TEMPLATE = """\
posture_main() {
umask 077
set -f
unset IFS LANGUAGE ENV BASH_ENV CDPATH
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin
export LC_ALL PATH
cd /
exec 8>&1 9>&2
N=@NONCE@ U= T= S= K=
U=$(id -u 2>/dev/null)
timeout -k 2 9 true </dev/null >/dev/null 2>&1 && T=t
for s in /usr/bin/sudo /bin/sudo /usr/local/bin/sudo /run/wrappers/bin/sudo; do
[ -x "$s" ] && S=$s && break
done
if renice -n 19 -p $$ >/dev/null 2>&1; then K=r
elif command -v nice >/dev/null 2>&1; then K=n
fi
printf '\\n%%%s H %s %s\\n' "$N" "${U:--}" "-$T${S:+s}$K" >&8
@CALLS@
printf '\\n%%%s Z\\n' "$N" >&8
}
q() {
i=$1 t=$2 w=$3 a=0 b=0 r=
shift 3
printf '\\n%%%s B %s\\n' "$N" "$i" >&9
printf '\\n%%%s B %s\\n' "$N" "$i" >&8
[ -r /proc/uptime ] && read -r a z </proc/uptime
d=${1%/*}
while [ -n "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done
[ "$w" = s ] && [ "$U" = 0 ] && w=u
if [ ! -e "$1" ] && [ -x "${d:-/}" ]; then r=127 w=m
elif [ "$w" = s ] && [ -z "$S" ]; then r=126 w=x
else
[ "$w" = s ] && set -- "$S" -n -- "$@"
[ -n "$T" ] && set -- timeout -k 2 "$t" "$@"
[ "$K" = n ] && set -- nice -n 19 "$@"
"$@" </dev/null >&8 2>&9 8>&- 9>&-
r=$?
fi
[ -r /proc/uptime ] && read -r b z </proc/uptime
printf '\\n%%%s E %s %s %s %s %s\\n' "$N" "$i" "${r:-?}" "$a" "$b" "$w" >&8
printf '\\n%%%s E %s\\n' "$N" "$i" >&9
}
posture_main
exit 0
"""

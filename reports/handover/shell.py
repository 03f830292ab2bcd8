"""One shell script for each host: it says what it would do, makes what was agreed to, and takes back what fails."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from posture.model.assessment import Assessment
from reports.files import new_directory, new_file
from reports.handover.orders import Order, orders
from reports.inert import inert

_HEAD = r"""set -u
mode=''; host=''; agreed=','
usage() {
  echo "usage: sh $0 --check                                 says what would be done, and does nothing" >&2
  echo "       sh $0 --host HOST --make ID[,ID]              makes these fixes" >&2
  echo "       sh $0 --host HOST --make ID[,ID] --agree ID[,ID]   and says that their preconditions hold" >&2
  exit 2
}
wanted=','
while [ $# -gt 0 ]; do
  case $1 in
    --check) mode=check; shift ;;
    --host) [ $# -ge 2 ] || usage; host=$2; shift 2 ;;
    --make) [ $# -ge 2 ] || usage; mode=${mode:-make}; wanted=",$2,"; shift 2 ;;
    --agree) [ $# -ge 2 ] || usage; agreed=",$2,"; shift 2 ;;
    *) usage ;;
  esac
done
[ -n "$mode" ] || usage
if [ "$mode" = make ]; then
  [ "$host" = "$for_host" ] || { echo "this is for $for_host: say so with --host" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo "root makes these fixes" >&2; exit 2; }
fi

# fix ID TITLE PRECONDITION CHANGE VERIFY ROLLBACK
fix() {
  if [ "$mode" = check ]; then
    printf '== %s %s\n-- before: %s\n-- change:\n%s\n-- validate:\n%s\n-- to undo:\n%s\n' \
      "$1" "$2" "${3:-nothing is asked}" "$4" "${5:-the next scan}" "$6"
    return 0
  fi
  case $wanted in *",$1,"*) ;; *) return 0 ;; esac
  if [ -n "$3" ]; then
    case $agreed in *",$1,"*) ;; *) echo "$1 NOT MADE, not agreed to: $3" >&2; failed=1; return 0 ;; esac
  fi
  if sh -e -c "$4" </dev/null && { [ -z "$5" ] || sh -c "$5" </dev/null; }; then
    echo "$1 made; the next scan proves it"
    return 0
  fi
  echo "$1 FAILED, rolling back" >&2
  sh -e -c "$6" </dev/null || echo "$1 COULD NOT BE ROLLED BACK: look at this host now" >&2
  exit 1
}
failed=0
"""


def write_shell(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write a directory with a script for each host of the plan, and the list of what is left to a person.

    Raises:
        UsageError: a file cannot be written.
    """
    new_directory(path)
    by_host: dict[str, list[Order]] = {}
    left: list[Order] = []
    for order in orders(assessment):
        if order.by_hand:
            left.append(order)
            continue
        for host in order.hosts:
            by_host.setdefault(host, []).append(order)
    for host, found in sorted(by_host.items()):
        with new_file(path / f"{_stem(host)}.sh") as file:
            for line in _script(assessment, host, found, marking):
                file.write(line.encode() + b"\n")
    with new_file(path / "by-hand.txt") as file:
        for line in _by_hand(left, marking):
            file.write(inert(line).encode() + b"\n")


def _stem(host: str) -> str:
    stem = quote(host, safe="")[:200]
    return f"%2E{stem[1:]}" if stem.startswith(".") else stem


def _script(assessment: Assessment, host: str, found: list[Order], marking: str) -> Iterator[str]:
    yield "#!/bin/sh"
    yield from ([f"# {inert(marking)}"] if marking else ())
    yield f"# Fixes for {inert(host)} of run {inert(assessment.run.id)}, in the order of the plan. Read it first."
    yield f"for_host={_quoted(host)}"
    yield _HEAD
    for order in found:
        remedy = order.remedy
        words = (order.check.id, order.check.title, order.agreement, remedy.shell, order.verify, remedy.rollback)
        yield f"fix {' '.join(_quoted(word) for word in words)}\n"
    yield 'exit "$failed"'


def _quoted(text: str) -> str:
    """Return text as one word of the shell; it is inert but for its line breaks and tabs."""
    return shlex.quote(_KEPT.sub(lambda found: inert(found[0]), text.rstrip("\n")))


_KEPT = re.compile(r"[^\n\t]+")


def _by_hand(left: list[Order], marking: str) -> Iterator[str]:
    yield from ([marking] if marking else ())
    yield "Fixes that somebody has to write out first; the work list has their text."
    for order in left:
        hosts = ", ".join(order.hosts[:20]) + (f" and {len(order.hosts) - 20} more" if len(order.hosts) > 20 else "")
        yield f"{order.number}. {order.check.id} {order.check.title}: {order.by_hand}; on {hosts or 'the whole fleet'}"

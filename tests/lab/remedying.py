"""What it takes to run remediations on a lab host: a host that lets itself be changed, and a root shell on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.lab.hardened import harden
from tests.lab.host import Build, Host
from tests.lab.network import Network
from tests.lab.places import blank, welcome

STAND_IN = '#!/bin/sh\n[ "$1" = restart ] || exit 1\nshift\necho "$@" >> /run/restarted\n'
"""For systemctl: it writes down what is restarted, and knows nothing of reloading, as no systemd would."""

_numbers = itertools.count(11)


@contextmanager
def new_host(
    network: Network, public_key: str, plant: Callable[[Build], None], rules: str | None = None
) -> Iterator[Host]:
    """Return a hardened host with these faults, up and running."""
    number = next(_numbers)
    build = blank(network, f"mend{number}", "servers", number)
    harden(build)
    welcome(build, public_key, rules)
    build.root.write("/usr/local/sbin/systemctl", STAND_IN, mode=0o755)
    plant(build)
    with Host(build, network) as host:
        yield host


def let_settings_be_written(host: Host) -> None:
    """Lift the write protection of the host's /proc/sys where nothing is the machine's own.

    net.* is of the host's network namespace; what is of the kernel is a file laid over it, or stays as it is.
    """
    run(host, "mount --rbind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net")
    run(host, "for tree in kernel net/core; do mount -o remount,bind,rw /proc/sys/$tree; done")


def run(host: Host, script: str, typed: str = "") -> None:
    """Run shell lines as root of the host; what a person types comes over standard input."""
    done = host.run(["env", "-i", "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "/bin/sh", "-c", script], typed)
    assert done.returncode == 0, f"{script}\n--\n{done.stdout}{done.stderr}"
    assert "not found" not in done.stderr, done.stderr
    host.run(["/bin/sh", "-c", _UNTIL_READ])


# A server that was told of new files reads them a moment later, and writes its pid file anew; one that was not told
# is waited for in vain, and then found out by the check on it.
_UNTIL_READ = """
for _ in $(seq 100); do
  [ -e /run/sshd.pid ] && [ -z "$(find /etc/ssh/sshd_config /etc/ssh/sshd_config.d -cnewer /run/sshd.pid)" ] && break
  sleep 0.02
done
"""


def restarted(host: Host) -> set[str]:
    """Return the services that were restarted."""
    return set(host.run(["cat", "/run/restarted"]).stdout.split())

"""Every collector there is: one import and one row for each topic."""

from __future__ import annotations

from collectors import (
    accounts,
    audit,
    clock,
    containers,
    cron,
    exports,
    firewall,
    identity,
    integrity,
    kernel,
    listeners,
    logins,
    mac,
    mounts,
    os_release,
    packages,
    pam,
    secret_files,
    services,
    ssh_keys,
    sshd,
    sudo,
    syslog,
    timesync,
    updates,
)
from collectors.base import Collector

COLLECTORS: tuple[Collector, ...] = tuple(
    sorted(
        (
            accounts.COLLECTOR,
            audit.COLLECTOR,
            clock.COLLECTOR,
            containers.COLLECTOR,
            cron.COLLECTOR,
            exports.COLLECTOR,
            firewall.COLLECTOR,
            identity.COLLECTOR,
            integrity.COLLECTOR,
            kernel.COLLECTOR,
            listeners.COLLECTOR,
            logins.COLLECTOR,
            mac.COLLECTOR,
            mounts.COLLECTOR,
            os_release.COLLECTOR,
            packages.COLLECTOR,
            pam.COLLECTOR,
            secret_files.COLLECTOR,
            services.COLLECTOR,
            ssh_keys.COLLECTOR,
            sshd.COLLECTOR,
            sudo.COLLECTOR,
            syslog.COLLECTOR,
            timesync.COLLECTOR,
            updates.COLLECTOR,
        ),
        key=lambda collector: collector.topic,
    )
)
"""By topic."""

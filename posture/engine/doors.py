"""Which transport opens which host."""

from __future__ import annotations

from collectors.base import Transport
from collectors.transports import local, openssh, ssh
from collectors.transports.reach import Reach
from posture.errors import CollectError
from posture.model.host import Host, TransportKind
from posture.model.observation import Blind


def open_door(host: Host, reach: Reach) -> Transport:
    """Return a session with the host by the transport its inventory entry names.

    Raises:
        CollectError: there is no session, with the reason.
    """
    match host.access.transport:
        case TransportKind.SSH:
            return ssh.connect(host, reach)
        case TransportKind.OPENSSH:
            return openssh.connect(host, reach)
        case TransportKind.LOCAL:
            return local.connect(host, reach)
        case TransportKind.NONE:
            raise CollectError(Blind.NOT_ATTEMPTED, f"{host.id} is looked at from the network only")

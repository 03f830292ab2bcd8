"""Who a named proxy says is there: it checked the client's certificate (PIV), and passes its subject on in a header.

The header counts from the configured addresses only, and only when the proxy says that the certificate was good. From
anybody else it is ignored, and that is logged.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

_LOG = logging.getLogger("posture.serve")
_MAX_SUBJECT = 1000  # characters; a subject of the federal PKI has about 120
_TOLD = 100  # addresses that are logged; nobody fills the log with made-up headers


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxies in front of the dashboard, and whose certificates open it."""

    addresses: frozenset[str] = frozenset()
    subject_header: str = ""
    verify_header: str = ""
    subjects: Mapping[str, str] = field(default_factory=dict)
    """Subject of a certificate to the account that its holder has."""
    _told: set[str] = field(default_factory=set)

    def named(self, request: Request) -> bool:
        """Return whether the connection comes from a configured proxy."""
        return _plain(_peer(request)) in self.addresses

    def caller(self, request: Request) -> str:
        """Return whom requests are counted by: the peer, or whom a named proxy says that it asks for."""
        if self.named(request):
            hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
            return hops[-1].strip()[:100] or _peer(request)
        return _peer(request)

    def account(self, request: Request) -> str:
        """Return the account of the certificate that a named proxy has checked; empty for nobody."""
        if not self.subject_header:
            return ""
        subjects = request.headers.getlist(self.subject_header)
        if not subjects:
            return ""
        if not self.named(request):
            self._tell(_peer(request))
            return ""
        verified = request.headers.getlist(self.verify_header)
        if len(subjects) != 1 or verified != ["SUCCESS"] or len(subjects[0]) > _MAX_SUBJECT:
            return ""
        return self.subjects.get(subjects[0], "")

    def _tell(self, peer: str) -> None:
        if peer not in self._told and len(self._told) < _TOLD:
            self._told.add(peer)
            _LOG.warning("the header of a client's certificate came from %s, which is no configured proxy", peer)


def _peer(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _plain(peer: str) -> str:
    try:
        found = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)

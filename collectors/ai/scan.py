"""Asks open TCP ports whether an AI service is behind them, inside the authorisation, and brings home the evidence.

It runs after nmap found the ports, from the scanner's own places only. Every request is logged before it is sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from collectors.ai.fingerprints import ALLOWED, FIRST, MARKS, ORDER, SERVICES, hits
from collectors.ai.http import Door, Reply, Trouble
from collectors.ai.marks import Role, Service
from collectors.ai.sight import AddressSight, Asked, PortSight, Sight, encoded, found, speaks_http
from collectors.base import Answer, Command, Session, Transcript
from collectors.network.exposure import Port, open_tcp_ports
from collectors.network.exposure_evidence import UNDECLARED
from collectors.network.exposure_plan import PlannedProbe, aim_at, chunks, gentle, targets_of
from collectors.network.probe_log import ProbeLog, utc_now
from posture.errors import ScopeError
from posture.inputs.scope import Lookup, Scope, look_up
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import Blind, Hole, Origin

TRANSPORT = "http"
"""The transport of sessions that asked AI services."""
PACKETS_PER_REQUEST = 12  # handshake, request, a few segments of answer, their acknowledgements, the end
HOSTS_AT_ONCE = 8
PRINTER_PORTS = range(9100, 9108)  # nmap leaves them alone too: what is sent there is printed
NOT_HTTP = frozenset(
    (
        *("ssh", "telnet", "smtp", "smtps", "ftp", "ftps", "pop3", "pop3s", "imap", "imaps", "domain", "ntp", "snmp"),
        *("mysql", "postgresql", "redis", "mongodb", "mongod", "memcached", "ms-sql-s", "oracle-tns", "cassandra"),
        *("ms-wbt-server", "vnc", "x11", "ldap", "ldapssl", "kerberos-sec", "kpasswd5", "netbios-ssn", "microsoft-ds"),
        *("rpcbind", "nfs", "nlockmgr", "mountd", "msrpc", "java-rmi", "ajp13", "iscsi", "rsync", "svn", "git", "irc"),
        *("sip", "rtsp", "amqp", "mqtt", "stomp", "zookeeper", "kafka", "bgp", "pptp", "socks5", "openvpn", "nrpe"),
        *("printer", "jetdirect", "finger", "time", "daytime", "echo", "discard", "chargen", "zabbix"),
        *("modbus", "s7comm", "iso-tsap", "dnp3", "bacnet", "ethernetip", "fox"),
    )
)
"""What nmap may have found by asking that is not HTTP; only such a port is left alone."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What nmap brought home of one host from one vantage."""

    host: Host
    transcript: Transcript | None
    """``None`` when nobody looked."""


def ai_manifest(
    scope: Scope, hosts: Sequence[Host], vantage: Vantage, *, lookup: Lookup = look_up
) -> list[PlannedProbe]:
    """Return what may be sent to find AI services, zone by zone; empty when the scope does not authorise it."""
    if scope.ai_services is None:
        return []
    budget = scope.ai_services.requests_per_port
    note = (
        f"each open TCP port that may speak HTTP, at most {budget} of these in the order of likelihood; "
        "no body, no credentials, no redirect is followed"
    )
    planned = []
    for chunk in chunks(hosts, scope):
        aims = [aim_at(host, scope, lookup) for host in chunk]
        targets = (*targets_of(aims, ipv6=False), *targets_of(aims, ipv6=True))
        if targets and not gentle(chunk[0]):
            paths = ("GET", FIRST, *sorted(ALLOWED - {FIRST}))
            planned.append(PlannedProbe(paths, targets, vantage.name, chunk[0].zone, "ai_service", 0, note))
    return planned


def next_path(port: int, asked: Sequence[Asked], budget: int, server: str = "") -> str | None:
    """Return what to ask next, likeliest first, or ``None`` when nothing is left or allowed. Pure.

    ``server`` is the ``Server`` header of the first answer; like the port it says what is likely, never what it is.
    """
    if len(asked) >= budget:
        return None
    done = {one.path for one in asked}
    if FIRST not in done:
        return FIRST
    if not speaks_http(tuple(asked)):
        return None
    proven = found(tuple(asked))
    if proven:
        # One port is one service: what is left is its version and whether it is open.
        return next((path for service in proven for path in _paths(service) if path not in done), None)
    marks = {hit.mark for one in asked for hit in one.hits}
    # What the first page says proves a service or says too little: only a path of its own makes one likelier.
    begun = [one for one in SERVICES if any(mark.id in marks and mark.path != FIRST for mark in one.marks)]
    likely = [*begun, *(one for one in SERVICES if port in one.ports), *_by_header(server)]
    wanted = [MARKS[mark].path for service in likely for proof in service.proofs for mark in proof]
    return next((path for path in (*wanted, *ORDER) if path not in done), None)


def _paths(service: Service) -> tuple[str, ...]:
    """Return every path that says more of a service that is known, whether it is open first."""
    told = [one.path for one in service.marks if one.role is not Role.IDENTITY or "?P<version>" in one.pattern]
    return tuple(dict.fromkeys((*service.guards, *told)))


def _by_header(server: str) -> list[Service]:
    return [service for service in SERVICES if any(word in server.lower() for word in service.servers)]


Opener = Callable[[str, int, bool], Door]
"""Address, port, TLS."""


def _open_door(address: str, port: int, tls: bool) -> Door:
    return Door(address, port, tls=tls)


def ask_ai_services(
    looks: Iterable[Looks],
    scope: Scope,
    vantage: Vantage,
    *,
    trust_of_zone: Mapping[str, Trust],
    log: ProbeLog,
    stop: threading.Event,
    clock: Callable[[], datetime] = utc_now,
    opener: Opener = _open_door,
) -> Iterator[Transcript]:
    """Yield one transcript per host: what each open port was asked and which marks its answers held.

    A vantage that is a host of the inventory has only its nmap: from there nothing is asked, and the evidence says
    which ports it sees open, so that what they answered elsewhere can be carried over.

    Raises:
        StoreError: the probe log cannot be written; nothing more is sent.
    """
    if scope.ai_services is None:
        return
    trust = trust_of_zone.get(vantage.zone)
    asking = _Asking(
        scope=scope,
        budget=scope.ai_services.requests_per_port,
        vantage=vantage,
        trust=trust.value if trust else UNDECLARED,
        log=log,
        stop=stop,
        clock=clock,
        opener=opener,
        pace=_Pace(scope),
    )
    workers = ThreadPoolExecutor(HOSTS_AT_ONCE, thread_name_prefix="ai-service")
    try:
        waiting = iter(looks)
        while batch := list(islice(waiting, 4 * HOSTS_AT_ONCE)):
            yield from workers.map(asking.host, batch)
    finally:
        workers.shutdown(cancel_futures=True)


def not_asked(host: Host, vantage: Vantage, trust: str, reason: Blind, detail: str, moment: datetime) -> Transcript:
    """Return the transcript of a host that was not asked from a vantage, with the reason in its evidence."""
    sight = AddressSight(vantage.name, vantage.zone, trust, "", False, (), (), reason, detail)
    return _transcript(host, vantage, moment, [_answer(sight, ("GET",), 0)])


class _Pace:
    """Spaces requests so that their packets stay within the authorised rate, over all hosts of the vantage."""

    def __init__(self, scope: Scope) -> None:
        self._lock = threading.Lock()
        self._zones = dict(scope.rates.packets_per_s_by_zone)
        self._packets_per_s = min(scope.rates.packets_per_s, scope.rates.packets_per_s_per_host)
        self._next: dict[str, float] = {}

    def wait(self, zone: str, stop: threading.Event) -> None:
        """Return when the next request may go."""
        now = time.monotonic()
        with self._lock:
            at = now
            for key, rate in (("", self._packets_per_s), (zone, self._zones.get(zone, self._packets_per_s))):
                at = max(at, self._next.get(key, now))
                self._next[key] = at + PACKETS_PER_REQUEST / rate
        if at > now:
            stop.wait(at - now)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One vantage at work."""

    scope: Scope
    budget: int
    vantage: Vantage
    trust: str
    log: ProbeLog
    stop: threading.Event
    clock: Callable[[], datetime]
    opener: Opener
    pace: _Pace

    def host(self, looks: Looks) -> Transcript:
        """Return what one host's open ports answered."""
        host, moment = looks.host, self.clock()
        if looks.transcript is None or not looks.transcript.answers:
            why = "nmap did not look at it from here, so its open ports are not known"
            return not_asked(host, self.vantage, self.trust, Blind.NOT_ATTEMPTED, why, moment)
        if gone := next((answer.gone for answer in looks.transcript.answers.values() if answer.gone), ""):
            return not_asked(host, self.vantage, self.trust, Blind.NOT_KEPT, gone, moment)
        if gentle(host):
            why = "fragile and OT devices are asked nothing but their named ports"
            return not_asked(host, self.vantage, self.trust, Blind.NOT_ATTEMPTED, why, moment)
        ports, complete = open_tcp_ports(looks.transcript.answers)
        addresses = sorted({port.address for port in ports})
        if not addresses:
            sight = self._address("", [], complete=complete)
            return _transcript(host, self.vantage, moment, [_answer(sight, ("GET",), 0)])
        answers: list[Answer] = []
        for address in addresses:
            own = [port for port in ports if port.address == address]
            asked = [port for port in own if not _other(port)]
            answers.append(_answer(self._address(address, own, complete=complete), ("GET",), 0))
            if not self.vantage.host:
                answers += [self._port(host, port) for port in asked]
        return _transcript(host, self.vantage, moment, answers)

    def _address(self, address: str, ports: Sequence[Port], *, complete: bool) -> AddressSight:
        other = tuple((port.port, _other(port)) for port in ports if _other(port))
        asked = tuple(port.port for port in ports if not _other(port))
        place = self.vantage
        reason, detail = (None, "") if complete else (Blind.TRUNCATED, "nmap's look from here is not complete")
        if place.host and complete:
            reason, detail = Blind.NOT_ATTEMPTED, f"{place.host} has only its nmap to look with"
        return AddressSight(place.name, place.zone, self.trust, address, complete, asked, other, reason, detail)

    def _port(self, host: Host, port: Port) -> Answer:
        started = time.monotonic()
        sight = self._sight(host, port)
        urls = ("GET", *(f"{_base(port.address, port.port, one.tls)}{one.path}" for one in sight.asked))
        return _answer(sight, urls, int((time.monotonic() - started) * 1000))

    def _sight(self, host: Host, port: Port) -> PortSight:
        asked: list[Asked] = []
        reason: Blind | None = None
        detail = ""
        try:
            for tls in (True,) if port.tunnel == "ssl" else (False, True):
                asked += self._conversation(host, port, tls, self.budget - len(asked))
                if not _try_tls(asked):
                    break
        except _NotAllowedError as error:
            reason, detail = error.reason, str(error)
        if reason is None and speaks_http(tuple(asked)) and not found(tuple(asked)):
            left = next_path(port.port, asked, len(asked) + 1)
            if left is not None:
                reason, detail = (
                    Blind.TRUNCATED,
                    f"the authorised {self.budget} requests were not enough",
                )
        place = self.vantage
        return PortSight(
            place.name, place.zone, self.trust, port.address, port.port, self.budget, tuple(asked), reason, detail
        )

    def _conversation(self, host: Host, port: Port, tls: bool, budget: int) -> list[Asked]:
        """Return what one connection brought, or several where the other side hangs up."""
        asked: list[Asked] = []
        server = ""
        door = self.opener(port.address, port.port, tls)
        try:
            while (path := next_path(port.port, asked, budget, server)) is not None:
                self._admit(host, port.address)
                url = f"{_base(port.address, port.port, tls)}{path}"
                self.log.sent(
                    vantage=self.vantage.name, what=("GET", url), targets=[port.address], ports=str(port.port)
                )
                reply = door.get(path)
                server = server or _server(reply)
                asked.append(_asked(reply, tls))
                if sum(one.trouble in _GIVE_UP for one in asked) >= SILENCES_MAX:
                    break
        finally:
            door.close()
        return asked

    def _admit(self, host: Host, address: str) -> None:
        if self.stop.is_set():
            raise _NotAllowedError(Blind.NOT_ATTEMPTED, "stopped by the operator")
        self.pace.wait(host.zone, self.stop)
        try:
            self.scope.admit_moment(self.clock())
            self.scope.admit(address)
        except ScopeError as error:
            raise _NotAllowedError(Blind.OUT_OF_SCOPE, str(error)) from None


class _NotAllowedError(Exception):
    """Nothing more may be sent."""

    def __init__(self, reason: Blind, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


WRONG_SCHEME = 400
"""What nginx, Apache and Go answer to plain HTTP on a TLS port, with a text that names HTTPS."""
SILENCES_MAX = 3
"""A port that answered and then fell silent costs three waits, not the whole budget's."""
_GIVE_UP = frozenset({Trouble.SILENT, Trouble.CLOSED, Trouble.TLS})


def _try_tls(asked: Sequence[Asked]) -> bool:
    """Return whether plain HTTP came to nothing, so that TLS is worth a try."""
    return bool(asked) and all(one.status is None for one in asked)


def _other(port: Port) -> str:
    """Return the protocol that makes asking in HTTP pointless or harmful; empty when the port is to be asked."""
    if port.port in PRINTER_PORTS:
        return "printer"
    return port.service if port.method == "probed" and port.service in NOT_HTTP else ""


def _asked(reply: Reply, tls: bool) -> Asked:
    if not tls and reply.status == WRONG_SCHEME and b"HTTPS" in reply.body:
        return Asked(reply.path, tls, None, Trouble.TLS.value, reply.truncated, (), reply.duration_ms)
    marks = hits(reply.path, reply.status, reply.head, reply.body) if reply.status is not None else ()
    return Asked(reply.path, tls, reply.status, reply.trouble.value, reply.truncated, marks, reply.duration_ms)


def _server(reply: Reply) -> str:
    return next((line for line in reply.head.split("\n") if line.startswith("server: ")), "")


def _base(address: str, port: int, tls: bool) -> str:
    name = f"[{address}]" if ":" in address else address
    return f"{'https' if tls else 'http'}://{name}:{port}"


def _answer(sight: Sight, argv: tuple[str, ...], duration_ms: int) -> Answer:
    port = f"/{sight.port}" if isinstance(sight, PortSight) else ""
    command = Command(f"ai_service.{sight.__class__.__name__[:-5].lower()}/{sight.vantage}/{sight.address}{port}", argv)
    return Answer(command, encoded(sight), b"", None if sight.reason else 0, duration_ms)


def _transcript(host: Host, vantage: Vantage, moment: datetime, answers: Sequence[Answer]) -> Transcript:
    session = Session(host.id, "", vantage.name, Origin.LIVE, moment, transport=TRANSPORT)
    cut = next((one for one in answers if one.exit_code is None and b'"stopped by the operator"' in one.stdout), None)
    failure = Hole("", Blind.NOT_ATTEMPTED, "stopped by the operator") if cut is not None else None
    return Transcript(session, {answer.command.id: answer for answer in answers}, failure)

"""What may be believed of several looks at one host: which lists they fill, and which they leave open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.base import Answers
from collectors.network.exposure_evidence import EVERY_TCP, Looked, looked_from
from collectors.network.nmap import SCRIPTS, Phase
from collectors.network.nmap_xml import SeenHost
from collectors.network.pace import answered
from posture.model.host import SELF_VANTAGE, Trust
from posture.model.observation import Hole


def read_looks(answers: Answers) -> tuple[list[Looked], list[Hole]]:
    """Return every look in order of its id, and why some of the evidence cannot be read."""
    read = [looked_from(answer) for _, answer in sorted(answers.items())]
    looked = [entry for entry in read if isinstance(entry, Looked)]
    return looked, [entry for entry in read if isinstance(entry, Hole)]


def port_looks(looked: Iterable[Looked]) -> list[Looked]:
    """Return those that say which ports there are; the others only ask more of what these found."""
    return [entry for entry in looked if entry.phase not in SCRIPTS]


def not_from_itself(looked: Iterable[Looked]) -> list[Looked]:
    """Return the looks from anywhere but the host itself."""
    return [entry for entry in looked if entry.vantage.name != SELF_VANTAGE.name]


def services_complete(looked: list[Looked]) -> bool:
    """Return whether every TCP port was asked, and what speaks on each open one."""
    ports = port_looks(looked)
    return tcp_complete(ports) and not unasked(ports)


def is_outside(trust: str) -> bool:
    # A zone nobody declared counts as outside: what cannot be told from exposed is exposed.
    return trust not in (Trust.INTERNAL, Trust.RESTRICTED)


def believed(entry: Looked) -> bool:
    """Silence from every port is believed only of a host that is known to be there."""
    return entry.host is not None and entry.reason is None and (entry.known_up or answered(entry.host))


def tcp_complete(looked: list[Looked]) -> bool:
    if any(entry.reason for entry in looked if entry.phase is Phase.RECHECK):
        return False
    return everywhere(looked, Phase.TCP) and all(
        entry.asked == EVERY_TCP and believed(entry) for entry in looked if entry.phase is Phase.TCP
    )


def udp_complete(looked: list[Looked]) -> bool:
    return everywhere(looked, Phase.UDP) and all(
        believed(entry) and not undecided(entry.host) for entry in looked if entry.phase is Phase.UDP
    )


def everywhere(looked: list[Looked], phase: Phase) -> bool:
    """Return whether every address that anybody looked at was asked in this phase."""
    asked = {place(entry) for entry in looked if entry.phase is phase}
    return bool(asked) and asked == {place(entry) for entry in looked}


def place(entry: Looked) -> tuple[str, str]:
    return entry.vantage.name, entry.address


def undecided(host: SeenHost | None) -> bool:
    if host is None:
        return True
    return any("|" in state for state in (*(port.state for port in host.ports), *(rest.state for rest in host.rest)))


def unasked(looked: list[Looked]) -> set[tuple[str, str, str, int]]:
    """Return the open ports whose service was not asked for."""
    opened = {key for entry in looked if entry.phase is not Phase.VERSIONS for key in _open_keys(entry)}
    asked = {
        (*place(entry), port.proto, port.port)
        for entry in looked
        if entry.phase is Phase.VERSIONS and entry.reason is None and entry.host
        for port in entry.host.ports
    }
    return opened - asked


def _open_keys(entry: Looked) -> Iterator[tuple[str, str, str, int]]:
    for port in entry.host.ports if entry.host else ():
        if port.state == "open":
            yield (*place(entry), port.proto, port.port)

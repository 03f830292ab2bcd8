"""What the ports that speak SSH offer to strangers: algorithms and host keys, as every vantage was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.network.exposure_greetings import Greeted, Greetings, greetings, table, text, texts
from collectors.network.exposure_scripts import endpoint
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenScript
from collectors.public_keys import public_key
from posture.model.observation import Blind, Hole

KEY_CHARS = 20_000  # an RSA key of 16,384 bits has 2,800
ALGORITHMS_MAX = 200  # of a kind; OpenSSH with everything on offers some 30
KINDS: Mapping[str, str] = {
    "kex_algorithms": "kex",
    "server_host_key_algorithms": "host_key",
    "encryption_algorithms": "cipher",
    "encryption_algorithms_client_to_server": "cipher",
    "encryption_algorithms_server_to_client": "cipher",
    "mac_algorithms": "mac",
    "mac_algorithms_client_to_server": "mac",
    "mac_algorithms_server_to_client": "mac",
    "compression_algorithms": "compression",
    "compression_algorithms_client_to_server": "compression",
    "compression_algorithms_server_to_client": "compression",
}
"""nmap's words to ours; where the two directions differ it lists them apart, and either one is an offer."""


@dataclass(frozen=True, slots=True)
class Server:
    """One port that speaks SSH."""

    endpoint: str
    """``10.0.0.1:22``."""
    address: str
    port: int
    seen_from: list[str]
    outside: bool
    """Told to a vantage in an untrusted, partner or undeclared zone."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm that a server offers."""

    endpoint: str
    kind: str
    """kex, host_key, cipher, mac or compression."""
    name: str


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A host key that a server shows to whoever asks."""

    endpoint: str
    type: str
    bits: int | None
    fingerprint: str
    """``SHA256:…`` as `ssh-keygen -l` prints it."""


@dataclass(frozen=True, slots=True)
class SshOffer:
    """SSH as it is offered to strangers; ``sshd`` says what a host's own configuration comes to."""

    servers: Listing[Server]
    algorithms: Listing[Algorithm]
    host_keys: Listing[OfferedKey]
    """Open where a server takes no exchange that nmap knows: 7.93 has no curve25519."""


def parse(answers: Answers) -> Facts | Hole:
    """Return what the evidence of the look at a host holds of SSH."""
    found = greetings(Phase.SSH, answers, tells=_tells)
    if isinstance(found, Hole):
        return found
    keyless = any("ssh-hostkey" not in one.scripts for one in found.greeted)
    facts = SshOffer(
        servers=Listing([_server(one) for one in found.greeted], found.complete),
        algorithms=Listing([algorithm for one in found.greeted for algorithm in _algorithms(one)], found.complete),
        host_keys=Listing([key for one in found.greeted for key in _keys(one)], found.complete and not keyless),
    )
    return Facts(facts, tuple(_holes(facts, found)))


def _tells(script: SeenScript) -> bool:
    # A server without a key exchange is none: what nmap could not read is no empty offer.
    return script.id == "ssh2-enum-algos" and bool(texts(table(script.structured, "kex_algorithms")))


def _server(one: Greeted) -> Server:
    return Server(endpoint(one.address, one.port), one.address, one.port, one.seen_from, one.outside)


def _algorithms(one: Greeted) -> Iterator[Algorithm]:
    said = one.scripts["ssh2-enum-algos"].structured
    named: dict[tuple[str, str], None] = {}
    for word, kind in KINDS.items():
        named |= {(kind, name): None for name in texts(table(said, word))[:ALGORITHMS_MAX]}
    yield from (Algorithm(endpoint(one.address, one.port), kind, name) for kind, name in named)


def _keys(one: Greeted) -> Iterator[OfferedKey]:
    script = one.scripts.get("ssh-hostkey")
    listed = script.structured if script is not None else ""
    for row in listed if isinstance(listed, list) else ():
        key = public_key(f"{text(row, 'type')} {text(row, 'key', KEY_CHARS)}")
        if key is not None:
            yield OfferedKey(endpoint(one.address, one.port), key.type, key.bits, key.fingerprint)


def _holes(facts: SshOffer, found: Greetings) -> Iterator[Hole]:
    reason, detail = (
        (found.why_not.reason, found.why_not.detail) if found.why_not else (Blind.UNPARSEABLE, "no key shown")
    )
    for path, listing in (
        ("servers", facts.servers), ("algorithms", facts.algorithms), ("host_keys", facts.host_keys)
    ):  # fmt: skip
        if not listing.items and not listing.complete:
            yield Hole(path, reason, detail)


COLLECTOR = Collector(topic="ssh_offer", version=1, commands=(), facts=SshOffer, parse=parse, reads="exposure")

"""The inventory a run was made with, in pieces that stay the same when one host changes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from posture.errors import StoreError
from posture.model.host import Flow, Host, Inventory, Published, RegisteredAi, Vantage, Zone
from posture.store.blobs import Blobs, Digest
from posture.store.values import FLEET

T = TypeVar("T")
PIECE_HOSTS = 256  # on average: about 15 KB compressed, so one changed host costs that and not the fleet
_MAX_PIECE = 1024


@dataclass(frozen=True, slots=True)
class Header:
    """An inventory without its hosts."""

    name: str
    zones: tuple[Zone, ...]
    vantages: tuple[Vantage, ...]
    pieces: tuple[str, ...]
    """Hex digests of JSON lists of hosts, in host id order."""
    hosts: int
    flows: tuple[Flow, ...] | None = None
    published: tuple[Published, ...] = ()
    ai_register: tuple[RegisteredAi, ...] | None = None
    trust_anchors: tuple[str, ...] | None = None

    def with_hosts(self, hosts: tuple[Host, ...]) -> Inventory:
        """Return the inventory that this header stands over."""
        return Inventory(
            hosts,
            self.zones,
            self.vantages,
            self.name,
            self.flows,
            self.published,
            self.ai_register,
            self.trust_anchors,
        )


def put_inventory(conn: Connection, blobs: Blobs, inventory: Inventory) -> Digest:
    """Return the digest of the header; every host is stored."""
    hosts = sorted(inventory.hosts, key=lambda host: host.id)
    for one, two in pairwise(hosts):
        if one.id == two.id:
            raise StoreError(f"host `{one.id}` stands twice in the inventory", hint="give every host its own id")
    if any(host.id == FLEET for host in hosts):
        raise StoreError(f"`{FLEET}` is kept for facts that span hosts", hint="give the host another id")
    pieces = blobs.put(conn, (msgspec.json.encode(piece) for piece in _pieces(hosts)))
    return put_header(
        conn,
        blobs,
        Header(
            inventory.name,
            inventory.zones,
            inventory.vantages,
            tuple(piece.hex() for piece in pieces),
            len(hosts),
            inventory.flows,
            inventory.published,
            inventory.ai_register,
            inventory.trust_anchors,
        ),
    )


def put_header(conn: Connection, blobs: Blobs, header: Header) -> Digest:
    """Return the digest of a header whose pieces are stored."""
    return blobs.put(conn, [msgspec.json.encode(header, order="sorted")])[0]


def read_header(content: bytes) -> Header:
    """Return the header from its JSON."""
    return _loaded(_HEADER, content)


def read_piece(content: bytes) -> tuple[Host, ...]:
    """Return the hosts of one piece."""
    return _loaded(_PIECE, content)


def read_stored_piece(conn: Connection, blobs: Blobs, piece: str) -> tuple[Host, ...]:
    """Return the hosts of the piece with this hex digest."""
    digest = bytes.fromhex(piece)
    return read_piece(blobs.get(conn, [digest])[digest])


def find_stored_host(conn: Connection, blobs: Blobs, header: Header, host_id: str) -> Host | None:
    """Return one host of an inventory; only the piece that it stands in is decoded, which is what takes the time."""
    named = msgspec.json.encode(host_id)
    for piece in header.pieces:
        digest = bytes.fromhex(piece)
        content = blobs.get(conn, [digest])[digest]
        if named in content:
            for host in read_piece(content):
                if host.id == host_id:
                    return host
    return None


def get_inventory(conn: Connection, blobs: Blobs, header: Header) -> Inventory:
    """Return the whole inventory."""
    hosts = tuple(host for piece in header.pieces for host in read_stored_piece(conn, blobs, piece))
    return header.with_hosts(hosts)


def prefixed(host: Host, enclave: str) -> Host:
    """Return the host as it is called outside its enclave; its zone and jump hosts too, for they live there."""
    access = replace(host.access, jump=tuple(f"{enclave}/{jump}" for jump in host.access.jump))
    return replace(host, id=f"{enclave}/{host.id}", zone=f"{enclave}/{host.zone}", access=access)


_HINT = "it was written by another version, or the store is damaged"
_PIECE = msgspec.json.Decoder(tuple[Host, ...])
_HEADER = msgspec.json.Decoder(Header)


def _loaded(decoder: msgspec.json.Decoder[T], content: bytes) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, RecursionError) as reason:
        raise StoreError(f"a stored inventory does not load: {reason}", hint=_HINT) from None


def _pieces(hosts: list[Host]) -> Iterator[list[Host]]:
    """Cut where a host's id says so, not at a count: then a new host moves one cut and not all that follow."""
    piece: list[Host] = []
    for host in hosts:
        piece.append(host)
        if zlib.crc32(host.id.encode()) % PIECE_HOSTS == 0 or len(piece) == _MAX_PIECE:
            yield piece
            piece = []
    if piece:
        yield piece

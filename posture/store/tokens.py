"""Tokens of programs: made, found again by their digest, revoked; each of it is in the audit chain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, select

from posture.errors import StoreError
from posture.model.account import ApiToken, Role
from posture.store import chain
from posture.store.blobs import Blobs, upsert
from posture.store.codec import micros, moment
from posture.store.database import Database
from posture.store.schema import API_TOKEN


class ApiTokens:
    """The ``api_token`` table of a store."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database, self._blobs = database, blobs

    def all(self) -> tuple[ApiToken, ...]:
        """Return every token, also those that open nothing any more, by name."""
        with self._database.read() as conn:
            return tuple(_token(row) for row in conn.execute(select(API_TOKEN).order_by(API_TOKEN.c.name)))

    def by_digest(self, digest: str) -> ApiToken | None:
        """Return the token of a digest; ``None`` when there is none."""
        with self._database.read() as conn:
            row = conn.execute(select(API_TOKEN).where(API_TOKEN.c.token == bytes.fromhex(digest))).first()
        return None if row is None else _token(row)

    def add(self, token: ApiToken) -> None:
        """Keep a new token.

        Raises:
            StoreError: the name is taken; names are never used again, so that the chain stays clear.
        """
        with self._database.write() as conn:
            if conn.execute(select(API_TOKEN.c.name).where(API_TOKEN.c.name == token.name)).first() is not None:
                raise StoreError(f"there is a token `{token.name}` already", hint="choose another name")
            conn.execute(API_TOKEN.insert(), [_row(token)])
            detail = {
                "token": token.name,
                "by": token.made_by,
                "role": token.role.value,
                "systems": list(token.systems),
                "expires": token.expires_at.isoformat(),
            }
            chain.append(conn, self._blobs, [chain.Entry(token.made_at, "token_made", "", None, detail=detail)])

    def revoke(self, name: str, *, by: str, at: datetime) -> None:
        """Let a token open nothing any more.

        Raises:
            StoreError: there is none of the name.
        """
        with self._database.write() as conn:
            row = conn.execute(select(API_TOKEN).where(API_TOKEN.c.name == name)).first()
            if row is None:
                raise StoreError("there is no token of this name", hint="`posture account tokens` lists them")
            if row.revoked_at is not None:
                return
            upsert(conn, API_TOKEN, [_row(replace(_token(row), revoked_at=at))])
            detail = {"token": name, "by": by}
            chain.append(conn, self._blobs, [chain.Entry(at, "token_revoked", "", None, detail=detail)])


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        name=row.name,
        token_digest=bytes(row.token).hex(),
        role=Role(row.role),
        systems=tuple(msgspec.json.decode(row.systems, type=list[str])),
        made_by=row.made_by,
        made_at=moment(row.made_at),
        expires_at=moment(row.expires_at),
        revoked_at=None if row.revoked_at is None else moment(row.revoked_at),
    )


def _row(token: ApiToken) -> dict[str, object]:
    return {
        "name": token.name,
        "token": bytes.fromhex(token.token_digest),
        "role": token.role.value,
        "systems": msgspec.json.encode(token.systems).decode(),
        "made_by": token.made_by,
        "made_at": micros(token.made_at),
        "expires_at": micros(token.expires_at),
        "revoked_at": None if token.revoked_at is None else micros(token.revoked_at),
    }

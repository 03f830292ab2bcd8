"""Accounts, and who is signed in; every change of an account is in the audit chain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from posture.errors import StoreError
from posture.model.account import Account, Login, Role
from posture.store import chain
from posture.store.blobs import Blobs
from posture.store.codec import micros, moment
from posture.store.database import Database
from posture.store.schema import ACCOUNT, LOGIN


class People:
    """The ``account`` and ``login`` tables of a store."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database, self._blobs = database, blobs

    def accounts(self) -> tuple[Account, ...]:
        """Return every account, by name."""
        with self._database.read() as conn:
            return tuple(_account(row) for row in conn.execute(select(ACCOUNT).order_by(ACCOUNT.c.name)))

    def account(self, name: str) -> Account | None:
        """Return one account; ``None`` when nobody has the name."""
        with self._database.read() as conn:
            row = conn.execute(select(ACCOUNT).where(ACCOUNT.c.name == name)).first()
        return None if row is None else _account(row)

    def add(self, account: Account, *, by: str, at: datetime) -> None:
        """Keep a new account.

        Raises:
            StoreError: the name is taken.
        """
        with self._database.write() as conn:
            if conn.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == account.name)).first() is not None:
                raise StoreError(f"there is an account `{account.name}` already", hint="choose another name")
            conn.execute(ACCOUNT.insert(), [_row(account)])
            detail = {"account": account.name, "by": by, "role": account.role.value, "systems": list(account.systems)}
            chain.append(conn, self._blobs, [chain.Entry(at, "account_made", "", None, detail=detail)])

    def disable(self, name: str, *, by: str, at: datetime) -> bool:
        """Take an account out of use and end its sessions; false, and nothing done, for the last administrator."""
        here, admin = ACCOUNT.c.name == name, and_(ACCOUNT.c.role == Role.ADMIN.value, ACCOUNT.c.disabled == 0)
        with self._database.write() as conn:
            admins = select(ACCOUNT.c.name).where(admin).order_by(ACCOUNT.c.name).with_for_update()
            if set(conn.execute(admins).scalars()) == {name}:
                return False
            conn.execute(update(ACCOUNT).where(here).values(disabled=1))
            self._changed(conn, name, by, "disabled", at)
        return True

    def place(self, name: str, role: Role, systems: tuple[str, ...], *, by: str, at: datetime) -> None:
        """Give an account another role and other systems, and end its sessions; nothing else of it is touched."""
        values = {"role": role.value, "systems": msgspec.json.encode(systems).decode()}
        with self._database.write() as conn:
            conn.execute(update(ACCOUNT).where(ACCOUNT.c.name == name).values(values))
            self._changed(conn, name, by, f"role {role.value}, systems {', '.join(systems) or 'all'}", at)

    def _changed(self, conn: Connection, name: str, by: str, did: str, at: datetime) -> None:
        conn.execute(delete(LOGIN).where(LOGIN.c.account == name))
        detail = {"account": name, "by": by, "did": did}
        chain.append(conn, self._blobs, [chain.Entry(at, "account_changed", "", None, detail=detail)])

    def count_failure(self, name: str, *, most: int, rest: timedelta, at: datetime) -> None:
        """Count a wrong password, and let the account rest after so many; nothing else of it is touched.

        It is counted in the database, for guesses come beside each other; only the rest is a row of the chain, or
        anybody could make it grow for ever.
        """
        here = ACCOUNT.c.name == name
        with self._database.write() as conn:
            conn.execute(update(ACCOUNT).where(here).values(failures=ACCOUNT.c.failures + 1))
            if (conn.execute(select(ACCOUNT.c.failures).where(here)).scalar() or 0) < most:
                return
            conn.execute(update(ACCOUNT).where(here).values(failures=0, locked_until=micros(at + rest)))
            detail = {"account": name, "by": "wrong passwords", "did": "locked"}
            chain.append(conn, self._blobs, [chain.Entry(at, "account_changed", "", None, detail=detail)])

    def forget_failures(self, name: str) -> None:
        """Begin to count anew."""
        with self._database.write() as conn:
            conn.execute(update(ACCOUNT).where(ACCOUNT.c.name == name).values(failures=0, locked_until=None))

    def sign_in(self, login: Login, *, by: str = "password", instead_of: str = "") -> None:
        """Keep a session, if it is so in place of another; sessions that have ended are forgotten.

        ``by`` is what proved who it is.
        """
        over = or_(LOGIN.c.expires_at < micros(login.made_at), LOGIN.c.token == bytes.fromhex(instead_of))
        with self._database.write() as conn:
            conn.execute(delete(LOGIN).where(over))
            row = {
                "token": bytes.fromhex(login.token_digest),
                "account": login.account,
                "made_at": micros(login.made_at),
                "expires_at": micros(login.expires_at),
            }
            conn.execute(LOGIN.insert(), [row])
            entry = chain.Entry(login.made_at, "signed_in", "", None, detail={"account": login.account, "by": by})
            chain.append(conn, self._blobs, [entry])

    def refuse(self, account: str, *, by: str, why: str, at: datetime) -> None:
        """Write down that somebody was not let in; ``account`` is empty where nobody knows who it was."""
        with self._database.write() as conn:
            detail = {"account": account, "by": by, "why": why}
            chain.append(conn, self._blobs, [chain.Entry(at, "sign_in_refused", "", None, detail=detail)])

    def signed_in(self, token_digest: str, now: datetime) -> Account | None:
        """Return whose session this is; ``None`` when it has ended, or the account is disabled."""
        with self._database.read() as conn:
            joined = select(ACCOUNT, LOGIN.c.expires_at).join(LOGIN, LOGIN.c.account == ACCOUNT.c.name)
            row = conn.execute(joined.where(LOGIN.c.token == bytes.fromhex(token_digest))).first()
        if row is None or moment(row.expires_at) <= now or row.disabled:
            return None
        return _account(row)

    def login(self, token_digest: str) -> Login | None:
        """Return a session; ``None`` when it was ended."""
        with self._database.read() as conn:
            row = conn.execute(select(LOGIN).where(LOGIN.c.token == bytes.fromhex(token_digest))).first()
        return None if row is None else Login(token_digest, row.account, moment(row.made_at), moment(row.expires_at))

    def sign_out(self, token_digest: str, at: datetime) -> None:
        """End a session."""
        with self._database.write() as conn:
            row = conn.execute(select(LOGIN).where(LOGIN.c.token == bytes.fromhex(token_digest))).first()
            if row is None:
                return
            conn.execute(delete(LOGIN).where(LOGIN.c.token == row.token))
            chain.append(conn, self._blobs, [chain.Entry(at, "signed_out", "", None, detail={"account": row.account})])


def _account(row: Row[Any]) -> Account:
    return Account(
        name=row.name,
        role=Role(row.role),
        systems=tuple(msgspec.json.decode(row.systems, type=list[str])),
        password=row.password,
        made_at=moment(row.made_at),
        disabled=bool(row.disabled),
        failures=row.failures,
        locked_until=None if row.locked_until is None else moment(row.locked_until),
    )


def _row(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "role": account.role.value,
        "systems": msgspec.json.encode(account.systems).decode(),
        "password": account.password,
        "made_at": micros(account.made_at),
        "disabled": int(account.disabled),
        "failures": account.failures,
        "locked_until": None if account.locked_until is None else micros(account.locked_until),
    }

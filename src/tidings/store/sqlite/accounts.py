"""Organizations, their accounts, and the roles of both accounts and users."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from tidings.core.errors import Taken
from tidings.core.model import Moment
from tidings.core.passwordpolicy import PasswordPolicy, shown
from tidings.core.people import Account, Organization
from tidings.store import rows
from tidings.store.people import NewAccount
from tidings.store.sqlite.database import SQL, Database, one, run
from tidings.store.sqlite.errands import drop_errands


class Accounts(Database):
    """The store's part about organizations and accounts."""

    async def organization(self, organization_id: int) -> Organization | None:
        def work(db: sqlite3.Connection) -> Organization | None:
            row = db.execute(SQL["organization"], {"id": organization_id}).fetchone()
            return rows.organization(row, self._vault) if row else None

        return await self._read(work)

    async def set_password_policy(self, organization_id: int, policy: PasswordPolicy) -> None:
        def work(db: sqlite3.Connection) -> None:
            run(db, "set_password_policy", id=organization_id, policy=json.dumps(shown(policy)))

        await self._writer.run(work)

    async def set_organization_secret(self, organization_id: int, secret: str) -> None:
        sealed, lookup = self._vault.seal(secret.encode(), rows.ORGANIZATION), self._vault.lookup(secret)

        def work(db: sqlite3.Connection) -> None:
            run(db, "set_organization_secret", id=organization_id, secret=sealed, secret_lookup=lookup)

        await self._writer.run(work)

    async def account(self, account_id: int) -> Account | None:
        return await self._read(lambda db: _account(db, account_id))

    async def accounts(self, organization_id: int) -> Sequence[Account]:
        def work(db: sqlite3.Connection) -> list[Account]:
            found = db.execute(SQL["accounts"], {"organization_id": organization_id}).fetchall()
            return [_made(db, row) for row in found]

        return await self._read(work)

    async def create_account(self, new: NewAccount, now: Moment) -> Account:
        def work(db: sqlite3.Connection) -> Account:
            made = _account(db, add_account(db, new, now))
            assert made is not None
            return made

        return await self._writer.run(work)

    async def update_account(self, account: Account, now: Moment, *, without_users: bool = False) -> Account | None:
        def work(db: sqlite3.Connection) -> Account | None:
            _refuse_taken(db, account.organization_id, account.external_id, but=account.id)
            run(
                db,
                "change_account",
                id=account.id,
                name=account.name,
                description=account.description,
                external_id=account.external_id,
                active=int(account.active),
                now=now,
            )
            if without_users:
                for row in db.execute(SQL["users_of_account"], {"account_id": account.id}).fetchall():
                    drop_user(db, row["id"])
            if not account.active:
                run(db, "rest_polling_of_account", id=account.id)
                drop_errands(db, "errands_of_account", account_id=account.id)
            return _account(db, account.id)

        return await self._writer.run(work)

    async def grant(self, role: str, *, user_id: int | None = None, account_id: int | None = None) -> bool:
        return await self._turn("grant", role, user_id, account_id)

    async def revoke(self, role: str, *, user_id: int | None = None, account_id: int | None = None) -> bool:
        return await self._turn("revoke", role, user_id, account_id)

    async def _turn(self, verb: str, role: str, user_id: int | None, account_id: int | None) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            done = 0
            if user_id is not None:
                done += run(db, f"{verb}_user", id=user_id, role=role)
            if account_id is not None:
                done += run(db, f"{verb}_account", id=account_id, role=role)
            return done > 0

        return await self._writer.run(work)


def add_account(db: sqlite3.Connection, new: NewAccount, now: Moment, *, is_default: bool = False) -> int:
    """Insert an account, inside a write; returns its id."""
    _refuse_taken(db, new.organization_id, new.external_id)
    made: int = one(
        db,
        "add_account",
        organization_id=new.organization_id,
        name=new.name,
        description=new.description,
        external_id=new.external_id,
        is_default=int(is_default),
        now=now,
    )["id"]
    return made


def drop_user(db: sqlite3.Connection, user_id: int) -> bool:
    """Remove a user with all that is theirs alone, inside a write."""
    run(db, "rest_polling_of_user", id=user_id)
    drop_errands(db, "errands_of_user", user_id=user_id)
    run(db, "end_sessions", id=user_id)
    run(db, "drop_passwords", id=user_id, keep=0)
    run(db, "drop_roles", id=user_id)
    return bool(run(db, "drop_user", id=user_id))


def _account(db: sqlite3.Connection, account_id: int) -> Account | None:
    row = one(db, "account", id=account_id)
    return _made(db, row) if row else None


def _made(db: sqlite3.Connection, row: sqlite3.Row) -> Account:
    return rows.account(row, tuple(each["role"] for each in db.execute(SQL["roles_of_account"], {"id": row["id"]})))


def _refuse_taken(db: sqlite3.Connection, organization_id: int, external_id: str, but: int | None = None) -> None:
    found = one(db, "account_named", organization_id=organization_id, external_id=external_id)
    if found is not None and found["id"] != but:
        raise Taken(f"externalId: there is an account {external_id} already; write another")

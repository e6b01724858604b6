"""Who may call: the store's users, by mail, secret and session."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tidings.core.model import Moment, User
from tidings.store import rows
from tidings.store.sqlite.database import SQL, Database, one, run


class People(Database):
    """The store's part about people."""

    async def first_user(self, make: Callable[[], User]) -> tuple[User, bool]:
        def work(db: sqlite3.Connection) -> tuple[User, bool]:
            found = self._user(db)
            if found is not None:
                return found, False
            new = make()
            sealed = self._vault.seal(new.organization_secret.encode(), rows.ORGANIZATION)
            lookup = self._vault.lookup(new.organization_secret)
            organization_id = one(db, "add_organization", secret=sealed, secret_lookup=lookup)["id"]
            account_id = one(db, "add_account", organization_id=organization_id, name=new.email)["id"]
            run(
                db,
                "add_user",
                organization_id=organization_id,
                account_id=account_id,
                email=new.email,
                first_name=new.first_name,
                last_name=new.last_name,
                password_hash=new.password_hash,
                secret=self._vault.seal(new.secret.encode(), rows.USER),
                secret_lookup=self._vault.lookup(new.secret),
            )
            made = self._user(db)
            assert made is not None
            return made, True

        return await self._writer.run(work)

    def _user(
        self,
        db: sqlite3.Connection,
        *,
        user_id: int | None = None,
        email: str | None = None,
        lookup: bytes | None = None,
    ) -> User | None:
        row = db.execute(SQL["user_by"], {"id": user_id, "email": email, "secret_lookup": lookup}).fetchone()
        return rows.user(row, self._vault) if row else None

    async def user_by_email(self, email: str) -> User | None:
        return await self._read(lambda db: self._user(db, email=email))

    async def user_by_secret(self, secret: str) -> User | None:
        return await self._read(lambda db: self._user(db, lookup=self._vault.lookup(secret)))

    async def user(self, user_id: int) -> User | None:
        return await self._read(lambda db: self._user(db, user_id=user_id))

    async def open_session(self, token: str, user_id: int, until: Moment) -> None:
        lookup = self._vault.lookup(token)
        await self._writer.run(
            lambda db: run(db, "add_session", token_lookup=lookup, user_id=user_id, until_at=until) and None
        )

    async def user_by_session(self, token: str, now: Moment) -> User | None:
        def work(db: sqlite3.Connection) -> User | None:
            row = db.execute(SQL["session_user"], {"token_lookup": self._vault.lookup(token), "now": now}).fetchone()
            return self._user(db, user_id=row["user_id"]) if row else None

        return await self._read(work)

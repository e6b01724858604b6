"""Who may call: the store's users, by mail, secret and session, with their passwords."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from tidings.core.errors import Taken
from tidings.core.model import Moment, User
from tidings.core.roles import ORG_ADMIN
from tidings.store import rows
from tidings.store.people import PASSWORDS_KEPT, NewAccount, NewUser
from tidings.store.secrets import Vault
from tidings.store.sqlite.accounts import add_account, drop_user
from tidings.store.sqlite.database import SQL, Database, one, run
from tidings.store.sqlite.errands import drop_errands

FIRST_ACCOUNT = "default"


class People(Database):
    """The store's part about users."""

    async def first_user(self, make: Callable[[], User]) -> tuple[User, bool]:
        def work(db: sqlite3.Connection) -> tuple[User, bool]:
            found = self._user(db, "first_user")
            return (found, False) if found is not None else (self._add_organization(db, make()), True)

        return await self._writer.run(work)

    async def add_organization(self, first: User) -> User:
        return await self._writer.run(lambda db: self._add_organization(db, first))

    def _add_organization(self, db: sqlite3.Connection, first: User) -> User:
        _refuse_taken(db, first.email)
        organization_id = one(
            db,
            "add_organization",
            name=first.email,
            secret=self._vault.seal(first.organization_secret.encode(), rows.ORGANIZATION),
            secret_lookup=self._vault.lookup(first.organization_secret),
            now=first.created_at,
        )["id"]
        account = NewAccount(organization_id, first.email, "", FIRST_ACCOUNT)
        new = NewUser(
            account_id=add_account(db, account, first.created_at, is_default=True),
            email=first.email,
            first_name=first.first_name,
            last_name=first.last_name,
            roles=(ORG_ADMIN.key,),
            password_hash=first.password_hash,
            secret=first.secret,
        )
        return self._add_user(db, new, first.created_at)

    async def user(self, user_id: int) -> User | None:
        return await self._read(lambda db: self._user(db, "user", id=user_id))

    async def user_by_email(self, email: str) -> User | None:
        return await self._read(lambda db: self._user(db, "user_of_email", email=email))

    async def user_by_secret(self, secret: str) -> User | None:
        lookup = self._vault.lookup(secret)
        return await self._read(lambda db: self._user(db, "user_of_secret", secret_lookup=lookup))

    async def users(self, organization_id: int, account_id: int | None = None) -> Sequence[User]:
        def work(db: sqlite3.Connection) -> list[User]:
            if account_id is None:
                found = db.execute(SQL["users_of_organization"], {"organization_id": organization_id})
            else:
                found = db.execute(SQL["users_of_account"], {"account_id": account_id})
            return [
                _made(db, row, self._vault) for row in found.fetchall() if row["organization_id"] == organization_id
            ]

        return await self._read(work)

    async def create_user(self, new: NewUser, now: Moment) -> User:
        def work(db: sqlite3.Connection) -> User:
            _refuse_taken(db, new.email)
            return self._add_user(db, new, now)

        return await self._writer.run(work)

    def _add_user(self, db: sqlite3.Connection, new: NewUser, now: Moment) -> User:
        account = one(db, "account", id=new.account_id)
        if account is None:
            raise LookupError(f"there is no account {new.account_id}")
        user_id = one(
            db,
            "add_user",
            organization_id=account["organization_id"],
            account_id=new.account_id,
            email=new.email,
            first_name=new.first_name,
            last_name=new.last_name,
            password_hash=new.password_hash,
            secret=self._vault.seal(new.secret.encode(), rows.USER),
            secret_lookup=self._vault.lookup(new.secret),
            now=now,
        )["id"]
        for role in new.roles:
            run(db, "grant_user", id=user_id, role=role)
        made = self._user(db, "user", id=user_id)
        assert made is not None
        return made

    async def update_user(self, user: User, now: Moment) -> User | None:
        def work(db: sqlite3.Connection) -> User | None:
            _refuse_taken(db, user.email, but=user.id)
            written = {"email": user.email, "first_name": user.first_name, "last_name": user.last_name}
            run(db, "change_user", id=user.id, active=int(user.active), **written)
            if not user.active:
                run(db, "end_sessions", id=user.id)
                run(db, "rest_polling_of_user", id=user.id)
                drop_errands(db, "errands_of_user", user_id=user.id)
            return self._user(db, "user", id=user.id)

        return await self._writer.run(work)

    async def delete_user(self, user_id: int) -> bool:
        return await self._writer.run(lambda db: drop_user(db, user_id))

    async def set_password(self, user_id: int, password_hash: str, now: Moment) -> None:
        def work(db: sqlite3.Connection) -> None:
            run(db, "keep_password", id=user_id)
            run(db, "drop_passwords", id=user_id, keep=PASSWORDS_KEPT)
            run(db, "set_password", id=user_id, password_hash=password_hash, now=now)
            run(db, "end_sessions", id=user_id)

        await self._writer.run(work)

    async def password_hashes(self, user_id: int, limit: int) -> Sequence[str]:
        def work(db: sqlite3.Connection) -> list[str]:
            user = self._user(db, "user", id=user_id)
            former = db.execute(SQL["former_passwords"], {"id": user_id, "limit": limit})
            return ([user.password_hash] if user else [])[:limit] + [row["password_hash"] for row in former][
                : limit - 1
            ]

        return await self._read(work)

    async def open_session(self, token: str, user_id: int, now: Moment, until: Moment) -> None:
        lookup = self._vault.lookup(token)

        def work(db: sqlite3.Connection) -> None:
            run(db, "drop_old_sessions", now=now)
            run(db, "add_session", token_lookup=lookup, user_id=user_id, until_at=until)
            run(db, "note_login", id=user_id, now=now)

        await self._writer.run(work)

    async def user_by_session(self, token: str, now: Moment) -> User | None:
        def work(db: sqlite3.Connection) -> User | None:
            row = db.execute(SQL["session_user"], {"token_lookup": self._vault.lookup(token), "now": now}).fetchone()
            return self._user(db, "user", id=row["user_id"]) if row else None

        return await self._read(work)

    def _user(self, db: sqlite3.Connection, statement: str, **values: object) -> User | None:
        row = db.execute(SQL[statement], values).fetchone()
        return _made(db, row, self._vault) if row else None


def _made(db: sqlite3.Connection, row: sqlite3.Row, vault: Vault) -> User:
    own = tuple(each["role"] for each in db.execute(SQL["roles_of_user"], {"id": row["id"]}))
    of_account = tuple(each["role"] for each in db.execute(SQL["roles_of_account"], {"id": row["account_id"]}))
    return rows.user(row, own, of_account, vault)


def _refuse_taken(db: sqlite3.Connection, email: str, but: int | None = None) -> None:
    found = one(db, "user_of_email", email=email)
    if found is not None and found["id"] != but:
        raise Taken(f"email: there is a user {email} already; write another")

"""Grants of accounts that are opened by OAuth: their tokens, sealed, and whose turn it is to renew them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

from tidings.core.errors import LeaseLost
from tidings.core.model import Grant, Moment, Tokens
from tidings.store import rows
from tidings.store.oauth import NewGrant, Renewal
from tidings.store.secrets import Vault
from tidings.store.sqlite.database import SQL, Database, run


class Grants(Database):
    """The store's part about grants."""

    async def begin_renewal(
        self, instance_id: int, serial: int, owner: str, now: Moment, lease_until: Moment
    ) -> Renewal | None:
        def work(db: sqlite3.Connection) -> Renewal | None:
            row = db.execute(SQL["grant_of"], {"instance_id": instance_id}).fetchone()
            if row is None:
                return None
            grant = rows.grant(row, self._vault)
            held = row["lease_until"] is not None and row["lease_until"] > now
            if grant.serial != serial or grant.refused is not None or held:
                return Renewal(grant, None)
            run(db, "begin_renewal", instance_id=instance_id, owner=owner, now=now, lease_until=lease_until)
            return Renewal(grant, row["fence"] + 1, row["asked_at"])

        return await self._writer.run(work)

    async def keep_tokens(self, instance_id: int, fence: int, tokens: Tokens) -> Grant:
        def work(db: sqlite3.Connection) -> Grant:
            _fenced(db, "keep_tokens", instance_id, fence, **_values(tokens, self._vault))
            row = db.execute(SQL["grant_of"], {"instance_id": instance_id}).fetchone()
            if row is None:
                raise LeaseLost(f"instance {instance_id} was deleted meanwhile")
            return rows.grant(row, self._vault)

        return await self._writer.run(work)

    async def end_renewal(self, instance_id: int, fence: int, *, settled: bool) -> None:
        await self._writer.run(lambda db: _fenced(db, "end_renewal", instance_id, fence, settled=int(settled)))

    async def refuse_grant(self, instance_id: int, fence: int, reason: str) -> None:
        await self._writer.run(lambda db: _fenced(db, "refuse_grant", instance_id, fence, reason=reason))

    async def renewals_due(self, now: Moment, limit: int) -> Sequence[tuple[int, int]]:
        def work(db: sqlite3.Connection) -> Sequence[tuple[int, int]]:
            found = db.execute(SQL["renewals_due"], {"now": now, "limit": limit}).fetchall()
            return [(row["instance_id"], row["serial"]) for row in found]

        return await self._read(work)


def write_grant(db: sqlite3.Connection, vault: Vault, instance_id: int, new: NewGrant) -> None:
    """Put this grant in the place of the instance's former one, inside a write."""
    run(db, "write_grant", instance_id=instance_id, external=int(new.external), **_values(new.tokens, vault))


def _values(tokens: Tokens, vault: Vault) -> dict[str, object]:
    return {"tokens": vault.seal(json.dumps(asdict(tokens)).encode(), rows.GRANT), "renew_at": tokens.renew_at}


def _fenced(db: sqlite3.Connection, statement: str, instance_id: int, fence: int, /, **values: object) -> None:
    if not run(db, statement, instance_id=instance_id, fence=fence, **values):
        raise LeaseLost(f"the turn to renew the grant of instance {instance_id} has passed to somebody else")

"""The calls that are made for somebody: what is asked and answered is sealed, when it is due is their lanes'."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Sequence

from tidings.core.errands import TOPIC, Answered, Asked, Errand, noted, told
from tidings.core.model import Lane, LaneKind, Moment
from tidings.core.notify import SENDER
from tidings.core.posted import Post
from tidings.core.subscription import account_log
from tidings.store.errands import NewErrand
from tidings.store.secrets import Vault
from tidings.store.sqlite.database import SQL, Database, fenced, one, run, run_id
from tidings.store.sqlite.posted import add_post

ASKED, ANSWER = "errand.asked", "errand.answer"


class Errands(Database):
    """The store's part about errands."""

    async def create_errand(self, new: NewErrand, due_at: Moment, now: Moment) -> Errand:
        def work(db: sqlite3.Connection) -> Errand:
            errand_id = one(
                db,
                "add_errand",
                account_id=new.account_id,
                user_id=new.user_id,
                instance_id=new.instance_id,
                name=new.name,
                description=new.description,
                cron=new.cron,
                callback=new.callback,
                asked=self._vault.seal(_written(new.asked), ASKED),
                now=now,
            )["id"]
            key = {"kind": LaneKind.ERRAND, "instance_id": account_log(new.account_id), "key": str(errand_id)}
            run_id(db, "add_lane", **key, due_at=due_at, generation="")
            return _errand(one(db, "errand", id=errand_id), self._vault)

        return await self._writer.run(work)

    async def errand(self, errand_id: int) -> Errand | None:
        row = await self._read(lambda db: db.execute(SQL["errand"], {"id": errand_id}).fetchone())
        return _errand(row, self._vault) if row else None

    async def errands(self, account_id: int) -> Sequence[Errand]:
        def work(db: sqlite3.Connection) -> list[Errand]:
            return [_errand(row, self._vault) for row in db.execute(SQL["errands"], {"account_id": account_id})]

        return await self._read(work)

    async def count_errands(self, account_id: int) -> int:
        return await self._read(lambda db: int(one(db, "count_errands", account_id=account_id)["n"]))

    async def delete_errand(self, account_id: int, errand_id: int) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            found = one(db, "errand", id=errand_id)
            if found is None or found["account_id"] != account_id or found["cron"] is None:
                return False
            _drop(db, errand_id, account_id)
            return True

        return await self._writer.run(work)

    async def begin_errand(self, lane: Lane, now: Moment, lease_until: Moment) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "hold_lane", lane, cursor=lane.cursor, lease_until=lease_until, attempt=lane.attempt)
            run(db, "begin_errand", id=int(lane.key), now=now)

        await self._writer.run(work)

    async def end_errand(self, lane: Lane, answered: Answered | None, now: Moment, due_at: Moment) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "release_lane", lane, cursor=None, due_at=due_at, attempt=0, reason=None)
            status, said = (answered.status, answered.said) if answered else (None, "the server stopped meanwhile")
            run(db, "end_errand", id=int(lane.key), now=now, status=status, said=said)

        await self._writer.run(work)

    async def answer_errand(self, lane: Lane, answered: Answered, now: Moment) -> int:
        def work(db: sqlite3.Connection) -> int:
            fenced(db, "release_lane", lane, cursor=None, due_at=now, attempt=0, reason=None)
            errand = _errand(one(db, "errand", id=int(lane.key)), self._vault)
            note = Post("low", TOPIC, noted(errand.id, errand.asked, answered), SENDER)
            number = add_post(db, errand.account_id, note, now).number
            body = self._vault.seal(told(errand.id, errand.instance_id, answered, number), ANSWER)
            end = {"status": answered.status, "said": answered.said}
            run(db, "answer_errand", id=errand.id, now=now, answer=body, **end)
            return number

        return await self._writer.run(work)

    async def retry_errand(self, lane: Lane, due_at: Moment) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "release_lane", lane, cursor=None, due_at=due_at, attempt=0, reason=None)
            run(db, "retry_errand", id=int(lane.key))

        await self._writer.run(work)

    async def drop_errand(self, lane: Lane) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "release_lane", lane, cursor=None, due_at=0, attempt=0, reason=None)
            _drop(db, int(lane.key), -lane.instance_id)

        await self._writer.run(work)


def drop_errands(db: sqlite3.Connection, statement: str, /, **whose: int) -> None:
    """Remove the errands that the named statement lists, inside a write."""
    for row in db.execute(SQL[statement], whose).fetchall():
        _drop(db, row["id"], row["account_id"])


def _drop(db: sqlite3.Connection, errand_id: int, account_id: int) -> None:
    run(db, "drop_errand", id=errand_id)
    run(db, "drop_errand_lane", log_id=account_log(account_id), id=errand_id)


def _written(asked: Asked) -> bytes:
    body = None if asked.body is None else base64.b64encode(asked.body).decode()
    return json.dumps([asked.method, asked.path, asked.query, dict(asked.headers), body]).encode()


def _errand(row: sqlite3.Row, vault: Vault) -> Errand:
    values = dict(row)
    method, path, query, headers, body = json.loads(vault.open(values.pop("asked"), ASKED))
    asked = Asked(method, path, query, headers, None if body is None else base64.b64decode(body))
    answer = values.pop("answer")
    return Errand(**values, asked=asked, answer=None if answer is None else vault.open(answer, ANSWER))

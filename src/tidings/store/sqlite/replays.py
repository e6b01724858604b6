"""Events that are sent again, each replay with a lane of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from tidings.core.cutting import id_for
from tidings.core.model import Attempt, Lane, LaneKind, Moment
from tidings.core.replay import Replay, ReplayState
from tidings.store import rows
from tidings.store.sending import NEWEST, NewReplay, Place
from tidings.store.sqlite.database import SQL, Database, fenced, one, run, run_id
from tidings.store.sqlite.subscriptions import subscription_rows


class Replays(Database):
    """The store's part about replays."""

    async def create_replay(self, new: NewReplay, now: Moment) -> Replay:
        def work(db: sqlite3.Connection) -> Replay:
            numbers = None if new.numbers is None else json.dumps(new.numbers)
            of = {"account_id": new.account_id, "instance_id": new.instance_id, "subscription_id": new.subscription_id}
            span = {"from_sequence": new.from_sequence, "to_sequence": new.to_sequence}
            replay_id = one(db, "add_replay", **of, **span, numbers=numbers, rate=new.rate, now=now)["id"]
            key = {"kind": LaneKind.REPLAY, "instance_id": new.instance_id, "key": str(replay_id)}
            run_id(db, "add_lane", **key, due_at=now, generation="")
            return _replay(one(db, "replay", id=replay_id))

        return await self._writer.run(work)

    async def replay(self, replay_id: int) -> Replay | None:
        row = await self._read(lambda db: db.execute(SQL["replay"], {"id": replay_id}).fetchone())
        return _replay(row) if row else None

    async def replays(
        self, account_id: int, *, instance_id: int | None = None, before: int = NEWEST, limit: int = 200
    ) -> Sequence[Replay]:
        name = "replays_of_account" if instance_id is None else "replays_of_log"
        values = {"account_id": account_id, "instance_id": instance_id, "before": before, "limit": limit}
        found = await self._read(lambda db: [_replay(row) for row in db.execute(SQL[name], values)])
        return [each for each in found if each.account_id == account_id]

    async def commit_replay(
        self,
        lane: Lane,
        replay: Replay,
        tries: Sequence[tuple[int, Attempt]],
        *,
        release: bool,
        due_at: Moment,
        lease_until: Moment,
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            if release:
                fenced(db, "release_lane", lane, cursor=lane.cursor, due_at=due_at, attempt=0, reason=replay.reason)
            else:
                fenced(db, "hold_lane", lane, cursor=lane.cursor, lease_until=lease_until, attempt=0)
            values = [rows.attempt_values(replay.subscription_id, number, attempt) for number, attempt in tries]
            db.executemany(SQL["write_attempt"], values)
            _write(db, replay)
            if replay.state is not ReplayState.RUNNING:
                run(db, "switch_lane_off", id=lane.id)

        await self._writer.run(work)

    async def stop_replay(self, replay_id: int, reason: str, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            row = db.execute(SQL["replay"], {"id": replay_id}).fetchone()
            if row is None or row["state"] != ReplayState.RUNNING:
                return False
            state = {"state": ReplayState.STOPPED, "reason": reason, "finished_at": now}
            counts = {name: row[name] for name in ("position", "sent", "failed")}
            run(db, "write_replay", id=replay_id, **state, **counts)
            lane = one(db, "replay_lane", instance_id=row["instance_id"], key=str(replay_id))
            run(db, "switch_lane_off", id=lane["id"])
            return True

        return await self._writer.run(work)

    # What there is to send again

    async def places(self, log_id: int, ids: Sequence[str]) -> Mapping[str, Place]:
        def work(db: sqlite3.Connection) -> dict[str, Place]:
            subscriptions = subscription_rows(db, self._vault, instance_id=log_id)
            found = {each: _named(db, log_id, each, [s.id for s in subscriptions]) for each in ids}
            return {each: place for each, place in found.items() if place is not None}

        return await self._read(work)

    async def place_of(self, log_id: int, sequence: int) -> Place | None:
        def work(db: sqlite3.Connection) -> Place | None:
            before = _place(db, "place_before", instance_id=log_id, sequence=sequence)
            if before is not None and before.last_sequence >= sequence:
                return before
            return _place(db, "place_after", instance_id=log_id, sequence=sequence)

        return await self._read(work)

    async def place_since(self, log_id: int, moment: Moment) -> Place | None:
        def work(db: sqlite3.Connection) -> Place | None:
            low = _place(db, "place_after", instance_id=log_id, sequence=1)
            high = _place(db, "place_before", instance_id=log_id, sequence=NEWEST)
            if low is None or high is None or high.created_at < moment:
                return None
            # From the log's order, which is that of time: an index by time would cost every commit.
            while low.created_at < moment:
                middle = (low.last_sequence + high.first_sequence) // 2 + 1
                between = _place(db, "place_after", instance_id=log_id, sequence=middle) or high
                if between.created_at < moment:
                    low = between
                    continue
                earlier = _place(db, "place_before", instance_id=log_id, sequence=between.first_sequence - 1) or low
                if earlier.created_at < moment:
                    return between
                high = earlier
            return low

        return await self._read(work)

    async def count_log(self, log_id: int, from_sequence: int, to_sequence: int) -> int:
        span = {"instance_id": log_id, "from_sequence": from_sequence, "to_sequence": to_sequence}
        return await self._read(lambda db: int(one(db, "count_log", **span)["n"]))


def _named(db: sqlite3.Connection, log_id: int, name: str, subscriptions: Sequence[int]) -> Place | None:
    place = _place(db, "place_named", instance_id=log_id, id=name)
    if place is not None:
        return place
    try:  # a receiver that gets a cut of its own knows it by that one's id
        cut = [id_for(name, each) for each in subscriptions]
    except ValueError:
        return None
    found = (_place(db, "place_named", instance_id=log_id, id=each) for each in cut)
    return next((each for each in found if each is not None), None)


def _place(db: sqlite3.Connection, statement: str, /, **values: object) -> Place | None:
    row = db.execute(SQL[statement], values).fetchone()
    return None if row is None else Place(*row)


def _write(db: sqlite3.Connection, replay: Replay) -> None:
    counts = {"position": replay.position, "sent": replay.sent, "failed": replay.failed}
    end = {"reason": replay.reason, "finished_at": replay.finished_at}
    run(db, "write_replay", id=replay.id, state=replay.state, **counts, **end)


def _replay(row: sqlite3.Row) -> Replay:
    values = dict(row)
    numbers = values.pop("numbers")
    state = ReplayState(values.pop("state"))
    return Replay(**values, state=state, numbers=None if numbers is None else tuple(json.loads(numbers)))

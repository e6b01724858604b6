"""How is an errand made? Its call once for each due moment, and its answer told until the callback has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from tidings.core.cron import parse
from tidings.core.cursor import NEVER
from tidings.core.errands import REPEATABLE, UNKNOWN, Answered, Errand
from tidings.core.instancerules import SIGNATURE_KEY
from tidings.core.model import JSON, Lane, Moment
from tidings.core.retry import receiver_wait
from tidings.core.signing import headers
from tidings.engine.attempts import Send
from tidings.store.base import Store

LOST: Final = "The server stopped while this call was made; whether it was carried out is not known"


class Make(Protocol):
    """Makes an errand's call as its user; whatever happens is an answer."""

    async def __call__(self, errand: Errand, /) -> Answered: ...


class ErrandRunner:
    """Works errand lanes. `noted` is told of the log that has grown.

    Before a call is made it is written that it is; whoever finds it begun and not ended knows that it was interrupted.
    So no call of a schedule is made twice for one due moment: what was interrupted is not made again, and of all that
    was due while nobody worked, one is made. `lease_for` is in milliseconds.
    """

    def __init__(
        self,
        store: Store,
        make: Make,
        send: Send,
        *,
        clock: Callable[[], Moment],
        log: Any,
        lease_for: int,
        noted: Callable[[int], None] = lambda log_id: None,
    ) -> None:
        self._store, self._make, self._send = store, make, send
        self._clock, self._log, self._lease_for, self._noted = clock, log, lease_for, noted

    async def run(self, lane: Lane) -> None:
        """Make the call, or tell its answer, and give the lane back."""
        errand = await self._store.errand(int(lane.key))
        if errand is None:
            return await self._store.release(lane, due_at=NEVER)
        if errand.answer is not None:
            return await self._tell(lane, errand, errand.answer)
        if errand.cron is None:
            return await self._make_once(lane, errand)
        return await self._make_scheduled(lane, errand, errand.cron)

    async def _make_scheduled(self, lane: Lane, errand: Errand, cron: str) -> None:
        now = self._clock()
        answered = None if errand.was_interrupted else await self._begin(lane, errand, now)
        since = errand.begun_at if errand.was_interrupted and errand.begun_at is not None else now
        due_at = parse(cron).next_after(since)
        await self._store.end_errand(lane, answered, self._clock(), NEVER if due_at is None else due_at)
        log = self._log.info if answered is not None and answered.status < 400 else self._log.warning
        log(
            "job.made",
            job=errand.id,
            account=errand.account_id,
            name=errand.name,
            status=answered and answered.status,
            request_id=answered and answered.request_id,
            interrupted=answered is None,
            took_ms=self._clock() - now,
        )

    async def _make_once(self, lane: Lane, errand: Errand) -> None:
        if errand.was_interrupted and errand.asked.method not in REPEATABLE:
            body = orjson.dumps({"requestId": "", "message": LOST})
            answered = Answered(UNKNOWN, "", JSON, body)
        else:
            answered = await self._begin(lane, errand, self._clock())
        await self._store.answer_errand(lane, answered, self._clock())
        self._noted(lane.instance_id)

    async def _begin(self, lane: Lane, errand: Errand, now: Moment) -> Answered:
        await self._store.begin_errand(lane, now, now + self._lease_for)
        return await self._make(errand)

    async def _tell(self, lane: Lane, errand: Errand, body: bytes) -> None:
        """POST the answer, signed as the instance's events are; again by the schedule of notifications."""
        assert errand.callback is not None
        key = await self._key(errand)
        sent = headers(f"async-{errand.id}", body, [key] if key else [], self._clock() // 1000)
        outcome = await self._send(errand.callback, sent, body)
        wait_for = receiver_wait(errand.tries + 1, outcome.retry_after)
        if outcome.ok or wait_for is None:
            await self._store.drop_errand(lane)
        else:
            await self._store.retry_errand(lane, self._clock() + round(wait_for * 1000))
        log = self._log.debug if outcome.ok else self._log.warning
        log(
            "answer.told",
            errand=errand.id,
            account=errand.account_id,
            attempt=errand.tries + 1,
            status=outcome.status,
            error=outcome.error,
            took_ms=round(outcome.took_for * 1000),
            next_in_ms=None if outcome.ok or wait_for is None else round(wait_for * 1000),
        )

    async def _key(self, errand: Errand) -> str | None:
        instance = None if errand.instance_id is None else await self._store.instance(errand.instance_id)
        return None if instance is None else instance.secrets.get(SIGNATURE_KEY)

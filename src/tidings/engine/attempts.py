"""How is one notification sent and signed, and what is kept and told of the answer?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from msgspec.structs import replace

from tidings.core.breaker import Breaker
from tidings.core.model import DeliveryState, Lane, Moment, Outcome
from tidings.core.receiver import receiver_headers, secrets_of
from tidings.core.scrub import scrub
from tidings.core.signing import headers
from tidings.core.subscription import Subscription
from tidings.engine.meter import Meter
from tidings.engine.window import Try, Verdict

REPLAY_HEADER: Final = "Tidings-Replay"
"""Names the replay that a POST belongs to; a first delivery has none."""


class Send(Protocol):
    """Posts once and says what came of it; raises nothing but CancelledError (outbound/sender.py)."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Outcome: ...


class Attempts:
    """The tries of one holding of a lane, all for one subscription; those of a replay bear its id, in a header of
    their own and in the log."""

    def __init__(
        self,
        send: Send,
        lane: Lane,
        to: Subscription,
        *,
        clock: Callable[[], Moment],
        log: Any,
        meter: Meter,
        replay_id: int | None = None,
    ) -> None:
        self._send, self._to, self._clock, self._log, self._meter = send, to, clock, log, meter
        self._headers, self._secrets = receiver_headers(to), secrets_of(to)
        self._names = {"instance": lane.instance_id, "subscription": to.id}
        if replay_id is not None:
            self._headers = self._headers | {REPLAY_HEADER: str(replay_id)}
            self._names = {"replay": replay_id} | self._names

    async def make(self, notification_id: str, body: bytes, content_type: str) -> Outcome:
        """Sign and post. A receiver may say anything back, our own secrets included; the outcome is free of them."""
        now = self._clock()
        ours = headers(notification_id, body, self._to.keys_at(now), now // 1000, content_type)
        outcome = await self._send(self._to.url, self._headers | ours if self._headers else ours, body)
        answer, error = scrub(outcome.answer, self._secrets), outcome.error and scrub(outcome.error, self._secrets)
        if (answer, error) == (outcome.answer, outcome.error):
            return outcome
        return replace(outcome, answer=answer, error=error)

    def tell(self, tried: Try, outcome: Outcome, verdict: Verdict, now: Moment) -> None:
        """Count it, and put one wide line into the log."""
        self._meter.attempt_ended(verdict.state.value, outcome.took_for)
        # What arrives at the first try is what always happens: at hundreds a second nobody reads a line for each.
        log = self._log.warning
        if outcome.ok:
            log = self._log.debug if tried.number == 1 else self._log.info
        notification = tried.notification
        log(
            "delivery.attempted",
            **self._names,
            notification=notification.id,
            resource=notification.resource,
            first_sequence=notification.first_sequence,
            last_sequence=notification.last_sequence,
            attempt=tried.number,
            status=outcome.status,
            error=outcome.error,
            took_ms=round(outcome.took_for * 1000),
            outcome=verdict.state.value,
            next_in_ms=verdict.due_at - now if verdict.state is DeliveryState.RETRY else None,
        )

    def tell_breaker(self, before: Breaker, after: Breaker, error: str | None) -> None:
        """The breaker has opened or closed, if it has."""
        if before.is_open != after.is_open:
            self._log.warning(
                "breaker.opened" if after.is_open else "breaker.closed",
                **self._names,
                failures=max(before.failures, after.failures),
                error=error,
            )

    def tell_end(self, reason: str) -> None:
        """The subscription is deactivated."""
        self._log.warning("subscription.deactivated", **self._names, reason=reason)

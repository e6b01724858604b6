"""How is what was logged sent again? A replay is asked for, looked at, and stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from tidings.api.answers import answer, iso, listing
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import answers
from tidings.api.events import GREATEST_SEQUENCE, LARGEST_PAGE, PageSize, token_of
from tidings.api.explain import moment_of
from tidings.api.problems import Refused
from tidings.api.schemas import events as shapes
from tidings.core.errors import InvalidInput
from tidings.core.model import Moment
from tidings.core.replay import RATE, Replay, ReplayState, why_not
from tidings.core.subscription import Channel, Source, Subscription
from tidings.store.sending import NEWEST, NewReplay, Place
from tidings.store.subscribing import Log

MOST_IDS = 1000
LOWEST_RATE, HIGHEST_RATE = 0.001, 1000.0

ReplayId = Annotated[int, Path(ge=1, le=GREATEST_SEQUENCE, description="The id of a replay.")]


class ReplayBody(BaseModel):
    """Which events, to whom, how fast."""

    model_config = ConfigDict(extra="forbid")

    from_: Any = Field(None, alias="from", description="A sequence, an ISO 8601 moment, or null: all that is kept.")
    to: Any = Field(None, description="The same, and included; null: what the log holds now.")
    ids: list[str] | None = Field(None, description="Instead: ids of notifications.")
    subscription_id: int | None = Field(
        None, alias="subscriptionId", ge=1, le=GREATEST_SEQUENCE, description="Null: the instance's own."
    )
    rate: float = Field(RATE, ge=LOWEST_RATE, le=HIGHEST_RATE, description="The most notifications a second.")
    dry_run: bool = Field(False, alias="dryRun", description="true: only say how much it would be.")


@dataclass(frozen=True, slots=True)
class Span:
    """What would be sent again; `events` and `notifications` are how many the log holds of it."""

    from_sequence: int
    to_sequence: int
    events: int
    notifications: int
    numbers: tuple[int, ...] | None = None


@answers(shapes.ReplayEstimate, 404, 409, 410, also={202: shapes.ReplayBegun})
async def create(call: InstanceCallIn, body: ReplayBody) -> Response:
    """Send what was logged once more, with the same ids and bytes, to the instance's own or another subscription; from
    a sequence or a moment on, or some notifications by their ids. Answers 202; `dryRun` says how much it would be."""
    if "from_" not in body.model_fields_set and body.ids is None:
        raise InvalidInput("from", "is missing; write a sequence, a moment, or null for all that is kept; or give ids")
    subscription = await _subscription(call, body.subscription_id)
    log = await call.parts.store.log(call.instance.id)
    if log is None:
        raise Refused(404, f"No element instance found with ID {call.instance.id}")
    span = await (_named(call, log, body) if body.ids is not None else _between(call, log, body))
    figures: dict[str, object] = {"events": span.events, "notifications": span.notifications}
    if body.dry_run:
        place = {"fromSequence": span.from_sequence, "toSequence": span.to_sequence}
        whom = {"instanceId": call.instance.id, "subscriptionId": subscription.id}
        return answer({**whom, **place, **figures, "rate": body.rate, "seconds": round(span.notifications / body.rate)})
    new = NewReplay(
        account_id=call.user.account_id,
        instance_id=call.instance.id,
        subscription_id=subscription.id,
        from_sequence=span.from_sequence,
        to_sequence=span.to_sequence,
        numbers=span.numbers,
        rate=body.rate,
    )
    made = await call.parts.store.create_replay(new, call.parts.clock())
    call.parts.wake(call.instance.id)
    response = answer(_shown(made, span.notifications) | figures)
    response.status_code = 202
    return response


@answers(list[shapes.Replay], paged=True)
async def list_all(
    call: InstanceCallIn,
    page_size: PageSize = 200,
    next_page: Annotated[
        str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before.")
    ] = None,
) -> Response:
    """The replays of the instance, newest first, a page at a time; none is an empty list."""
    size = min(page_size, LARGEST_PAGE)
    before = token_of(next_page)
    found = await call.parts.store.replays(
        call.user.account_id,
        instance_id=call.instance.id,
        before=NEWEST if before is None else before,
        limit=size + 1,
    )
    response = listing([_shown(each, await _total(call, each)) for each in found[:size]])
    if len(found) > size:
        response.headers["Elements-Next-Page-Token"] = str(found[size - 1].id)
    return response


@answers(shapes.Replay, 404)
async def read(call: InstanceCallIn, replay_id: ReplayId) -> Response:
    """One replay: how far it is, and what it came to."""
    found = await _own(call, replay_id)
    return answer(_shown(found, await _total(call, found)))


@answers(shapes.Replay, 404)
async def stop(call: InstanceCallIn, replay_id: ReplayId) -> Response:
    """Send nothing more of a replay; one that is over stays as it is. Answers with the replay."""
    await _own(call, replay_id)
    await call.parts.store.stop_replay(replay_id, "somebody stopped it", call.parts.clock())
    return await read(call, replay_id)


async def _own(call: InstanceCall, replay_id: int) -> Replay:
    found = await call.parts.store.replay(replay_id)
    if found is None or found.instance_id != call.instance.id:
        raise Refused(404, f"No replay found with ID {replay_id}")
    return found


async def _subscription(call: InstanceCall, subscription_id: int | None) -> Subscription:
    """To whom it goes. Raises InvalidInput or Refused when nothing can be sent there."""
    store, instance = call.parts.store, call.instance
    if subscription_id is None:
        those = await store.subscriptions(call.user.account_id, instance_id=instance.id)
        found = next((each for each in those if each.source is Source.INSTANCE), None)
        if found is None:
            raise InvalidInput("subscriptionId", "is missing, and the instance has no callback URL of its own")
    else:
        found = await store.subscription(subscription_id)
        if found is None or found.account_id != call.user.account_id:
            raise Refused(404, f"No subscription found with ID {subscription_id}")
        if found.channel is not Channel.WEBHOOK:
            raise InvalidInput("subscriptionId", f"names one for {found.channel.value}; only webhooks are delivered")
        if found.instance_id < 0:
            raise InvalidInput("subscriptionId", "names one for what people post, which gets no events of instances")
    if (reason := why_not(found)) is not None:
        do = (
            f"PATCH /instances/{found.instance_id} makes it active again"
            if found.source is Source.INSTANCE
            else f'PATCH /notifications/subscriptions/{found.id} with {{"active": true}} makes it active again'
        )
        raise Refused(409, f"Subscription {found.id} gets nothing now: {reason}; {do}, then ask for the replay")
    return found


async def _between(call: InstanceCall, log: Log, body: ReplayBody) -> Span:
    """From one place of the log to another, each with the whole notification that it falls into."""
    store, begin, end = call.parts.store, _point("from", body.from_), _point("to", body.to)
    if isinstance(begin, int) and begin < log.oldest_sequence:
        raise _no_longer("from", log)
    first = await _first(call, log, begin)
    if first is None:
        return Span(log.last_sequence + 1, log.last_sequence, 0, 0)
    to_sequence = log.last_sequence
    if isinstance(end, At):
        after = await store.place_since(log.id, end.moment + 1)
        to_sequence = to_sequence if after is None else after.first_sequence - 1
    elif end is not None:
        last = await store.place_of(log.id, min(end, log.last_sequence))
        to_sequence = end if last is None or last.first_sequence > end else last.last_sequence
    if end is not None and type(begin) is type(end) and _value(end) < _value(begin):
        raise InvalidInput("to", "lies before from; write a later one")
    if to_sequence < first.first_sequence:
        return Span(first.first_sequence, first.first_sequence - 1, 0, 0)
    count = await store.count_log(log.id, first.first_sequence, to_sequence)
    return Span(first.first_sequence, to_sequence, to_sequence - first.first_sequence + 1, count)


async def _first(call: InstanceCall, log: Log, begin: At | int | None) -> Place | None:
    if isinstance(begin, At):
        return await call.parts.store.place_since(log.id, begin.moment)
    return await call.parts.store.place_of(log.id, log.oldest_sequence if begin is None else begin)


async def _named(call: InstanceCall, log: Log, body: ReplayBody) -> Span:
    """Some notifications by their ids."""
    ids = list(dict.fromkeys(body.ids or ()))
    if body.from_ is not None or body.to is not None:
        raise InvalidInput("ids", "cannot be given together with from or to; write one of them")
    if not 1 <= len(ids) <= MOST_IDS:
        raise InvalidInput("ids", f"has {len(ids)} ids; write 1 to {MOST_IDS}")
    places = await call.parts.store.places(log.id, ids)
    for each in ids:
        if each not in places:
            raise InvalidInput("ids", f"has {each[:60]!r}, which is no notification that this instance's log holds")
    found = sorted(set(places.values()))
    return Span(
        from_sequence=found[0].first_sequence,
        to_sequence=found[-1].last_sequence,
        events=sum(each.last_sequence - each.first_sequence + 1 for each in found),
        notifications=len(found),
        numbers=tuple(each.number for each in found),
    )


@dataclass(frozen=True, slots=True)
class At:
    """A place of the log that is told by time."""

    moment: Moment


def _point(name: str, written: object) -> At | int | None:
    """A sequence, a moment, or nothing said. Raises InvalidInput."""
    match written:
        case None:
            return None
        case int() if not isinstance(written, bool) and 1 <= written <= GREATEST_SEQUENCE:
            return written
        case str() if not written.strip().isdigit():
            return At(moment_of(name, written))
    raise InvalidInput(
        name, "is no place of the log; write a sequence (a number from 1 on), an ISO 8601 moment or null"
    )


def _value(point: At | int | None) -> int:
    return point.moment if isinstance(point, At) else point or 0


def _no_longer(name: str, log: Log) -> Refused:
    oldest = log.oldest_sequence
    return Refused(410, f"{name}: the events before sequence {oldest} are no longer kept", oldestSequence=oldest)


async def _total(call: InstanceCall, found: Replay) -> int:
    """How many notifications it sends, at the most: a filter may leave out some of them."""
    ended = found.sent + found.failed
    if found.state is ReplayState.DONE:
        return ended
    if found.numbers is not None:
        return len(found.numbers)
    held = await call.parts.store.count_log(found.instance_id, found.from_sequence, found.to_sequence)
    return max(held, ended)  # retention may have removed some since


def _shown(found: Replay, notifications: int) -> dict[str, object]:
    return {
        "id": found.id,
        "instanceId": found.instance_id,
        "subscriptionId": found.subscription_id,
        "state": found.state.value,
        "reason": found.reason,
        "fromSequence": found.from_sequence,
        "toSequence": found.to_sequence,
        "notifications": notifications,
        "sent": found.sent,
        "failed": found.failed,
        "position": found.position,
        "rate": found.rate,
        "createdDate": iso(found.created_at),
        "finishedDate": None if found.finished_at is None else iso(found.finished_at),
    }

"""Subscriptions: who gets the notifications of which topics, where, and how (spec platform.md 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidings.api.acceptance import change
from tidings.api.answers import answer, iso, listing
from tidings.api.authorization import GREATEST_ID, own_instance
from tidings.api.call import InstanceCall, UserCall, UserCallIn
from tidings.api.documented import OF_PROVIDER, answers
from tidings.api.explain import moment_of
from tidings.api.instance_view import configuration_of
from tidings.api.notifications import LONGEST_TOPIC, MOST_TOPICS, instance_of, text_of
from tidings.api.problems import Refused
from tidings.api.schemas import notifications as shapes
from tidings.api.schemas.shape import Nothing
from tidings.api.schemas.written import SUBSCRIPTION
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import write
from tidings.core.instancerules import SIGNATURE_KEY
from tidings.core.model import Instance
from tidings.core.plan import KEY_OVERLAP
from tidings.core.replay import RESTING
from tidings.core.subscription import (
    EVERYTHING,
    Channel,
    Cut,
    Filter,
    Source,
    Subscription,
    account_log,
    changed_cut,
    rotated,
)
from tidings.core.subscriptionconfig import Surroundings, configured, overlap_of, shown, signature_key
from tidings.core.topics import topic_of
from tidings.elements.element import Element
from tidings.store.subscribing import NewSubscription

OVERLAP_MINUTES = 1440.0
"""How long a key that was replaced signs on where nobody says otherwise: a day."""

MOST_OF_A_LOG = 1000

SubscriptionId = Annotated[int, Path(description="The id of a subscription.")]


class SubscriptionBody(BaseModel):
    """What a client writes of a subscription; unknown members are tolerated and dropped, those of `config` are not."""

    channel: str | None = None
    topics: list[str] | None = None
    config: dict[str, Any] | None = Field(default=None, json_schema_extra=SUBSCRIPTION)
    active: bool | None = None
    after: int | None = Field(
        default=None,
        description="The last sequence that it does not want; the log's last. Of a notification it gets all.",
    )


class RotationBody(BaseModel):
    """A new key, and for how many minutes the former one signs on beside it."""

    key: str | None = None
    overlap_minutes: Any = Field(default=None, alias="overlapMinutes")


class RedriveBody(BaseModel):
    """Since when."""

    since: str | int | None = None


@answers(shapes.Subscription)
async def create(call: UserCallIn, body: SubscriptionBody) -> Response:
    """Subscribe to topics of the account, or to an instance's events; only webhooks are delivered."""
    if body.channel is None:
        raise InvalidInput("channel", f"is missing; write {Channel.WEBHOOK}")
    channel = _channel(body.channel)
    topics, log_id = await _heard(call, body.topics)
    if body.config is None:
        raise InvalidInput("config", 'is missing; write {"url": "https://…"}')
    if "url" not in body.config:
        raise InvalidInput("config.url", "is missing; write the http or https address of your receiver")
    blank = Subscription(
        id=0,
        account_id=call.user.account_id,
        instance_id=log_id,
        topics=topics,
        url="",
        active=True,
        reason=None,
        created_at=0,
        channel=channel,
        source=Source.API,
        cuts=(Cut(filter=Filter(resources=topics) if log_id < 0 else EVERYTHING),),
    )
    made = configured(blank, body.config, _around(call, 0), merge=False)
    await _refuse_name(call, made, blank)
    new = NewSubscription(
        account_id=made.account_id,
        instance_id=made.instance_id,
        topics=made.topics,
        url=made.url,
        channel=made.channel,
        source=made.source,
        keys=made.keys,
        headers=made.headers,
        basic=made.basic,
        format=made.format,
        filter=made.filter,
        own_policy=made.own_policy,
        schedule=made.schedule,
        jitter=made.jitter,
        rate=made.rate,
        concurrency=made.concurrency,
        after=await _start(call, log_id, body.after),
    )
    stored = await call.parts.store.create_subscription(new, call.parts.clock())
    if body.active is False:
        await call.parts.store.stop(stored.id, _STOPPED, call.parts.clock())
    call.parts.wake(log_id)
    return answer(view(await own_subscription(call, stored.id)))


@answers(list[shapes.Subscription])
async def list_all(call: UserCallIn) -> Response:
    """The subscriptions of the caller's account by id, those of its instances' callbacks among them."""
    return listing([view(each) for each in await call.parts.store.subscriptions(call.user.account_id)])


@answers(shapes.Subscription, 404)
async def read(call: UserCallIn, subscription_id: SubscriptionId) -> Response:
    """One subscription; secrets masked."""
    return answer(view(await own_subscription(call, subscription_id)))


@answers(shapes.Subscription, 404)
async def put(call: UserCallIn, subscription_id: SubscriptionId, body: SubscriptionBody) -> Response:
    """Write the subscription's `config` anew: what is left out goes back to its default, the mask keeps a secret."""
    if body.config is None:
        raise InvalidInput("config", "is missing; PATCH changes a part of a subscription")
    return await _write(call, subscription_id, body, merge=False)


@answers(shapes.Subscription, 404)
async def patch(call: UserCallIn, subscription_id: SubscriptionId, body: SubscriptionBody) -> Response:
    """Change what is given; `"active": true` lets a stopped subscription go on, with all that waits, in order.

    Filter and format hold for what is logged from now on.
    """
    return await _write(call, subscription_id, body, merge=True)


@answers(Nothing, 404)
async def delete(call: UserCallIn, subscription_id: SubscriptionId) -> Response:
    """End a subscription, with what it has not got yet; an instance's own one is made anew by the next change of the
    instance, unless its callback URL is taken away."""
    found = await own_subscription(call, subscription_id)
    await call.parts.store.delete_subscription(found.id, call.parts.clock())
    return answer({})


@answers(shapes.Subscription, *OF_PROVIDER, 404, 409)
async def rotate(call: UserCallIn, subscription_id: SubscriptionId, body: RotationBody) -> Response:
    """Sign with another key; the former one signs beside it for `overlapMinutes` (a day), so that no receiver has to
    change at that very moment. Of an instance's own subscription, its configuration is changed."""
    found = await own_subscription(call, subscription_id)
    key = signature_key(body.key, "key")
    given = body.overlap_minutes
    overlap_for = overlap_of(OVERLAP_MINUTES if given is None else given, "overlapMinutes")
    if found.source is Source.INSTANCE:
        await _rotate_instance(call, found, key, None if given is None else overlap_for / 60)
        return answer(view(await own_subscription(call, found.id)))
    now = call.parts.clock()

    def rotation(stored: Subscription, last_sequence: int) -> Subscription:
        return replace(stored, keys=rotated(stored.keys, key, now, overlap_for))

    return answer(view(_still_there(await call.parts.store.update_subscription(found.id, rotation, now), found.id)))


@answers(shapes.Redriven, 404)
async def redrive(call: UserCallIn, subscription_id: SubscriptionId, body: RedriveBody) -> Response:
    """Send again, now and in order, what a subscription has not got, when something of it failed since a moment
    (`since`; ever): all that waits, so that no record's events change places. `redriven` is how many failed since then;
    with 0 nothing was done."""
    found = await own_subscription(call, subscription_id)
    since = 0 if body.since is None else moment_of("since", str(body.since))
    redriven = await call.parts.store.redrive(found.id, since, call.parts.clock())
    if redriven:
        call.parts.wake(found.instance_id)
    return answer({"subscriptionId": found.id, "since": iso(since), "redriven": redriven})


async def own_subscription(call: UserCall, subscription_id: int) -> Subscription:
    """A subscription of the caller's account; raises Refused (404) for any other."""
    found = await call.parts.store.subscription(subscription_id) if subscription_id <= GREATEST_ID else None
    if found is None or found.account_id != call.user.account_id:
        raise _not_found(subscription_id)
    return found


def view(subscription: Subscription) -> dict[str, object]:
    """A subscription as the API answers it; what nothing is delivered to is not active, whatever is stored."""
    why_not = None if subscription.channel is Channel.WEBHOOK else "only webhooks are delivered by this server"
    if subscription.active and subscription.stopped_at is not None:
        why_not = RESTING
    until = [iso(each.until) for each in subscription.keys if each.until is not None]
    return {
        "id": subscription.id,
        "channel": subscription.channel.value,
        "topics": list(subscription.topics),
        "config": shown(subscription),
        "active": subscription.active and why_not is None,
        "reason": why_not or subscription.reason,
        "createdDate": iso(subscription.created_at),
        "stoppedDate": None if subscription.stopped_at is None else iso(subscription.stopped_at),
        "source": subscription.source.value,
        "instanceId": subscription.instance_id if subscription.instance_id > 0 else None,
        "formerKeysUntil": until,
    }


_STOPPED = "stopped by a person"


async def _write(call: UserCall, subscription_id: int, body: SubscriptionBody, *, merge: bool) -> Response:
    found = await own_subscription(call, subscription_id)
    if body.channel is not None and _channel(body.channel) is not found.channel:
        raise InvalidInput("channel", f"cannot be changed from {found.channel}; make another subscription")
    if body.after is not None:
        raise InvalidInput("after", "says where a new subscription begins; leave it out")
    topics = await _moved_topics(call, found, body.topics)
    given = body.config or {}
    around = _around(call, 0)

    def written(stored: Subscription, last_sequence: int) -> Subscription:
        now_around = replace(around, last_sequence=last_sequence)
        made = stored
        if topics != stored.topics:
            cuts = changed_cut(stored.cuts, last_sequence, stored.format, Filter(resources=topics))
            made = replace(stored, topics=topics, cuts=cuts)
        return configured(made, given, now_around, merge=merge)

    # Once before anything is written, for what must be looked up, and for the refusals.
    await _refuse_name(call, written(found, 0), found)
    now = call.parts.clock()
    changed = body.config is not None or topics != found.topics
    if changed:
        _still_there(await call.parts.store.update_subscription(found.id, written, now), found.id)
    if body.active is True:
        await call.parts.store.reactivate(found.id, now)
    elif body.active is False:
        await call.parts.store.stop(found.id, _STOPPED, now)
    call.parts.wake(found.instance_id)
    return answer(view(await own_subscription(call, found.id)))


async def _rotate_instance(call: UserCall, own: Subscription, key: str, overlap_minutes: float | None) -> None:
    instance = await own_instance(call.parts, call.user, own.instance_id)
    element = call.parts.catalog.get(instance.element_key)
    if element is None:
        raise Refused(409, f"the element {instance.element_key} of this instance is not in the catalog any more")

    def with_key(stored: Instance) -> Instance:
        # Where nobody has chosen an overlap, keys that are rotated have one.
        chosen = configuration_of(stored).get(KEY_OVERLAP) or f"{OVERLAP_MINUTES:g}"
        minutes = chosen if overlap_minutes is None else f"{overlap_minutes:g}"
        return _configured_anew(stored, element, {SIGNATURE_KEY: key, KEY_OVERLAP: minutes})

    await change(InstanceCall(call.parts, call.user, instance), instance, with_key)


def _configured_anew(stored: Instance, element: Element, given: Mapping[str, object]) -> Instance:
    written = write(given, element.configuration, configuration_of(stored), merge=True)
    return replace(stored, configuration=written.values, secrets=written.secrets)


async def _heard(call: UserCall, topics: Sequence[str] | None) -> tuple[tuple[str, ...], int]:
    """The topics, and the log in which they are found. Raises InvalidInput naming the topic that is none."""
    if not topics:
        raise InvalidInput("topics", "is missing; write the topics to hear, such as those of an instance's events")
    if len(topics) > MOST_TOPICS:
        raise InvalidInput("topics", f"has {len(topics)} topics; write {MOST_TOPICS} at the most")
    heard = tuple(dict.fromkeys(text_of(each, f"topics[{at}]", LONGEST_TOPIC) for at, each in enumerate(topics)))
    instances = [await instance_of(call, topic) for topic in heard]
    of_instance = next((each for each in instances if each is not None), None)
    if of_instance is None:
        return heard, account_log(call.user.account_id)
    if len(heard) > 1:
        topic = topic_of(of_instance.id, of_instance.element_key)
        raise InvalidInput("topics", f"has {topic} and others; an instance's events need a subscription of their own")
    return heard, of_instance.id


async def _moved_topics(call: UserCall, found: Subscription, topics: Sequence[str] | None) -> tuple[str, ...]:
    if topics is None:
        return found.topics
    heard, log_id = await _heard(call, topics)
    if log_id != found.instance_id:
        raise InvalidInput("topics", "are found in another log than those it has; make another subscription")
    return heard


async def _start(call: UserCall, log_id: int, after: int | None) -> int | None:
    """The sequence after which a new subscription begins. Raises InvalidInput for what the log has not."""
    if after is None:
        return None
    log = await call.parts.store.log(log_id)
    if log is not None and not log.dropped_sequence <= after <= log.last_sequence:
        raise InvalidInput(
            "after", f"is {after}; what there is has the sequences {log.oldest_sequence} to {log.last_sequence}"
        )
    place = None if after is None else await call.parts.store.place_of(log_id, after + 1)
    return after if place is None else place.first_sequence - 1  # a notification is cut once, and sent as a whole


async def _refuse_name(call: UserCall, made: Subscription, before: Subscription) -> None:
    if made.channel is Channel.WEBHOOK and made.url != before.url:
        reason = await call.parts.refuse_name(made.url)
        if reason is not None:
            raise InvalidInput("config.url", reason)


def _around(call: UserCall, last_sequence: int) -> Surroundings:
    return Surroundings(call.parts.clock(), last_sequence, call.parts.policy.check_url)


def _channel(text: str) -> Channel:
    try:
        return Channel(text)
    except ValueError:
        raise InvalidInput("channel", f"is {text[:40]!r}: write {' or '.join(Channel)}") from None


def _still_there(found: Subscription | None, subscription_id: int) -> Subscription:
    if found is None:
        raise _not_found(subscription_id)
    return found


def _not_found(subscription_id: int) -> Refused:
    return Refused(404, f"No subscription found with ID {subscription_id}")

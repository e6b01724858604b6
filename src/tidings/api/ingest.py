"""Where providers send their webhooks: `/events/…` (spec platform.md 4.9).

The routes are open, since providers carry no secrets of ours. Whoever asks learns nothing but whether what they sent
was taken: an instance that there is not, one of another element, and one that wants a key that was not given are
refused alike, and only after all that was sent has been read.
"""

from __future__ import annotations

import asyncio
import binascii
import hmac
import ipaddress
import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import Header, Path, Query, Request
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.authorization import GREATEST_ID
from tidings.api.call import Call, CallIn
from tidings.api.documented import answers
from tidings.api.problems import Refused
from tidings.api.schemas import events as shapes
from tidings.core.arrival import Arrival, arrived, polled
from tidings.core.configvalues import whole
from tidings.core.errors import InvalidInput
from tidings.core.finder import FINDER, finds
from tidings.core.ingested import cut_arrival, known_id
from tidings.core.instanceconfig import Configuration, completed
from tidings.core.model import JSON, Instance, Moment, Notification
from tidings.core.notify import NotifyContext
from tidings.core.webhookbody import Body, read_form, read_json

FORM = "application/x-www-form-urlencoded"
BODIES = (JSON, FORM)

LARGEST = 1024 * 1024
"""Bytes of a body."""

MOST_INSTANCES = 100
"""How many instances one call may name."""

MOST_LOGGED = 16 * 1024 * 1024
"""Bytes that one call may add to the logs of all its instances."""

POLLING = "Polling"  #: behind an element's key: the platform's form of a finished poll
KEY = "event.ingest.key"

ElementKey = Annotated[str, Path(description="An element's key; with `Polling` behind it for a finished poll.")]
OneInstance = Annotated[str, Path(description="An instance's id, or its base64.")]
Key = Annotated[str | None, Query(description="The `event.ingest.key` of the instances, where they have one.")]
KeyHeader = Annotated[str | None, Header(alias="Tidings-Ingest-Key", description="The same.")]
Named = Annotated[list[str] | None, Header(alias="Element-Instances", description="Ids of instances: 12,13.")]
IdHeader = Annotated[str | None, Header(alias="Id", description="The id of an instance.")]


@answers(shapes.Taken, 404, 413, 429)
async def take(
    call: CallIn,
    request: Request,
    element_key: ElementKey,
    key: Key = None,
    key_header: KeyHeader = None,
    element_instances: Named = None,
    id: IdHeader = None,
) -> Response:
    """Where a provider sends what has happened: to the instances that `Element-Instances` names, or to those whose
    `event.notification.instance.finder` says that they are meant. Answers when it is in their logs, with the `eventIds`
    of the notifications; an `eventId` that was sent before adds nothing. 404 when no instance takes it."""
    named = [each for line in element_instances or () for each in line.split(",")] or ([id] if id is not None else None)
    return await _take(call, request, element_key, None if named is None else _numbers(named), key or key_header)


@answers(shapes.Taken, 404, 413, 429)
async def take_for_one(
    call: CallIn,
    request: Request,
    element_key: ElementKey,
    instance: OneInstance,
    key: Key = None,
    key_header: KeyHeader = None,
) -> Response:
    """Where a provider sends what has happened at one instance. Answers when it is in the log, with the `eventIds` of
    the notifications; an `eventId` that was sent before adds nothing. 404 when no instance takes it."""
    number = number_in(instance)
    return await _take(call, request, element_key, [] if number is None else [number], key or key_header)


async def _take(
    call: Call, request: Request, element_key: str, named: Sequence[int] | None, key: str | None
) -> Response:
    parts, now = call.parts, call.parts.clock()
    limit = parts.settings.ingest_address_requests_a_minute
    parts.arrivals.spend(_network(request), limit, now, "Too much was sent from this address")
    body = await _read(request)
    if body is None:
        return answer({"eventIds": []})
    catalog_key = element_key if element_key in parts.catalog else element_key.removesuffix(POLLING)
    arrival = (arrived if catalog_key == element_key else polled)(body, now)
    if named is None:
        named = await _found(call, catalog_key, body.value)
    instances = await _taking(call, named, catalog_key, key or "")
    if not instances:
        raise _nobody()
    if arrival.most_bytes * len(instances) > MOST_LOGGED:
        raise Refused(413, "body: is too large for so many events of so many instances; send fewer at once")
    for instance in instances:
        limit = parts.settings.ingest_requests_a_minute
        parts.arrivals.spend(instance.id, limit, now, "Too much was sent to this instance")
    made = await asyncio.gather(*(_log(call, instance, arrival, now) for instance in instances))
    if all(each is None for each in made):
        raise _nobody()
    return answer({"eventIds": [notification.id for each in made for notification in each or ()]})


async def _log(call: Call, instance: Instance, arrival: Arrival, now: Moment) -> Sequence[Notification] | None:
    """Put what arrived into the log of an instance; None when it was deleted meanwhile."""
    parts = call.parts
    element = parts.catalog[instance.element_key]
    account = await parts.store.account(instance.account_id)
    values = completed(Configuration(instance.configuration), element.configuration)
    context = NotifyContext(
        instance_id=instance.id,
        instance_created_at=instance.created_at,
        instance_name=instance.name,
        tags=instance.tags,
        element_key=instance.element_key,
        clone_key=None if instance.clone is None else instance.clone.key,
        hub=element.hub,
        account_id=instance.account_id,
        company_id=0 if account is None else account.organization_id,
        user_id=instance.user_id,
        resource="",
        poll_at=now,
        created_at=now,
        max_events=whole(values.get("event.notification.max_events"), "event.notification.max_events", "events"),
    )
    cut = partial(cut_arrival, arrival, context=context)
    made = await parts.store.ingest(instance.id, cut, len(arrival.told), now, known_id(arrival, context))
    if made:
        parts.log_grew.set(instance.id)
        parts.wake(instance.id)
    return made


async def _read(request: Request) -> Body | None:
    """What was sent; None for a GET without parameters, by which providers ask whether there is anybody."""
    if request.method == "GET":
        query = request.scope["query_string"].split(b"&")
        fields = [
            field for field in query if field and unquote_plus(field.partition(b"=")[0].decode("latin-1")) != "key"
        ]
        return read_form(b"&".join(fields)) if fields else None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Refused(413, f"body: is larger than {LARGEST} bytes")
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    return read_form(body) if kind == FORM else read_json(body)


async def _found(call: Call, element_key: str, value: Any) -> list[int]:
    """The instances that are meant by what arrived."""
    entry = call.parts.catalog[element_key].entry(FINDER) if element_key in call.parts.catalog else None
    default = None if entry is None else entry.default
    known = await call.parts.store.configurations(element_key)
    return [number for number, configuration in known if finds(configuration, default, value)]


async def _taking(call: Call, named: Sequence[int], element_key: str, key: str) -> list[Instance]:
    """Those of the named instances that take it: of this element, or of this clone of one, with this key or without
    one."""
    found = await asyncio.gather(*(call.parts.store.instance(number) for number in dict.fromkeys(named)))
    return [
        each
        for each in found
        if each is not None
        and each.element_key in call.parts.catalog
        and element_key in (each.element_key, each.shown_key)
        and _opens(each, key)
    ]


def _opens(instance: Instance, key: str) -> bool:
    wanted = instance.secrets.get(KEY)
    return not wanted or hmac.compare_digest(wanted.encode(), key.encode())


def _nobody() -> Refused:
    return Refused(404, "No element instance takes events here")


def _numbers(named: Sequence[str]) -> list[int]:
    """The ids that a header names. Raises InvalidInput for what is none, and for too many."""
    texts = [text.strip() for text in named if text.strip()]
    if not texts or len(texts) > MOST_INSTANCES:
        raise InvalidInput("Element-Instances", f"names {len(texts)} instances; write the ids of 1 to {MOST_INSTANCES}")
    wrong = next((text for text in texts if not (text.isascii() and text.isdigit() and len(text) < 20)), None)
    if wrong is not None:
        raise InvalidInput("Element-Instances", f"{wrong[:60]!r} is no id of an instance; write ids such as 12,13")
    return [int(text) for text in texts if int(text) <= GREATEST_ID]


def number_in(text: str) -> int | None:
    """The id that a path names: its digits, or their base64 in either alphabet, with or without its padding.

    >>> number_in("20931"), number_in("MjA5MzE="), number_in("MjA5MzE"), number_in("x")
    (20931, 20931, 20931, None)
    """
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII):
        if not re.fullmatch(r"[\w+/-]{1,28}={0,2}", text, re.ASCII):
            return None
        plain = text.rstrip("=").replace("+", "-").replace("/", "_")
        try:
            decoded = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
        except binascii.Error:
            return None
        if not re.fullmatch(rb"\d{1,19}", decoded):
            return None
        text = decoded.decode()
    return int(text) if int(text) <= GREATEST_ID else None


def _network(request: Request) -> str:
    """Whose requests are counted together: those of an address, or, with IPv6, of the network that one customer has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host

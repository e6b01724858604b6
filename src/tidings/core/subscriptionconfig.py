"""What may a subscription be configured with, and how is that shown? The members of its `config`.

Secrets come out as the mask, and the mask that is sent back stands for what is stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from tidings.core.configvalues import decimal, whole
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import MASK
from tidings.core.instancerules import BASIC, CALLBACK_HEADERS, CALLBACK_URL, SIGNATURE_KEY
from tidings.core.model import EventType, FailurePolicy, Moment
from tidings.core.naming import writable
from tidings.core.receiver import check_basic, check_headers
from tidings.core.retry import SCHEDULE
from tidings.core.signing import check_key
from tidings.core.subscription import (
    CONCURRENCY,
    EVERYTHING,
    Channel,
    Filter,
    Format,
    Source,
    Subscription,
    changed_cut,
    rotated,
)

FIELD: Final = "config."
LONGEST_URL: Final = 1000
LONGEST_KEY: Final = 128
MOST_WAITS: Final = 50
LONGEST_WAIT: Final = 30 * 86_400.0
MOST_AT_ONCE: Final = 100
GREATEST_RATE: Final = 10_000.0
MOST_NAMES: Final = 100
LONGEST_NAME: Final = 255
LONGEST_OVERLAP: Final = 30 * 24 * 60.0
"""Minutes for which a key that was replaced may go on signing."""

#: What the configuration of an instance says of its own subscription, and the key that says it.
FOLLOWED: Final[Mapping[str, str]] = {
    "url": CALLBACK_URL,
    "signatureKey": SIGNATURE_KEY,
    "headers": CALLBACK_HEADERS,
    "basic": BASIC + "username",
}

_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules need to know beside what was written.

    `last_sequence` is the subscription's log's, `refuse_url` says what is wrong with an address, None when nothing is.
    """

    now: Moment
    last_sequence: int
    refuse_url: Callable[[str], str | None]


def shown(subscription: Subscription) -> dict[str, object]:
    """The `config` as the API shows it; sent back as it is, it changes nothing."""
    wanted, basic = subscription.filter, subscription.basic
    filtered = {
        "resources": list(wanted.resources),
        "eventTypes": [kind.value for kind in wanted.types],
        "changed": list(wanted.changed),
    }
    has_filter = subscription.instance_id > 0 and not wanted.passes_all
    return {
        "url": subscription.url,
        "signatureKey": MASK if subscription.keys else None,
        "headers": dict.fromkeys(subscription.headers, MASK),
        "basic": None if basic is None else {"username": basic.username, "password": MASK},
        "format": subscription.format.value,
        "filter": {name: value for name, value in filtered.items() if value} if has_filter else None,
        "schedule": list(subscription.schedule),
        "jitter": subscription.jitter,
        "rate": subscription.rate,
        "concurrency": subscription.concurrency,
        "policy": None if subscription.own_policy is None else subscription.own_policy.value,
    }


def configured(stored: Subscription, given: Mapping[str, Any], around: Surroundings, *, merge: bool) -> Subscription:
    """The subscription after `given` was written over its configuration (merge) or in its place.

    A member that is None, or left out without `merge`, goes back to its default. Raises InvalidInput naming the member.
    """
    try:
        orjson.dumps(given)
    except orjson.JSONEncodeError as error:
        raise InvalidInput(FIELD[:-1], f"cannot be kept as JSON ({error}); write plain JSON") from None
    unknown = [name for name in given if name not in _WRITERS]
    if unknown:
        raise InvalidInput(FIELD + unknown[0][:60], f"is unknown; write some of {', '.join(_WRITERS)}")
    if stored.source is Source.INSTANCE:
        given = _not_followed(stored, given)
    made = stored
    for name, write in _WRITERS.items():
        follows = stored.source is Source.INSTANCE and name in FOLLOWED
        if name in given or (not merge and not follows):
            made = write(made, given.get(name), around)
    if stored.source is not Source.INSTANCE:
        basic = made.basic
        if basic is not None:
            check_basic(basic.username, basic.password, FIELD + "basic.", made.headers)
    return made


def overlap_of(value: object, field: str) -> float:
    """Minutes for which the former key signs on, as seconds. Raises InvalidInput for `field`."""
    minutes = decimal(value, field, "minutes")
    if minutes > LONGEST_OVERLAP:
        raise InvalidInput(field, f"is {minutes:g}: write {LONGEST_OVERLAP:g} minutes (30 days) at the most")
    return minutes * 60


def signature_key(value: object, field: str) -> str:
    """A key that can sign. Raises InvalidInput for `field`, without repeating the key."""
    if not isinstance(value, str) or not value.strip() or not writable(value):
        raise InvalidInput(field, "is no text; write the key that both sides sign with")
    if len(value) > LONGEST_KEY:
        raise InvalidInput(field, f"has {len(value)} characters; write {LONGEST_KEY} at the most")
    if value == MASK:
        raise InvalidInput(field, f"{MASK} stands for a stored key; write the new one")
    check_key(field, value)
    return value


def _not_followed(stored: Subscription, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is given of an instance's own subscription, without what says what the instance's configuration says."""
    said = shown(stored)
    for name, key in FOLLOWED.items():
        if name in given and given[name] != said[name]:
            raise InvalidInput(
                FIELD + name,
                f"follows the configuration of instance {stored.instance_id}; "
                f"PATCH /instances/{stored.instance_id} with {key}",
            )
    return {name: value for name, value in given.items() if name not in FOLLOWED}


def _url(made: Subscription, value: object, around: Surroundings) -> Subscription:
    field = FIELD + "url"
    if value is None:
        raise InvalidInput(field, "is missing; write the http or https address of your receiver")
    if not isinstance(value, str) or not writable(value):
        raise InvalidInput(field, "is no text; write the http or https address of your receiver")
    if len(value) > LONGEST_URL:
        raise InvalidInput(field, f"has {len(value)} characters; write {LONGEST_URL} at the most")
    # Nothing is ever sent over the other channels, whatever stands here.
    reason = around.refuse_url(value) if made.channel is Channel.WEBHOOK else None
    if reason is not None:
        raise InvalidInput(field, reason)
    return replace(made, url=value)


def _key(made: Subscription, value: object, around: Surroundings) -> Subscription:
    if value == MASK and made.keys:
        return made
    key = None if value is None or value == "" else signature_key(value, FIELD + "signatureKey")
    return replace(made, keys=rotated(made.keys, key, around.now))


def _headers(made: Subscription, value: object, around: Surroundings) -> Subscription:
    field = FIELD + "headers"
    if not isinstance(value, dict | None):
        raise InvalidInput(field, 'is no object; write {"X-Api-Key": "…"}')
    kept = {name.lower(): text for name, text in made.headers.items()}
    given: dict[str, object] = {}
    for name, text in (value or {}).items():
        if text == MASK and name.lower() not in kept:
            raise InvalidInput(f"{field}.{name[:60]}", f"{MASK} stands for a stored value and there is none; write it")
        given[name] = kept[name.lower()] if text == MASK else text
    return replace(made, headers=check_headers(given, field))


def _basic(made: Subscription, value: object, around: Surroundings) -> Subscription:
    field = FIELD + "basic"
    if value is None:
        return replace(made, basic=None)
    if not isinstance(value, dict) or set(value) - {"username", "password"}:
        raise InvalidInput(field, 'is no login; write {"username": "…", "password": "…"}')
    username, password = value.get("username"), value.get("password")
    for name, text in (("username", username), ("password", password)):
        if text is not None and not (isinstance(text, str) and writable(text) and len(text) <= LONGEST_NAME):
            raise InvalidInput(f"{field}.{name}", f"is no text of at most {LONGEST_NAME} characters")
    if password == MASK:
        if made.basic is None:
            raise InvalidInput(f"{field}.password", f"{MASK} stands for a stored password and there is none")
        password = made.basic.password
    return replace(made, basic=check_basic(username or None, password, field + "."))


def _format(made: Subscription, value: object, around: Surroundings) -> Subscription:
    form = Format.PLATFORM if value is None else _one_of(Format, value, FIELD + "format")
    return replace(made, cuts=changed_cut(made.cuts, around.last_sequence, form, made.filter))


def _filter(made: Subscription, value: object, around: Surroundings) -> Subscription:
    field = FIELD + "filter"
    if made.instance_id < 0:
        if value not in (None, {}):
            raise InvalidInput(field, "chooses among the events of an instance; leave it out, topics choose here")
        wanted = Filter(resources=made.topics)
    else:
        wanted = EVERYTHING if value is None else read_filter(value, field)
    return replace(made, cuts=changed_cut(made.cuts, around.last_sequence, made.format, wanted))


def read_filter(value: object, field: str) -> Filter:
    """Which events pass. Raises InvalidInput naming the member of `field`."""
    if not isinstance(value, dict):
        raise InvalidInput(field, 'is no object; write {"resources": ["contacts"], "eventTypes": ["UPDATED"]}')
    for name in value:
        if name not in ("resources", "eventTypes", "changed"):
            raise InvalidInput(f"{field}.{name[:60]}", "is unknown; write resources, eventTypes or changed")
    resources = _names(value.get("resources"), f"{field}.resources", "the names of resources, such as contacts")
    kinds = _names(value.get("eventTypes"), f"{field}.eventTypes", "CREATED, UPDATED, DELETED or UNKNOWN")
    pointers = _names(value.get("changed"), f"{field}.changed", "JSON pointers such as /status/name")
    types = tuple(
        dict.fromkeys(_one_of(EventType, kind.upper(), f"{field}.eventTypes[{at}]") for at, kind in enumerate(kinds))
    )
    for at, pointer in enumerate(pointers):
        if not _POINTER.fullmatch(pointer):
            raise InvalidInput(f"{field}.changed[{at}]", f"{pointer!r} is no JSON pointer; write one like /status/name")
    if pointers and types and EventType.UPDATED not in types:
        raise InvalidInput(f"{field}.changed", "passes updates alone, and eventTypes has none; add UPDATED")
    return Filter(resources, types, pointers)


def _schedule(made: Subscription, value: object, around: Surroundings) -> Subscription:
    field = FIELD + "schedule"
    if value is None:
        return replace(made, schedule=SCHEDULE)
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_WAITS:
        raise InvalidInput(field, f"is no list of 1 to {MOST_WAITS} waits in seconds; write one such as [4, 16, 64]")
    waits = [decimal(wait, f"{field}[{at}]", "seconds", least=0.1) for at, wait in enumerate(value)]
    for at, wait in enumerate(waits):
        if wait > LONGEST_WAIT:
            raise InvalidInput(f"{field}[{at}]", f"is {wait:g}: write {LONGEST_WAIT:g} seconds (30 days) at the most")
    return replace(made, schedule=tuple(waits))


def _jitter(made: Subscription, value: object, around: Surroundings) -> Subscription:
    share = 0.0 if value is None else decimal(value, FIELD + "jitter", "shares of a wait")
    if share > 1:
        raise InvalidInput(FIELD + "jitter", f"is {share:g}: write the share of a wait that chance may add, 0 to 1")
    return replace(made, jitter=share)


def _rate(made: Subscription, value: object, around: Surroundings) -> Subscription:
    if value is None:
        return replace(made, rate=None)
    rate = decimal(value, FIELD + "rate", "notifications a second", least=0.001)
    if not math.isfinite(rate) or rate > GREATEST_RATE:
        raise InvalidInput(FIELD + "rate", f"is {rate:g}: write {GREATEST_RATE:g} notifications a second at the most")
    return replace(made, rate=rate)


def _concurrency(made: Subscription, value: object, around: Surroundings) -> Subscription:
    if value is None:
        return replace(made, concurrency=CONCURRENCY)
    number = whole(value, FIELD + "concurrency", "notifications", least=1)
    if number > MOST_AT_ONCE:
        raise InvalidInput(FIELD + "concurrency", f"is {number}: write {MOST_AT_ONCE} notifications at the most")
    return replace(made, concurrency=number)


def _policy(made: Subscription, value: object, around: Surroundings) -> Subscription:
    return replace(made, own_policy=None if value is None else _one_of(FailurePolicy, value, FIELD + "policy"))


_WRITERS: Final[Mapping[str, Callable[[Subscription, object, Surroundings], Subscription]]] = {
    "url": _url,
    "signatureKey": _key,
    "headers": _headers,
    "basic": _basic,
    "format": _format,
    "filter": _filter,
    "schedule": _schedule,
    "jitter": _jitter,
    "rate": _rate,
    "concurrency": _concurrency,
    "policy": _policy,
}


def _names(value: object, field: str, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_NAMES:
        raise InvalidInput(field, f"is no list of at most {MOST_NAMES}; write {what}")
    for at, name in enumerate(value):
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not writable(name):
            raise InvalidInput(f"{field}[{at}]", f"is no text of 1 to {LONGEST_NAME} characters; write {what}")
    return tuple(dict.fromkeys(value))


def _one_of(kind: Any, value: object, field: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        said = repr(value)
        raise InvalidInput(field, f"is {said[:60]}: write {' or '.join(each.value for each in kind)}") from None

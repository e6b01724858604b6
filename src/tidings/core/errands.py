"""Which calls of the API does the server make for somebody? Those of a schedule, and those they do not wait for.

The API calls the first jobs (spec platform.md 5.6, 8.4) and the second asynchronous requests (1.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from tidings.core.model import JSON, Moment

REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
"""Calls that come to the same when they are made twice; others are made once, whatever becomes of them."""

TOPIC: Final = "async-requests"
"""Where the account's log says what became of asynchronous requests."""

UNKNOWN: Final = 500
"""The status of a call of which nobody knows whether it was carried out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The call to make: its path is below the base path, and may hold a query; what `query` says, as in a URL, comes
    after that. All but the method and the path may be secret."""

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call was answered with."""

    status: int
    request_id: str
    content_type: str
    body: bytes = field(repr=False)

    @property
    def said(self) -> str | None:
        """Why it failed, in the answer's own words; None when it did not."""
        if self.status < 400:
            return None
        try:
            return str(orjson.loads(self.body)["message"])[:500]
        except (ValueError, KeyError, TypeError):
            return f"answered {self.status}"


@dataclass(frozen=True, slots=True)
class Errand:
    """A call made for a user, whose rights it has; with `instance_id`, as one of an instance's.

    With a `cron` it is made whenever that is due, `runs` times so far. Without one it is made once, and `answer` holds
    what its `callback` is told, as soon as it is known; `tries` is how often that was tried. `begun_at` and `ended_at`
    are of the last time it was made: a begun one that has not ended was interrupted.
    """

    id: int
    account_id: int
    user_id: int
    instance_id: int | None
    name: str
    description: str | None
    cron: str | None
    callback: str | None
    asked: Asked = field(repr=False)
    created_at: Moment
    begun_at: Moment | None = None
    ended_at: Moment | None = None
    status: int | None = None
    said: str | None = None
    runs: int = 0
    tries: int = 0
    answer: bytes | None = field(default=None, repr=False)

    @property
    def was_interrupted(self) -> bool:
        return self.begun_at is not None and self.ended_at is None


def told(errand_id: int, instance_id: int | None, answered: Answered, number: int) -> bytes:
    """The body that a callback is told the answer with; `number` is that of the notification in the account's log.

    >>> told(7, 3, Answered(200, "ab", "application/json", b'[1]'), 12)
    b'{"eventId":7,"instanceId":3,"status":200,"requestId":"ab","response":[1],"notificationId":12}'
    """
    return orjson.dumps(
        {
            "eventId": errand_id,
            "instanceId": instance_id,
            "status": answered.status,
            "requestId": answered.request_id,
            "response": _response(answered),
            "notificationId": number,
        }
    )


def _response(answered: Answered) -> object:
    if not answered.body:
        return None
    if answered.content_type.partition(";")[0].strip().lower() == JSON:
        try:
            orjson.loads(answered.body)
        except ValueError:
            pass
        else:
            return orjson.Fragment(answered.body)
    return answered.body.decode(errors="replace")


def noted(errand_id: int, asked: Asked, answered: Answered) -> str:
    """What the account's log says of it: no word of the answer, which may be secret.

    >>> noted(7, Asked("GET", "/contacts", "where=x"), Answered(404, "ab", "application/json", b""))
    '{"eventId":7,"method":"GET","uri":"/contacts","status":404,"requestId":"ab"}'
    """
    shown = {
        "eventId": errand_id,
        "method": asked.method,
        "uri": asked.path.partition("?")[0],
        "status": answered.status,
        "requestId": answered.request_id,
    }
    return orjson.dumps(shown).decode()

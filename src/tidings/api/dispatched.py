"""Who does not wait for the answer? A call with `Elements-Async-Request: True` is made by the server, and its answer is
POSTed to a callback (spec platform.md 1.5).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import InstanceCall, UserCall
from tidings.api.rates import TooMany
from tidings.core.errands import Asked
from tidings.core.errors import InvalidInput
from tidings.core.instancerules import CALLBACK_URL
from tidings.core.naming import writable
from tidings.core.subscription import account_log
from tidings.store.errands import NewErrand

ASYNC: Final = "elements-async-request"
CALLBACK: Final = "Elements-Async-Callback-Url"
MOST_WAITING: Final = 5000
"""Errands of an account, jobs among them, beside which no more asynchronous requests are taken."""
LONGEST_VALUE: Final = 4000

#: What belongs to the connection or the caller, and what this call is told apart from others by.
_LEFT_OUT: Final = frozenset(
    {
        *("authorization", "host", "connection", "content-length", "transfer-encoding", "expect"),
        *("accept-encoding", "cookie", "te", "upgrade", "keep-alive", ASYNC, CALLBACK.lower()),
    }
)


def is_wanted(request: Request) -> bool:
    """Whether the caller does not wait."""
    return request.headers.get(ASYNC, "").strip().lower() == "true"


async def dispatch(call: UserCall, request: Request, base: str) -> Response:
    """Keep the call, so that it is made whatever happens to this process, and answer at once."""
    callback = await _callback(call, request)
    if await call.parts.store.count_errands(call.user.account_id) >= MOST_WAITING:
        raise TooMany(f"{MOST_WAITING} asynchronous requests wait for this account", 60)
    body = await request.body()
    asked = Asked(
        method=request.method,
        path=quote(request.scope["path"].removeprefix(base)),
        query=request.url.query,
        headers={name: value for name, value in request.headers.items() if name not in _LEFT_OUT},
        body=body or None,
    )
    new = NewErrand(
        account_id=call.user.account_id,
        user_id=call.user.id,
        instance_id=call.instance.id if isinstance(call, InstanceCall) else None,
        name=f"{asked.method} {asked.path}"[:255],
        asked=asked,
        callback=callback,
    )
    now = call.parts.clock()
    made = await call.parts.store.create_errand(new, now, now)
    call.parts.wake(account_log(call.user.account_id))
    return answer({"eventId": made.id, "eventStatus": "dispatched"})


async def _callback(call: UserCall, request: Request) -> str:
    given = request.headers.get(CALLBACK, "").strip()
    if not given and isinstance(call, InstanceCall):
        given = call.instance.configuration.get(CALLBACK_URL) or ""
    if not given:
        raise InvalidInput(CALLBACK, f"is missing, and the call is about no instance with an {CALLBACK_URL}; write one")
    if len(given) > LONGEST_VALUE or not writable(given):
        raise InvalidInput(CALLBACK, f"is longer than {LONGEST_VALUE} characters")
    reason = call.parts.policy.check_url(given) or await call.parts.refuse_name(given)
    if reason is not None:
        raise InvalidInput(CALLBACK, reason)
    return given

"""How a person gets in: a login makes a Bearer token, and the token shows the secrets (spec platform.md 1.2)."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import CallIn, UserCallIn
from tidings.api.problems import Refused
from tidings.core.passwords import NOBODY, is_password

# One at a time: a try costs 16 MiB and 50 ms on purpose, and many at once would cost a small machine its memory.
_hashing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password")

TOO_MANY = "Too many failed logins for this user name"


class Login(BaseModel):
    username: str
    password: str


async def log_in(call: CallIn, login: Login, request: Request) -> Response:
    """Make a Bearer token for a user name and a password; 429 after too many that were wrong."""
    who = (login.username.lower(), request.client.host if request.client else None)
    limit, now = call.parts.settings.failed_logins_a_minute, call.parts.clock()
    call.parts.rates.look(who, limit, now, TOO_MANY)
    user = await call.parts.store.user_by_email(login.username)
    # An unknown user takes as long as a known one.
    kept = user.password_hash if user else NOBODY
    right = await asyncio.get_running_loop().run_in_executor(_hashing, is_password, login.password, kept)
    if user is None or not right:
        call.parts.rates.spend(who, limit, now, TOO_MANY)
        raise Refused(401, "The user name or the password is wrong")
    token = new_token(call.parts.dice(32))
    now = call.parts.clock()
    await call.parts.store.open_session(token, user.id, now, now + round(call.parts.settings.session_for * 1000))
    return answer({"token": token})


async def show_secrets(call: UserCallIn) -> Response:
    """The user's and the organization's secret, for the Authorization header of every other call."""
    return answer({"userSecret": call.user.secret, "organizationSecret": call.user.organization_secret})


def new_token(random: bytes) -> str:
    """A secret in the platform's form: base64 of 32 random bytes, 44 characters."""
    return base64.b64encode(random).decode()

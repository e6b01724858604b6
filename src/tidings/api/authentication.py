"""How a person gets in: a login makes a Bearer token, and the token shows the secrets (spec platform.md 1.2)."""

from __future__ import annotations

import base64

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import Call, CallIn, UserCallIn
from tidings.api.documented import answers
from tidings.api.passwords import is_right, policy_of, replacement
from tidings.api.problems import Refused
from tidings.api.schemas import people as shapes
from tidings.api.schemas.shape import Nothing
from tidings.core.errors import InvalidInput
from tidings.core.model import User
from tidings.core.passwordpolicy import has_expired


class Login(BaseModel):
    username: str
    password: str


class NewPassword(Login):
    new_password: str = Field(alias="newPassword")


@answers(shapes.Token, 401, 403, 429)
async def log_in(call: CallIn, login: Login, request: Request) -> Response:
    """Make a Bearer token for a user name and a password; 429 after too many that were wrong. 403 when the password
    has expired."""
    user = await _known(call, login, request)
    now = call.parts.clock()
    if has_expired(user.password_at, await policy_of(call.parts, user.organization_id), now):
        raise Refused(403, "The password has expired; PUT /authentication/password changes it")
    token = new_token(call.parts.dice(32))
    await call.parts.store.open_session(token, user.id, now, now + round(call.parts.settings.session_for * 1000))
    return answer({"token": token})


@answers(Nothing, 401, 429)
async def change_password(call: CallIn, login: NewPassword, request: Request) -> Response:
    """Change one's own password, also one that has expired; whoever was logged in with the one before is logged out."""
    user = await _known(call, login, request)
    if login.new_password == login.password:
        raise InvalidInput("newPassword", "is the password that there is; choose another")
    kept = await replacement(call.parts, user, login.new_password, "newPassword")
    await call.parts.store.set_password(user.id, kept, call.parts.clock())
    return answer({})


@answers(shapes.Secrets)
async def show_secrets(call: UserCallIn) -> Response:
    """The user's and the organization's secret, for the Authorization header of every other call."""
    return answer({"userSecret": call.user.secret, "organizationSecret": call.user.organization_secret})


def new_token(random: bytes) -> str:
    """A secret in the platform's form: base64 of 32 random bytes, 44 characters."""
    return base64.b64encode(random).decode()


async def _known(call: Call, login: Login, request: Request) -> User:
    """The user whose password it is; raises Refused (401) for anybody else."""
    user = await call.parts.store.user_by_email(login.username)
    host = request.client.host if request.client else None
    right = await is_right(call.parts, login.username, host, login.password, user)
    if user is None or not right:
        raise Refused(401, "The user name or the password is wrong")
    if not (user.active and user.account_active):
        raise Refused(401, "This user, or the account, is not active; an administrator can change that")
    return user

"""What is set for an account: how failures are treated, how long is kept, who is told (spec platform.md 5.4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Path
from starlette.responses import Response

from tidings.api.accounts import find
from tidings.api.answers import answer
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.core.accountsettings import NOTICES_URL, changes_of, shown
from tidings.core.errors import InvalidInput

AccountId = Annotated[int, Path(description="The id of an account that the caller may know of.")]
SettingsBody = Annotated[dict[str, Any], Body(description="Names and values; null removes one.")]


@answers(dict[str, str])
async def read(call: UserCallIn) -> Response:
    """The settings of the caller's account; secrets masked."""
    return await _read(call, call.user.account_id)


@answers(dict[str, str])
async def write(call: UserCallIn, body: SettingsBody) -> Response:
    """Set what is given and leave the rest; answers all settings. Names that mean nothing here are kept."""
    return await _write(call, call.user.account_id, body)


@answers(dict[str, str], 404)
async def read_of_account(call: UserCallIn, account_id: AccountId) -> Response:
    """The settings of an account that the caller may know of; secrets masked."""
    return await _read(call, (await find(call, str(account_id))).id)


@answers(dict[str, str], 404)
async def write_of_account(call: UserCallIn, account_id: AccountId, body: SettingsBody) -> Response:
    """Set what is given for an account that the caller looks after; answers all settings."""
    return await _write(call, (await find(call, str(account_id))).id, body)


async def _read(call: UserCall, account_id: int) -> Response:
    return answer(shown(await call.parts.store.account_settings(account_id)))


async def _write(call: UserCall, account_id: int, body: dict[str, Any]) -> Response:
    store = call.parts.store
    changes = changes_of(body, await store.account_settings(account_id), call.parts.policy.check_url)
    url = changes.get(NOTICES_URL)
    if url is not None and (reason := await call.parts.refuse_name(url)) is not None:
        raise InvalidInput(NOTICES_URL, reason)
    return answer(shown(await store.change_account_settings(account_id, changes, call.parts.clock())))

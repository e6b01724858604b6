"""What is set for an account: how failures are treated, how long is kept, who is told (spec platform.md 5.4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Path
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import UserCall, UserCallIn
from tidings.api.problems import Refused
from tidings.core.accountsettings import NOTICES_URL, changes_of, shown
from tidings.core.errors import InvalidInput

AccountId = Annotated[int, Path(description="The id of the caller's own account.")]
SettingsBody = Annotated[dict[str, Any], Body(description="Names and values; null removes one.")]


async def read(call: UserCallIn) -> Response:
    """The settings of the caller's account; secrets masked."""
    return answer(shown(await call.parts.store.account_settings(call.user.account_id)))


async def write(call: UserCallIn, body: SettingsBody) -> Response:
    """Set what is given and leave the rest; answers all settings. Names that mean nothing here are kept."""
    store, account_id = call.parts.store, call.user.account_id
    changes = changes_of(body, await store.account_settings(account_id), call.parts.policy.check_url)
    url = changes.get(NOTICES_URL)
    if url is not None and (reason := await call.parts.refuse_name(url)) is not None:
        raise InvalidInput(NOTICES_URL, reason)
    return answer(shown(await store.change_account_settings(account_id, changes, call.parts.clock())))


async def read_of_account(call: UserCallIn, account_id: AccountId) -> Response:
    """The settings of an account, which must be the caller's; secrets masked."""
    _own(call, account_id)
    return await read(call)


async def write_of_account(call: UserCallIn, account_id: AccountId, body: SettingsBody) -> Response:
    """Set what is given for an account, which must be the caller's; answers all settings."""
    _own(call, account_id)
    return await write(call, body)


def _own(call: UserCall, account_id: int) -> None:
    if account_id != call.user.account_id:
        raise Refused(404, f"No account found with ID {account_id}")

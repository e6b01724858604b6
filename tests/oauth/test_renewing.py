"""Tokens are renewed in time, by one at a time, and an answer is stored before it is used."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.oauth.conftest import HOUR, MINUTE, SECOND, START, Opened
from tidings.core.errors import CredentialsRefused, ProviderDown
from tidings.core.model import Tokens
from tidings.store.oauth import NewGrant


async def test_a_token_that_counts_is_used_as_it_is(opened: Opened) -> None:
    account = await opened.connection(opened.keeper())
    await account.check()
    opened.now += HOUR - 5 * MINUTE - SECOND
    await account.check()
    assert opened.provider.renewals == 0
    assert len(set(opened.provider.seen)) == 1


async def test_one_that_ends_soon_is_renewed_before_it_is_used_and_the_new_one_is_stored(opened: Opened) -> None:
    account = await opened.connection(opened.keeper())
    first = await opened.grant()
    opened.now += HOUR - 5 * MINUTE
    await account.check()
    await account.check()
    second = await opened.grant()
    assert opened.provider.renewals == 1
    assert opened.provider.seen == [second.tokens.access] * 2
    assert (second.serial, second.tokens.refresh != first.tokens.refresh) == (first.serial + 1, True)
    assert opened.provider.issued[-1].refresh == second.tokens.refresh


async def test_one_that_is_refused_is_changed_for_another_once(opened: Opened) -> None:
    account = await opened.connection(opened.keeper())
    opened.now += MINUTE
    opened.provider.forget_access()
    await account.check()
    assert opened.provider.renewals == 1
    opened.provider.records.before = lambda request: web.json_response({"message": "no"}, status=401)
    for _ in range(5):
        with pytest.raises(CredentialsRefused):
            await account.check()
    assert opened.provider.renewals == 1
    opened.now += MINUTE
    seen = len(opened.provider.seen)
    with pytest.raises(CredentialsRefused):
        await account.check()
    assert (opened.provider.renewals, len(opened.provider.seen) - seen) == (2, 2)


async def test_what_may_not_be_read_is_no_reason_for_another_token(opened: Opened) -> None:
    account = await opened.connection(opened.keeper())
    opened.now += MINUTE
    answer = {"code": "Forbidden", "message": "not yours"}
    opened.provider.records.before = lambda request: web.json_response(answer, status=403)
    with pytest.raises(CredentialsRefused, match="not yours"):
        await account.check()
    assert opened.provider.renewals == 0


async def test_many_that_ask_at_once_share_one_renewal(opened: Opened) -> None:
    keeper = opened.keeper()
    accounts = [await opened.connection(keeper) for _ in range(20)]
    opened.now += HOUR
    await asyncio.gather(*(account.check() for account in accounts))
    assert (opened.provider.renewals, opened.provider.reuses) == (1, 0)
    opened.now += MINUTE
    opened.provider.forget_access()
    await asyncio.gather(*(account.check() for account in accounts))
    assert (opened.provider.renewals, opened.provider.reuses) == (2, 0)


async def test_those_who_wait_in_one_process_wait_for_each_other_and_not_for_the_database(opened: Opened) -> None:
    store = Counting(opened.store)
    keeper = opened.keeper(store)
    accounts = [await opened.connection(keeper) for _ in range(20)]
    opened.now += HOUR
    await asyncio.gather(*(account.check() for account in accounts))
    assert store.begun == 1


class Counting:
    """A store that counts the turns that are asked for."""

    def __init__(self, store: Any) -> None:
        self._store, self.begun = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def begin_renewal(self, *given: Any) -> Any:
        self.begun += 1
        return await self._store.begin_renewal(*given)


async def test_two_processes_never_use_a_refresh_token_twice(opened: Opened) -> None:
    async def pause(seconds: float) -> None:
        await asyncio.sleep(0.005)

    mine, theirs = opened.keeper(pause=pause), opened.keeper(await opened.another_store(), pause=pause)
    for _ in range(10):
        opened.now += HOUR
        accounts = [await opened.connection(keeper) for keeper in (mine, theirs) * 5]
        await asyncio.gather(*(account.check() for account in accounts))
    assert (opened.provider.renewals, opened.provider.reuses) == (10, 0)


async def test_a_process_takes_what_another_has_renewed(opened: Opened) -> None:
    mine, theirs = opened.keeper(), opened.keeper(await opened.another_store())
    first, second = await opened.connection(mine), await opened.connection(theirs)
    opened.now += HOUR
    await first.check()
    await second.check()
    opened.now += MINUTE
    opened.provider.forget_access()
    await second.check()
    await first.check()
    assert (opened.provider.renewals, opened.provider.reuses) == (2, 0)


async def test_whoever_is_cancelled_does_not_take_the_answer_with_them(opened: Opened) -> None:
    keeper = opened.keeper()
    account = await opened.connection(keeper)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def hold(answer: web.Response) -> web.Response:
        began.set()
        await go_on.wait()
        return answer

    opened.provider.after = hold
    opened.now += HOUR
    caller = asyncio.create_task(account.check())
    await began.wait()
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    go_on.set()
    await keeper.close()
    assert (await opened.grant()).tokens.refresh == opened.provider.issued[-1].refresh
    await account.check()
    assert (opened.provider.renewals, opened.provider.reuses) == (1, 0)


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A store in front of which the process dies, or which fails, when an answer is to be stored."""

    def __init__(self, store: Any, *errors: BaseException) -> None:
        self._store, self.errors = store, list(errors)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def keep_tokens(self, instance_id: int, fence: int, tokens: Tokens) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        return await self._store.keep_tokens(instance_id, fence, tokens)


async def test_an_answer_that_cannot_be_stored_is_not_used_and_is_stored_later(opened: Opened) -> None:
    store = Dying(opened.store, *(OSError("disk full") for _ in range(5)))
    account = await opened.connection(opened.keeper(store))
    opened.now += HOUR
    with pytest.raises(ProviderDown, match="could not be stored"):
        await account.check()
    assert opened.provider.seen == []
    await account.check()
    assert (opened.provider.renewals, opened.provider.reuses) == (1, 0)
    assert opened.provider.seen == [(await opened.grant()).tokens.access]


async def test_a_store_that_fails_for_a_moment_is_tried_again(opened: Opened) -> None:
    account = await opened.connection(opened.keeper(Dying(opened.store, OSError("busy"), OSError("busy"))))
    opened.now += HOUR
    await account.check()
    assert (opened.provider.renewals, opened.provider.reuses) == (1, 0)


async def test_who_dies_between_the_answer_and_the_commit_leaves_an_account_that_says_why(opened: Opened) -> None:
    keeper = opened.keeper(Dying(opened.store, Killed()))
    account = await opened.connection(keeper)
    opened.now += HOUR
    with pytest.raises(Killed):
        await account.check()
    assert opened.provider.seen == []
    restarted = await opened.connection(opened.keeper())
    with pytest.raises(ProviderDown, match="another process"):  # as far as anybody can know, until its lease is over
        await restarted.check()
    opened.now += MINUTE
    with pytest.raises(CredentialsRefused, match="Authenticate again") as caught:
        await restarted.check()
    assert opened.provider.reuses == 1
    assert caught.value.status == 401
    refused = (await opened.grant()).refused
    assert refused is not None
    assert "invalid_grant" in refused
    assert "2026-09-21T15:13:20Z was interrupted" in refused
    renewals = opened.provider.renewals
    for _ in range(3):
        with pytest.raises(CredentialsRefused, match="Authenticate again"):
            await restarted.check()
    assert opened.provider.renewals == renewals


async def test_who_dies_before_asking_costs_a_lease_and_nothing_else(opened: Opened) -> None:
    async def dies(*_: Any) -> Tokens:
        raise Killed

    account = await opened.connection(opened.keeper(renew=dies))
    opened.now += HOUR
    with pytest.raises(Killed):
        await account.check()
    opened.now += MINUTE
    await (await opened.connection(opened.keeper())).check()
    assert (opened.provider.renewals, opened.provider.reuses) == (1, 0)


async def test_an_account_that_was_closed_stops_at_once_and_goes_on_with_a_new_grant(opened: Opened) -> None:
    keeper = opened.keeper()
    account = await opened.connection(keeper)
    opened.now += MINUTE
    opened.provider.revoke_all()
    with pytest.raises(CredentialsRefused, match="invalid_grant") as caught:
        await account.check()
    assert "was interrupted" not in str(caught.value)
    instance = await opened.instance()
    tokens = await opened.endpoint.exchange(
        opened.element, {**opened.configuration, **opened.secrets}, opened.provider.code(), None
    )
    await opened.store.update_instance(instance, opened.plan, opened.now, NewGrant(tokens))
    await account.check()  # also whoever was connected before
    assert (await opened.grant()).refused is None


async def test_a_new_grant_wins_over_the_renewal_of_the_former_one(opened: Opened) -> None:
    keeper = opened.keeper()
    account = await opened.connection(keeper)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def hold(form: dict[str, str]) -> web.Response | None:
        if form["grant_type"] == "refresh_token":
            began.set()
            await go_on.wait()
        return None

    opened.provider.before = hold
    opened.now += HOUR
    caller = asyncio.create_task(account.check())
    await began.wait()
    values = {**opened.configuration, **opened.secrets}
    tokens = await opened.endpoint.exchange(opened.element, values, opened.provider.code(), None)
    await opened.store.update_instance(await opened.instance(), opened.plan, opened.now, NewGrant(tokens))
    go_on.set()
    await caller
    assert opened.provider.seen[-1] == tokens.access
    assert (await opened.grant()).tokens == tokens


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (503, {"error": "temporarily_unavailable"}),
        (500, "<html>Oops</html>"),
        (429, {"error": "slow_down"}),
        (200, {"token_type": "Bearer"}),
        (302, ""),
    ],
)
async def test_a_server_that_is_down_costs_nothing_while_the_token_counts(
    opened: Opened, status: int, answer: Any
) -> None:
    account = await opened.connection(opened.keeper())
    good = opened.provider.before

    async def down(form: dict[str, str]) -> web.Response:
        return web.json_response(answer, status=status) if answer else web.Response(status=status)

    opened.provider.before = down
    opened.now += HOUR - MINUTE
    await account.check()
    await account.check()
    assert opened.provider.renewals == 1  # and not with each request
    opened.now += 2 * MINUTE
    with pytest.raises(Exception, match="renewing the token of ledger"):
        await account.check()
    assert (await opened.grant()).refused is None
    opened.provider.before = good
    await account.check()
    assert opened.provider.reuses == 0


async def test_a_refused_application_is_told_by_its_keys_and_may_be_mended(opened: Opened) -> None:
    account = await opened.connection(opened.keeper())
    instance = await opened.instance()
    wrong = replace(instance, secrets={**opened.secrets, "oauth.api.secret": "canary-wrong"})
    await opened.store.update_instance(wrong, opened.plan, opened.now)
    opened.now += HOUR
    with pytest.raises(CredentialsRefused, match=r"invalid_client.*oauth\.api\.key and oauth\.api\.secret") as caught:
        await account.check()
    assert "canary" not in f"{caught.value} {caught.value.provider_message}"
    mended = replace(await opened.instance(), secrets=opened.secrets)
    await opened.store.update_instance(mended, opened.plan, opened.now)
    await account.check()
    assert opened.provider.reuses == 0


async def test_the_words_of_a_refusal_hold_no_token(opened: Opened) -> None:
    async def repeats(form: dict[str, str]) -> web.Response:
        said = {"error": "invalid_grant", "error_description": f"{form['refresh_token']} is used"}
        return web.json_response(said, status=400)

    account = await opened.connection(opened.keeper())
    opened.provider.before = repeats
    opened.now += HOUR
    with pytest.raises(CredentialsRefused) as caught:
        await account.check()
    assert "is used" in str(caught.value)
    assert "canary" not in f"{caught.value} {caught.value.provider_message} {(await opened.grant()).refused}"


async def test_without_a_refresh_token_the_account_is_open_as_long_as_its_token_counts(opened: Opened) -> None:
    tokens = replace((await opened.grant()).tokens, refresh=None, renew_at=None)
    await opened.store.update_instance(await opened.instance(), opened.plan, START, NewGrant(tokens))
    account = await opened.connection(opened.keeper())
    opened.now += HOUR - SECOND
    await account.check()
    opened.now += SECOND
    with pytest.raises(CredentialsRefused, match="gave none to renew it with"):
        await account.check()
    assert opened.provider.renewals == 0


async def test_a_server_that_does_not_rotate_keeps_its_refresh_token(opened: Opened) -> None:
    async def same(answer: web.Response) -> web.Response:
        return web.json_response({"access_token": opened.provider.issued[-1].access, "expires_in": 3600})

    first = await opened.grant()
    opened.provider.after = same
    opened.now += HOUR
    await (await opened.connection(opened.keeper())).check()
    assert (await opened.grant()).tokens.refresh == first.tokens.refresh


async def test_what_nobody_asks_with_is_renewed_as_well(opened: Opened) -> None:
    keeper = opened.keeper(look_every=0)
    opened.now += HOUR
    task = asyncio.create_task(keeper.loop())
    while (await opened.grant()).serial == 1:
        await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (opened.provider.renewals, opened.provider.seen) == (1, [])

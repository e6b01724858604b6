"""Who calls too often is asked to wait, and nobody else is."""

from __future__ import annotations

from tests.api.conftest import PASSWORD, World
from tests.api.test_errors import assert_error
from tidings.api import rates
from tidings.api.rates import Rates
from tidings.settings import Settings

LOGIN = {"username": "ann@example.com", "password": PASSWORD}


async def test_a_user_who_calls_too_often_is_told_when_to_call_again(world: World) -> None:
    client = world.rebuilt(settings=Settings(user_requests_a_minute=3))
    assert [(await client("GET", "/elements")).status for _ in range(3)] == [200, 200, 200]
    refused = await client("GET", "/elements")
    assert_error(refused, 429)
    assert (refused.headers["retry-after"], "20 s" in refused.message) == ("20", True)
    world.clock[0] += 20_000
    assert (await client("GET", "/elements")).status == 200
    assert (await client("GET", "/elements")).status == 429


async def test_calls_that_are_refused_are_counted_too(world: World) -> None:
    client = world.rebuilt(settings=Settings(user_requests_a_minute=2))
    assert [(await client("GET", f"/instances/{nth}")).status for nth in (7, 8, 9)] == [404, 404, 429]


async def test_without_a_limit_nothing_is_counted(world: World) -> None:
    client = world.rebuilt(settings=Settings(user_requests_a_minute=0))
    assert {(await client("GET", "/elements/keys")).status for _ in range(50)} == {200}


async def test_what_asks_for_no_user_is_not_counted(world: World) -> None:
    client = world.rebuilt(settings=Settings(user_requests_a_minute=1))
    assert {(await client("GET", "//health")).status for _ in range(5)} == {200}
    assert (await client("GET", "/elements")).status == 200


async def test_too_many_failed_logins_are_refused_even_with_the_right_password(world: World) -> None:
    client = world.rebuilt(settings=Settings(failed_logins_a_minute=2)).saying(None)
    wrong = LOGIN | {"password": "wrong"}
    assert [(await client("POST", "/authentication", wrong)).status for _ in range(2)] == [401, 401]
    refused = await client("POST", "/authentication", LOGIN | {"username": "ANN@example.com"})
    assert_error(refused, 429)
    assert refused.headers["retry-after"] == "30"
    assert (await client("POST", "/authentication", wrong | {"username": "bob@example.com"})).status == 401
    world.clock[0] += 30_000
    assert (await client("POST", "/authentication", LOGIN)).status == 200


async def test_logins_that_succeed_are_not_counted(world: World) -> None:
    client = world.rebuilt(settings=Settings(failed_logins_a_minute=1)).saying(None)
    assert {(await client("POST", "/authentication", LOGIN)).status for _ in range(3)} == {200}


def test_no_more_callers_are_remembered_than_fit(monkeypatch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 3)
    counted = Rates()
    for who in (1, 2, 3, 4):
        counted.spend(who, 1, 0, "Too many")
    counted.spend(1, 1, 0, "Too many")  # forgotten, so it begins anew

"""The settings of an account: a map, of which some names mean something."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import World
from tests.api.subscribed import subscribed
from tests.api.test_errors import assert_error
from tidings.core.model import FailurePolicy

POLICY = "notification.webhook.failure.policy"
AT = "/accounts/settings"


async def test_an_account_begins_with_the_policy_in_force(world: World) -> None:
    for path in (AT, "/accounts/1/settings"):
        answer = await world.client("GET", path)
        assert (answer.status, answer.json) == (200, {POLICY: "retry"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", AT), ("POST", AT), ("PATCH", "/accounts/1/settings"), ("POST", "/accounts/1/settings")],
)
async def test_what_is_set_is_answered_with_the_rest_and_holds(world: World, method: str, path: str) -> None:
    made = await subscribed(world)
    answer = await world.client(method, path, {POLICY: "queue", "retention.days": 30, "ours.own": True})
    assert answer.json == {POLICY: "queue", "retention.days": "30", "ours.own": "true"}
    found = await world.store.subscription(made["id"])
    assert found is not None
    assert found.policy is FailurePolicy.QUEUE
    assert (await world.client(method, path, {"ours.own": None, "retention.days": ""})).json == {POLICY: "queue"}
    assert (await world.client("GET", path)).json == {POLICY: "queue"}
    assert (await world.client(method, path, {POLICY: None})).json == {POLICY: "retry"}


async def test_the_key_of_notices_is_masked_and_the_mask_keeps_it(world: World) -> None:
    given = {"notices.url": "https://ops.example/notices", "notices.key": "canary-notices-key"}
    answer = await world.client("PATCH", AT, given)
    assert answer.json == given | {"notices.key": "********", POLICY: "retry"}
    assert (await world.client("PATCH", AT, answer.json)).json == answer.json
    assert (await world.store.account_settings(1))["notices.key"] == "canary-notices-key"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({POLICY: "drop"}, f"{POLICY}: is 'drop': write retry or queue"),
        ({"retention.days": "soon"}, "retention.days: is `soon`"),
        ({"retention.days": -1}, "retention.days: is `-1`"),
        ({"retention.days": 36501}, "retention.days: is 36501"),
        ({"notices.url": "http://127.0.0.1/x"}, "notices.url: points at 127.0.0.1"),
        ({"notices.url": "x"}, "notices.url: must begin with"),
        ({"notices.key": "short"}, "notices.key: has fewer than 8"),
        ({"notices.key": "********"}, "notices.key: ********"),
        ({"x": "y" * 4097}, "x: has 4097"),
        ({"x": "\ud800"}, "x: contains half"),
        ({"\ud800": "x"}, "body: has a name"),
        ({" ": "x"}, "body: has a name"),
        ({str(n): "x" for n in range(101)}, "body: makes more than 100"),
    ],
)
async def test_what_cannot_be_set_is_refused_by_name(world: World, body: dict[str, Any], says: str) -> None:
    answer = await world.client("PATCH", AT, body | {"z": "1"})
    assert_error(answer, 400)
    assert answer.message.startswith(says)
    assert await world.store.account_settings(1) == {}


async def test_a_receiver_of_notices_whose_name_leads_inside_is_refused(world: World) -> None:
    async def refuse(url: str) -> str | None:
        return "resolves to 10.0.0.1"

    answer = await world.rebuilt(refuse_name=refuse)("PATCH", AT, {"notices.url": "https://ops.example/"})
    assert_error(answer, 400)
    assert answer.message == "notices.url: resolves to 10.0.0.1"


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b""])
async def test_settings_are_an_object(world: World, raw: bytes) -> None:
    assert_error(await world.client("PATCH", AT, raw=raw), 400)


@pytest.mark.parametrize("number", ["0", "2", "-1", "99999999999999999999999"])
async def test_another_account_is_not_found(world: World, number: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"x": "y"}), ("POST", {"x": "y"})):
        assert_error(await world.client(method, f"/accounts/{number}/settings", body), 404)
    assert await world.store.account_settings(1) == {}

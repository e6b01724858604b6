"""What stands at the provider: one registration a type, however often we start, and none when nobody wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aiohttp

from tests.hints.served import CALLBACKS, Tidings, until
from tests.hints.test_arriving import idle, ready
from tidings.core.hints import remembered
from tidings.core.model import LaneKind
from tidings.elements.answer import Answer
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.http import ProviderClient, provider_session
from tidings.engine.hints import HintAddresses
from tidings.engine.registration import Registrar
from tidings.sandbox import CLIENT_ID


async def look_again(tidings: Tidings) -> None:
    """As a day later, or after any change of the instance."""
    before = remembered((await tidings.lane()).cursor).verified_at
    await tidings.call("PUT", "/instances/1/polling/enabled")
    await until(lambda: _verified_after(tidings, before))


async def _verified_after(tidings: Tidings, moment: int) -> bool:
    lane = await tidings.lane()
    return lane.owner is None and remembered(lane.cursor).verified_at > moment


async def test_types_are_those_of_what_is_polled_each_once(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance(**{"event.objects": "contacts,incidents,organizations"})
        await tidings.log.until("hints.registered")
        assert sorted(each["type"] for each in tidings.callbacks()) == ["company", "contact", "ticket"]
        await tidings.call("PATCH", "/instances/1", {"configuration": {"event.objects": "incidents"}})
        await tidings.log.until("hints.registered", removed=2)
        assert [each["type"] for each in tidings.callbacks()] == ["ticket"]


async def test_a_restart_registers_nothing_twice_even_when_it_remembers_nothing(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        before = tidings.callbacks()
        lane = await tidings.lane()
        # As if the process had died between the POST and the commit.
        assert await tidings.app.store.hurry(lane.id, lambda stored: b"", 0)
    async with tidings.running():
        await until(lambda: _verified_after(tidings, 0))
        assert tidings.callbacks() == before
        assert tidings.log.told("hints.registered") == []
        assert await tidings.registered() == ("contact",)


async def test_one_that_is_switched_off_or_gone_or_there_twice_is_put_right(tidings: Tidings) -> None:
    tenant = tidings.sandbox.sandbox.tenant()
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        (first,) = tidings.callbacks()
        tenant.amend(CALLBACKS, first["id"], {**first, "inactiveFlag": True})
        await look_again(tidings)
        (second,) = tidings.callbacks()
        assert (second["id"] > first["id"], second["inactiveFlag"]) == (True, False)
        tenant.amend(CALLBACKS, second["id"], None)
        await look_again(tidings)
        (third,) = tidings.callbacks()
        tenant.amend(CALLBACKS, third["id"] + 1, {**third, "id": third["id"] + 1})
        await look_again(tidings)
        assert tidings.callbacks() == [third]


async def test_others_registrations_are_left_alone(tidings: Tidings) -> None:
    tenant = tidings.sandbox.sandbox.tenant()
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        (ours,) = tidings.callbacks()
        theirs = {**ours, "id": ours["id"] + 1, "url": "https://h.example/cw?recordId="}
        tenant.amend(CALLBACKS, theirs["id"], theirs)
        await look_again(tidings)
        await tidings.call("PATCH", "/instances/1", {"configuration": {"event.poller.hints": False}})
        await tidings.log.until("hints.registered", removed=1)
        assert tidings.callbacks() == [theirs]


async def test_switched_off_stopped_or_without_events_nothing_stands_there(tidings: Tidings) -> None:
    async with tidings.running():
        made = await tidings.instance()
        await ready(tidings)
        on = {"configuration": {"event.poller.hints": True, "event.notification.enabled": True}}
        for method, path, body in (
            ("PATCH", "/instances/1", {"configuration": {"event.poller.hints": False}}),
            ("PATCH", "/instances/1", {"configuration": {"event.notification.enabled": False}}),
            ("DELETE", "/instances/1/enabled", None),
        ):
            await tidings.call(method, path, body)
            await until(lambda: _clear(tidings))
            assert tidings.callbacks() == []
            await tidings.call("PUT", "/instances/1/enabled")
            await tidings.call("PATCH", "/instances/1", on)
            await until(lambda: _verified_after(tidings, 1))
            assert len(tidings.callbacks()) == 1
        _, shown = await tidings.call("GET", "/instances/1")
        assert shown["hints"]["types"] == ["contact"]
        assert set(shown) - set(made) == set()


async def _clear(tidings: Tidings) -> bool:
    lane = await tidings.lane()
    return lane.owner is None and remembered(lane.cursor).clear


async def test_a_deleted_instance_leaves_nothing_behind(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        status, _ = await tidings.call("DELETE", "/instances/1")
        assert status == 200
        await tidings.log.until("hints.registered", removed=1)
        assert tidings.callbacks() == []


async def test_what_a_deleted_instance_leaves_at_a_provider_that_is_gone_is_told(tidings: Tidings) -> None:
    tenant = tidings.sandbox.sandbox.tenant()
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        tenant.faults.set({"forbidden": [CALLBACKS]})
        status, _ = await tidings.call("DELETE", "/instances/1")
        assert status == 200
        assert "403" in (await tidings.log.until("hints.left", instance=1))["reason"]


async def test_another_public_address_moves_the_registrations_and_none_removes_them(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
    async with tidings.running(public_url="https://tidings.example/below"):
        await tidings.log.until("hints.registered", added=1, removed=1)
        (moved,) = tidings.callbacks()
        assert moved["url"].startswith("https://tidings.example/below/elements/api-v2/hints/1?token=")
        await until(lambda: idle(tidings))
    async with tidings.running(public_url=None):
        await tidings.log.until("hints.registered", added=0, removed=1)
        assert tidings.callbacks() == []
        await until(lambda: _clear(tidings))
        _, shown = await tidings.call("GET", "/instances/1")
        assert "TIDINGS_PUBLIC_URL" in shown["hints"]["reason"]
        status, answer = await tidings.call("PATCH", "/instances/1", {"configuration": {"event.objects": "incidents"}})
        assert status == 400
        assert answer["message"].startswith("configuration.event.poller.hints: ")
        assert "TIDINGS_PUBLIC_URL" in answer["message"]


async def test_one_that_somebody_else_has_just_made_is_as_good_as_ours(tidings: Tidings) -> None:
    async with tidings.running(), provider_session(aiohttp.TCPConnector()) as session:
        await tidings.instance()
        await ready(tidings)
        (ours,) = tidings.callbacks()
        instance = await tidings.app.store.instance(1)
        assert instance is not None
        client = ProviderClient(session, clock=lambda: 0)
        lists = [True, False]

        class Late(Connection):
            """Shows an empty list at first, as to somebody who has asked before the other has registered."""

            async def send(self, method: str, *args: Any, **values: Any) -> Answer:
                answer = await super().send(method, *args, **values)
                return replace(answer, body=b"[]") if method == "GET" and lists.pop(0) else answer

        registrar = Registrar(
            tidings.app.store,
            catalog(),
            lambda element, found: Late(element, found.configuration, found.secrets, client, CLIENT_ID),
            addresses=HintAddresses(tidings.app.store.derive, f"{tidings.url}/elements/api-v2/hints"),
            clock=lambda: 2**50,
            dice=lambda: 0.0,
            log=tidings.log,
        )
        await tidings.app.store.wake(LaneKind.HINT, 1, 0)
        (lane,) = await tidings.app.store.claim(LaneKind.HINT, "another", 2**50, 2**51, 1)
        await registrar.run(lane)
        assert lists == []
        assert tidings.callbacks() == [ours]
        assert (await tidings.lane()).parked_reason is None
        assert remembered((await tidings.lane()).cursor).verified_at == 2**50


async def test_a_resource_that_has_no_hints_says_so_and_is_polled(tidings: Tidings) -> None:
    fields = {"fields": {"url": "/hubs/crm/fields", "idField": "id"}}
    async with tidings.running():
        await tidings.instance(**{"event.objects": None, "event.poller.configuration": fields})
        await tidings.log.until("poll.finished", resource="fields", reading="baseline")
        await until(lambda: _clear(tidings))
        _, shown = await tidings.call("GET", "/instances/1")
        assert (shown["hints"]["types"], shown["valid"]) == ([], True)
        assert "gives hints about" in shown["hints"]["reason"]
        assert tidings.callbacks() == []


async def test_what_is_parked_has_no_registration_after_the_next_look_until_it_goes_on(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        lane = await tidings.lane(LaneKind.POLL)
        await tidings.app.store.wake(LaneKind.POLL, 1, 0)
        claimed = await tidings.app.store.claim(LaneKind.POLL, "another", 2**50, 2**51, 9)
        await tidings.app.store.park(claimed[0], "keys refused")
        assert lane.id == claimed[0].id
        hints = await tidings.lane()
        await tidings.app.store.hurry(hints.id, lambda stored: stored.cursor, 0)
        await tidings.log.until("hints.registered", removed=1)
        await until(lambda: _clear(tidings))
        assert tidings.callbacks() == []
        await tidings.call("PUT", "/instances/1/polling/enabled")
        await until(lambda: _verified_after(tidings, 0))
        assert len(tidings.callbacks()) == 1

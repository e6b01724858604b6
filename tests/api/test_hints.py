"""Hints: asked for in the configuration, shown with the instance, and an address that tells strangers nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.api.conftest import NOW, World, body
from tests.api.test_errors import assert_error
from tidings.core.hints import ENCODE, HintMemory
from tidings.core.model import Instance, LaneKind
from tidings.settings import Settings

ON = {"event.notification.enabled": True, "event.objects": "contacts", "event.poller.hints": True}
PUBLIC = Settings(public_url="https://tidings.example")


async def test_hints_are_off_and_listed_with_the_other_keys(world: World) -> None:
    made = await world.instance()
    assert made["configuration"]["event.poller.hints"] == "false"
    assert "hints" not in made
    listed = (await world.client("GET", "/instances/1/configuration")).json
    (entry,) = [each for each in listed if each["key"] == "event.poller.hints"]
    assert (entry["type"], entry["propertyValue"]) == ("BOOLEAN", "false")


async def test_without_a_public_address_they_are_refused_by_name_with_what_to_do(world: World) -> None:
    refused = await world.client("POST", "/instances", body(configuration=ON))
    assert_error(refused, 400)
    assert refused.message.startswith("configuration.event.poller.hints: ")
    assert "TIDINGS_PUBLIC_URL" in refused.message
    await world.instance()
    refused = await world.client("PATCH", "/instances/1", {"configuration": {"event.poller.hints": "true"}})
    assert_error(refused, 400)
    assert await world.store.lanes(LaneKind.HINT) == []


async def test_an_instance_shows_what_its_provider_was_asked_for_and_why_not(world: World) -> None:
    client = world.rebuilt(settings=PUBLIC)
    made = (await client("POST", "/instances", body(configuration=ON))).json
    assert made["hints"] == {"types": [], "verifiedDate": None, "reason": None}
    (lane,) = await world.store.claim(LaneKind.HINT, "w", NOW, NOW + 1000, 9)
    memory = HintMemory(types=("contact",), verified_at=NOW)
    await world.store.release(lane, due_at=NOW, cursor=ENCODE(memory), reason="it answered 403: Denied")
    shown = {"types": ["contact"], "verifiedDate": "2026-09-21T14:13:20Z", "reason": "it answered 403: Denied"}
    whole = (await client("GET", "/instances/1")).json
    assert (whole["hints"], whole["valid"]) == (shown, True)
    assert (await client("GET", "/instances")).json[0]["hints"] == shown
    assert "hints" not in (await client("GET", "/instances?hydrate=false")).json[0]
    off = (await client("PATCH", "/instances/1", {"configuration": {"event.poller.hints": False}})).json
    assert "hints" not in off
    # Its lane is due, to remove what it had registered.
    (lane,) = await world.store.lanes(LaneKind.HINT)
    assert lane.due_at == NOW


async def test_only_who_had_hints_has_something_taken_back_when_deleted(world: World) -> None:
    forgotten: list[int] = []

    def forget(instance: Instance) -> None:
        forgotten.append(instance.id)

    client = world.rebuilt(settings=PUBLIC, forget_hints=forget)
    await client("POST", "/instances", body())
    await client("POST", "/instances", body(configuration=ON))
    for number in (1, 2):
        assert (await client("DELETE", f"/instances/{number}")).status == 200
    assert forgotten == [2]


async def test_what_is_no_hint_is_refused_in_the_same_words_whoever_it_is_for(world: World) -> None:
    await world.instance()
    said = {
        (answer.status, answer.message)
        for path in ("/hints/1?token=a", "/hints/2?token=a", "/hints/1", "/hints/x?token=a")
        for answer in [await world.anybody("POST", path, {"Type": "contact"})]
    }
    assert said == {(403, "This is no hint, or nobody waits for one here")}


async def test_a_hint_is_handed_on_as_it_came_and_answered(world: World) -> None:
    taken: list[tuple[str, str, str | None, bytes]] = []

    async def take(instance: str, token: str, headers: Mapping[str, str], read: Callable[[], Awaitable[bytes]]) -> bool:
        taken.append((instance, token, headers.get("X-Content-Signature"), await read()))
        return True

    client = world.rebuilt(take_hint=take).saying(None)
    answer = await client(
        "POST",
        "/hints/12?token=t-_0&recordId=57&action=updated",
        raw=b'{"Type": "contact"}',
        x_content_signature="s=",
    )
    assert (answer.status, answer.json) == (200, {})
    assert taken == [("12", "t-_0", "s=", b'{"Type": "contact"}')]


async def test_a_hint_that_is_too_large_is_refused_and_one_without_json_too(world: World) -> None:
    async def take(instance: str, token: str, headers: object, read: Callable[[], Awaitable[bytes]]) -> bool:
        await read()
        return True

    client = world.rebuilt(take_hint=take).saying(None)
    assert (await client("POST", "/hints/1?token=t", raw=b" " * (1024 * 1024 + 1))).status == 413
    assert (await client("POST", "/hints/1?token=t", raw=b"x", content_type="text/plain")).status == 415

"""What is held: shown, released, refused."""

from __future__ import annotations

from tests.api.conftest import NOW, World
from tests.api.lanes import cursor_of, lane_of, park, work
from tests.api.test_errors import assert_error
from tidings.core.cursor import Reading, ReadingKind, Unmoved, next_turn

URL = "/hubs/crm/{}?where=lastUpdated>'${{gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}}'"
POLLING = {
    "event.notification.enabled": True,
    "event.poller.configuration": {
        "contacts": {"url": URL.format("contacts"), "idField": "id", "sweepInterval": "5"},
        "company/configurations": {"url": URL.format("configurations"), "idField": "id", "sweepInterval": "0"},
    },
}
HELD = "/instances/1/polling/held"


async def _hold(world: World, *resources: str) -> None:
    await world.instance(configuration=POLLING)
    for resource in resources:
        await work(
            world,
            resource,
            due_at=NOW + 60_000,
            baselined=True,
            poll_at=NOW + 60_000,
            sweep_at=NOW + 120_000,
            held=300,
            held_at=NOW - 1500,
            held_ids=(7, "A-8"),
        )
    world.woken.clear()


async def test_held_deletes_are_listed_by_resource_and_none_is_an_empty_list(world: World) -> None:
    await world.instance(configuration=POLLING)
    listed = await world.client("GET", HELD)
    assert (listed.status, listed.json, listed.headers["elements-returned-count"]) == (200, [], "0")
    await _hold(world, "contacts")
    listed = await world.client("GET", HELD)
    assert listed.json == [
        {
            "resource": "contacts",
            "kind": "deletes",
            "count": 300,
            "objectIds": ["7", "A-8"],
            "heldDate": "2026-09-21T14:13:18Z",
        }
    ]
    assert listed.headers["elements-returned-count"] == "1"


async def test_released_deletes_are_looked_for_again_at_once_and_may_be_announced(world: World) -> None:
    await _hold(world, "contacts", "company/configurations")
    (_, configurations) = (await world.client("GET", HELD)).json
    released = await world.client("PUT", f"{HELD}/company/configurations")
    assert (released.status, released.json) == (200, [configurations])
    cursor = await cursor_of(world, "company/configurations")
    assert (cursor.held, cursor.released, cursor.sweep_at) == (0, True, NOW)
    assert (await lane_of(world, "company/configurations")).due_at == NOW
    assert world.woken == [1]
    assert [each["resource"] for each in (await world.client("GET", HELD)).json] == ["contacts"]
    assert (await cursor_of(world, "contacts")).held == 300


async def test_refused_deletes_are_not_announced_and_the_next_sweep_keeps_its_distance(world: World) -> None:
    await _hold(world, "contacts")
    refused = await world.client("DELETE", f"{HELD}/contacts")
    assert (refused.status, refused.json[0]["count"]) == (200, 300)
    cursor = await cursor_of(world, "contacts")
    assert (cursor.held, cursor.held_ids, cursor.released) == (0, (), False)
    assert cursor.sweep_at == NOW + 5 * 60_000
    assert world.woken == [1]
    assert (await world.client("GET", HELD)).json == []


async def test_a_resource_that_is_swept_no_more_is_not_swept_because_its_deletes_were_refused(world: World) -> None:
    await _hold(world, "company/configurations")
    await world.client("DELETE", f"{HELD}/company/configurations")
    assert (await cursor_of(world, "company/configurations")).sweep_at > NOW + 10**12


async def test_nothing_can_be_decided_where_nothing_is_held(world: World) -> None:
    await _hold(world, "contacts")
    assert (await world.client("PUT", f"{HELD}/contacts")).status == 200
    for method in ("PUT", "DELETE"):
        for resource in ("contacts", "company/configurations", "moons", "a/b/c"):
            assert_error(await world.client(method, f"{HELD}/{resource}"), 404)
    assert world.woken == [1]


async def test_held_deletes_of_a_parked_resource_wait_until_it_is_enabled(world: World) -> None:
    await _hold(world, "contacts")
    await park(world, "contacts", "keys refused")
    answer = await world.client("PUT", f"{HELD}/contacts")
    assert_error(answer, 409)
    assert "keys refused" in answer.message
    assert (await cursor_of(world, "contacts")).held == 300
    await world.client("PUT", "/instances/1/polling/enabled")
    assert (await world.client("PUT", f"{HELD}/contacts")).status == 200


async def _hold_both(world: World) -> None:
    await world.instance(configuration=POLLING)
    await work(
        world,
        "contacts",
        due_at=NOW + 60_000,
        baselined=True,
        poll_at=NOW + 60_000,
        settle_at=NOW - 1,
        sweep_at=NOW + 120_000,
        audit_at=NOW + 900_000,
        held=300,
        held_at=NOW - 1500,
        held_ids=(7,),
        unmoved=40,
        unmoved_at=NOW - 500,
        unmoved_ids=(1, 2),
    )


async def test_changes_with_unmoved_stamps_are_listed_beside_deletes_and_each_alone_by_its_kind(world: World) -> None:
    await _hold_both(world)
    both = (await world.client("GET", HELD)).json
    assert [(each["kind"], each["count"], each["objectIds"]) for each in both] == [
        ("deletes", 300, ["7"]),
        ("unmoved", 40, ["1", "2"]),
    ]
    assert (await world.client("GET", f"{HELD}?kind=unmoved")).json == both[1:]
    assert (await world.client("GET", f"{HELD}?kind=deletes")).json == both[:1]
    assert_error(await world.client("GET", f"{HELD}?kind=moons"), 400)


async def test_released_changes_are_announced_by_an_audit_that_is_due_now(world: World) -> None:
    await _hold_both(world)
    released = await world.client("PUT", f"{HELD}/contacts?kind=unmoved")
    assert [(each["kind"], each["count"]) for each in released.json] == [("unmoved", 40)]
    cursor = await cursor_of(world, "contacts")
    assert (cursor.unmoved, cursor.unmoved_ids, cursor.unmoved_next) == (0, (), Unmoved.ANNOUNCE)
    assert next_turn(cursor, NOW) is ReadingKind.AUDIT
    assert (cursor.held, cursor.released) == (300, False)
    assert_error(await world.client("PUT", f"{HELD}/contacts?kind=unmoved"), 404)


async def test_refused_changes_are_taken_over_by_an_audit_that_is_due_now(world: World) -> None:
    await _hold_both(world)
    assert (await world.client("DELETE", f"{HELD}/contacts?kind=unmoved")).status == 200
    cursor = await cursor_of(world, "contacts")
    assert (cursor.unmoved, cursor.unmoved_next, cursor.held) == (0, Unmoved.LEARN, 300)
    assert next_turn(cursor, NOW) is ReadingKind.AUDIT


async def test_without_a_kind_both_are_decided(world: World) -> None:
    await _hold_both(world)
    released = await world.client("PUT", f"{HELD}/contacts")
    assert [each["kind"] for each in released.json] == ["deletes", "unmoved"]
    cursor = await cursor_of(world, "contacts")
    assert (cursor.held, cursor.released, cursor.unmoved, cursor.unmoved_next) == (0, True, 0, Unmoved.ANNOUNCE)
    assert (cursor.sweep_at, cursor.audit_at) == (NOW, NOW)
    assert (await world.client("GET", HELD)).json == []


async def test_an_audit_in_progress_begins_anew_when_something_was_decided(world: World) -> None:
    await world.instance(configuration=POLLING)
    begun = Reading(ReadingKind.AUDIT, position="500")
    await work(
        world, "contacts", due_at=NOW, baselined=True, poll_at=NOW + 60_000, long=begun, unmoved=40, unmoved_at=NOW
    )
    await world.client("POST", "/instances/1/audit")
    assert (await cursor_of(world, "contacts")).long == begun
    await world.client("PUT", f"{HELD}/contacts")
    assert (await cursor_of(world, "contacts")).long is None


async def test_the_instance_shows_what_its_last_audits_proved(world: World) -> None:
    await world.instance(configuration=POLLING)
    await work(
        world,
        "contacts",
        due_at=NOW,
        baselined=True,
        audited_at=NOW - 1000,
        audited=500,
        audit_missed=2,
        audit_phantom=None,
        unmoved=80,
    )
    contacts, configurations = (await world.client("GET", "/instances/1")).json["completeness"]
    assert contacts == {
        "resource": "contacts",
        "auditedDate": "2026-09-21T14:13:19Z",
        "compared": 500,
        "missed": 2,
        "phantom": None,
        "held": 80,
        "complete": True,
        "counted": None,
    }
    assert configurations["resource"] == "company/configurations"
    assert set(configurations.values()) == {"company/configurations", None}

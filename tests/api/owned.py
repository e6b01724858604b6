"""What the first user's account has: one of each thing that a route can be about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.api.bulked import finished
from tests.api.conftest import World, body
from tests.api.people import account, member
from tests.api.subscribed import POLLING, happen, posted, subscribed
from tidings.api.routes import BASE, Route

CANARY = "canary"


@dataclass(frozen=True)
class First:
    """What the first account has: a value for each part of a path, and the token of its instance."""

    theirs: Mapping[str, str]
    common: Mapping[str, str]
    token: str


def name(route: Route) -> str:
    return f"{route.method} {route.path.removeprefix(BASE)}"


def parts(route: Route) -> list[str]:
    """The names of the parts of a route's path."""
    return [part.partition(":")[0] for part in re.findall(r"{([^}]+)}", route.path)]


def filled(route: Route, first: First) -> str:
    """The path of what the first account has. Fails by name for a part that nobody has given it a value for."""
    values = {**first.theirs, **first.common}
    unknown = [part for part in parts(route) if part not in values]
    assert not unknown, f"{name(route)}: give tests/api/owned.py a {unknown} of the first account"
    path = re.sub(r"{(\w+)(:\w+)?}", lambda found: values[found[1]], route.path)
    return path.removeprefix(BASE) if path.startswith(BASE) else f"/{path}"


async def owned(world: World) -> First:
    """The first user's account, with one of each thing that a route can be about."""
    names = {"company": CANARY, "private.key": "pk"}
    events = POLLING | {"event.notification.callback.url": f"https://{CANARY}.example/"}
    made = await world.client("POST", "/instances", body(name=CANARY, configuration=events | names))
    assert made.status == 200, made.body
    instance = made.json
    await happen(world, 7, raw=b'{"id":%d,"name":"canary"}')
    clone = (await world.client("POST", f"/elements/{instance['elementId']}/clone", {"name": CANARY})).json
    moved = await world.client("PATCH", f"/instances/{instance['id']}", {"element": {"id": clone["id"]}})
    assert moved.status == 200, moved.body
    resource = (await world.client("GET", f"/elements/{clone['id']}/resources")).json[0]
    subscription = await subscribed(world, f"{CANARY}-topic")
    notification = await posted(world, f"{CANARY}-topic")
    event = (await world.client("GET", f"/instances/{instance['id']}/events")).json[0]
    replay = await world.client("POST", f"/instances/{instance['id']}/events/replay", {"from": 1})
    assert replay.status == 202, replay.body
    sub_account = await account(world, f"{CANARY}-account")
    settings = await world.client("PATCH", f"/accounts/{sub_account['id']}/settings", {CANARY: CANARY})
    assert settings.status == 200
    _, user = await member(world, sub_account["id"])
    renamed = await world.client("PATCH", f"/users/{user['id']}", {"firstName": CANARY})
    assert renamed.status == 200
    nightly = {"name": CANARY, "method": "GET", "uri": f"/{CANARY}", "trigger": {"cron": "0 0 0 * * ?"}}
    job = (await world.client("POST", "/jobs", nightly)).json
    asked = await world.client("GET", f"/instances/{instance['id']}")
    entry = (await world.client("GET", f"/instances/{instance['id']}/configuration")).json[0]
    bulk_id = await finished(world, instance["id"], b'{"name":"canary"}')
    return First(
        theirs={
            "instance_id": str(instance["id"]),
            "instance": str(instance["id"]),
            "element": str(clone["id"]),
            "event_id": event["id"],
            "replay_id": str(replay.json["id"]),
            "subscription_id": str(subscription["id"]),
            "notification_id": str(notification),
            "account": str(sub_account["id"]),
            "account_id": str(sub_account["id"]),
            "user": str(user["id"]),
            "job_id": job["id"],
            "bulk_id": bulk_id,
            "request_id": asked.headers["elements-request-id"],
        },
        common={
            "organization": str(world.user.organization_id),
            "configuration_id": str(entry["id"]),
            "configuration_key": "company",
            "element_key": instance["element"]["key"],
            "resource_id": str(resource["id"]),
            "resource": "contacts",
            "hub": "crm",
            "object": "contacts/7",
            "object_name": "contacts",
            "kind": "element",
            "operation_id": "GET-contacts",
            "asset": "page.js",
            "role": "admin",
        },
        token=instance["token"],
    )

"""What runs beside the requests: activity, callbacks, the administrator's endpoints, several tenants."""

import asyncio
import hmac
import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.sandbox.conftest import NOON, Client, basic

from tidings.sandbox import Account, SandboxConfig, build
from tidings.sandbox.writer import Writer


async def receiver(got: asyncio.Queue[tuple[str, dict[str, str], bytes]]) -> web.AppRunner:
    async def take(request: web.Request) -> web.Response:
        await got.put((request.path_qs, dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def test_a_change_reaches_its_callback_signed_with_the_key_that_the_body_points_at(cw: Client):
    got: asyncio.Queue[tuple[str, dict[str, str], bytes]] = asyncio.Queue()
    runner = await receiver(got)
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/cw?recordId="
        await cw.post("/system/callbacks", {"url": url, "objectId": 0, "type": "ticket", "level": "owner"})
        ticket = (await cw.get("/service/tickets", pageSize=1)).json[0]
        await cw.post(f"/service/tickets/{ticket['id']}/notes", {"text": "hello"})
        path, headers, body = await asyncio.wait_for(got.get(), 10)
        told = json.loads(body)
        assert path == f"/cw?recordId={ticket['id']}&action=updated"
        assert (told["Action"], told["ID"], told["Type"], told["CompanyId"]) == (
            "updated",
            ticket["id"],
            "ticket",
            "acme",
        )
        assert json.loads(told["Entity"])["summary"] == ticket["summary"]
        key = (await cw.get(told["Metadata"]["key_url"])).json["signing_key"]
        signature = b64encode(hmac.digest(sha256(key.encode()).digest(), body, "sha256")).decode()
        assert headers["x-content-signature"] == signature
        quiet = {"op": "replace", "path": "skipCallback", "value": True}
        await cw.patch(f"/service/tickets/{ticket['id']}", quiet)
        await cw("DELETE", f"/service/tickets/{ticket['id']}")
        path, _, body = await asyncio.wait_for(got.get(), 10)
        assert path.endswith("&action=deleted")
        assert json.loads(body)["Entity"] is None
        await cw.post("/system/callbacks", {"url": url, "objectId": 0, "type": "company", "level": "owner"})
        company = (await cw.get("/company/companies", conditions="deletedFlag=false")).ids[-1]
        await cw("DELETE", f"/company/companies/{company}")
        path, _, body = await asyncio.wait_for(got.get(), 10)
        assert path == f"/cw?recordId={company}&action=deleted"
        assert json.loads(body)["Entity"] is None
    finally:
        await runner.cleanup()


def test_activity_is_the_same_for_the_same_seed_and_lists_every_change(config: SandboxConfig):
    feeds = []
    for _ in range(2):
        sandbox = build(config)
        for _ in range(300):
            sandbox.activity.step()
        feeds.append([change.as_json() for change in sandbox.tenant().changes.since(0)])
    assert feeds[0] == feeds[1]
    assert len(feeds[0]) >= 300
    touched = [each for each in feeds[0] if each["touched"]]
    assert {each["resource"] for each in touched} == {"service/tickets"}
    kinds = {(each["resource"], each["action"]) for each in feeds[0]}
    for resource in ("company/contacts", "company/companies", "service/tickets"):
        assert {(resource, action) for action in ("added", "updated", "deleted")} <= kinds


def test_the_feed_ends_where_the_tables_are(config: SandboxConfig):
    sandbox = build(config)
    tenant = sandbox.tenant()
    alive = {path: set(tenant.tables[path].ids) for path in ("company/contacts", "service/tickets")}
    for _ in range(500):
        sandbox.activity.step()
    for change in tenant.changes.since(0):
        if change.resource in alive:
            (alive[change.resource].discard if change.action == "deleted" else alive[change.resource].add)(change.id)
    assert {path: set(tenant.tables[path].ids) for path in alive} == alive


async def test_activity_runs_at_the_rate_that_is_asked_for_and_pauses(cw: Client):
    admin = f"{cw.running.origin}/_admin"
    assert (await cw.get(f"{admin}/activity")).json == {"rate": 0, "done": 0}
    assert (await cw.post(f"{admin}/activity", {"rate": 400})).json["rate"] == 400
    while (await cw.get(f"{admin}/activity")).json["done"] < 20:
        pass
    done = (await cw.post(f"{admin}/activity", {"rate": 0})).json["done"]
    feed = (await cw.get(f"{admin}/changes")).json
    assert (await cw.get(f"{admin}/activity")).json == {"rate": 0, "done": done}
    assert feed["last"] == len(feed["changes"]) >= done >= 20
    assert [each["sequence"] for each in feed["changes"]] == list(range(1, feed["last"] + 1))
    rest = (await cw.get(f"{admin}/changes", since=feed["last"] - 2)).json["changes"]
    assert [each["sequence"] for each in rest] == [feed["last"] - 1, feed["last"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "activity", {"rate": "fast"}, "how many changes a second"),
        ("POST", "activity", {"rate": -1}, "-1"),
        ("PATCH", "faults", {"nonsense": 1}, "nonsense is not a knob"),
        ("PATCH", "faults?tenant=nobody", {}, "There is no tenant nobody"),
        ("GET", "changes?since=x", None, "since is 'x'"),
    ],
)
async def test_an_administrators_mistake_is_named(cw: Client, method: str, path: str, body: Any, says: str):
    reply = await cw(method, f"{cw.running.origin}/_admin/{path}", body)
    assert reply.status == 400
    assert says in reply.json["error"]


async def test_the_admin_page_lists_its_endpoints(cw: Client):
    assert "PATCH /_admin/faults" in (await cw.get(f"{cw.running.origin}/_admin")).json


async def test_tenants_do_not_see_each_other(config: SandboxConfig):
    other = Account(company="globex", public_key="p", private_key="q", member="globexapi")
    two = replace(config, contacts=20, accounts=(*config.accounts, other))
    async with await build(two).start() as running, aiohttp.ClientSession() as session:
        ids = {}
        for headers in (basic(), basic("globex", "p", "q")):
            async with session.get(running.api + "/company/contacts", headers=headers) as answer:
                ids[headers["Authorization"]] = [each["id"] for each in await answer.json()]
        first, second = ids.values()
        assert len(first) == len(second) == 20
        assert first != second
        async with session.post(
            running.api + "/company/contacts", json={"firstName": "Homer"}, headers=basic("globex", "p", "q")
        ) as answer:
            assert (await answer.json())["_info"]["updatedBy"] == "globexapi"
        assert len(running.sandbox.tenant("acme").changes) == 0
        assert len(running.sandbox.tenant("globex").changes) == 1


def test_the_feed_names_the_stamp_in_the_record_though_the_second_has_turned_meanwhile():
    """A clock that runs on by a third of a second each time it is asked."""
    now = [NOON]

    def clock() -> float:
        now[0] += 1 / 3
        return now[0]

    tenant = build(SandboxConfig(contacts=5, companies=2, tickets=0, clock=clock)).tenant()
    writer = Writer(tenant)
    for number in range(12):
        made = writer.create("company/contacts", {"firstName": f"n{number}"}, member="m")
        stored = tenant.newest("company/contacts", made["id"])
        assert stored is not None
        stamp = stored["_info"]["lastUpdated"]
        assert tenant.changes.since(0)[-1].stamp == stamp

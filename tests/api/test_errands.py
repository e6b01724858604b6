"""Jobs that people schedule and requests that nobody waits for: made as their user, once, whatever dies meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
import structlog

from tests.api.conftest import NOW, World
from tests.api.test_errors import assert_error
from tidings.api import inside as inside_module
from tidings.api.application import build_api
from tidings.api.inside import Inside
from tidings.api.routes import BASE
from tidings.core.errands import Asked, Errand
from tidings.core.model import Lane, LaneKind, Outcome
from tidings.core.retry import SCHEDULE
from tidings.core.signing import platform_signature
from tidings.engine.errands import ErrandRunner

MINUTE = 60_000
QUARTER = 15 * MINUTE
DUE = NOW - NOW % QUARTER + QUARTER
URL = "https://app.example/answers"
JOB = {
    "name": "Count",
    "description": "Every quarter of an hour",
    "method": "get",
    "uri": "/elements",
    "trigger": {"cron": "0 0/15 * 1/1 * ? *"},
    "query": {"abridged": True},
    "headers": {"X-Own": "7"},
}
ASYNC: dict[str, Any] = {"Elements_Async_Request": "True", "Elements_Async_Callback_Url": URL}


@dataclass
class Server:
    """What works errands, with a receiver that answers as it is told."""

    world: World
    status: int = 200
    posted: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    made: list[Errand] = field(default_factory=list)
    dies: bool = False

    def __post_init__(self) -> None:
        self.inside = Inside(build_api(self.world.parts), BASE, self.world.store)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.posted.append((url, headers, body))
        ok = 200 <= self.status < 300
        return Outcome(self.status, None if ok else f"answered {self.status}", None, "", 0.01)

    async def make(self, errand: Errand) -> Any:
        self.made.append(errand)
        if self.dies:
            raise SystemError("killed")
        return await self.inside.make(errand)

    async def claim(self) -> Lane | None:
        now = self.world.clock[0]
        lanes = await self.world.store.claim(LaneKind.ERRAND, "w", now, now + MINUTE, 1)
        return lanes[0] if lanes else None

    async def work(self) -> int:
        """All that is due now; says how much that was."""
        runner = ErrandRunner(
            self.world.store,
            self.make,
            self.send,
            clock=lambda: self.world.clock[0],
            log=structlog.get_logger(),
            lease_for=MINUTE,
        )
        worked = 0
        while (lane := await self.claim()) is not None:
            await runner.run(lane)
            worked += 1
        return worked


@pytest.fixture
def server(world: World) -> Server:
    return Server(world)


async def job(world: World, **more: Any) -> dict[str, Any]:
    answer = await world.client("POST", "/jobs", JOB | more)
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json
    return made


async def test_a_job_is_made_shown_listed_and_deleted(world: World) -> None:
    made = await job(world, body={"name": "a", "password": "canary", "list": [{"apiKey": "canary"}]})
    assert made == {
        "id": made["id"],
        "name": "Count",
        "description": "Every quarter of an hour",
        "method": "GET",
        "uri": "/elements",
        "query": "abridged=true",
        "headers": {"X-Own": "7"},
        "body": {"name": "a", "password": "********", "list": [{"apiKey": "********"}]},
        "elementInstanceId": None,
        "userId": world.user.id,
        "createdDate": "2026-09-21T14:13:20Z",
        "trigger": {"cron": "0 0/15 * 1/1 * ? *"},
        "nextRunDate": "2026-09-21T14:15:00Z",
        "lastRunDate": None,
        "lastRunStatus": None,
        "lastRunMessage": None,
        "runs": 0,
        "active": True,
    }
    assert isinstance(made["id"], str)
    assert (await world.client("GET", f"/jobs/{made['id']}")).json == made
    await world.instance(configuration={"event.notification.enabled": "true"})
    listed = await world.client("GET", "/jobs")
    assert [each["id"] for each in listed.json] == ["poller-1", made["id"]]
    assert listed.headers["elements-returned-count"] == "2"
    deleted = await world.client("DELETE", f"/jobs/{made['id']}")
    assert (deleted.status, deleted.json) == (200, {})
    assert_error(await world.client("GET", f"/jobs/{made['id']}"), 404)
    assert_error(await world.client("DELETE", f"/jobs/{made['id']}"), 404)
    assert await world.store.lanes(LaneKind.ERRAND) == []


async def test_the_job_of_a_poller_goes_with_its_polling_alone(world: World) -> None:
    await world.instance(configuration={"event.notification.enabled": "true"})
    refused = await world.client("DELETE", "/jobs/poller-1")
    assert_error(refused, 409)
    assert "event.notification.enabled" in refused.message
    assert_error(await world.client("DELETE", "/jobs/poller-2"), 404)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"trigger": {"cron": "* * * * *"}}, "trigger.cron: write six or seven fields"),
        ({"trigger": {"cron": "0 0 0 30 2 ?"}}, "trigger.cron"),
        ({"trigger": {}}, "trigger.cron: is missing"),
        ({"trigger": None}, "trigger"),
        ({"method": "HEAD"}, "method"),
        ({"method": None}, "method"),
        ({"uri": "elements"}, "uri"),
        ({"uri": "https://evil.example/x"}, "uri"),
        ({"uri": "//evil.example/x"}, "uri"),
        ({"uri": "/a\0b"}, "uri"),
        ({"uri": "/\ud800"}, "uri"),
        ({"uri": "/" + "x" * 5000}, "uri"),
        ({"query": {"a": {"b": 1}}}, "query.a"),
        ({"query": [1]}, "query"),
        ({"headers": {"X": "a\nb"}}, "headers"),
        ({"headers": {"a b": "c"}}, "headers"),
        ({"headers": {"X": 7}}, "headers"),
        ({"headers": {"Authorization": "User other=="}}, "headers.Authorization"),
        ({"headers": {"Authorization": "Bearer x"}}, "headers.Authorization"),
        ({"headers": {"Authorization": "nonsense"}}, "headers.Authorization"),
        ({"headers": {"Authorization": 7}}, "headers.Authorization"),
        ({"headers": {"Authorization": "Element wrong"}}, "Authorization: the element token is wrong"),
        ({"name": "<b></b>"}, "name"),
        ({"name": 7}, "name"),
        ({"description": "x" * 1001}, "description"),
        ({"body": 2**70}, "body"),
    ],
)
async def test_a_job_that_cannot_be_made_is_refused_by_its_member(world: World, more: Any, says: str) -> None:
    answer = await world.client("POST", "/jobs", JOB | more)
    assert_error(answer, 400)
    assert answer.message.startswith(says)
    assert await world.store.lanes(LaneKind.ERRAND) == []


async def test_jobs_of_another_account_are_not_there(world: World) -> None:
    made = await job(world)
    errand = await world.store.errand(int(made["id"]))
    assert errand is not None
    client = world.rebuilt(store=OtherAccount(world.store))
    assert (await client("GET", "/jobs")).json == []
    assert_error(await client("GET", f"/jobs/{made['id']}"), 404)
    assert_error(await client("DELETE", f"/jobs/{made['id']}"), 404)


class OtherAccount:
    """The same store for a user of another account."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def user_by_secret(self, secret: str) -> Any:
        return replace(await self._store.user_by_secret(secret), account_id=77)


async def test_a_job_is_made_when_it_is_due_as_its_owner_and_says_what_came_of_it(world: World, server: Server) -> None:
    made = await job(world)
    assert await server.work() == 0
    world.clock[0] = DUE
    assert await server.work() == 1
    assert await server.work() == 0
    shown = (await world.client("GET", f"/jobs/{made['id']}")).json
    assert (shown["lastRunStatus"], shown["lastRunMessage"], shown["runs"]) == (200, None, 1)
    assert (shown["lastRunDate"], shown["nextRunDate"]) == ("2026-09-21T14:15:00Z", "2026-09-21T14:30:00Z")
    (usage,) = (await world.client("GET", "/usage?searchText=list_elements")).json
    assert (usage["request_uri"], usage["user_id"]) == (f"{BASE}/elements", world.user.id)


async def test_a_job_calls_as_the_instance_whose_token_it_was_made_with(world: World, server: Server) -> None:
    instance = await world.instance()
    token = instance["token"]
    by_header = await job(world, uri="/instances/configuration", headers={"Authorization": f"Element {token}"})
    answer = await world.of(instance)("POST", "/jobs", JOB | {"uri": f"{BASE}/instances/configuration?a=b c"})
    assert by_header["headers"] == {}
    assert (by_header["elementInstanceId"], answer.json["elementInstanceId"]) == (instance["id"], instance["id"])
    assert answer.json["uri"] == "/instances/configuration?a=b c"
    world.clock[0] = DUE
    await server.work()
    assert [each["lastRunStatus"] for each in (await world.client("GET", "/jobs")).json] == [200, 200]
    await world.client("DELETE", f"/instances/{instance['id']}")
    world.clock[0] += QUARTER
    await server.work()
    assert [each["lastRunStatus"] for each in (await world.client("GET", "/jobs")).json] == [401, 401]


async def test_a_job_writes_its_body_with_its_query_and_headers(world: World, server: Server) -> None:
    topic = {"topic": "ops", "message": "nightly"}
    await job(world, method="POST", uri="/notifications", body=topic, query="a=%20&b=c d", headers={"Accept": "*/*"})
    await job(world, method="POST", uri="/notifications", body=orjson.dumps(topic).decode(), query=None, headers=None)
    world.clock[0] = DUE
    await server.work()
    assert [each["lastRunStatus"] for each in (await world.client("GET", "/jobs")).json] == [200, 200]
    assert len((await world.client("GET", "/notifications?topics[]=ops")).json) == 2


async def test_a_refusal_is_kept_in_its_own_words(world: World, server: Server) -> None:
    await job(world, uri="/instances/7")
    world.clock[0] = DUE
    await server.work()
    (shown,) = (await world.client("GET", "/jobs")).json
    assert (shown["lastRunStatus"], shown["lastRunMessage"]) == (404, "No element instance found with ID 7")


async def test_of_all_that_was_due_while_nobody_worked_one_is_made(world: World, server: Server) -> None:
    await job(world)
    world.clock[0] = DUE + 10 * QUARTER + 1
    assert await server.work() == 1
    world.clock[0] = DUE + 11 * QUARTER
    assert await server.work() == 1


async def test_what_was_interrupted_is_not_made_again_for_the_same_moment(world: World, server: Server) -> None:
    made = await job(world)
    world.clock[0] = DUE
    server.dies = True
    with pytest.raises(SystemError):
        await server.work()
    server.dies = False
    world.clock[0] = DUE + 2 * MINUTE  # its lease has run out
    assert await server.work() == 1
    shown = (await world.client("GET", f"/jobs/{made['id']}")).json
    assert (shown["lastRunStatus"], shown["lastRunMessage"]) == (None, "the server stopped meanwhile")
    assert len(server.made) == 1
    world.clock[0] = DUE + QUARTER
    await server.work()
    assert len(server.made) == 2


async def test_a_job_goes_with_its_user(world: World, server: Server) -> None:
    await job(world)
    await world.store.update_user(replace(world.user, active=False), NOW)
    world.clock[0] = DUE
    assert await server.work() == 0


async def test_a_job_that_is_never_due_again_stays_and_says_so(world: World, server: Server) -> None:
    made = await job(world, trigger={"cron": "0 15 14 21 9 ? 2026"})
    world.clock[0] = DUE
    assert await server.work() == 1
    shown = (await world.client("GET", f"/jobs/{made['id']}")).json
    assert (shown["nextRunDate"], shown["active"], shown["runs"]) == (None, False, 1)
    world.clock[0] += 400 * 86_400_000
    assert await server.work() == 0


async def test_a_request_that_nobody_waits_for_is_made_and_its_answer_posted(world: World, server: Server) -> None:
    instance = await world.instance(configuration={"event.notification.signature.key": "s3cret-key"})
    answer = await world.of(instance)("GET", "/instances/configuration?x=a b", **ASYNC)
    assert (answer.status, answer.json) == (
        200,
        {"eventId": answer.json["eventId"], "eventStatus": "dispatched"},
    )
    assert isinstance(answer.json["eventId"], int)
    assert server.posted == []
    await server.work()
    ((url, headers, body),) = server.posted
    told = orjson.loads(body)
    assert url == URL
    assert told["response"] == (await world.of(instance)("GET", "/instances/configuration")).json
    assert (told["eventId"], told["instanceId"], told["status"]) == (answer.json["eventId"], instance["id"], 200)
    assert headers["Elements-Webhook-Signature"] == platform_signature("s3cret-key", body)
    assert (await world.client("GET", f"/usage/{told['requestId']}")).status == 200
    note = (await world.client("GET", f"/notifications/{told['notificationId']}")).json
    assert note["topic"] == "async-requests"
    assert orjson.loads(note["message"]) == {
        **{"eventId": answer.json["eventId"], "method": "GET", "uri": "/instances/configuration"},
        **{"status": 200, "requestId": told["requestId"]},
    }
    assert await world.store.lanes(LaneKind.ERRAND) == []


async def test_the_instances_own_callback_is_told_where_none_is_given(world: World, server: Server) -> None:
    instance = await world.instance(configuration={"event.notification.callback.url": "https://own.example/hook"})
    answer = await world.client("GET", f"/instances/{instance['id']}", Elements_Async_Request="true")
    assert answer.status == 200
    await server.work()
    assert [url for url, _, _ in server.posted] == ["https://own.example/hook"]
    assert "Elements-Webhook-Signature" not in server.posted[0][1]


@pytest.mark.parametrize(
    "callback",
    [None, "", "ftp://a.example", "http://127.0.0.1/x", "http://169.254.169.254/", "https://a b", "x" * 5000],
)
async def test_without_a_callback_that_may_be_called_nothing_is_dispatched(world: World, callback: str | None) -> None:
    headers: dict[str, Any] = {} if callback is None else {"Elements_Async_Callback_Url": callback}
    answer = await world.client("GET", "/elements", Elements_Async_Request="True", **headers)
    assert_error(answer, 400)
    assert answer.message.startswith("Elements-Async-Callback-Url: ")
    assert await world.store.lanes(LaneKind.ERRAND) == []


async def test_a_name_that_leads_where_nothing_may_be_connected_to_is_refused(world: World) -> None:
    async def refuse(url: str) -> str:
        return "leads to 10.0.0.1"

    client = world.rebuilt(refuse_name=refuse)
    assert_error(await client("GET", "/elements", **ASYNC), 400)


async def test_who_may_not_call_dispatches_nothing(world: World) -> None:
    assert_error(await world.anybody("GET", "/elements", **ASYNC), 401)
    assert_error(await world.client("GET", "/instances/9", **ASYNC), 404)
    assert (await world.client("GET", "/elements", Elements_Async_Request="False")).json[0]["key"]
    assert await world.store.lanes(LaneKind.ERRAND) == []


async def test_an_answer_is_told_again_with_the_same_bytes_until_it_is_taken_or_given_up(
    world: World, server: Server
) -> None:
    await world.client("POST", "/notifications", {"topic": "ops", "message": "x"}, **ASYNC)
    server.status = 503
    for wait in (0.0, *SCHEDULE):
        world.clock[0] += round(wait * 1000)
        await server.work()
    assert len(server.posted) == 1 + len(SCHEDULE)
    assert len({body for _, _, body in server.posted}) == 1
    assert await world.store.lanes(LaneKind.ERRAND) == []
    assert len((await world.client("GET", "/notifications?topics[]=ops")).json) == 1


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("POST", 1)])
async def test_an_interrupted_request_is_made_again_where_that_comes_to_the_same(
    world: World, server: Server, method: str, times: int
) -> None:
    body = {"topic": "ops", "message": "x"} if method == "POST" else None
    await world.client(method, "/notifications?topics[]=ops", body, **ASYNC)
    server.dies = True
    with pytest.raises(SystemError):
        await server.work()
    server.dies = False
    world.clock[0] += 2 * MINUTE
    await server.work()
    assert len(server.made) == times
    ((_, _, told),) = server.posted
    shown = orjson.loads(told)
    assert shown["status"] == (200 if method == "GET" else 500)
    assert method == "GET" or "is not known" in shown["response"]["message"]


async def test_what_takes_too_long_or_is_too_large_is_ended(
    world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await world.instance()
    stream = Asked("GET", f"/instances/{instance['id']}/events/stream?after=0")
    errand = Errand(1, 1, world.user.id, None, "n", None, None, URL, stream, NOW)
    app = build_api(world.parts)
    ended = await Inside(app, BASE, world.store, longest_for=0.05).make(errand)
    assert (ended.status, ended.said) == (504, "The call was ended after 0.05 s; ask for less at once")
    monkeypatch.setattr(inside_module, "LARGEST", 10)
    large = await Inside(app, BASE, world.store).make(replace(errand, asked=Asked("GET", "/elements")))
    assert large.status == 500
    assert "larger than 10 bytes" in (large.said or "")
    gone = await Inside(app, BASE, world.store).make(replace(errand, user_id=99))
    assert gone.status == 401


async def test_no_secret_of_a_job_or_a_request_stands_in_clear(world: World, server: Server) -> None:
    secret = {"element": {"key": "connectwisecrmrest"}, "configuration": {"private.key": "canary-7"}}
    made = await job(
        world, method="POST", uri="/instances", body=secret, headers={"Elements-User-Password": "canary-8"}
    )
    assert "canary" not in str(made)
    await world.client("POST", "/notifications", {"topic": "ops", "message": "canary-9"}, **ASYNC)
    path = world.store._path
    await world.store.close()
    for each in path.parent.iterdir():
        assert b"canary-" not in each.read_bytes().replace(b"canary-private", b""), each

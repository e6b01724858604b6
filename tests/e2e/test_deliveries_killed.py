"""kill -9 while receivers go wrong in every way: everybody gets everything, in order, under the same ids, signed.

Each round edits records, starts the installed command and kills it at one of its POSTs, before that is answered or
after; the moments are drawn from a seed. In the end all receivers are well.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Mapping
from functools import partial
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.e2e.misbehaving import Arrived, Misbehaving
from tests.e2e.server import Server
from tests.e2e.test_kills import until
from tests.engine.provider import Provider
from tidings import webhooks

KEY = "the-signature-key"
RECORDS, ROUNDS = 12, 12
TOPIC = "instance-1-connectwisecrmrest-events"
SOON = [0.3] * 50  # seconds before each retry
IN_FLIGHT, UNCOMMITTED = 8, 100  # what a kill may have repeated, of one subscription

#: By name what becomes of one POST after the other, and what the subscription wants.
RECEIVERS: Mapping[str, tuple[tuple[int | str, ...], Mapping[str, Any]]] = {
    "statuses": ((500, 200, 503, 404, 200, 400), {}),
    "hanging": (("hang", 200, 200, 200), {"format": "cloudevents"}),
    "dropping": (("drop", 200), {"filter": {"eventTypes": ["UPDATED"]}}),
    "gone": ((200, 200, 410), {}),
    "redirecting": (("redirect", 200), {"filter": {"changed": ["/n"]}, "format": "cloudevents"}),
    "endless": (("endless",), {"filter": {"eventTypes": ["CREATED"]}}),
    "dripping": (("drip", 200, 200), {"concurrency": 2}),
}


class Scene:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.dice = dice
        self.provider = Provider(lambda: time.time_ns() // 1_000_000)
        self.server = Server(folder / "data")
        self.elsewhere = Misbehaving(lambda nth: 200)
        self.receivers = {name: Misbehaving(self._moods(given)) for name, (given, _) in RECEIVERS.items()}
        self.left, self.before = 0, False
        self.counter = 0

    def _moods(self, given: tuple[int | str, ...]):
        moods = chain(given, repeat(410)) if 410 in given else cycle(given)
        return lambda nth: next(moods)

    async def open(self) -> web.AppRunner:
        """Let everything listen."""
        runner = web.AppRunner(self.provider.app())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.provider_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v4_6_release/apis/3.0"
        self.listening = [await each.start() for each in (self.elsewhere, *self.receivers.values())]
        for each in self.receivers.values():
            each.elsewhere = self.elsewhere.url
            each.arriving, each.answered = (lambda: self._count(True)), (lambda: self._count(False))
        return runner

    def _count(self, before: bool) -> None:
        if before:
            self.left -= 1
        if self.left == 0 and self.before is before:
            self.left = -1
            self.server.kill()

    def edit(self) -> None:
        for key in self.dice.sample(sorted(self.provider.rows), 6):
            self.counter += 1
            self.provider.put(key, n=self.counter)
        self.counter += 1
        self.provider.put(max(self.provider.rows) + 1, n=self.counter)

    async def set_up(self) -> None:
        configuration = {
            "baseUrl": self.provider_url,
            "company": "acme",
            "public.key": "public",
            "private.key": "private",
            "connectwise.clientID": "client",
            "event.notification.enabled": True,
            "event.notification.callback.url": self.receivers["statuses"].url,
            "event.notification.signature.key": KEY,
            "event.notification.max_events": 2,
            "event.poller.refresh_interval": "0.02",
            "event.objects": "contacts",
        }
        body = {"element": {"key": "connectwisecrmrest"}, "name": "killed", "configuration": configuration}
        await self.server.call("POST", "/instances", body)
        self.ids = {"statuses": 1}
        await self.server.call("PATCH", "/notifications/subscriptions/1", {"config": {"schedule": SOON}})
        for name, (_, wanted) in RECEIVERS.items():
            if name != "statuses":
                config = {"url": self.receivers[name].url, "signatureKey": KEY, "schedule": SOON, **wanted}
                new = {"channel": "webhook", "topics": [TOPIC], "config": config, "after": 0}
                made = await self.server.call("POST", "/notifications/subscriptions", new)
                self.ids[name] = made["id"]

    async def die(self) -> str:
        """Until it is killed at one POST, or after a while in which too little is sent."""
        self.left, self.before = self.dice.randint(1, 10), self.dice.random() < 0.5
        point = f"at POST {self.left}, {'before' if self.before else 'after'} its answer"
        began = time.monotonic()
        await self.server.start(wait=False)
        if await self.server.ended(within=4) is None:
            self.server.kill()
            await self.server.ended(within=5)
            point += " (by the clock)"
        return f"{point} (round of {time.monotonic() - began:.1f} s)"


def events(post: Arrived) -> list[tuple[int, str]]:
    """Sequence and record of each event."""
    told = json.loads(post.body)
    if "message" in told:
        return [(event["sequence"], event["objectId"]) for event in told["message"]["events"]]
    several = told if isinstance(told, list) else [told]
    return [(int(event["sequence"]), event["subject"].partition("/")[2]) for event in several]


def wants(name: str, event: Mapping[str, Any]) -> bool:
    wanted = RECEIVERS[name][1].get("filter", {})
    changed = {each["path"] for each in event["changes"]}
    return event["eventType"] in wanted.get("eventTypes", [event["eventType"]]) and (
        "changed" not in wanted or bool(changed & set(wanted["changed"]))
    )


@pytest.mark.kill
@pytest.mark.timeout(300)
async def test_whatever_receivers_do_and_whenever_it_is_killed_everybody_gets_everything_in_order(tmp_path):
    seed = int(os.environ.get("TIDINGS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed} (TIDINGS_TEST_SEED repeats it)")
    scene = Scene(tmp_path, random.Random(seed))
    for key in range(1, RECORDS + 1):
        scene.provider.put(key, 1_700_000_000_000, n=0)
    runner = await scene.open()
    server = scene.server
    try:
        await server.start()
        await scene.set_up()
        async with asyncio.timeout(30):
            while not (await server.call("GET", "/jobs"))[0]["resources"][0]["baselined"]:
                await server.call("GET", "/instances/1/events/feed?after=0&wait=0.3")
        await server.stop()
        hit = []
        for _ in range(ROUNDS):
            scene.edit()
            hit.append(await scene.die())
        for receiver in scene.receivers.values():
            receiver.mood = lambda nth: 200
        scene.left, scene.receivers["gone"].mood = -1, lambda nth: 410
        scene.edit()
        await server.start()
        gone = f"/notifications/subscriptions/{scene.ids['gone']}"
        async with asyncio.timeout(30):
            while (found := await server.call("GET", gone))["active"]:
                await server.call("GET", "/instances/1/events/feed?after=0&wait=0.3")
        assert "410" in found["reason"]
        scene.receivers["gone"].mood = lambda nth: 200
        await server.call("PATCH", gone, {"active": True})
        log = await whole_log(scene)
        for name, receiver in scene.receivers.items():
            await until(partial(has_all, scene, name, log), receiver.changed, within=30)
        assert await server.stop() == 0
    finally:
        server.kill()
        for listening in scene.listening:
            listening.close()
        await runner.cleanup()
    print("\n".join(f"{number:2}. {point}" for number, point in enumerate(hit, 1)))
    assert scene.elsewhere.arrived == [], "no redirect is followed"
    for name in RECEIVERS:
        check(scene, name, log)


async def whole_log(scene: Scene) -> list[dict]:
    """Everything that was announced, once a receiver without a filter has the last edit of each record."""
    unfiltered = scene.receivers["dripping"]

    def is_there() -> bool:
        shown = [json.loads(post.body)["message"]["raw"]["contacts"] for post in unfiltered.arrived if post.accepted]
        latest = {(record["id"], record["n"]) for records in shown for record in records}
        return all((key, row["n"]) in latest for key, row in scene.provider.rows.items() if row["n"])

    await until(is_there, unfiltered.changed, within=30)
    return (await scene.server.call("GET", "/instances/1/events/feed?after=0&limit=200"))["events"]


def has_all(scene: Scene, name: str, log: list[dict]) -> bool:
    got = {sequence for post in scene.receivers[name].arrived if post.accepted for sequence, _ in events(post)}
    return {event["sequence"] for event in log if wants(name, event)} <= got


def check(scene: Scene, name: str, log: list[dict]) -> None:
    arrived = scene.receivers[name].arrived
    bytes_of: dict[str, bytes] = {}
    id_of: dict[int, str] = {}
    before: dict[int, int] = {}
    last: dict[str, int] = {}
    expected = [event for event in log if wants(name, event)]
    assert [event["sequence"] for event in log] == list(range(1, len(log) + 1)), "no gap"
    for event in expected:
        if event["objectId"] in last:
            before[event["sequence"]] = last[event["objectId"]]
        last[event["objectId"]] = event["sequence"]
    accepted: set[int] = set()
    seen: set[int] = set()
    for post in arrived:
        webhooks.verify(post.headers, post.body, KEY)
        assert bytes_of.setdefault(post.id, post.body) == post.body, "the same id, the same bytes"
        carried = {sequence for sequence, _ in events(post)}
        for sequence in carried:
            assert id_of.setdefault(sequence, post.id) == post.id, "the same event, the same id"
            first = before.get(sequence)
            assert sequence in seen or first is None or first in accepted | carried, (
                f"{name}: {sequence} before {first}"
            )
        seen |= carried
        accepted |= carried if post.accepted else set()
    assert accepted == {event["sequence"] for event in expected}, name
    times = [post.id for post in arrived if post.accepted]
    repeats = len(times) - len(set(times))
    print(f"{name}: {len(arrived)} POSTs, {len(times)} accepted, {repeats} of them repeated")
    assert repeats <= ROUNDS * (IN_FLIGHT + UNCOMMITTED)

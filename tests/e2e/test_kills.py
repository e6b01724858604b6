"""kill -9 at every kind of moment of a poll and of a delivery: nothing is lost, and what is repeated is the same.

Each round changes records at the provider, starts the installed command and kills it at one point; the points are
drawn anew from a seed each run and named in the output. In the end everything must have arrived: for each record the
changes form one unbroken chain from the first value to the last.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.receiver import Receiver
from tests.e2e.server import Server
from tests.engine.provider import Provider
from tidings.core.signing import platform_signature

SCRIPT = str(Path(__file__).with_name("serve_and_die.py"))
KEY = "the-signature-key"
RECORDS = 40

#: Points on the way of a page into the log, by statement: what must have happened, and before what it dies.
COMMIT = [
    ("update lane set cursor", "insert into record"),
    ("insert into record", "insert into snapshot"),
    ("insert into snapshot", "update instance set last_sequence"),
    ("update instance set last_sequence", "insert into notification"),
    ("insert into notification", "update lane set due_at"),
    ("insert into notification", "commit"),
    ("insert into notification", "begin immediate"),
]
#: The same for an acknowledgement.
ACKNOWLEDGE = [
    ("insert into notification", "insert into attempt"),
    ("update lane set cursor", "insert into attempt"),
    ("insert into attempt", "commit"),
    ("insert into attempt", "begin immediate"),
]
#: The same for that of a notification that was refused before, whose delivery row goes.
ACKNOWLEDGE_AGAIN = [
    ("insert into delivery", "delete from delivery"),
    ("delete from delivery", "commit"),
    ("delete from delivery", "begin immediate"),
]


def points(dice: random.Random) -> list[tuple[str, tuple]]:
    """At least twenty, of all kinds, in a random order."""
    drawn: list[tuple[str, tuple]] = [("commit", (arm, die, 1)) for arm, die in COMMIT]
    drawn += [("commit", (*dice.choice(COMMIT), dice.randint(1, 2))) for _ in range(2)]
    drawn += [("acknowledge", (arm, die, 1)) for arm, die in ACKNOWLEDGE]
    drawn += [("acknowledge", (*dice.choice(ACKNOWLEDGE), 1))]
    drawn += [("acknowledge again", (arm, die, 1)) for arm, die in ACKNOWLEDGE_AGAIN]
    drawn += [("page unanswered", (dice.randint(1, 4),)) for _ in range(2)]
    drawn += [("page half sent", (dice.randint(1, 4),)) for _ in range(2)]
    drawn += [("post unanswered", (dice.randint(1, 3),)) for _ in range(2)]
    drawn += [("post answered", (dice.randint(1, 3),)) for _ in range(2)]
    drawn += [("post refused", (1,))]
    dice.shuffle(drawn)
    return drawn


class Scene:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.dice = dice
        self.provider = Provider(lambda: time.time_ns() // 1_000_000)
        self.provider.page_cap = 15
        self.receiver = Receiver()
        self.server = Server(folder / "data")
        self.counter = 0
        self.made: list[int] = []
        self.asked = asyncio.Event()

    async def set_up(self) -> web.AppRunner:
        for key in range(1, RECORDS + 1):
            self.provider.put(key, 1_700_000_000_000, n=0)
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v4_6_release/apis/3.0"
        self.half: int | None = None
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        response = await self.provider.answer(request)
        self.asked.set()
        if self.half is None or "conditions" not in request.query or not isinstance(response.body, bytes):
            return response
        self.half -= 1
        if self.half:
            return response
        partial = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": str(len(response.body))}
        )
        await partial.prepare(request)
        await partial.write(response.body[: len(response.body) // 2])
        self.server.kill()
        return partial

    def edit(self) -> None:
        """Change a dozen records, some of them twice in a second, and add one."""
        for key in self.dice.sample(sorted(self.provider.rows), 12):
            self.counter += 1
            self.provider.put(key, n=self.counter)
        new = max(self.provider.rows) + 1
        self.counter += 1
        self.provider.put(new, n=self.counter)
        self.made.append(new)

    async def die(self, kind: str, detail: tuple) -> str:
        """Run the server until it dies at the point; returns what it was doing."""
        countdown = [detail[0]] if isinstance(detail[0], int) else [0]
        through: tuple[str, ...] = ("-m", "tidings")
        if kind in ("commit", "acknowledge", "acknowledge again"):
            arm, die, nth = detail
            through = (SCRIPT, arm, die, str(nth), "--")
            if kind == "acknowledge again":
                self.receiver.before = self._refusing_once()
        elif kind == "page unanswered":

            def silent(request):
                if "conditions" in request.query:
                    countdown[0] -= 1
                    if not countdown[0]:
                        self.server.kill()
                return None

            self.provider.before = silent
        elif kind == "page half sent":
            self.half = countdown[0]
        else:
            self.receiver.before = self._deadly(kind, countdown)
        await self.server.start(through=through, wait=False)
        status = await self.server.ended(within=40)
        self.provider.before = lambda request: None
        self.half = None
        self.receiver.before = None
        assert status == -9, f"{kind} {detail} was not reached: {status}\n" + "\n".join(self.server.lines[-30:])
        return next((line for line in reversed(self.server.lines) if "killed before" in line), kind)

    def _refusing_once(self):
        left = 1

        async def before(request: web.Request) -> web.StreamResponse | None:
            nonlocal left
            left, refuses = 0, left
            return web.json_response({}, status=503) if refuses else None

        return before

    def _deadly(self, kind: str, countdown: list[int]):
        async def before(request: web.Request) -> web.StreamResponse | None:
            countdown[0] -= 1
            if countdown[0] > 0:
                return None
            if kind == "post unanswered":
                self.server.kill()
                return web.json_response({}, status=500)
            # The answer leaves before the sender dies; whether it is read in time is the race that is meant.
            answer = web.json_response({}, status=503 if kind == "post refused" else 200)
            await answer.prepare(request)
            await answer.write_eof()
            self.server.kill()
            return answer

        return before

    def baselined(self) -> bool:
        with sqlite3.connect(f"file:{self.server.data}/tidings.db?mode=ro", uri=True) as db:
            cursors = [json.loads(row[0] or "{}") for row in db.execute("select cursor from lane where kind = 'poll'")]
        db.close()
        return bool(cursors) and all(cursor.get("baselined") for cursor in cursors)


async def until(true: Callable[[], bool], happened: asyncio.Event, within: float = 60.0) -> None:
    """Look again whenever something has happened."""
    async with asyncio.timeout(within):
        while not true():
            happened.clear()
            await happened.wait()


@pytest.mark.kill
@pytest.mark.timeout(400)
async def test_twenty_kills_lose_nothing_and_repeat_only_what_is_the_same(tmp_path):
    seed = int(os.environ.get("TIDINGS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed} (TIDINGS_TEST_SEED repeats it)")
    scene = Scene(tmp_path, random.Random(seed))
    provider, receiver = await scene.set_up(), await scene.receiver.start()
    server = scene.server
    try:
        await server.start()
        await server.call(
            "POST",
            "/instances",
            {
                "element": {"key": "connectwisecrmrest"},
                "name": "killed",
                "configuration": {
                    "baseUrl": scene.url,
                    "company": "acme",
                    "public.key": "public",
                    "private.key": "private",
                    "connectwise.clientID": "client",
                    "event.notification.enabled": True,
                    "event.notification.callback.url": scene.receiver.url,
                    "event.notification.signature.key": KEY,
                    "event.notification.max_events": 4,
                    "event.poller.refresh_interval": "0.02",
                    "event.objects": "contacts",
                },
            },
        )
        await until(scene.baselined, scene.asked)
        await server.stop()
        hit = []
        for kind, detail in points(scene.dice):
            scene.edit()
            hit.append(f"{kind}: {await scene.die(kind, detail)}")
        scene.edit()
        await server.start()
        final = {key: row["n"] for key, row in scene.provider.rows.items()}

        def arrived() -> bool:
            latest = {int(e["objectId"]): e["record"]["n"] for e in scene.receiver.events()}
            return all(latest.get(key, 0) == n for key, n in final.items())

        await until(arrived, scene.receiver.arrived)
        assert await server.stop() == 0
    finally:
        server.kill()
        await provider.cleanup()
        await receiver.cleanup()
    print("\n".join(f"{number:2}. {point}" for number, point in enumerate(hit, 1)))
    assert len(hit) >= 20
    check(scene, hit)


def check(scene: Scene, hit: list[str]) -> None:
    by_id: dict[str, set[bytes]] = {}
    for key, body, signature in scene.receiver.bodies:
        by_id.setdefault(key, set()).add(body)
        assert signature == platform_signature(KEY, body)
    assert all(len(bodies) == 1 for bodies in by_id.values()), "the same id, the same bytes"
    events = scene.receiver.events()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["id"] for event in events}) == len(events)
    chains: dict[int, list[dict]] = {}
    for event in events:
        chains.setdefault(int(event["objectId"]), []).append(event)
    for record_id, chain in chains.items():
        value = 0
        for position, event in enumerate(chain):
            created = record_id in scene.made and position == 0
            assert event["eventType"] == ("CREATED" if created else "UPDATED")
            if not created:
                changed = {change["path"]: (change["old"], change["new"]) for change in event["changes"]}
                assert changed["/n"] == (value, event["record"]["n"]), "an unbroken chain"
            value = event["record"]["n"]
        assert value == scene.provider.rows[record_id]["n"]
    repeats = len(scene.receiver.bodies) - len(by_id)
    print(f"{len(events)} events in {len(by_id)} notifications, {repeats} repeated, {len(hit)} kills")

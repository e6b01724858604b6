"""How long after a change at the provider does its notification arrive?"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import orjson
from aiohttp import web

from bench.figures import Bar, Figure
from bench.measure import percentile
from bench.prepare import one_instance, opened
from bench.processes import cores, sandbox, server
from bench.scale import Scale
from tidings.core.cursor import decode
from tidings.core.model import LaneKind

INTERVAL = "0.017"  #: minutes: a second, and a little so as not to be below the floor
MOST = 2.0
EVERY = 0.005  #: seconds between two changes: 200 a second
AT_ONCE = 4  #: changes under way, so that a slow one does not hold up those after it
CONTACTS = 1000  #: none of them is changed again before the next poll has seen it
LOOK_EVERY = 0.2
WAIT_FOR = 30.0


async def figures(scale: Scale) -> list[Figure]:
    """From the PATCH at the provider until the receiver has the notification, with a poll every second."""
    arrived: dict[str, float] = {}
    everything = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        at = time.monotonic()
        message = orjson.loads(await request.read())["message"]
        for record in message["raw"]["contacts"]:
            arrived.setdefault(str(record.get("title")), at)
        if len(arrived) >= scale.changes:
            everything.set()
        return web.Response()

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        made = await _changes(scale, url, everything)
    finally:
        await runner.cleanup()
    took = [arrived[title] - at for title, at in made.items() if title in arrived]
    p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
    return [
        Figure(
            f"latency: {scale.changes:,} changes, {1 / EVERY:.0f} a second, polled every second, "
            "until the receiver has them",
            f"p50 {p50:.2f} s, p99 {p99:.2f} s, {len(made) - len(took)} did not arrive",
            bars=(Bar(f"p99 < {MOST:g} s", p99 < MOST and len(took) == len(made)),),
        )
    ]


async def _changes(scale: Scale, url: str, everything: asyncio.Event) -> Mapping[str, float]:
    """Make the changes; returns when each was made, by the title that it set."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder, sandbox(CONTACTS, cores()[1]) as (account, _):
        data = Path(folder)
        await one_instance(
            data, account, event__poller__refresh_interval=INTERVAL, event__notification__callback__url=url
        )
        async with opened(data) as store:
            with server(data, cores()[0]):
                while not decode((await store.lanes(LaneKind.POLL))[0].cursor).baselined:
                    await asyncio.sleep(LOOK_EVERY)
                made = await _patch(account, scale.changes)
                async with asyncio.timeout(WAIT_FOR):
                    await everything.wait()
                return made


async def _patch(account: Mapping[str, str], changes: int) -> dict[str, float]:
    keys = f"{account['company']}+{account['publicKey']}:{account['privateKey']}"
    headers = {"Authorization": f"Basic {b64encode(keys.encode()).decode()}", "clientId": account["clientId"]}
    contacts = f"{account['baseUrl']}/company/contacts"
    made: dict[str, float] = {}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
        async with session.get(contacts, params={"fields": "id", "pageSize": str(CONTACTS)}) as answer:
            ids = [row["id"] for row in await answer.json()]
        began = time.monotonic()
        numbers = iter(range(changes))

        async def work() -> None:
            for number in numbers:
                await asyncio.sleep(max(began + number * EVERY - time.monotonic(), 0))
                title = f"Change {number}"
                change = [{"op": "replace", "path": "title", "value": title}]
                made[title] = time.monotonic()  # a little before it is visible, so that nothing is made to look faster
                async with session.patch(f"{contacts}/{ids[number % len(ids)]}", json=change) as answer:
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        took = time.monotonic() - began
        if took > 1.2 * changes * EVERY:
            raise RuntimeError(f"the changes took {took:.1f} s: they were fewer than {1 / EVERY:.0f} a second")
    return made

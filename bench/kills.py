"""What is lost and what repeated when the server dies again and again while it announces every record of an account?

The installed server reads the account for the first time and announces each record as created (`first_run=backfill`);
`kill -9` at moments drawn from a seed, restart, until all is delivered.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import psutil
from aiohttp import web

from bench.bulk import Bulk, plain_patterns
from bench.figures import Bar, Figure, aligned
from bench.prepare import one_instance
from bench.processes import cores, server
from bench.scale import Scale

KILLS = 5
MIDDLE = 0.7  #: the share of everything that may have happened by the last kill
EACH = 10  #: events in a notification
PAGE = 1000
IN_FLIGHT = 8  #: of one subscription
UNCOMMITTED = 400  #: acknowledgements that may not be durable yet: a window in its commit, another on its way
NEVER = 2**31
WAIT_FOR, QUIET_FOR = 600.0, 20.0  #: seconds
LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Death:
    """A server dies at its page `page` or its POST `post`, whichever comes first, the answer on its way or not."""

    page: int
    post: int
    answered: bool


def deaths(dice: random.Random, records: int) -> list[Death]:
    """In the middle of things, however they fall; of a page only while there are pages to read."""
    pages, posts = (max(round(MIDDLE * records / each / KILLS), 2) for each in (PAGE, EACH))
    drawn = []
    for _ in range(KILLS):
        reading = dice.random() < 0.5
        page, post = (dice.randint(1, max(pages // 2, 1)), posts) if reading else (NEVER, dice.randint(1, posts))
        drawn.append(Death(page, post, answered=dice.random() < 0.5))
    return drawn


@dataclass(slots=True)
class Outcome:
    """What the receiver had and what the log holds, when all was over."""

    records: int
    seed: int
    deaths: list[tuple[str, int, int]] = field(default_factory=list)  #: where, records arrived and logged by then
    lost: int = 0  #: records that never arrived
    repeated: int = 0  #: notifications that arrived more than once
    altered: int = 0  #: of those, how many with other bytes
    needless: int = 0  #: notifications sent again though their acknowledgement was durable
    logged: Counter[str] = field(default_factory=Counter)  #: how often the log announces each record
    unbroken: bool = False  #: whether the log's sequence has neither gaps nor repeats
    took_for: float = 0.0

    @property
    def logged_once(self) -> bool:
        """Whether the log announces every record, and none twice."""
        return len(self.logged) == self.records and set(self.logged.values()) <= {1}


async def figures(scale: Scale) -> list[Figure]:
    """The kills one by one, and what came of it."""
    outcome = await kill_again_and_again(scale.contacts, time.time_ns() % 1_000_000, cores()[0])
    _, before, _ = outcome.deaths[-1]
    lines = [["killed", "arrived by then", "in the log"]]
    lines += [[where, f"{arrived:,}", f"{logged:,}"] for where, arrived, logged in outcome.deaths]
    most = len(outcome.deaths) * (IN_FLIGHT + UNCOMMITTED)
    whole = not (outcome.lost or outcome.altered or outcome.needless) and outcome.repeated <= most
    return [
        Figure(
            f"kills: {outcome.records:,} records announced, {len(outcome.deaths)} times kill -9 (seed {outcome.seed})",
            f"{before:,} sent before the last kill, {outcome.records - before:,} after it, {outcome.lost} lost, "
            f"{outcome.repeated} notifications repeated, {outcome.altered} of them altered, "
            f"{outcome.needless} that had been acknowledged; {outcome.took_for:.0f} s in all",
            rows=aligned(lines),
            bars=(
                Bar("none lost, none needlessly again", whole, exact=True),
                Bar("logged once each, no gap", outcome.logged_once and outcome.unbroken, exact=True),
            ),
        )
    ]


async def kill_again_and_again(records: int, seed: int, core: set[int]) -> Outcome:
    """The server runs on `core`. Raises TimeoutError when a server does not come as far as its death."""
    began = time.monotonic()
    outcome = Outcome(records, seed)
    async with Bulk(records, plain_patterns()).serving() as provider, _Receiver().serving() as receiver:
        with TemporaryDirectory(prefix="tidings-bench-") as folder:
            data = Path(folder)
            await one_instance(
                data,
                provider.account,
                event__notification__callback__url=receiver.url,
                event__notification__max_events=str(EACH),
                event__poller__first_run="backfill",
            )
            for number, death in enumerate(deaths(random.Random(seed), records), 1):
                with server(data, core) as process:
                    where = await _die(process, provider, receiver, death)
                done = _acknowledged(data)
                receiver.acknowledged |= done.ids
                outcome.deaths.append((f"{number}. {where}", len(receiver.records), done.logged))
            with server(data, core):
                await _until_quiet(receiver, lambda: len(receiver.records) >= records and _delivered(data))
            outcome.logged, outcome.unbroken = _log(data)
    outcome.lost = records - len(receiver.records)
    outcome.repeated = sum(times > 1 for times in receiver.times.values())
    outcome.altered, outcome.needless = len(receiver.altered), len(receiver.needless)
    outcome.took_for = time.monotonic() - began
    return outcome


async def _die(process: psutil.Process, provider: Bulk, receiver: _Receiver, death: Death) -> str:
    """Wait for the moment and kill; returns where that was."""
    loop = asyncio.get_running_loop()
    killed: asyncio.Future[str] = loop.create_future()
    first_page, first_post = provider.pages, receiver.posts

    def kill(where: str) -> None:
        if not killed.done():
            process.kill()
            killed.set_result(where)

    def asked(pages: int) -> None:
        if pages - first_page >= death.page:
            kill(f"at page {pages}")

    def posted(posts: int) -> None:
        if posts - first_post < death.post:
            return
        if death.answered:
            loop.call_soon(kill, f"at POST {posts}, answered")
        else:
            kill(f"at POST {posts}")

    provider.asked, receiver.posted = asked, posted
    try:
        async with asyncio.timeout(WAIT_FOR):
            where = await killed
        await asyncio.to_thread(process.wait)
    finally:
        provider.asked = receiver.posted = lambda many: None
    return where


class _Receiver:
    """Remembers of each notification its id, the digest of its bytes, how often it came, and its records."""

    def __init__(self) -> None:
        self.url = ""
        self.posts = 0
        self.posted: Callable[[int], None] = lambda posts: None  #: hears how many there were, before the answer
        self.times: Counter[str] = Counter()
        self.records: set[str] = set()
        self.acknowledged: set[str] = set()
        self.altered: set[str] = set()
        self.needless: set[str] = set()
        self._digests: dict[str, bytes] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[_Receiver]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        key = request.headers["Elements-Webhook-Id"]
        digest = blake2b(body).digest()
        if self._digests.setdefault(key, digest) != digest:
            self.altered.add(key)
        if key in self.acknowledged:
            self.needless.add(key)
        self.times[key] += 1
        self.records.update(event["objectId"] for event in orjson.loads(body)["message"]["events"])
        self.posts += 1
        self.posted(self.posts)
        return web.Response()


@dataclass(frozen=True, slots=True)
class _Durable:
    """What a dead server's file holds: notifications whose acknowledgement is in it, and how many events are."""

    ids: set[str]
    logged: int


def _acknowledged(data: Path) -> _Durable:
    with TemporaryDirectory(prefix="tidings-bench-") as folder:
        # A copy: what the crash has left is for the next start to recover, not for us.
        for name in ("tidings.db", "tidings.db-wal"):
            if (data / name).exists():
                shutil.copy(data / name, folder)
        with closing(sqlite3.connect(Path(folder) / "tidings.db")) as db:
            found = db.execute("select n.id from attempt a join notification n using (number) where a.status = 200")
            ids = {row[0] for row in found}
            [logged] = db.execute("select max(last_sequence) from instance").fetchone()
    return _Durable(ids, logged)


def _read(data: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{data}/tidings.db?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def _delivered(data: Path) -> bool:
    """Whether every acknowledgement is in the file."""
    unfinished = "select count(*) from notification where number not in (select number from attempt where status = 200)"
    return _read(data, unfinished) == [(0,)]


def _log(data: Path) -> tuple[Counter[str], bool]:
    """How often each record is announced, and whether the sequence goes from 1 on without a gap."""
    announced: Counter[str] = Counter()
    after, unbroken = 0, True
    for first, last, events in _read(
        data, "select first_sequence, last_sequence, events from notification order by first_sequence"
    ):
        told = orjson.loads(events)
        unbroken &= [each[1] for each in told] == list(range(after + 1, last + 1)) and first == after + 1
        announced.update(str(each[3]) for each in told)
        after = last
    return announced, unbroken


async def _until_quiet(receiver: _Receiver, over: Callable[[], bool]) -> None:
    """Until it is over, or nothing has arrived for a while: what has been lost does not come."""
    posts, quiet_since = -1, time.monotonic()
    while not over() and time.monotonic() - quiet_since < QUIET_FOR:
        if receiver.posts != posts:
            posts, quiet_since = receiver.posts, time.monotonic()
        await asyncio.sleep(LOOK_EVERY)

"""How fast are events delivered, at least once and durably, beside POSTs that nobody remembers?"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import limits
from bench.engine import LEASE, POLICY, Lines, make_instance
from bench.figures import Figure, beside
from bench.measure import Run, Speed, run_async
from bench.peers import nodered
from bench.peers.install import NotInstalled
from bench.prepare import now
from bench.processes import cores, sandbox, sink
from bench.scale import Scale
from tidings.core.model import Change, EventType, Instance, Lane, LaneKind, Notification
from tidings.core.notify import NotifyContext, cut
from tidings.engine.deliver import Deliverer
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import Sender
from tidings.store.base import PageCommit
from tidings.store.secrets import load_vault
from tidings.store.sqlite import SqliteStore, open_sqlite

EVENTS, SHARE = 4000, 0.6
SUBSCRIPTIONS = limits.IN_FLIGHT // 8  #: eight POSTs of each are in flight, as the server has it
PAGE = 100


async def figures(scale: Scale) -> list[Figure]:
    """Events of one to a notification and of ten, to four receivers at once, beside the same bodies sent bare."""
    with sandbox(1000, cores()[1]) as (account, _), sink(cores()[1]) as url:
        records = [bytes(raw) for raw in chain.from_iterable(map(_split, limits.pages(account)))]
        measured = [await _figure(scale, account, url, records, each) for each in (1, 10)]
        return measured + ([_node_red(scale, url, records)] if os.environ.get("PEERS") else [])


_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def _figure(scale: Scale, account: Mapping[str, str], url: str, records: Sequence[bytes], each: int) -> Figure:
    ours: list[Run] = []
    bare: list[Run] = []
    notifications = max(scale.notifications // each, SUBSCRIPTIONS)
    for _ in range(scale.rounds):
        with TemporaryDirectory(prefix="tidings-bench-") as folder:
            store = await open_sqlite(Path(folder) / "tidings.db", load_vault(Path(folder) / "master.key"))
            try:
                bodies = await _fill(store, account, url, records, notifications, each)
                ours.append(await run_async(lambda: _deliver(store)))  # noqa: B023
                bare.append(await run_async(lambda: limits.post(url, bodies)))  # noqa: B023
            finally:
                await store.close()
    in_events = [Speed([Run(run.things * each, run.wall, run.cpu) for run in runs]) for runs in (ours, bare)]
    size = sum(map(len, bodies)) // len(bodies)
    return beside(
        f"delivery: {len(bodies):,} notifications of {each} event{'s' * (each > 1)} ({size:,} bytes each), "
        f"{SUBSCRIPTIONS} receivers",
        in_events[0],
        in_events[1],
        "events",
        least=EVENTS,
        least_ratio=SHARE,
    )


def _node_red(scale: Scale, url: str, records: Sequence[bytes]) -> Figure:
    """The same number of POSTs of about the same size, each with one record in it."""
    name = f"delivery beside: {nodered.PACKAGE} sends as many, one record each, signed, and remembers nothing"
    bodies = [b'{"raw":%b}' % record for record in islice(cycle(records), scale.notifications)]
    try:
        with TemporaryDirectory(prefix="tidings-bench-") as folder:
            runs = [nodered.sent(url, bodies, Path(folder)) for _ in range(scale.rounds)]
    except NotInstalled as why:
        return Figure(name, f"not run: {why}")
    return Figure(name, f"{Speed(runs).median:,.0f} POSTs/s ({len(bodies[0]):,} bytes each)")


async def _fill(
    store: SqliteStore, account: Mapping[str, str], url: str, records: Sequence[bytes], notifications: int, each: int
) -> list[bytes]:
    """Logs the notifications, in equal parts for each subscription; returns their bodies."""
    bodies: list[bytes] = []
    endless = cycle(enumerate(records))
    for number in range(SUBSCRIPTIONS):
        instance = await make_instance(
            store,
            account,
            now(),
            name=f"Company {number}",
            event__notification__callback__url=url,
            event__notification__signature__key="a-signature-key",
        )
        [lane] = await store.claim(LaneKind.POLL, "bench", now(), now() + LEASE, 1)
        for rev in range(0, notifications // SUBSCRIPTIONS, PAGE):
            many = min(PAGE, notifications // SUBSCRIPTIONS - rev) * each
            changes = [Change(EventType.UPDATED, key, rev, now(), raw) for key, raw in islice(endless, many)]
            bodies += [body.body for body in await log_changes(store, lane, instance, changes, each)]
        await store.release(lane, due_at=now() + LEASE)
    return bodies


async def log_changes(
    store: SqliteStore, lane: Lane, instance: Instance, changes: Sequence[Change], each: int
) -> Sequence[Notification]:
    """Appends the changes to the instance's log, so many to a notification, in the name of its poll lane."""
    context = NotifyContext(
        instance_id=instance.id,
        instance_created_at=instance.created_at,
        instance_name=instance.name,
        tags=instance.tags,
        element_key=instance.element_key,
        hub="crm",
        account_id=1,
        company_id=1,
        user_id=1,
        resource="contacts",
        poll_at=now(),
        created_at=now(),
        max_events=each,
    )
    page = PageCommit(
        cursor=b"{}",
        now=now(),
        changes=changes,
        cut=partial(cut, context=context),
        release=False,
        lease_until=now() + LEASE,
    )
    return await store.commit_page(lane, page)


async def _deliver(store: SqliteStore) -> int:
    """Everything that is logged, by the real deliverer; returns how many notifications arrived."""
    log = Lines()
    async with ConnectionPool(POLICY) as pool:
        deliverer = Deliverer(store, Sender(pool).send, clock=now, log=log)
        while lanes := await store.claim(LaneKind.DELIVER, "bench", now(), now() + LEASE, SUBSCRIPTIONS):
            await asyncio.gather(*(deliverer.run(lane) for lane in lanes))
    arrived = sum(line["event"] == "delivery.attempted" and line["outcome"] == "delivered" for line in log.lines)
    if arrived < len(log.lines):
        raise RuntimeError(f"only {arrived} of {len(log.lines)} tries arrived: {log.lines[-1]}")
    return arrived

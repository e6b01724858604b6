"""A process that delivers: the real dispatchers, engine and store, and receivers without sockets.

What is not in here are sockets and polls: the log is written by hand, so that its writer knows what stands in it.
Whatever sleeps in the engine sleeps by `true_at`, which is the loop's clock.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from tests.simulation.delivery_oracle import DeliveryOracle, Hold
from tests.simulation.gates import Gates
from tests.simulation.parcels import Happened, SigningKey, Subscriber, Wanted
from tests.simulation.process import LEASE_FOR, MINUTE, START, Process
from tests.simulation.receivers import Answer, Receiver
from tidings.core.model import (
    Change,
    EventType,
    FailurePolicy,
    FieldChange,
    Instance,
    Lane,
    LaneKind,
    LanePlan,
    Outcome,
    User,
)
from tidings.core.notify import NotifyContext, cut
from tidings.core.posted import Post
from tidings.core.replay import ReplayState
from tidings.core.subscription import Filter, Format, Subscription, changed_cut, rotated
from tidings.core.subscription import SigningKey as Key
from tidings.engine.deliver import Deliverer
from tidings.engine.dispatch import Dispatcher
from tidings.engine.replay import Replayer
from tidings.store.base import NewInstance, PageCommit
from tidings.store.secrets import Vault
from tidings.store.sending import NewReplay
from tidings.store.subscribing import NewSubscription

#: More turns of the loop than any chain of wake-ups takes.
ROUNDS = 100
ACCOUNT, INSTANCE = 1, 1
POSTED = -ACCOUNT
RESOURCES = ("contacts", "incidents")

#: By what a worker tells the store what tries have come to, and by what else it learns that it holds its lane.
TELLING = frozenset({"commit_deliveries", "deactivate", "commit_replay"})
WRITES = TELLING | {"renew", "release"}
#: For which holding of a lane the running task works.
HOLD: ContextVar[Hold] = ContextVar("hold")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still until it is told to go on: what sleeps wakes at the same move in every
    run."""

    stands_at = 0.0

    def time(self) -> float:
        return self.stands_at

    def is_idle(self) -> bool:
        """Whether nothing is left to do now but what sleeps."""
        return not self._ready and self.sleeps_for() > 0  # type: ignore[attr-defined]

    def sleeps_for(self) -> int:
        """Milliseconds until the next timer, rounded up; an hour where there is none."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return ceil(max(timers[0].when() - self.stands_at, 0) * 1000) if timers else 3_600_000


class DeliveryWorld(Process):
    """One instance and one account, whose logs several subscriptions read; each has a receiver of its own.

    `tight` are the limits of the engine, small enough to be met.
    """

    def __init__(
        self, database: Path, vault: Vault, oracle: DeliveryOracle, tight: Mapping[str, Any], dice: Any
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        super().__init__(database, vault, START, Gates(ROUNDS, loop.is_idle))
        self._loop = loop
        self.oracle, self.tight, self.dice = oracle, tight, dice
        self.receivers: dict[str, Receiver] = {}
        self.by_url: dict[str, int] = {}
        self.dispatchers: dict[str, list[Dispatcher]] = {}
        self.replays: dict[int, bool] = {}  #: whether a person has stopped it
        self.revision = 0
        self.on_write = oracle.nobody_writes_to_a_lane_that_another_has_taken
        oracle.logs = {INSTANCE: [], POSTED: []}

    def pass_time(self, milliseconds: int) -> None:
        self.true_at += milliseconds
        self._loop.stands_at += milliseconds / 1000

    def sleeps_for(self) -> int:
        """In how many milliseconds somebody wakes."""
        return self._loop.sleeps_for()

    # What workers do

    async def work(self, name: str, store: Any) -> None:
        """Claims lanes and works them until it is stopped."""
        send, log = partial(self._send, name), self.log
        named: dict[str, Any] = {"clock": lambda: self.now, "log": log, "dice": lambda: 0.5}
        named["lease_for"] = LEASE_FOR / 1000
        deliverer = Deliverer(store, send, **named, **self.tight)
        limits: dict[str, Any] = {
            each: self.tight[each] for each in ("window", "lane_bytes", "all_bytes") if each in self.tight
        }
        replayer = Replayer(store, send, **named, **limits)
        self.dispatchers[name] = [
            Dispatcher(
                store,
                kind,
                known(run),
                clock=lambda: self.now,
                owner=name,
                log=log,
                lease_for=LEASE_FOR,
                look_every=MINUTE,
            )
            for kind, run in ((LaneKind.DELIVER, deliverer.run), (LaneKind.REPLAY, replayer.run))
        ]
        await asyncio.gather(*(each.loop() for each in self.dispatchers[name]))

    async def stop(self, name: str) -> None:
        """It is asked to end, and stores what it knows before it does; what it has begun to write is written."""
        while writes := [n for n, each in self.gates.waiting if each.worker == name and each.what in WRITES]:
            await self.move(writes[0])
        if name in self.workers:
            self.workers[name].cancel()
        await self.gates.settle()

    def wake(self) -> None:
        for name in self.workers:
            for each in self.dispatchers.get(name, ()):
                each.wake()

    async def _send(self, worker: str, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        hold = HOLD.get()
        line, _ = hold
        try:
            key = self.oracle.begins(hold, self.by_url[url], headers, body, self.now)
        except AssertionError as wrong:
            self.crashes.append(str(wrong))
            raise
        began_at, receiver = self.true_at, self.receivers[url]

        async def arrive() -> Answer:
            answer = receiver.answer(body)
            self.oracle.arrives(line, key, answer)
            return answer

        name = f"{line[0]} {line[1]} {key}"
        answer = await self.gates.through(worker, f"POST {name}", arrive)
        if answer.takes_for:
            await asyncio.sleep(answer.takes_for)

        async def return_() -> None:
            self.oracle.answered(hold, key, answer, self.now)

        shown = answer.status or "no answer"
        await self.gates.through(worker, f"{shown} to {name}", return_)
        error = None if answer.accepts else f"answered {shown}"
        return Outcome(answer.status, error, answer.retry_after, "", (self.true_at - began_at) / 1000)

    def asked_for(self, worker: str, what: str, given: tuple[Any, ...]) -> None:
        if what in TELLING:
            self.oracle.is_told(hold_of(given[0]))

    async def accessed(self, worker: str, what: str, given: tuple[Any, ...], result: Any) -> None:
        await super().accessed(worker, what, given, result)
        if what == "claim":
            for lane in result:
                self.oracle.claimed(hold_of(lane))
        elif what in WRITES:
            hold = hold_of(given[0])
            ends = what == "deactivate" or (what == "commit_replay" and given[1].state is not ReplayState.RUNNING)
            self.oracle.held(hold, told=what in TELLING, ends=ends)
            if what == "deactivate":
                self.oracle.a_subscription_is_stopped_for_a_reason_only(hold[0][1])
                self.oracle.rests(hold[0][1])

    def refused(self, worker: str, what: str, lane: Lane) -> None:
        self.oracle.lost(hold_of(lane))

    # What people do

    async def begin(self) -> None:
        self.store = self.open_store()
        await self.store.first_user(lambda: User(0, 0, 0, "a@b.test", "A", "B", "hash", "secret", "organization"))
        new = NewInstance(ACCOUNT, 1, "connectwisecrmrest", "Acme", (), {}, "token")
        plan = LanePlan(RESOURCES, dict.fromkeys(RESOURCES, "g"), "http://own.test/", "own-key")
        await self.store.create_instance(new, plan, self.now)
        [own] = await self.store.subscriptions(instance_id=INSTANCE)
        self._know(own, Subscriber(own.id, INSTANCE, 0, [(0, Wanted())], [SigningKey("own-key")]))

    def _know(self, made: Subscription, subscriber: Subscriber) -> None:
        self.receivers[made.url], self.by_url[made.url] = Receiver(self.dice), made.id
        self.oracle.subscribed(subscriber)

    async def subscribe(self, wanted: Wanted, after: int | None, policy: str | None, how: Mapping[str, Any]) -> int:
        """To the instance's log, or to people's posts on the topics that it names."""
        number = len(self.receivers)
        log = POSTED if wanted.resources and wanted.resources[0] not in RESOURCES else INSTANCE
        key = f"key-{number}"
        new = NewSubscription(
            ACCOUNT,
            log,
            wanted.resources,
            f"http://r{number}.test/",
            keys=(Key(key),),
            format=Format(wanted.format),
            filter=filter_of(wanted),
            own_policy=None if policy is None else FailurePolicy(policy),
            after=after,
            **how,
        )
        made = await self.store.create_subscription(new, self.now)
        began = self.last(log) if after is None else after
        schedule = len(made.schedule)
        keys = [SigningKey(key)]
        self._know(made, Subscriber(made.id, log, began, [(began, wanted)], keys, schedule, policy))
        return made.id

    def last(self, log: int) -> int:
        """The last sequence of a log."""
        entries = self.oracle.logs[log]
        return entries[-1][-1].sequence if entries else 0

    async def log_page(self, resource: str, events: list[Happened], max_events: int) -> None:
        """One page of changes; their sequences go on from the log's last."""
        lanes = await self.store.claim(LaneKind.POLL, "people", self.now, self.now + LEASE_FOR, 10)
        context = NotifyContext(
            INSTANCE, START, "Acme", (), "connectwisecrmrest", "crm", ACCOUNT, 1, 1, resource, self.now, self.now,
            max_events,
        )  # fmt: skip
        changes = [self._change(each) for each in events]
        for lane in lanes:
            if lane.key == resource:
                page = PageCommit(b"{}", self.now, (), changes, partial(cut, context=context), due_at=self.now)
                await self.store.commit_page(lane, page)
            else:
                await self.store.release(lane, due_at=self.now)
        for start in range(0, len(events), max_events):
            self.oracle.logs[INSTANCE].append(tuple(events[start : start + max_events]))

    def _change(self, event: Happened) -> Change:
        self.revision += 1
        content = json.dumps(event.content).encode()
        changes = tuple(FieldChange(*each) for each in event.changes)
        return Change(EventType(event.kind), event.record, self.revision, None, content, changes)

    async def post(self, topic: str) -> None:
        sequence = self.last(POSTED) + 1
        made = await self.store.post_notification(ACCOUNT, Post("low", topic, str(sequence), "somebody"), self.now)
        event = Happened(sequence, topic, str(made.number), "CREATED", (), str(sequence))
        self.oracle.logs[POSTED].append((event,))

    async def reactivate(self, subscription: int) -> None:
        await self.store.reactivate(subscription, self.now)
        self.oracle.goes_on(subscription)

    async def is_seen_to_rest(self, subscription: int) -> bool:
        """Whether a person is shown that it waits for somebody; of a worker that died the history may not know."""
        found = await self.store.subscription(subscription)
        return found is not None and (not found.active or await self.store.is_queueing(subscription))

    async def pause(self, subscription: int) -> None:
        await self.store.stop(subscription, "somebody stopped it", self.now)
        self.oracle.rests(subscription)

    async def release(self) -> None:
        """A person lets everything go on that waits."""
        for each in await self.store.redeliver(ACCOUNT, now=self.now):
            self.oracle.goes_on(each)

    async def redrive(self, subscription: int) -> None:
        if await self.store.redrive(subscription, 0, self.now):
            self.oracle.goes_on(subscription)

    async def change_wanted(self, subscription: int, wanted: Wanted) -> None:
        subscriber = self.oracle.standings["deliver", subscription].subscriber

        def change(found: Subscription, last: int) -> Subscription:
            cuts = changed_cut(found.cuts, last, Format(wanted.format), filter_of(wanted))
            return dataclasses.replace(found, cuts=cuts, topics=wanted.resources or found.topics)

        await self.store.update_subscription(subscription, change, self.now)
        subscriber.change(self.last(subscriber.log), wanted)

    async def change_policy(self, subscription: int, policy: str | None) -> None:
        own = None if policy is None else FailurePolicy(policy)
        await self.store.update_subscription(
            subscription, lambda found, last: dataclasses.replace(found, own_policy=own), self.now
        )
        self.oracle.change_policy(subscription, policy)

    async def change_account_policy(self, policy: str) -> None:
        await self.store.change_account_settings(ACCOUNT, {"notification.webhook.failure.policy": policy}, self.now)
        self.oracle.change_policy(None, policy)

    async def rotate(self, subscription: int, overlap_for: int) -> None:
        self.revision += 1
        key, now = f"key-{subscription}-{self.revision}", self.now
        await self.store.update_subscription(
            subscription,
            lambda found, last: dataclasses.replace(found, keys=rotated(found.keys, key, now, overlap_for / 1000)),
            now,
        )
        self.oracle.standings["deliver", subscription].subscriber.rotate(key, now, overlap_for)

    async def change_instance(self) -> None:
        """Any change of the instance lets its own subscription go on where it was stopped."""
        instance = await self.store.instance(INSTANCE)
        assert isinstance(instance, Instance)
        own = await self.store.subscription(1)
        assert own is not None
        running = next(each.key for each in own.keys if each.until is None)
        plan = LanePlan(RESOURCES, dict.fromkeys(RESOURCES, "g"), own.url, running)
        await self.store.update_instance(instance, plan, self.now)
        standing = self.oracle.standings["deliver", 1]
        if standing.rests_since is not None and not (standing.queues and await self.store.is_queueing(1)):
            self.oracle.goes_on(1)

    async def replay(self, subscription: int, first: int, last: int, alone: tuple[int, ...] | None) -> None:
        """From one sequence to another, each the first of a notification; `alone` of these the first sequences of those
        that are sent."""
        numbers = None
        if alone is not None:
            places = [await self.store.place_of(INSTANCE, each) for each in alone]
            numbers = tuple(each.number for each in places if each is not None)
        new = NewReplay(ACCOUNT, INSTANCE, subscription, first, last, numbers, 5.0)
        made = await self.store.create_replay(new, self.now)
        self.replays[made.id] = False
        self.oracle.replayed(made.id, subscription, (first, last, alone))

    async def stop_replay(self, replay: int) -> None:
        if await self.store.stop_replay(replay, "somebody stopped it", self.now):
            self.replays[replay] = True


def hold_of(lane: Lane) -> Hold:
    return (lane.kind.value, int(lane.key)), lane.fence


def known(run: Callable[[Lane], Awaitable[None]]) -> Callable[[Lane], Awaitable[None]]:
    """Whatever is sent while a lane is run is sent for that holding."""

    async def hold(lane: Lane) -> None:
        HOLD.set(hold_of(lane))
        await run(lane)

    return hold


def filter_of(wanted: Wanted) -> Filter:
    return Filter(wanted.resources, tuple(map(EventType, wanted.kinds)), wanted.changed)

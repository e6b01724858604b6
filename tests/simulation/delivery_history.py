"""What happens in one history of deliveries? Logs, receivers, people and dying workers, one move at a time, from one
seed."""

from __future__ import annotations

import random
from typing import Any

from tests.simulation.deliveries import INSTANCE, POSTED, RESOURCES, DeliveryWorld
from tests.simulation.delivery_oracle import DeliveryOracle
from tests.simulation.parcels import Happened, Wanted
from tests.simulation.process import LEASE_FOR, MINUTE, SECOND

MOVES = 500
HOUR = 60 * MINUTE
TOPICS = ("greetings", "alarms")
NAMES = ("a", "b", None)

#: What fate and people may do, each as often as it stands here.
RARE = {"worker": 1, "kill": 3, "stop": 1, "stall": 1, "mood": 8, "hours": 1}
RARE |= {"pause": 1, "reactivate": 3, "wanted": 2, "policy": 2, "account policy": 1, "release": 1, "redrive": 1}
RARE |= {"rotate": 2, "instance": 1, "replay": 3, "stop replay": 1, "subscribe": 1}
FATE = [what for what, often in RARE.items() for _ in range(often)]

#: Within this a receiver that is back has everything.
SOON = 10 * MINUTE
#: Hours between the looks at the end: past the longest wait of a schedule.
LATE = (1, 1, 5, 20, 80)


class DeliveryHistory:
    def __init__(self, world: DeliveryWorld, oracle: DeliveryOracle, dice: random.Random) -> None:
        self.world, self.oracle, self.dice = world, oracle, dice
        self.trace: list[str] = []
        self.stalled: dict[str, int] = {}
        self.moves = 0
        self.busy = dice.choice((0.05, 0.15))
        self.max_events = dice.choice((1, 1, 2, 10))

    async def run(self) -> None:
        """The history itself, then all receivers are well and time passes, and the oracle judges."""
        for _ in range(self.dice.randint(0, 4)):
            await self.subscribe()
        await self.start()
        while self.moves < MOVES:
            await self.move()
        if self.dice.random() < 0.4:
            await self.siege()
        await self.calm_down()

    async def move(self) -> None:
        """One move of somebody."""
        self.moves += 1
        self.world.pass_time(1)  # so that no two moves are at one moment
        act = self.dice.random()
        if act < self.busy:
            await self.happen()
        elif act < self.busy + 0.04:
            self.pass_time(self.dice.choice((100, 1000, 4000, 16_000)))
        elif act < self.busy + 0.1:
            await self.fate(self.dice.choice(FATE))
        elif not await self.step():
            self.pass_time(self.dice.choice((1, 5, 20, 61)) * SECOND)
            if not self.world.workers:
                await self.start()
        await self.world.gates.settle()
        self.look()

    def look(self) -> None:
        """What the engine itself takes for a fault is one."""
        assert not self.world.crashes, self.world.crashes
        assert not self.world.log.faults, self.world.log.faults

    async def step(self) -> bool:
        """Somebody who stands at a gate goes on, or dies on the way; False when nobody does."""
        stands = self.world.gates.one_of(self.dice, self.stalled, self.moves)
        if stands is None:
            return False
        number, each = stands
        if self.dice.random() < 0.01:
            self.note(f"kill {each.worker} inside {each.what}")
            await self.world.kill_inside(number, each.worker)
            await self.begin_anew()
        else:
            self.note(f"{each.worker}: {each.what}")
            await self.world.move(number)
        return True

    async def start(self) -> None:
        self.note(f"start {self.world.start()}")
        await self.world.gates.settle()

    async def begin_anew(self) -> None:
        """All that runs is killed, and another process takes its place."""
        self.note("restart")
        await self.world.restart()
        await self.start()

    # What is logged

    async def happen(self) -> None:
        """A page of changes, or somebody posts something."""
        dice = self.dice
        if dice.random() < 0.15:
            topic = dice.choice(TOPICS)
            await self.world.post(topic)
            self.note(f"somebody posts to {topic}")
        else:
            resource = dice.choice(RESOURCES)
            events = [self.change(resource, nth) for nth in range(1, dice.choice((1, 1, 2, 4, 12)) + 1)]
            self.max_events = dice.choice((self.max_events, self.max_events, 1, 3))
            await self.world.log_page(resource, events, self.max_events)
            shown = [(each.sequence, each.record, each.kind, each.changes) for each in events]
            self.note(f"{resource} {shown}, {self.max_events} at most")
        self.world.wake()

    def change(self, resource: str, nth: int) -> Happened:
        dice = self.dice
        sequence, record = self.world.last(INSTANCE) + nth, str(dice.randint(1, 6))
        kind = dice.choice(("CREATED", "UPDATED", "UPDATED", "UPDATED", "DELETED"))
        old, new = dice.choice(NAMES), dice.choice(NAMES)
        changed: tuple[tuple[str, Any, Any], ...] = ()
        if kind == "UPDATED":
            changed = dice.choice(
                (
                    (("/summary", 1, 2),),
                    (("/status/name", "a", "b"), ("/summary", 1, 2)),
                    (("/status", {"name": old, "id": 1}, {"name": new, "id": 2}),),
                    (("/status/name/first", 1, 2),),
                )
            )
        return Happened(sequence, resource, record, kind, changed, {"id": record, "n": sequence})

    # What is rare

    async def fate(self, what: str) -> None:
        world, dice = self.world, self.dice
        workers = sorted(world.workers)
        some = dice.choice(sorted(world.by_url.values()))
        self.note(f"{what} ({some})")
        match what:
            case "worker" if len(workers) < 2:
                await self.start()
            case "kill":
                await self.begin_anew()
            case "stop" if workers:
                await world.stop(dice.choice(workers))
            case "stall" if workers:
                self.stalled[dice.choice(workers)] = self.moves + dice.randint(5, 60)
                self.pass_time(dice.choice((SECOND, LEASE_FOR + SECOND)))
            case "mood":
                url = dice.choice(sorted(world.receivers))
                self.note(f"{url} is {world.receivers[url].change()}")
            case "hours":
                await self.outage()
            case "pause":
                await world.pause(some)
            case "reactivate":
                await world.reactivate(some)
            case "wanted":
                await self.change_wanted(some)
            case "policy":
                policy = dice.choice((None, "retry", "queue"))
                await world.change_policy(some, policy)
                self.note(f"policy {policy}")
            case "account policy":
                await world.change_account_policy(dice.choice(("retry", "retry", "queue")))
                self.note(f"policy {self.oracle.policy}")
            case "release":
                await world.release()
            case "redrive":
                await world.redrive(some)
            case "rotate":
                await world.rotate(some, dice.choice((0, 60, 3600)) * SECOND)
            case "instance":
                await world.change_instance()
            case "replay":
                await self.replay(some)
            case "stop replay" if world.replays:
                await world.stop_replay(dice.choice(sorted(world.replays)))
            case "subscribe" if len(world.by_url) < 6:
                await self.subscribe()
        world.wake()

    async def outage(self) -> None:
        """A receiver cannot be reached for minutes or hours, while workers try; it may stay so."""
        url = self.dice.choice(sorted(self.world.receivers))
        receiver, span = self.world.receivers[url], self.dice.choice((2, 10, 120, 600)) * MINUTE
        receiver.mood = self.dice.choice(("unreachable", "hanging", "failing"))
        self.note(f"{url} is {receiver.mood} for {span // MINUTE} minutes")
        for _ in range(12):
            self.pass_time(span // 12)
            for _ in range(self.dice.randint(4, 20)):
                if not await self.step():
                    self.pass_time(self.dice.choice((1, 4, 16)) * SECOND)
                    await self.world.gates.settle()
            if not self.world.workers:
                await self.start()
        if self.dice.random() < 0.6:
            receiver.get_well()

    async def siege(self) -> None:
        """A receiver is away, and nothing else happens, until it is surely taken for down."""
        url = self.dice.choice(sorted(self.world.receivers))
        self.world.receivers[url].mood = "unreachable"
        self.stalled.clear()
        await self.start()
        await self.let_go_on()
        for _ in range(4):
            await self.happen()
        self.note(f"{url} is away for long")
        await self.work_for(self.dice.choice((10, 30, 60)) * MINUTE)

    async def subscribe(self) -> None:
        dice = self.dice
        how: dict[str, Any] = {"schedule": dice.choice(((4.0, 16.0, 64.0), tuple(float(4**x) for x in range(1, 10))))}
        how |= {"concurrency": dice.choice((1, 2, 8)), "rate": dice.choice((None, None, 20.0))}
        wanted = self.wanted() if dice.random() < 0.8 else self.posted()
        log = POSTED if wanted.resources[:1] and wanted.resources[0] in TOPICS else INSTANCE
        after = dice.choice((None, 0, self.world.last(log) // 2))
        if after:
            after = [each[-1].sequence for each in self.oracle.logs[log] if each[0].sequence <= after][-1]
        made = await self.world.subscribe(wanted, after, dice.choice((None, None, "retry", "queue")), how)
        self.note(f"subscription {made} wants {wanted} after {after}")

    def wanted(self) -> Wanted:
        dice = self.dice
        return Wanted(
            dice.choice(((), (), *((each,) for each in RESOURCES))),
            dice.choice(((), (), ("UPDATED",), ("CREATED", "DELETED"))),
            dice.choice(((), (), ("/status/name",), ("/status", "/summary"))),
            dice.choice(("platform", "platform", "cloudevents")),
        )

    def posted(self) -> Wanted:
        return Wanted(self.dice.choice((TOPICS, TOPICS[:1])), format=self.dice.choice(("platform", "cloudevents")))

    async def change_wanted(self, subscription: int) -> None:
        posted = self.oracle.standings["deliver", subscription].subscriber.log == POSTED
        wanted = self.posted() if posted else self.wanted()
        if subscription != 1:  # the instance's own follows the instance
            await self.world.change_wanted(subscription, wanted)
            self.note(f"subscription {subscription} wants {wanted}")

    async def replay(self, subscription: int) -> None:
        standing, log = self.oracle.standings["deliver", subscription], self.oracle.logs[INSTANCE]
        if not log or standing.subscriber.log != INSTANCE or (standing.rests_since and not standing.queues):
            return
        firsts = [each[0].sequence for each in log]
        first, last = sorted((self.dice.choice(firsts), self.dice.choice(firsts)))
        alone = None
        if self.dice.random() < 0.3:
            alone = tuple(sorted(self.dice.sample(firsts, min(3, len(firsts)))))
            first, last = alone[0], alone[-1]
        await self.world.replay(subscription, first, last, alone)
        self.note(f"replay from {first} to {last}, {alone or 'all'}")

    # The end

    def pass_time(self, milliseconds: int) -> None:
        self.world.pass_time(milliseconds)
        self.note(f"+{milliseconds / SECOND:g} s")

    def note(self, line: str) -> None:
        self.trace.append(f"{self.moves:4} {(self.world.true_at - self.world.begins_at) / 1000:8.1f}  {line}")

    async def calm_down(self) -> None:
        """All receivers are well, people let go on what was stopped, and nobody dies any more."""
        world, oracle = self.world, self.oracle
        self.note("everything calms down")
        self.stalled.clear()
        for receiver in world.receivers.values():
            receiver.get_well()
        await self.start()
        now = world.now
        expected = [
            line[1]
            for line, each in oracle.standings.items()
            if line[0] == "deliver" and (each.down or each.rests_since is not None) and each.asked_until <= now
        ]
        await self.let_go_on()
        await self.work_for(SOON)
        oracle.a_receiver_that_is_back_has_everything(expected, "ten minutes after it was back")
        for hours in LATE:
            await self.let_go_on()  # what was on its way when all got well may have failed
            self.pass_time(hours * HOUR)
            await self.work_for(MINUTE)
        for line in oracle.standings:
            if line[0] == "deliver":
                oracle.everything_is_accepted(line, "in the end")
        for replay, stopped in world.replays.items():
            found = await world.store.replay(replay)
            assert found is not None
            oracle.a_replay_ends_and_has_sent_everything(replay, found.state.value, stopped)

    async def let_go_on(self) -> None:
        for line, each in self.oracle.standings.items():
            if line[0] == "deliver" and (each.rests_since is not None or await self.world.is_seen_to_rest(line[1])):
                await self.world.reactivate(line[1])
        self.world.wake()
        await self.world.gates.settle()

    async def work_for(self, milliseconds: int) -> None:
        """Workers do what is due, as soon as it is."""
        until = self.world.true_at + milliseconds
        while self.world.true_at < until:
            await self.work_off()
            self.pass_time(min(self.world.sleeps_for(), until - self.world.true_at))
        await self.work_off()

    async def work_off(self) -> None:
        """Whoever stands at a gate goes on until nobody does."""
        for _ in range(5000):
            await self.world.gates.settle()
            self.look()
            if not self.world.gates.waiting:
                return
            number, each = self.world.gates.waiting[0]
            self.moves += 1
            self.note(f"{each.worker}: {each.what}")
            await self.world.move(number)
        raise AssertionError("the workers do not come to an end")

"""What happens in one history? People, provider, clocks and workers, drawn from one seed, one move at a time."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.simulation.faults import Faults
from tests.simulation.oracle import Oracle
from tests.simulation.people import People
from tests.simulation.process import LEASE_FOR, MINUTE, SECOND
from tests.simulation.world import World

MOVES = 900

#: What fate may do, each as often as it stands here.
RARE = {"worker": 2, "kill": 1, "stall": 2, "clock": 1, "restart": 1, "switch": 1, "faults": 3, "outage": 2}
RARE |= {"revoke": 1, "mend": 1, "release": 1, "narrow": 3, "blink": 2, "zone": 1}
RARE |= {"filter": 2, "nulls": 1, "touched": 1, "spans": 1, "objects": 1}
FATE = [what for what, often in RARE.items() for _ in range(often)]

#: Minutes between the readings at the end: past every lease, every backoff and a clock that was set back by two hours,
#: then two sweeps and whatever they are told to read again.
QUIET = (1, 4, 4, 30, 30, 30, 60, 4, 4, 4, 4)


@dataclass(frozen=True, slots=True)
class Course:
    """By which readings everything of a history has to be found, and what it may hold because of that.

    Spans are minutes, `overlap` and `late_by` seconds. The provider of an `honest` course never lies about what it has.
    """

    name: str
    settle: str
    audit: str
    overlap: int
    window: int
    late_by: int
    unstamped: bool = False
    numbered: bool = False
    honest: bool = False


def course(dice: random.Random) -> Course:
    """Polls alone, with nothing behind them that would hide what a poll misses; polls and settle passes; or all."""
    overlap, honest = dice.choice((0, 10, 120)), dice.random() < 0.3
    kind = dice.random()
    if kind < 0.5:
        return Course("polls", "0", "0", overlap, dice.choice((1, 60)), max(overlap - 10, 0), honest=honest)
    if kind < 0.8:
        window = dice.choice((20, 60))
        numbered = not honest and dice.random() < 0.3
        return Course("settle", "3", "0", overlap, window, 60 * window - 10, numbered=numbered, honest=honest)
    numbered = not honest and dice.random() < 0.2
    return Course("audit", "3", "20", overlap, 60, 90 * 60, unstamped=True, numbered=numbered, honest=honest)


class History:
    def __init__(self, world: World, dice: random.Random, course: Course) -> None:
        self.world, self.dice, self.course = world, dice, course
        self.oracle = Oracle(world.watches, audited=course.audit != "0", honest=course.honest)
        self.faults = Faults(world, dice, numbered=course.numbered, honest=course.honest)
        self.people = People(world.account, self.oracle, dice, lambda: world.true_at, self.note)
        self.trace: list[str] = []
        self.stalled: dict[str, int] = {}
        self.moves = 0
        self.events_on = True
        self.narrowing = self.narrowed = False
        self.people.settle()
        self.people.late_by, self.people.unstamped = course.late_by, course.unstamped
        # Only an audit finds out that a filter reads dates too late once the record is gone that would have told.
        late = world.provider.manners.shift > 0 or (world.zone is not None and not world.told)
        self.people.careful, self.people.open = late and not course.unstamped, course.honest
        world.on_write = self.oracle.nobody_writes_to_a_lane_that_another_has_taken
        for watch in world.watches.values():
            watch.window = 1000 * max(60 * course.window, course.overlap)

    async def run(self) -> None:
        """The history itself, then a long quiet time, and the oracle's judgement."""
        while self.moves < MOVES:
            await self.move()
            if self.moves % 30 == 0:
                await self.listen()
        await self.calm_down()
        await self.listen()
        self.oracle.judge()

    async def listen(self) -> None:
        assert not self.world.crashes, self.world.crashes
        self.oracle.hear(await self.world.notifications())
        self.oracle.see(await self.world.known())

    async def move(self) -> None:
        """One move of somebody."""
        self.moves += 1
        self.world.true_at += 1  # so that no two moves are at one moment
        if self.narrowing and self.people.narrow():  # as soon as enough is known
            self.narrowing, self.narrowed = False, True
        act = self.dice.random()
        if act < 0.12:
            self.people.act()
        elif act < 0.18:
            self.pass_time(self.dice.choice((100, 400, 1000, 2000, 5000)))
        elif act < 0.205:
            await self.fate(self.dice.choice(FATE))
        elif not await self.step():
            # Nobody stands at a gate: time passes, and a worker looks for work.
            self.pass_time(self.dice.choice((0, 1, 5, 20, 61)) * SECOND)
            if len(self.world.workers) < 3:
                await self.start()

    async def step(self) -> bool:
        """Somebody who stands at a gate goes on, or dies on the way; False when nobody does."""
        stands = self.world.gates.one_of(self.dice, self.stalled, self.moves)
        if stands is None:
            return False
        number, each = stands
        if self.dice.random() < 0.015:
            self.note(f"kill {each.worker} inside {each.what}")
            await self.world.kill_inside(number, each.worker)
        else:
            self.note(f"{each.worker}: {each.what}")
            await self.world.move(number)
        return True

    async def start(self) -> None:
        self.note(f"start {self.world.start()}")
        await self.world.gates.settle()

    async def fate(self, what: str) -> None:
        """Something rare."""
        world, dice = self.world, self.dice
        workers = sorted(world.workers)
        self.note(what)
        match what:
            case "worker" if len(workers) < 3:
                await self.start()
            case "kill" if workers:
                await world.kill(dice.choice(workers))
            case "stall" if workers:
                name = dice.choice(workers)
                self.stalled[name] = self.moves + dice.randint(5, 60)
                self.pass_time(dice.choice((SECOND, LEASE_FOR + SECOND)))
                self.note(f"{name} stands still")
            case "clock":
                world.ahead = dice.choice((-60, -60, 0, 60, 60)) * MINUTE
                self.note(f"our clock is {world.ahead // MINUTE} minutes ahead")
            case "restart":
                await world.restart()
            case "filter":
                await world.change_filter()
            case "nulls":
                await world.change_nulls()
            case "touched":
                await world.change_touched(dice.choice((("incidents",), ("contacts",), ("contacts", "incidents"))))
            case "spans":
                overlap = str(dice.choice((self.course.overlap, 120)))
                interval, sweep = dice.choice(("0.5", "1", "3")), dice.choice(("2", "5"))
                await world.configure(
                    event__poller__overlap=overlap,
                    event__poller__refresh_interval=interval,
                    event__poller__sweep_interval=sweep,
                )
            case "objects":
                await world.poll_only(dice.choice((tuple(world.watches), tuple(world.watches)[:1])))
            case "outage":
                await self.outage()
            case "revoke":
                self.faults.revoked = True
            case "switch":
                self.events_on = not self.events_on
                self.note(f"events on: {self.events_on}")
                await world.configure(event__notification__enabled=str(self.events_on).lower())
            case "faults":
                self.note(self.faults.change())
            case "mend":
                await self.correct_keys()
            case "release" if not self.narrowed:
                await world.release_held()
            case "narrow":
                self.narrowing = True
            case "blink":
                self.people.blink()
            case "zone" if self.course.name == "audit" and not self.course.honest and world.zone is None:
                self.faults.move_zone()

    async def outage(self) -> None:
        """Nothing can be read for minutes or a day, while people go on and workers try. Before that all gets slow."""
        self.people.slow = True
        for _ in range(5):
            self.people.act()
        self.people.slow = False
        span = self.dice.choice((5, 60, 300, 1800)) * MINUTE
        self.faults.down_until = self.world.true_at + span
        for _ in range(6):
            for _ in range(self.dice.randint(0, 3)):
                self.people.act()
            self.pass_time(span // 6)
            if not self.world.workers:
                await self.start()
            for _ in range(self.dice.randint(0, 6)):
                await self.step()

    async def correct_keys(self) -> None:
        self.faults.revoked = False
        await self.world.mend()

    def pass_time(self, milliseconds: int) -> None:
        self.world.true_at += milliseconds
        if milliseconds >= SECOND:
            self.note(f"+{milliseconds // SECOND} s")

    def note(self, line: str) -> None:
        self.trace.append(f"{self.moves:4} {(self.world.true_at - self.world.begins_at) / 1000:8.1f}  {line}")

    async def calm_down(self) -> None:
        """No faults, nothing hidden, and time for every reading that is configured."""
        world = self.world
        self.note("everything calms down")
        self.faults.end()
        for _, table in sorted(world.account.tables.items()):
            self.people.mend(table)
            table.show_everything()
        shown_from = (version.shown_from for table in world.account.tables.values() for version in table.all())
        world.true_at = max([world.true_at, *shown_from])
        await self.correct_keys()
        await world.poll_only(tuple(world.watches))
        if not self.events_on:
            await world.configure(event__notification__enabled="true")
        self.stalled.clear()
        for minutes in QUIET:
            if minutes == max(QUIET):
                for table in world.account.tables.values():
                    table.blinking.clear()
            await self.work_off()
            await world.mend()
            if minutes > 4:
                await world.release_held()
            self.pass_time(minutes * MINUTE)
        await self.work_off()
        due_at = await world.due_at()
        assert due_at is not None, "nothing will ever be polled again"
        assert due_at > world.now, "nothing is left due"

    async def work_off(self) -> None:
        """A worker takes its turns until nothing is due."""
        await self.start()
        for _ in range(3000):
            if not self.world.gates.waiting:
                return
            number, each = self.world.gates.waiting[0]
            self.moves += 1
            self.note(f"{each.worker}: {each.what}")
            await self.world.move(number)
        raise AssertionError("the workers do not come to an end")

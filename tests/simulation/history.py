"""What happens in one history? People, provider, clocks and workers, drawn from one seed, one move at a time."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.simulation.faults import Faults
from tests.simulation.oracle import Oracle
from tests.simulation.people import People
from tests.simulation.world import LEASE_FOR, MINUTE, SECOND, START, World

MOVES = 900

#: What fate may do, each as often as it stands here.
RARE = {"worker": 2, "kill": 1, "stall": 2, "clock": 1, "restart": 1, "filter": 1, "switch": 1, "faults": 2}
RARE |= {"mend": 1, "release": 1, "narrow": 1, "zone": 1}
FATE = [what for what, often in RARE.items() for _ in range(often)]

#: Minutes between the readings at the end: past every lease, every backoff and a clock that was set back by two hours,
#: then two sweeps and whatever they are told to read again.
QUIET = (1, 4, 4, 30, 30, 30, 60, 4, 4, 4, 4)


@dataclass(frozen=True, slots=True)
class Course:
    """By which readings everything of a history has to be found, and what it may hold because of that."""

    name: str
    settle: str
    audit: str
    overlap: int
    late_by: int
    unstamped: bool = False
    numbered: bool = False


def course(dice: random.Random) -> Course:
    """Polls alone, with nothing behind them that would hide what a poll misses; polls and settle passes; or all."""
    overlap = dice.choice((0, 10, 120))
    kind = dice.random()
    if kind < 0.6:
        return Course("polls", "0", "0", overlap, max(overlap - 10, 0))
    if kind < 0.8:
        return Course("settle", "3", "0", overlap, 20 * 60, numbered=dice.random() < 0.3)
    return Course("audit", "3", "20", overlap, 90 * 60, unstamped=True, numbered=dice.random() < 0.2)


class History:
    def __init__(self, world: World, dice: random.Random, course: Course) -> None:
        self.world, self.dice, self.course = world, dice, course
        self.oracle = Oracle(world.watches)
        self.faults = Faults(world, dice, numbered=course.numbered)
        self.people = People(world.account, self.oracle, dice, lambda: world.true_at, self.note)
        self.trace: list[str] = []
        self.stalled: dict[str, int] = {}
        self.moves = 0
        self.events_on = True
        self.narrowed = False
        self.people.settle()
        self.people.late_by, self.people.unstamped = course.late_by, course.unstamped
        # Only an audit finds out that a filter reads dates too late once the record is gone that would have told.
        self.people.careful = world.provider.manners.shift > 0 and not course.unstamped

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

    async def move(self) -> None:
        """One move of somebody."""
        self.moves += 1
        self.world.true_at += 1  # so that no two moves are at one moment
        standing = [
            (number, each)
            for number, each in self.world.gates.waiting
            if self.stalled.get(each.worker, 0) <= self.moves
        ]
        act = self.dice.random()
        if act < 0.12:
            self.people.act()
        elif act < 0.18:
            self.pass_time(self.dice.choice((100, 400, 1000, 2000, 5000)))
        elif act < 0.20:
            await self.fate(self.dice.choice(FATE))
        elif standing:
            number, each = self.dice.choice(standing)
            if self.dice.random() < 0.015:
                self.note(f"kill {each.worker} inside {each.what}")
                await self.world.kill_inside(number, each.worker)
            else:
                self.note(f"{each.worker}: {each.what}")
                await self.world.move(number)
        else:
            # Nobody stands at a gate: time passes, and a worker looks for work.
            self.pass_time(self.dice.choice((0, 1, 5, 20, 61)) * SECOND)
            if len(self.world.workers) < 3:
                await self.start()

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
            case "switch":
                self.events_on = not self.events_on
                self.note(f"events on: {self.events_on}")
                await world.configure(event__notification__enabled=str(self.events_on).lower())
            case "faults":
                self.note(self.faults.change())
            case "mend":
                await world.mend()
            case "release" if not self.narrowed:
                await world.release_held()
            case "narrow":
                self.narrowed = self.people.narrow() or self.narrowed
            case "zone" if self.course.name == "audit":
                self.faults.move_zone()

    def pass_time(self, milliseconds: int) -> None:
        self.world.true_at += milliseconds
        if milliseconds >= SECOND:
            self.note(f"+{milliseconds // SECOND} s")

    def note(self, line: str) -> None:
        self.trace.append(f"{self.moves:4} {(self.world.true_at - START) / 1000:8.1f}  {line}")

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
        if not self.events_on:
            await world.configure(event__notification__enabled="true")
        self.stalled.clear()
        for minutes in QUIET:
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

"""What did a piece of work cost, and what is the ratio of two?"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Run:
    """One run of some work: how many things it did, the seconds on the wall, the CPU seconds of this process."""

    things: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Things a second on the wall."""
        return self.things / self.wall

    @property
    def cpu_rate(self) -> float:
        """Things a CPU second: what is left of the figure on a machine where others work too."""
        return self.things / self.cpu


def run(work: Callable[[], int]) -> Run:
    """Do the work, which says how many things it did."""
    wall, cpu = time.perf_counter(), time.process_time()
    things = work()
    return Run(things, time.perf_counter() - wall, time.process_time() - cpu)


async def run_async(work: Callable[[], Awaitable[int]]) -> Run:
    """The same for work that waits."""
    wall, cpu = time.perf_counter(), time.process_time()
    things = await work()
    return Run(things, time.perf_counter() - wall, time.process_time() - cpu)


@dataclass(frozen=True, slots=True)
class Speed:
    """The runs of one kind of work."""

    runs: Sequence[Run]

    @property
    def median(self) -> float:
        return median(run.rate for run in self.runs)

    @property
    def best(self) -> float:
        return max(run.rate for run in self.runs)

    @property
    def cpu_rate(self) -> float:
        return median(run.cpu_rate for run in self.runs)


def ratio(ours: Speed, limit: Speed) -> float:
    """Our speed as a share of the limit's: the median over the rounds, each of which measured the two in turn."""
    return median(one.rate / other.rate for one, other in zip(ours.runs, limit.runs, strict=True))


def cpu_ratio(ours: Speed, limit: Speed) -> float:
    """The same by CPU seconds."""
    return median(one.cpu_rate / other.cpu_rate for one, other in zip(ours.runs, limit.runs, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]

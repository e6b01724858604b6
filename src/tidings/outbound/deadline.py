"""How long may something take, at the most, when thousands of the same kind begin each second?"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadlines:
    """A limit of so many seconds for each of many blocks of code.

    They all have the same limit, so whichever began first ends first, and a single timer is enough: a block costs a
    quarter of what asyncio.timeout() costs.
    """

    def __init__(self, limit_for: float) -> None:
        self._limit_for = limit_for
        self._open: dict[Deadline, float] = {}  # until when, in the order in which they began
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """`with deadlines.begin():` raises TimeoutError in place of what the block waits for when its time is over."""
        return Deadline(self)

    def _enter(self, deadline: Deadline) -> None:
        loop = asyncio.get_running_loop()
        self._open[deadline] = until = loop.time() + self._limit_for
        if self._timer is None:
            self._timer = loop.call_at(until, self._look)

    def _leave(self, deadline: Deadline) -> None:
        self._open.pop(deadline, None)

    def _look(self) -> None:
        """End those whose time is over, and come back for the next."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._open:
            deadline, until = next(iter(self._open.items()))
            if until > loop.time():
                self._timer = loop.call_at(until, self._look)
                return
            del self._open[deadline]
            deadline.end()


class Deadline:
    """One block of one task."""

    __slots__ = ("_among", "_cancels", "_is_over", "_task")

    def __init__(self, among: Deadlines) -> None:
        self._among, self._is_over = among, False

    def end(self) -> None:
        """Its time is over."""
        self._is_over = True
        self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancels = task, task.cancelling()
        self._among._enter(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._among._leave(self)
        # Somebody else may have cancelled the task as well, and is to be obeyed.
        if self._is_over and self._task.uncancel() <= self._cancels and kind is asyncio.CancelledError:
            raise TimeoutError from error

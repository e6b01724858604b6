"""An event loop whose clock jumps to whatever is due next, so that a minute's wait takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Jumping(selectors.SelectSelector):
    """A selector that does not wait, but says for how long it would have."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits and nothing is due")
        self.jumped += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.jumped


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` on a clock that starts at 1000 s."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main)

"""How do lines reach stdout at once, and what when nobody reads them any more?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable


class Lines:
    """Prints lines as they come; sets `stop` when the other end of the pipe is closed."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def put(self, lines: Iterable[str]) -> None:
        """Print the lines, each followed by a newline."""
        try:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered must go somewhere, or the interpreter complains at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            self._stop.set()

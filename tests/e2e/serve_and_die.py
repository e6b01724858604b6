"""Runs the installed `tidings` and kills it, as `kill -9` does, at a named moment of its writing.

`serve_and_die.py ARM DIE NTH -- tidings arguments`: once a statement of the writing connection contains ARM, the
NTH statement after it that contains DIE is the last thing this process does: it dies before that statement runs.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys

from tidings.store import sqlite


def die_at(arm: str, die: str, nth: int) -> None:
    """Watch the writing connection; readers do not count."""
    state = {"armed": False, "left": nth}
    connect = sqlite.SqliteStore._connect

    def watch(statement: str) -> None:
        text = " ".join(statement.split()).lower()
        if not state["armed"]:
            state["armed"] = arm in text
            return
        if die in text:
            state["left"] -= 1
            if not state["left"]:
                print(f"killed before: {text[:60]}", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    def watched(store: sqlite.SqliteStore) -> sqlite3.Connection:
        connection = connect(store)
        connection.set_trace_callback(watch)
        return connection

    sqlite.SqliteStore._connect = watched  # type: ignore


if __name__ == "__main__":
    arm, die, nth, _, *arguments = sys.argv[1:]
    die_at(arm, die, int(nth))
    sys.argv = ["tidings", *arguments]
    from tidings.cli import main

    main()

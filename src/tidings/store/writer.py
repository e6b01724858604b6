"""Who writes: one thread with one connection, which groups what waits into one transaction.

A write that fails is rolled back to its savepoint and fails alone; a commit that fails (disk full) fails all of its
group, and nothing of the group is kept.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]

GROUP_LIMIT = 256


class Writer:
    """Runs closures over the one writing connection, in the order they were handed in."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._connect = connect
        self._closed = False
        #: Written by the thread alone: how many commits, how many seconds they took, why the last one was not made.
        self.commits, self.commit_for = 0, 0.0
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many writes wait for the thread."""
        return self._jobs.qsize()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work(connection)`, once it is durable."""
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((work, future, loop))
        return await future

    def close(self) -> None:
        """Finish what was handed in, then stop the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        try:
            while (job := self._jobs.get()) is not None:
                group = [job]
                last = False
                while len(group) < GROUP_LIMIT:
                    try:
                        more = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    if more is None:
                        last = True
                        break
                    group.append(more)
                self._commit(connection, group)
                if last:
                    return
        finally:
            connection.close()

    def _commit(self, connection: sqlite3.Connection, group: list[Job]) -> None:
        done: list[tuple[Job, Any, BaseException | None]] = []
        began, before = time.perf_counter(), connection.total_changes
        try:
            connection.execute("begin immediate")
            for job in group:
                connection.execute("savepoint job")
                try:
                    done.append((job, job[0](connection), None))
                except Exception as error:
                    if not connection.in_transaction:
                        raise  # a full disk ends the whole transaction, savepoints and all
                    connection.execute("rollback to job")
                    done.append((job, None, error))
                connection.execute("release job")
            connection.execute("commit")
            if connection.total_changes > before:  # a commit of nothing proves nothing
                self.failure = None
        except sqlite3.Error as error:
            self.failure = str(error)
            if connection.in_transaction:
                connection.execute("rollback")
            done = [(job, None, error) for job in group]
        self.commits, self.commit_for = self.commits + 1, self.commit_for + time.perf_counter() - began
        for (_, future, loop), result, failure in done:
            loop.call_soon_threadsafe(_settle, future, result, failure)


def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():  # whoever waited was cancelled; the write stands all the same
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)

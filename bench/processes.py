"""Which programs run beside the one that measures, and on which core?"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil

START_FOR = 600.0  #: a million contacts take their time to be made


@cache
def cores() -> tuple[set[int], set[int]]:
    """The core of what is measured and the core of what it talks to; both all cores where there is no choice.

    Asked for the first time before anything is pinned.
    """
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    usable = sorted(os.sched_getaffinity(0))
    return ({usable[0]}, {usable[-1]}) if len(usable) > 1 else (set(usable), set(usable))


def pin(to: set[int]) -> None:
    """Keep this thread, and those and the processes that it starts, on the given cores; none: where they are."""
    if to:
        os.sched_setaffinity(0, to)


@contextmanager
def started(
    arguments: Sequence[str], core: set[int], *, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A Python program on a core of its own; it is told to stop by the end of its standard input.

    What it prints goes to `log`, or can be read from the process when there is none.
    """
    here = os.sched_getaffinity(0) if core else set()
    pin(core)
    try:
        with open(log or os.devnull, "ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.PIPE,
                stdout=errors if log else subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                text=True,
            )
    finally:
        pin(here)
    with process:
        try:
            yield process, psutil.Process(process.pid)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def first_line(process: subprocess.Popen[str]) -> Any:
    """What a program says, as one line of JSON, when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{' '.join(map(str, process.args))} ended before it was ready")  # type: ignore[arg-type]
    return json.loads(line)


@contextmanager
def sandbox(contacts: int, core: set[int]) -> Iterator[tuple[Mapping[str, str], psutil.Process]]:
    """A ConnectWise in a process of its own, and how to log in to it."""
    counts = ["--contacts", str(contacts), "--companies", str(max(contacts // 50, 10)), "--tickets", "0"]
    options = ["--port", "0", "--rate-limit", "0", "--json", "--stop-on-eof"]
    with started(["tidings", "sandbox", *counts, *options], core) as (process, seen):
        yield first_line(process), seen


def server(data: Path, core: set[int]) -> AbstractContextManager[psutil.Process]:
    """`tidings serve` on a data directory, once it is ready."""
    return serving(data, core, port=free_port())


@contextmanager
def serving(data: Path, core: set[int], *, port: int) -> Iterator[psutil.Process]:
    """The same on a port that the caller knows."""
    options = ["--data", str(data), "--port", str(port), "--stop-on-eof"]
    # A million records are more pages than a provider is asked for in a minute.
    environment = {"TIDINGS_ALLOWED_NETWORKS": "127.0.0.0/8", "TIDINGS_REQUESTS_A_MINUTE": "0"}
    with started(["tidings", "serve", *options], core, environment=environment, log=data / "log") as (process, seen):
        _wait_for(port, process)
        yield seen


@contextmanager
def sink(core: set[int]) -> Iterator[str]:
    """A receiver that takes everything and looks at nothing; its address."""
    with started(["bench.sink"], core) as (process, _):
        yield f"http://127.0.0.1:{first_line(process)['port']}/"


def used(process: psutil.Process) -> float:
    """CPU seconds of another process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + START_FOR
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{' '.join(map(str, process.args))} did not start to listen")  # type: ignore[arg-type]

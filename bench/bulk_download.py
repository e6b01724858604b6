"""How fast do many records come out of a provider, and as JSON lines to a caller, and in how much memory?"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

import msgspec
import psutil

from bench.engine import make_instance
from bench.figures import Bar, Figure, alone, beside
from bench.limits import pages
from bench.measure import Run, Speed
from bench.memory import LOOK_EVERY, MEGABYTE, MORE
from bench.prepare import now, opened
from bench.processes import cores, first_line, free_port, pin, sandbox, serving, started, used
from bench.scale import Scale
from tidings.api.routes import BASE

ROWS: Final = 50_000
QUERY: Final = quote("select * from contacts")
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def figures(scale: Scale) -> list[Figure]:
    """Rows a second of a job that reads them into its file, beside a loop that does nothing else; of the file as JSON
    lines, to its last byte; and the memory of the server, for so many and for ten times as many."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder:
        page = Path(folder) / "page"
        with sandbox(1000, cores()[1]) as (account, _):
            page.write_bytes(next(pages(account)))
        pin(cores()[1])  # the caller stands beside the provider, so that the server has its own core
        try:
            job, bare, file, few = await _measure(Path(folder) / "few", account, page, scale.contacts, scale.rounds)
            rows = f"{scale.contacts:,} rows of {page.stat().st_size / 1000:,.0f} B"
            found = [
                beside(f"bulk: {rows} from a provider into a job's file", job, bare, "rows"),
                alone(f"bulk: {rows} from a job's file to JSON lines", file, "rows", least=ROWS),
            ]
            if scale.many_contacts is not None:
                *_, many = await _measure(Path(folder) / "many", account, page, scale.many_contacts, 1)
                bar = Bar(f"<= {MORE} MB more than for {scale.contacts:,}", many - few <= MORE, gate=True)
                measured = f"{many:.0f} MB resident at most, {many - few:+.0f} MB"
                found.append(Figure(f"bulk: memory for {scale.many_contacts:,} rows", measured, bars=(bar,)))
            return found
        finally:
            pin(cores()[0])


async def _measure(
    data: Path, account: Mapping[str, str], page: Path, records: int, rounds: int
) -> tuple[Speed, Speed, Speed, float]:
    """The jobs, the bare loop, the files, and the most megabytes that the server had."""
    data.mkdir()
    jobs, bare, files = list[Run](), list[Run](), list[Run]()
    with started(["bench.growing", str(page), str(records)], cores()[1]) as (process, _):
        provider = int(first_line(process)["port"])
        there = {**account, "baseUrl": f"http://127.0.0.1:{provider}/apis"}
        async with opened(data) as store:
            user = await store.user(1)
            quiet = {"event__notification__enabled": "false", "event__notification__callback__url": ""}
            made = await make_instance(store, there, now(), **quiet)
            assert user is not None
        port = free_port()
        with serving(data, cores()[0], port=port) as server:
            caller = _Caller(port, f"User {user.secret}, Element {made.token}", server)
            for _ in range(rounds):
                cpu, wall = used(server), time.perf_counter()
                job = await asyncio.to_thread(caller.work)
                jobs.append(Run(records, time.perf_counter() - wall, max(used(server) - cpu, 0.01)))
                cpu, wall = used(server), time.perf_counter()
                rows = await asyncio.to_thread(caller.read, job)
                files.append(Run(records, time.perf_counter() - wall, max(used(server) - cpu, 0.01)))
                if rows != records:
                    raise RuntimeError(f"{rows} rows came of {records}")
                bare.append(await asyncio.to_thread(_timed, lambda: _written(provider, data / "bare")))
            return Speed(jobs), Speed(bare), Speed(files), caller.most / MEGABYTE


class _Caller:
    """Starts jobs, waits for them and reads their files; `most` is the most bytes that the server had meanwhile."""

    def __init__(self, port: int, authorization: str, server: psutil.Process) -> None:
        self._port, self._headers, self._server = port, {"Authorization": authorization}, server
        self.most = 0

    def work(self) -> str:
        """The id of a job that is over."""
        job: str = self._json("POST", f"/bulk/query?q={QUERY}")["id"]
        while (status := self._json("GET", f"/bulk/{job}/status")["status"]) in ("CREATED", "RUNNING"):
            time.sleep(LOOK_EVERY)
        if status != "COMPLETED":
            raise RuntimeError(f"the job is {status}")
        return job

    def read(self, job: str) -> int:
        """How many rows came."""
        connection, answer = self._ask("GET", f"/bulk/{job}/contacts")
        rows = 1
        while piece := answer.read(1 << 20):
            rows += piece.count(b"\n")
            self._look()
        connection.close()
        return rows

    def _json(self, method: str, path: str) -> Any:
        self._look()
        connection, answer = self._ask(method, path)
        try:
            return json.loads(answer.read())
        finally:
            connection.close()

    def _ask(self, method: str, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.request(method, BASE + path, headers=self._headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {answer.read()!r}")
        return connection, answer

    def _look(self) -> None:
        self.most = max(self.most, self._server.memory_info().rss)


def _timed(work: Callable[[], int]) -> Run:
    wall, cpu = time.perf_counter(), time.thread_time()
    things = work()
    return Run(things, time.perf_counter() - wall, max(time.thread_time() - cpu, 0.01))


def _written(provider: int, path: Path) -> int:
    """The bare loop: every page, taken apart and written as lines, which are durable in the end."""
    connection, after, rows = http.client.HTTPConnection("127.0.0.1", provider), 0, 0
    with path.open("wb") as file:
        while True:
            connection.request("GET", f"/apis/company/contacts?conditions=id%20%3E%20{after}&pageSize=1000")
            answer = connection.getresponse()
            found = _split(answer.read())
            file.write(b"\n".join(map(bytes, found)) + b"\n")
            rows, after = rows + len(found), after + 1000
            if answer.headers["Link"] is None:
                break
        file.flush()
        os.fsync(file.fileno())
    connection.close()
    return rows

"""Which pollers stand beside Tidings, and how is each told to read an account once?

Each is set up as its documents say: sorted by the stamp, `since` as an inclusive lower bound, its state saved between
two readings. What a reading hands on is what a receiver would have had.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.cases import Sent
from bench.peers.airbyte import CATALOG, manifest

HERE = Path(__file__).parent
WAIT_FOR = 120.0

Poll = Callable[[Path, Path, str], Awaitable[list[Sent]]]


class DidNotRun(Exception):
    """It is installed and yet does not read an account; the text says what it did."""


@dataclass(frozen=True, slots=True)
class Poller:
    """`poll` takes its programs, a folder that it keeps its state in, and the account's address."""

    name: str
    requirement: str
    poll: Poll


async def _singer(binaries: Path, folder: Path, url: str) -> list[Sent]:
    state = folder / "state.json"
    config = _written(folder / "config.json", {"url": url})
    command = [binaries / "python", HERE / "singer_tap.py", "--config", config]
    lines = await _lines([*command, "--state", state] if state.exists() else command, folder)
    for line in lines:
        if line["type"] == "STATE":
            _written(state, line["value"])
    return [_sent(line["record"]) for line in lines if line["type"] == "RECORD"]


async def _airbyte(binaries: Path, folder: Path, url: str, *, lookback: str | None = None) -> list[Sent]:
    state = folder / "state.json"
    command: list[object] = [binaries / "source-declarative-manifest", "read"]
    command += ["--config", _written(folder / "config.json", {})]
    command += ["--catalog", _written(folder / "catalog.json", CATALOG)]
    command += ["--manifest-path", _written(folder / "manifest.json", manifest(url, lookback))]
    lines = await _lines([*command, "--state", state] if state.exists() else command, folder)
    for line in lines:
        if line["type"] == "STATE":
            _written(state, [line["state"]])
    return [_sent(line["record"]["data"]) for line in lines if line["type"] == "RECORD"]


async def _dlt(binaries: Path, folder: Path, url: str, *, lag: int = 0) -> list[Sent]:
    lines = await _lines([binaries / "python", HERE / "dlt_pipeline.py", url, folder, lag], folder)
    return [_sent(line) for line in lines if "id" in line]


SINGER, AIRBYTE, DLT = "singer-sdk==0.54.9", "airbyte-cdk==7.39.1", "dlt==1.31.0"

POLLERS = (
    Poller("singer-sdk 0.54.9", SINGER, _singer),
    Poller("airbyte-cdk 7.39.1", AIRBYTE, _airbyte),
    Poller("dlt 1.31.0", DLT, _dlt),
    Poller("airbyte, lookback 10 min", AIRBYTE, partial(_airbyte, lookback="PT10M")),
    Poller("dlt, lag 600 s", DLT, partial(_dlt, lag=600)),
)


def _sent(record: Mapping[str, Any]) -> Sent:
    return record["id"], record["value"]


def _written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


async def _lines(command: list[Any], folder: Path) -> list[dict[str, Any]]:
    """What a program prints as lines of JSON; how it ends is for its user to see, and is not judged here."""
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "DO_NOT_TRACK": "1"}
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        env={**os.environ, **quiet},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), WAIT_FOR)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise DidNotRun(f"it was not done after {WAIT_FOR:g} s") from None
    return list(_objects(out.decode()))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield json.loads(line)

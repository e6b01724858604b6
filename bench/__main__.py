"""`python -m bench [NAME…] [--quick]`: measure, print the table, fail when a gate was missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import uvloop

from bench import (
    backlog,
    bulk_download,
    delivery,
    hub,
    idle,
    isolation,
    kills,
    latency,
    memory,
    reading,
    six_cases,
    size,
)
from bench.figures import Figure, failed, summary, table
from bench.processes import cores, pin
from bench.scale import QUICK, Scale
from tidings import __version__

MEASURES: Mapping[str, Callable[[Scale], Coroutine[Any, Any, list[Figure]]]] = {
    "reading": reading.figures,
    "memory": memory.figures,
    "idle": idle.figures,
    "delivery": delivery.figures,
    "backlog": backlog.figures,
    "isolation": isolation.figures,
    "latency": latency.figures,
    "size": size.figures,
    "cases": six_cases.figures,
    "kills": kills.figures,
    "hub": hub.figures,
    "bulk": bulk_download.figures,
}


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 1 when a gate was missed, which small numbers cannot tell."""
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(MEASURES)}")
    parser.add_argument(
        "--quick", action="store_true", help="small numbers, to see that it runs; no figure means anything"
    )
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in MEASURES]:
        parser.error(f"{unknown[0]} is not measured; {', '.join(MEASURES)} are")
    print(conditions(), flush=True)
    pin(cores()[0])
    figures: list[Figure] = []
    for name in asked.names or MEASURES:
        measured = uvloop.run(MEASURES[name](QUICK if asked.quick else Scale()))
        print("\n".join(table(measured)), flush=True)
        figures += measured
    print(summary(figures))
    return int(failed(figures, quick=asked.quick))


def conditions() -> str:
    """When and where this is measured, and how busy it is there before anything has begun."""
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{at}, {os.cpu_count()} cores{busy}, Python {platform.python_version()}, Tidings {__version__}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

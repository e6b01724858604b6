"""How property tests run, and what is told at the end: without a clock that a busy machine could lose against, the same
each time in CI; and which seeded histories were gone through, to repeat them."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

HISTORY = re.compile(r"tests/simulation/test_polling\.py::test_every_history\w+\[(\d+)\]")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.stats.get(outcome, ())]
    seeds = {int(found[1]) for each in reports if (found := HISTORY.search(each.nodeid))}
    if seeds:
        first = min(seeds)
        replay = f"TIDINGS_TEST_SEED={first} TIDINGS_TEST_SEEDS={len(seeds)} repeats them"
        terminalreporter.write_line(f"{len(seeds)} histories from seed {first} on ({replay})")

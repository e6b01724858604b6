"""What is told at the end of a test run: which seeded histories it went through, and how to repeat them."""

from __future__ import annotations

import re

import pytest

HISTORY = re.compile(r"tests/simulation/test_polling\.py::test_every_history\w+\[(\d+)\]")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.stats.get(outcome, ())]
    seeds = {int(found[1]) for each in reports if (found := HISTORY.search(each.nodeid))}
    if seeds:
        first = min(seeds)
        replay = f"TIDINGS_TEST_SEED={first} TIDINGS_TEST_SEEDS={len(seeds)} repeats them"
        terminalreporter.write_line(f"{len(seeds)} histories from seed {first} on ({replay})")

"""How property tests run, and what is told at the end: without a clock that a busy machine could lose against, the same
each time in CI; and which seeded histories were gone through, to repeat them."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.stats.get(outcome, ())]
    for what, of in (("histories", "polling"), ("deliveries", "deliveries")):
        seeds = sorted(
            {each for report in reports for name, some in report.user_properties if name == what for each in some}
        )
        if seeds:
            replay = f"TIDINGS_TEST_SEED={seeds[0]} TIDINGS_TEST_SEEDS={len(seeds)} repeats them"
            terminalreporter.write_line(f"{len(seeds)} histories of {of} from seed {seeds[0]} on ({replay})")

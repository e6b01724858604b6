"""Does the benchmark run, and does it fail when it should?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench.figures import Bar, Figure, aligned, beside, failed, summary, table
from bench.measure import Run, Speed, cpu_ratio, percentile, ratio

ROOT = Path(__file__).resolve().parents[2]


def test_the_harness_measures_reading_and_delivery_beside_their_limits():
    command = [sys.executable, "-m", "bench", "--quick", "reading", "delivery", "backlog", "isolation"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    where, *names, summary = [line for line in lines if not line.startswith(" ")]
    assert " cores, " in where
    assert " of 11 bars met, " in summary
    assert [name.split(":")[0] for name in names] == [
        *("repoll", "first read", "sandbox", "delivery", "delivery", "backlog", "isolation")
    ]
    assert "2,000 unchanged contacts" in names[0]
    assert sum(line.startswith("    ratio ") for line in lines) == 5


def test_a_name_that_is_not_measured_is_refused_with_those_that_are():
    command = [sys.executable, "-m", "bench", "speed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    known = "reading, memory, idle, delivery, backlog, isolation, latency, size, cases, kills, hub, bulk"
    assert f"speed is not measured; {known} are" in done.stderr


def speed(*seconds: float) -> Speed:
    """A hundred things, done in each of these spans; the CPU works half of the time."""
    return Speed([Run(100, wall, wall / 2) for wall in seconds])


def test_the_ratio_is_the_median_of_rounds_that_measured_both():
    ours, limit = speed(2.0, 10.0, 4.0), speed(1.0, 10.0, 3.0)
    assert ratio(ours, limit) == pytest.approx(0.75)
    assert cpu_ratio(ours, limit) == pytest.approx(0.75)


@pytest.mark.parametrize(("seconds", "verdict"), [(1.0, "ok"), (2.0, "MISSED")])
def test_a_ratio_below_its_bar_fails_the_run_and_a_slow_machine_does_not(seconds: float, verdict: str):
    figure = beside("x", speed(seconds), speed(0.8), "records", least=1e6, least_ratio=0.6, gate=True)
    assert failed([figure]) is (verdict == "MISSED")
    ratio_line, speed_line = list(table([figure]))[-2:]
    assert ratio_line.split()[-1] == verdict
    assert speed_line.endswith("missed (reported, no gate)")


def test_a_missed_bar_that_is_no_gate_fails_nothing():
    assert not failed([Figure("x", "1", bars=(Bar("2", met=False),))])


def test_what_is_right_or_wrong_fails_a_quick_run_as_well_and_what_is_slow_does_not():
    wrong = Figure("x", "1", bars=(Bar("none lost", met=False, exact=True),))
    slow = Figure("x", "1", bars=(Bar("2", met=False, gate=True), Bar("3", met=True)))
    assert failed([wrong], quick=True)
    assert not failed([slow], quick=True)
    assert failed([slow])
    assert summary([wrong, slow]) == "1 of 3 bars met, 2 of the missed are gates"


def test_cells_of_a_column_are_equally_wide():
    assert aligned([["", "one"], ["A", "caught"]]) == ("   one", "A  caught")


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_percentile_is_the_value_that_so_many_do_not_exceed(share: float, expected: float):
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected

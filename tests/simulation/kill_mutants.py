"""Does the simulation notice when the engine breaks a promise? Breaks it on purpose, a mutant at a time, and looks.

`python -m tests.simulation.kill_mutants [NAME,NAME …]` applies each mutant of `tests/simulation/mutants.py` and
`tests/simulation/delivery_mutants.py` to a copy of the sources, runs the histories and the tests of one poll, or of one
delivery, against it and prints who noticed: a seed or a test that fails on the mutant and passes without it. Exits with
1 when a mutant survives the histories. `TIDINGS_TEST_SEEDS` says through how many histories a survivor has to come.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.simulation.delivery_mutants import DELIVERY_MUTANTS
from tests.simulation.mutants import MUTANTS, Edit, edited

ROOT = Path(__file__).resolve().parents[2]
ALL = {**MUTANTS, **DELIVERY_MUTANTS}
HISTORIES = "tests/simulation/test_polling.py::test_every_history_ends_with_everything_announced_once"
TESTS = ("tests/engine/test_poll.py", "tests/engine/test_going_on.py")
OF_DELIVERIES = "tests/simulation/test_delivery.py::test_every_history_ends_with_everything_delivered_in_order"
TESTS_OF_DELIVERIES = (
    "tests/engine/test_deliver.py",
    "tests/engine/test_replay.py",
    "tests/engine/test_subscriptions.py",
    "tests/engine/test_changed_meanwhile.py",
)
SEEDS = os.environ.get("TIDINGS_TEST_SEEDS", "300")
AT_ONCE = 2


def main(given: Sequence[str]) -> int:
    names = [name.strip() for name in ",".join(given).split(",") if name.strip()]
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"no such mutant: {', '.join(unknown)}; there are: {', '.join(ALL)}")
        return 2
    chosen = names or list(ALL)
    print(f"{'mutant':58} {'histories':22} tests of one poll or delivery")
    survivors = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, (histories, tests) in zip(chosen, pool.map(noticed, chosen), strict=True):
            survivors += histories is None
            first = "SURVIVED" if histories is None else f"killed by seed {histories}"
            print(f"{name:58} {first:22} {tests or 'not noticed'}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} killed by at most {SEEDS} histories each")
    return 1 if survivors else 0


def noticed(name: str) -> tuple[str | None, str | None]:
    """Which seed, and which test, fail on the mutant; None for whoever does not notice."""
    with tempfile.TemporaryDirectory(prefix="tidings-mutant-") as folder:
        sources = Path(folder) / "src"
        shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
        apply(sources / "tidings", ALL[name])
        played, tested = (OF_DELIVERIES, TESTS_OF_DELIVERIES) if name in DELIVERY_MUTANTS else (HISTORIES, TESTS)
        histories = first_failure(sources, [played], ("1", SEEDS))
        tests = first_failure(sources, tested)
    if histories is not None and first_failure(ROOT / "src", [played], (histories, "1")) is not None:
        raise RuntimeError(f"the history of seed {histories} goes wrong without a mutant as well")
    if tests is not None and first_failure(ROOT / "src", [*tested, "-k", tests]) is not None:
        raise RuntimeError(f"{tests} fails without a mutant as well")
    return histories, tests


def apply(package: Path, edits: Sequence[Edit]) -> None:
    """Raises `TextGone` when a text to replace is not there."""
    for edit in edits:
        file = package / edit.path
        file.write_text(edited(file.read_text(), edit))


def first_failure(sources: Path, tests: Sequence[str], seeds: tuple[str, str] = ("1", "1")) -> str | None:
    """The seed, or else the name, of the first test that fails against the sources; `seeds` are the first and how
    many."""
    first, count = seeds
    environment = os.environ | {"PYTHONPATH": str(sources), "TIDINGS_TEST_SEED": first, "TIDINGS_TEST_SEEDS": count}
    command = [sys.executable, "-m", "pytest", "-x", "--tb=no", "-p", "no:xdist", *tests]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return None
    found = re.search(r"^FAILED \S+::(?:test_every_history\w+\[(\d+)\]|(\w+))", ran.stdout, re.MULTILINE)
    if ran.returncode != 1 or found is None:
        raise RuntimeError(f"the tests did not run: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return found[1] or found[2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

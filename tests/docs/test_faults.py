"""Does the list of faults hold every fault of reading, and name a test for each or say that there is none yet?"""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, codes

PAGE = (ROOT / "docs/faults.md").read_text()
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("|")]
CASES = [row for row in ROWS if row[0].strip() not in ("No.", "Fault") and not set(row[0]) <= {"-"}]
NUMBERED = [row for row in CASES if len(row) == 4]
TEST = re.compile(r"tests/[\w/]+\.py::test_\w+")


def test_every_fault_that_concerns_reading_has_its_row():
    wanted = [*range(1, 34), *range(49, 61)]
    assert [row[0].strip() for row in NUMBERED] == [f"R{number:02}" for number in wanted]


@pytest.mark.parametrize("row", CASES, ids=lambda row: row[0].strip())
def test_a_row_names_tests_alone_or_says_not_yet(row):
    *_, done, tests = row
    named = codes(tests)
    assert [each for each in named if not TEST.fullmatch(each)] == []
    assert named or "not yet" in done.lower()
    for file, _, name in (each.partition("::") for each in named):
        assert re.search(rf"def {name}\(", (ROOT / file).read_text()), f"{file} has no {name}"

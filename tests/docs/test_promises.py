"""Does each promise say how far it goes, and name a test that is there?"""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, codes

PAGE = (ROOT / "docs/promises.md").read_text()
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("|")]
PROMISES = [row for row in ROWS if row[0].strip().isdigit()]
TEST = re.compile(r"tests/[\w/]+\.py::test_\w+")


def test_promises_are_counted_and_each_says_what_how_far_and_by_which_test():
    assert [int(row[0]) for row in PROMISES] == list(range(1, len(PROMISES) + 1))
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in PROMISES)


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0].strip())
def test_a_promise_names_tests_alone(row):
    named = codes(row[3])
    assert [each for each in named if not TEST.fullmatch(each)] == []
    assert named


@pytest.mark.parametrize("named", sorted({each for each in codes(PAGE) if "::" in each}))
def test_a_test_that_is_named_is_there(named):
    file, _, name = named.partition("::")
    assert re.search(rf"def {name}\(", (ROOT / file).read_text())

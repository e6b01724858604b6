"""Does each decision record have its form, and its line in the index?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

RECORDS = sorted((ROOT / "docs/adr").glob("0*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_is_numbered_dated_and_says_why_what_and_what_follows(record: Path):
    page = record.read_text()
    assert re.match(rf"# {int(record.name[:4])}\. .+\n\n\d{{4}}-\d\d-\d\d\n\n", page)
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert page.count("\n") <= 70, "one page"


def test_every_decision_is_in_the_index_once():
    index = (ROOT / "docs/adr/README.md").read_text()
    assert re.findall(r"\((0[\w-]+\.md)\)", index) == [record.name for record in RECORDS]
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))

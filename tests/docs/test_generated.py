"""Do the tables in the documents say what the program says?"""

from __future__ import annotations

import pytest

from tests.docs.generate import TABLES, code, path_of, rewritten
from tests.docs.pages import ROOT
from tidings.api.routes import ROUTES
from tidings.elements.describe import catalog
from tidings.settings import rows


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_program_makes_of_it(name: str):
    path, make = TABLES[name]
    page = (ROOT / path).read_text()
    assert page == rewritten(page, name, make()), f"{path} is behind: run python -m tests.docs.generate"


def test_a_table_that_is_behind_is_noticed_and_the_rest_of_the_page_stays():
    page = "before\n<!-- made by `python -m tests.docs.generate`: x -->\n\nold\n\n<!-- end: x -->\nafter\n"
    assert rewritten(page, "x", "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="has no"):
        rewritten(page, "y", "new\n")


def test_every_setting_is_explained():
    page = (ROOT / "docs/settings.md").read_text()
    assert [row.env for row in rows() if f"| {code(row.env)} |" not in page] == []


def test_every_route_is_explained():
    page = (ROOT / "docs/api.md").read_text()
    assert [r.path for r in ROUTES if f"| {r.method} | {code(path_of(r.path))} |" not in page] == []
    assert [r.path for r in ROUTES if not r.handler.__doc__] == []


def test_every_shared_key_of_an_instance_is_explained():
    page = (ROOT / "docs/polling.md").read_text()
    shared = [e.key for e in catalog()["connectwisecrmrest"].configuration if e.key.startswith("event.")]
    assert [key for key in shared if f"| {code(key)} |" not in page] == []

"""Does everything that a document names exist?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, codes, links

PATH = re.compile(r"(?:src|tests|docs|bench)/[\w./-]*|[\w-]+\.(?:md|toml)")
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path):
    broken = []
    for link in links(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_and_test_that_is_named_exists(page: Path):
    missing = []
    for code in codes(page.read_text()):
        if found := TEST.fullmatch(code):
            file = ROOT / found[1]
            if not file.exists() or not re.search(rf"def {found[2]}\(", file.read_text()):
                missing.append(code)
        elif PATH.fullmatch(code) and not any((root / code).exists() for root in (ROOT, page.parent)):
            missing.append(code)
    # Named as a part of whatever folder it is copied to.
    assert [code for code in missing if code not in ("element.toml", "README.md")] == []


def test_a_page_is_read_as_it_is_shown():
    page = "# What's `new`?\n\n[a](b.md#c) and `src/\nx`\n\n```sh\n# no heading\n[no](link)\n```\n"
    assert anchors(page) == {"whats-new"}
    assert links(page) == ["b.md#c"]
    assert codes(page) == ["new", "src/ x"]

"""Do the mutants still apply, and do they change something?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.kill_mutants import ALL
from tests.simulation.mutants import Edit, TextGone, edited

PACKAGE = Path(__file__).resolve().parents[2] / "src/tidings"


@pytest.mark.parametrize("name", ALL)
def test_a_mutants_text_stands_in_the_source_and_what_becomes_of_it_is_a_program(name):
    sources: dict[str, str] = {}
    for edit in ALL[name]:
        before = sources.get(edit.path, (PACKAGE / edit.path).read_text())
        sources[edit.path] = edited(before, edit)
        assert sources[edit.path] != before
    for path, source in sources.items():
        if path.endswith(".py"):
            compile(source, path, "exec")


def test_a_mutant_whose_text_is_gone_is_refused_by_name():
    with pytest.raises(TextGone, match=r"core/cursor\.py has no more 'nowhere'"):
        edited("something else", Edit("core/cursor.py", "nowhere", ""))

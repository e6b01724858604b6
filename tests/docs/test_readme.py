"""Do the commands of the README and of docs/api.md do what is said of them? Each block is run as it is printed, but for
the ports."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.docs.session import Session, environment, free_ports, is_shown

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs/api.md").read_text()
PORTS = ("8080", "8500", "8600")

runs = pytest.mark.skipif(
    shutil.which("curl") is None or not Path(sys.prefix, "bin/activate").exists(),
    reason="curl is not installed, or this Python is no virtual environment",
)


@runs
def test_the_tutorial_does_what_it_says(tmp_path: Path):
    (tmp_path / ".venv").symlink_to(sys.prefix)
    swaps = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    session = Session(tmp_path, swaps, environment(TIDINGS_LOG_FORMAT="text"))
    try:
        run = session.play(blocks(README), "README.md")
    finally:
        session.close()
    assert run >= 8
    assert not any(PORTS[0] in line for program in session.programs.values() for line in program.lines)


@runs
def test_records_are_written_as_the_page_of_the_api_says(tmp_path: Path):
    (tmp_path / ".venv").symlink_to(sys.prefix)
    swaps = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    session = Session(tmp_path, swaps, environment(TIDINGS_LOG_FORMAT="text"))
    try:
        session.play(between(README, "**1. ", "**4. "), "README.md")
        run = session.play(between(API, "## Create and change records", "## What of the platform"), "docs/api.md")
    finally:
        session.close()
    assert run >= 5


def between(page: str, first: str, last: str) -> list[Block]:
    """The blocks behind the line that begins with `first`, up to the one that begins with `last`."""
    lines = page.splitlines()
    begin, end = (next(n for n, line in enumerate(lines, 1) if line.startswith(each)) for each in (first, last))
    return [block for block in blocks(page) if begin < block.line < end]


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"demo", "test", "lint"} <= named
    assert named - targets - {"it", "the"} == set()


def test_the_readme_begins_with_what_it_is_and_the_two_commands():
    first, *_ = blocks(README)
    assert first.text == "make demo\nmake test\n"
    assert README.index("make demo") < README.index("## ")


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [("a … c", "a b\n c", True), ("a", "b", False), ("…", "", True), ("a.c", "abc", False), ("a … c", "a  c d", False)],
)
def test_three_dots_stand_for_anything_and_the_rest_for_itself(expected: str, printed: str, same: bool):
    assert is_shown(expected, printed) == same


def test_a_command_that_fails_is_noticed(tmp_path: Path):
    session = Session(tmp_path, {}, environment())
    try:
        assert session.run("X=1\necho $X") == "1\n"
        assert session.run("echo $X again") == "1 again\n"
        with pytest.raises(AssertionError, match="ended the shell"):
            session.run("false | cat\necho not reached")
    finally:
        session.close()

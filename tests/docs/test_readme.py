"""Do the README's commands do what it says? Each block is run as it is printed, but for the ports."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.session import Session, environment, free_ports, is_shown

README = (ROOT / "README.md").read_text()
PORTS = ("8080", "8500", "8600")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.skipif(not Path(sys.prefix, "bin/activate").exists(), reason="this Python is no virtual environment")
def test_the_tutorial_does_what_it_says(tmp_path: Path):
    (tmp_path / ".venv").symlink_to(sys.prefix)
    swaps = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    session = Session(tmp_path, swaps, environment(TIDINGS_LOG_FORMAT="text"))
    printed: str | None = None
    run = 0
    try:
        for block in blocks(README):
            match block.kind:
                case ["bash", "no-test"]:
                    pass
                case ["bash", "background", name]:
                    session.start(name, block.text)
                case ["bash"]:
                    printed = session.run(block.text)
                    run += 1
                case ["text"]:
                    assert printed is not None
                    assert is_shown(block.text, printed), f"README.md line {block.line} prints\n{printed}"
                case ["text", name]:
                    for line in block.text.splitlines():
                        session.programs[name].wait_for(line)
                case kind:
                    raise AssertionError(f"README.md line {block.line}: nobody knows what to do with {kind}")
    finally:
        session.close()
    assert run >= 8
    assert not any(PORTS[0] in line for program in session.programs.values() for line in program.lines)


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

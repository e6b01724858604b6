"""Does docs/cli.md have every command, every option and every default?"""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
import typer

from tests.cli.test_board import board_of, verdict_of
from tidings.cli import COMMANDS
from tidings.cli.summary import figures

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def section(command: str) -> str:
    return PAGE.partition(f"\n## tidings {command}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_section_and_nothing_else(command: str):
    app = typer.Typer()
    app.command()(getattr(import_module(f"tidings.cli.{command}"), command))
    options = {
        name
        for parameter in typer.main.get_command(app).params
        for name in parameter.opts
        if parameter.param_type_name == "option" and not name.endswith("-completion")
    }
    assert set(re.findall(r"^\| `(--[\w-]+)`", section(command), re.MULTILINE)) == options - {"--help"}
    assert f"$ tidings {command}" in section(command)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("serve", "secrets")])
def test_the_defaults_are_those_of_the_program(command: str):
    function = getattr(import_module(f"tidings.cli.{command}"), command)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default not in (None, False, inspect.Parameter.empty):
            [row] = re.findall(rf"^\| `--{name.replace('_', '-')}` .*$", section(command), re.MULTILINE)
            assert f"| {parameter.default} |" in row


def test_every_figure_of_the_demo_is_explained():
    shown = figures(verdict_of(board_of()), board_of(), 1.0, expects_changes=False)
    assert set(re.findall(r"^\| `(\w+)`", section("demo"), re.MULTILINE)) == set(shown)

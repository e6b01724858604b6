"""What can the `tidings` command do, and how does it end?

A command's module is imported when the command is asked for, so that `tidings --help` answers at once.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from tidings import __version__
from tidings.core.errors import InvalidInput, TidingsError

COMMANDS: Mapping[str, str] = {
    "demo": "See it all at work in one terminal: a provider, a server, a receiver.",
    "serve": "Answer the API, poll the providers and deliver what changed.",
    "secrets": "Print the secrets for the Authorization header.",
    "sandbox": "Run a ConnectWise on this machine to try things against.",
    "listen": "Receive notifications, check their signatures and print them.",
    "tail": "Print the events of a running server as they happen.",
    "replay": "Send what was logged once more, and wait until it has arrived.",
    "explain": "Say why a record was announced, or why not.",
}
"""Name and one line of each; the module `tidings.cli.<name>` has a function of that name."""

REFUSED = 2  #: the exit code of wrong use and of bad input
FAILED = 1  #: of everything else that went wrong


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; what goes wrong is one sentence on stderr."""
    try:
        typer.main.get_command(application(arguments))(list(arguments), prog_name="tidings")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except TidingsError as error:
        print(f"tidings: {error}", file=sys.stderr)
        return REFUSED if isinstance(error, InvalidInput) else FAILED
    except Exception as error:
        print(
            f"tidings: something unexpected happened ({type(error).__name__}: {error}); "
            f"the details are in {_written_down(error)}",
            file=sys.stderr,
        )
        return FAILED
    return 0


def application(arguments: Sequence[str]) -> typer.Typer:
    """The command line with the asked-for command in full and the others by name only."""
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    app = typer.Typer(
        help=f"Signed change events from APIs that do not push. {_START}",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_about)
    for name, line in COMMANDS.items():
        command = _loaded(name) if name == asked else _unloaded
        app.command(name, short_help=line, help=_paragraphs(command))(command)
    return app


_START = "Start with `tidings demo`; `tidings COMMAND --help` explains a command and gives an example."


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def _about(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """What stands before a command; its options act by themselves."""


def _loaded(name: str) -> Callable[..., object]:
    command: Callable[..., object] = getattr(importlib.import_module(f"tidings.cli.{name}"), name)
    return command


def _paragraphs(command: Callable[..., object]) -> str:
    """The docstring with a line for each paragraph: the terminal's width decides where it breaks."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(command) or "")


def _unloaded() -> None:
    """Stands for a command that was not asked for."""


def _written_down(error: Exception) -> Path:
    """The file that has the traceback; readable by its owner alone."""
    with tempfile.NamedTemporaryFile("w", prefix="tidings-error-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)

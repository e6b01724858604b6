"""Does the command explain itself, and fail in one sentence?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidings import __version__
from tidings.cli import COMMANDS

HERE = Path(__file__).parent


def tidings(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tidings", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
    )


def test_help_lists_every_command():
    shown = tidings("--help")
    assert shown.returncode == 0
    for name, line in COMMANDS.items():
        assert name in shown.stdout
        assert line in shown.stdout


def test_help_comes_at_once_because_it_imports_nothing_heavy():
    code = "import sys; from tidings.cli import run; run(['--help']); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(shown.stdout.rsplit("\n", 2)[-2].split())
    assert not loaded & {"aiohttp", "pydantic", "fastapi", "uvicorn", "msgspec", "structlog", "cryptography"}


def test_the_version_is_printed():
    assert tidings("--version").stdout.strip() == __version__


def test_an_unknown_command_is_wrong_use():
    refused = tidings("nope")
    assert refused.returncode == 2
    assert "nope" in refused.stderr


OPTIONS = {
    "demo": ("--seconds", "--json", "--contacts", "--activity", "--seed", "--port", "--data"),
    "tail": ("--instance", "--url", "--data", "--after", "--json", "TIDINGS_USER_SECRET"),
    "serve": ("--host", "--port", "--data", "--database", "--nats", "--role", "--log-format", "TIDINGS_PORT"),
    "secrets": ("--data",),
    "sandbox": (
        "--port",
        "--contacts",
        "--companies",
        "--tickets",
        "--seed",
        "--activity",
        "--rate-limit",
        "--company",
        "--https-cert",
        "--https-key",
        "--json",
    ),
    "listen": ("--port", "--host", "--signature-key", "--json", "--fail", "--fail-first"),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_the_help_of_each_command_names_its_options_and_gives_an_example(command: str):
    shown = tidings(command, "--help")
    assert shown.returncode == 0
    for option in OPTIONS[command]:
        assert option in shown.stdout
    assert f"tidings {command}" in shown.stdout.partition("Options")[0].partition("[OPTIONS]")[2]


def test_what_is_refused_is_one_sentence_and_exit_code_two():
    refused = tidings("listen", "--fail-first", "3")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "--fail-first" in refused.stderr


def test_the_unexpected_is_one_line_and_names_the_file_with_the_details(tmp_path: Path):
    code = (
        "import tidings.cli, typer\n"
        "tidings.cli.application = lambda arguments: (_ for _ in ()).throw(RuntimeError('odd'))\n"
        "raise SystemExit(tidings.cli.run([]))"
    )
    failed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    [details] = tmp_path.glob("tidings-error-*.log")
    assert str(details) in failed.stderr
    assert "RuntimeError: odd" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0

"""How does another poller get onto this machine? Into an environment of its own, in exactly the version asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOR_AT_MOST = 900


class NotInstalled(Exception):
    """It cannot be had here; the text says why, in the installer's own words."""


def installed(requirement: str, cache: Path = Path(sys.prefix) / "peers") -> Path:
    """The folder of its programs. `requirement` is `name==version`; what is there already is not installed again."""
    home = cache / requirement.replace("==", "-")
    binaries, done = home / "bin", home / "installed"
    if not done.exists():
        ran([sys.executable, "-m", "venv", str(home)])
        pip = [str(binaries / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        ran([*pip, requirement])
        done.touch()
    return binaries


def ran(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=FOR_AT_MOST, check=True)
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalled(said[-1] if said else error.stderr.strip()[-200:]) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from None

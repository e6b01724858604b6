"""What histories share: an empty database, made once, since making one takes longer than a whole history, and the
numbers of those that are still to be played, which are drawn by all processes of a test run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tidings.store.secrets import Vault, load_vault
from tidings.store.sqlite import open_sqlite


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Vault]:
    folder = tmp_path_factory.mktemp("empty")
    vault = load_vault(folder / "key")

    async def make() -> None:
        await (await open_sqlite(folder / "t.db", vault)).close()

    asyncio.run(make())
    return folder / "t.db", vault


@pytest.fixture
def further(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], int]:
    """Draws 0, 1, 2 … of what is named for this test run, each once, whichever process asks."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def draw(what: str) -> int:
        folder = shared / what
        folder.mkdir(exist_ok=True)
        for number in count():
            try:
                os.close(os.open(folder / str(number), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return number
        raise AssertionError("numbers have no end")

    return draw

"""An empty database, made once: a history begins with a copy, since making one takes longer than a whole history."""

from __future__ import annotations

import asyncio
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

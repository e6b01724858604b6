"""A sandbox, a receiver, and a Tidings between them that is not started yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.receiver import Receiver
from tests.hints.served import Tidings
from tidings.sandbox import SandboxConfig, build


@pytest.fixture
async def tidings(tmp_path: Path) -> AsyncIterator[Tidings]:
    receiver = Receiver()
    receiving = await receiver.start()
    async with await build(SandboxConfig(contacts=20, companies=5, tickets=5, seed=7)).start() as sandbox:
        yield Tidings(tmp_path / "data", sandbox, receiver)
    await receiving.cleanup()

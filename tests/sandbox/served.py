"""A sandbox in a thread of its own, for clients that block; and the clients, or why they are missing."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Thread
from types import ModuleType

import pytest

from tidings.sandbox import Running, SandboxConfig, build


def third_party(module: str) -> ModuleType:
    """A client that nobody here wrote. Where it is missing the tests are skipped, or fail when CI=true."""
    try:
        return import_module(module)
    except ImportError as missing:
        reason = f"the client is not installed: {missing}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason, allow_module_level=True)


@contextmanager
def served(config: SandboxConfig, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    """A running sandbox on a free port of 127.0.0.1."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        running = asyncio.run_coroutine_threadsafe(build(config).start(tls=tls), loop).result(60)
        try:
            yield running
        finally:
            asyncio.run_coroutine_threadsafe(running.close(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()

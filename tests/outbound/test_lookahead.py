"""Is the author of an address told when its name leads where nothing may be connected to?"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from tidings.core.addresses import LOOPBACK_ONLY, AddressPolicy
from tidings.outbound.lookahead import Lookahead

PUBLIC = AddressPolicy()


class Book(AbstractResolver):
    """Knows the addresses of some names; an error stands for a name that cannot be looked up, None for silence."""

    def __init__(self, **names: list[str] | Exception | None) -> None:
        self.names, self.asked = names, list[str]()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        self.asked.append(host)
        found = self.names[host.partition(".")[0]]
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, Exception):
            raise found
        return [{"host": each} for each in found or ()]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_inside_is_refused_with_what_to_do():
    book = Book(inside=["10.1.2.3", "fd00::1"])
    assert await Lookahead(PUBLIC, book).refusal("https://inside.example/hook") == (
        "points at inside.example, which resolves to 10.1.2.3, a private, local or reserved address; use a public one, "
        "or set TIDINGS_ALLOW_PRIVATE_NETWORKS=true or add its network to TIDINGS_ALLOWED_NETWORKS"
    )


async def test_a_name_with_one_address_that_is_permitted_is_accepted_and_so_is_what_the_policy_opens():
    book = Book(both=["10.1.2.3", "8.8.8.8"], here=["127.0.0.1"])
    assert await Lookahead(PUBLIC, book).refusal("https://both.example/hook") is None
    assert await Lookahead(LOOPBACK_ONLY, book).refusal("http://here.example:8080/hook") is None
    assert await Lookahead(PUBLIC, book).refusal("http://here.example:8080/hook") is not None


@pytest.mark.parametrize(
    "failure",
    [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), OSError("broken"), UnicodeError("label"), []],
)
async def test_a_name_that_nobody_knows_yet_is_accepted(failure: Any):
    assert await Lookahead(PUBLIC, Book(new=failure)).refusal("https://new.example/hook") is None


async def test_a_name_server_that_is_silent_is_not_waited_for():
    async with asyncio.timeout(30):
        assert await Lookahead(PUBLIC, Book(silent=None), wait_for=0.05).refusal("https://silent.example/") is None


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://[::1/", "", "nothing"])
async def test_addresses_and_what_is_no_url_are_left_to_others(url: str):
    book = Book()
    assert await Lookahead(PUBLIC, book).refusal(url) is None
    assert book.asked == []

"""Does a connection go where the policy forbids?"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from tests.outbound.receivers import answering, receiver
from tidings.core.addresses import LOOPBACK_ONLY, AddressPolicy, networks
from tidings.core.errors import AddressForbidden
from tidings.outbound.guard import forbidden_address, guarded_connector

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class FixedResolver(AbstractResolver):
    """Answers every name with the same addresses."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = answers

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        return [answer | {"hostname": host, "port": port} for answer in self.answers]

    async def close(self) -> None:
        pass


class TurningCoat(dict[str, Any]):
    """An answer that shows one address when it is looked at and another when it is used."""

    shown = 0

    def __or__(self, other: Any) -> Any:
        return TurningCoat({**self, **other})

    def __getitem__(self, key: str) -> Any:
        if key != "host":
            return super().__getitem__(key)
        self.shown += 1
        return "127.0.0.1" if self.shown == 1 else "127.0.0.2"


def found(address: str) -> dict[str, Any]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {"host": address, "family": family, "proto": 0, "flags": socket.AI_NUMERICHOST}


async def get(url: str, policy: AddressPolicy, resolver: AbstractResolver | None = None) -> int:
    connector = guarded_connector(policy, resolver=resolver)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
        return response.status


async def refusal(url: str, policy: AddressPolicy, resolver: AbstractResolver | None = None) -> AddressForbidden:
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await get(url, policy, resolver)
    forbidden = forbidden_address(caught.value)
    assert forbidden is not None
    return forbidden


async def test_a_permitted_address_is_reached_by_number_and_by_name():
    async with receiver(answering(OK)) as port:
        assert await get(f"http://127.0.0.1:{port}/", LOOPBACK_ONLY) == 200
        assert await get(f"http://hook.example:{port}/", LOOPBACK_ONLY, FixedResolver(found("127.0.0.1"))) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "10.0.0.1", "169.254.169.254", "0.0.0.0"])
async def test_a_forbidden_address_in_the_url_is_never_connected_to(host: str):
    forbidden = await refusal(f"http://{host}:9/", AddressPolicy())
    assert forbidden.address == host.strip("[]")


async def test_a_name_that_resolves_to_forbidden_addresses_is_refused_with_both_in_the_message():
    resolver = FixedResolver(found("10.0.0.1"), found("::1"))
    forbidden = await refusal("http://hook.example:9/", AddressPolicy(), resolver)
    assert str(forbidden).startswith("hook.example resolves to 10.0.0.1, which is a private, local or reserved address")


async def test_localhost_is_refused_by_the_real_resolver():
    assert (await refusal("http://localhost:9/", AddressPolicy())).host == "localhost"


async def test_of_a_name_with_several_addresses_only_the_permitted_are_tried():
    async with receiver(answering(OK)) as port:
        resolver = FixedResolver(found("10.0.0.1"), found("127.0.0.1"))
        assert await get(f"http://hook.example:{port}/", LOOPBACK_ONLY, resolver) == 200


async def test_a_name_that_changes_its_answer_between_check_and_connection_gains_nothing():
    seen: list[tuple[bytes, bytes]] = []
    async with receiver(answering(OK, seen), host="127.0.0.2") as port:
        policy = AddressPolicy(allowed_networks=networks(["127.0.0.1/32"]))
        forbidden = await refusal(
            f"http://hook.example:{port}/", policy, FixedResolver(TurningCoat(found("127.0.0.1")))
        )
        assert forbidden.address == "127.0.0.2"
    assert seen == []


async def test_a_redirect_is_guarded_as_the_first_address_was():
    away = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:9/\r\nContent-Length: 0\r\n\r\n"
    async with receiver(answering(away)) as port:
        policy = AddressPolicy(allowed_networks=networks(["127.0.0.1"]))
        assert (await refusal(f"http://127.0.0.1:{port}/", policy)).address == "127.0.0.2"


async def test_other_trouble_is_not_taken_for_a_refusal():
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await get(f"http://127.0.0.1:{port}/", LOOPBACK_ONLY)
    assert forbidden_address(caught.value) is None


async def test_a_slow_receiver_does_not_use_up_the_connections_of_others():
    silent = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()

    async with (
        receiver(never) as slow,
        receiver(answering(OK)) as quick,
        aiohttp.ClientSession(connector=guarded_connector(LOOPBACK_ONLY)) as session,
    ):

        async def fetch(port: int) -> int:
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                return response.status

        stuck = [asyncio.create_task(fetch(slow)) for _ in range(150)]
        assert await fetch(quick) == 200
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        silent.set()

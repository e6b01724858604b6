"""The client against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
import zlib
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.elements.provider import NOW, client, provider, raw_provider
from tidings.core.errors import (
    AddressForbidden,
    AnswerTooLarge,
    InvalidInput,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    ProviderSilent,
    ProviderUnreached,
    RateLimited,
)
from tidings.elements.answer import Answer
from tidings.elements.http import ProviderClient, base_url, provider_session, url_of


async def get(ask: ProviderClient, base: str, path: str = "company/contacts", **params: str) -> Answer:
    return await ask.get(url_of(base, path, params), headers={}, purpose="reading contacts")


async def refusal(ask: ProviderClient, base: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await get(ask, base)
    assert str(caught.value).startswith("reading contacts: ")
    return caught.value


async def test_an_answer_comes_back_whole_with_the_providers_clock() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b'[{"id":1}]', headers={"Date": "Wed, 25 Nov 2026 12:00:00 GMT", "X-Thing": "yes"})

    async with provider(answer) as base, client() as ask:
        got = await get(ask, base)
    assert (got.status, got.body, got.date_at) == (200, b'[{"id":1}]', 1_795_608_000_000)
    assert got.headers["x-thing"] == "yes"


async def test_without_a_date_our_own_clock_stands_in() -> None:
    async with raw_provider(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]") as base, client() as ask:
        assert (await get(ask, base)).date_at == NOW


async def test_conditions_arrive_as_they_were_written() -> None:
    seen: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.path, request.query["conditions"]))
        return web.json_response([])

    conditions = 'lastUpdated>=[2026-01-01T00:00:00Z] and name like "Zoë & Söhne 100%+#*" and note="a\'b\\"c"'
    async with provider(answer) as base, client() as ask:
        await get(ask, base, conditions=conditions)
        await get(ask, base + "/", "/company/contacts", conditions=conditions)
    assert seen == [("/v4_6_release/apis/3.0/company/contacts", conditions)] * 2


@given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=30), max_size=4))
def test_any_parameter_survives_its_encoding(params: dict[str, str]) -> None:
    url = url_of("https://h/apis/3.0/", "//company/contacts", params)
    assert url.isascii()
    assert " " not in url
    assert dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) == params


async def test_an_address_that_is_too_long_is_refused_before_it_is_sent() -> None:
    async def answer(request: web.Request) -> web.Response:
        raise AssertionError("nothing may be sent")

    async with provider(answer) as base, client() as ask:
        with pytest.raises(ProviderRefused, match=r"would have \d+ characters, the provider takes 2000; shorten"):
            await get(ask, base, conditions="id in (" + ",".join(map(str, range(1000))) + ")")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", "broke off or could not be decompressed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[", "broke off"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
            "broke off or could not be",
        ),
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the connection to"),
    ],
)
async def test_half_an_answer_is_no_answer(reply: bytes, said: str) -> None:
    async with raw_provider(reply) as base, client() as ask:
        error = await refusal(ask, base)
    assert type(error) is ProviderDown
    assert said in str(error)
    assert error.status is None


async def test_silence_is_not_waited_for_forever() -> None:
    async with (
        raw_provider(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", then_close=False) as base,
        client(silence_for=0.05) as ask,
    ):
        error = await refusal(ask, base)
    assert type(error) is ProviderSilent
    assert "was silent for 0.05 s" in str(error)


async def test_an_answer_that_trickles_is_cut_by_the_total_time() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0)  # lets the client run, which lives in the same loop

    async with provider(answer) as base, client(total_for=0.1, silence_for=5) as ask:
        error = await refusal(ask, base)
    assert "did not finish its answer within 0.1 s" in str(error)


async def test_a_body_over_the_cap_is_cut() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"[" + b" " * 200_000 + b"]")

    async with provider(answer) as base, client(body_cap=100_000) as ask:
        error = await refusal(ask, base)
    assert type(error) is AnswerTooLarge
    assert "larger than 100000 bytes" in str(error)


async def test_a_gzip_bomb_is_cut_before_it_unfolds() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = b" " * 1_000_000
    bomb = b"".join(packer.compress(piece) for _ in range(200)) + packer.flush()
    assert len(bomb) < 250_000

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with provider(answer) as base, client(body_cap=4_000_000) as ask:
        tracemalloc.start()
        try:
            error = await refusal(ask, base)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "larger than 4000000 bytes" in str(error)
    assert peak < 20_000_000


async def test_gzip_is_read_as_what_it_holds() -> None:
    async def answer(request: web.Request) -> web.Response:
        response = web.json_response([{"id": 1, "name": "Zoë"}])
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with provider(answer) as base, client() as ask:
        got = await get(ask, base)
    assert got.headers["Content-Encoding"] == "gzip"
    assert got.body == b'[{"id": 1, "name": "Zo\\u00eb"}]'


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPMovedPermanently("/elsewhere")

    async with provider(answer) as base, client() as ask:
        error = await refusal(ask, base)
    assert type(error) is ProviderRefused
    assert "write the final address into baseUrl" in str(error)
    assert len(asked) == 1


@pytest.mark.parametrize("wait", ["30", "Wed, 25 Nov 2026 12:00:30 GMT"])
async def test_the_provider_says_how_long_to_wait(wait: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(
            {"error": "ConnectWiseAPI", "message": "Too many requests. Please try again in 30 seconds."},
            status=429,
            headers={"Retry-After": wait, "Date": "Wed, 25 Nov 2026 12:00:00 GMT"},
        )

    async with provider(answer) as base, client() as ask:
        error = await refusal(ask, base)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 30
    assert error.provider_message == "Too many requests. Please try again in 30 seconds."


async def test_nobody_at_the_address_is_said_plainly() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with client() as ask:
            error = await refusal(ask, f"http://127.0.0.1:{port}/apis/3.0")
    assert type(error) is ProviderUnreached
    assert f"no connection to 127.0.0.1:{port}" in str(error)


async def test_a_forbidden_address_surfaces_as_itself() -> None:
    def refuse(info: object) -> socket.socket:
        raise AddressForbidden("localhost", "127.0.0.1")

    connector = aiohttp.TCPConnector(socket_factory=refuse)
    async with provider_session(connector) as session:
        ask = ProviderClient(session, clock=lambda: NOW)
        with pytest.raises(AddressForbidden, match="TIDINGS_ALLOW_PRIVATE_NETWORKS"):
            await get(ask, "http://localhost:9/apis/3.0")


async def test_no_cookie_of_one_tenant_reaches_another() -> None:
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(body=b"[]", headers={"Set-Cookie": "session=of-the-first-tenant; Path=/"})

    async with provider(answer) as base, client() as ask:
        await get(ask, base.replace("127.0.0.1", "localhost"))
        await get(ask, base.replace("127.0.0.1", "localhost"))
    assert cookies == [None, None]


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "  ",
        "api-na.myconnectwise.net/v4_6_release/apis/3.0",
        "ftp://host/apis",
        "https://",
        "https:///apis",
        "http://[::1/apis",
        "https://host:99999/",
        "https://user:key@host/apis",
        "https://host/apis?x=1",
        "https://host/apis#x",
        "https://host name/apis",
        "https://host/apis\n/3.0",
        "<baseUrl>",
    ],
)
def test_what_is_no_base_url_is_refused_by_name(written: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        base_url(written)
    assert caught.value.field == "baseUrl"
    assert "write the address of the API, such as https://" in caught.value.message

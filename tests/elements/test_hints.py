"""What is read of a hint, and how its key is come by: once for all who wait, anew when it does not fit, not often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.elements.provider import client, provider
from tidings.core.errors import InvalidInput, ProviderDown
from tidings.core.hints import signature
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.hintkeys import ASKED_AT_MOST, OLD_AFTER, HintKeys
from tidings.elements.hints import Hint, Registration, Registrations, read_hint

ELEMENT = catalog()["connectwisecrmrest"]
URL = "https://na.example/key?id=1"
BODY = b'{"ID":1}'


class Provider:
    """Hands out a key, which it may change, and counts how often."""

    def __init__(self, key: str = "first") -> None:
        self.key, self.asked = key, list[str]()
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, address: str) -> str:
        self.asked.append(address)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.key


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def ask(clock: list[float]) -> Callable[..., object]:
    keys = HintKeys(clock=lambda: clock[0])

    async def ask(provider: Provider, key: str = "first", account: int = 1, url: str = URL) -> str | None:
        return await keys.why_not_signed(account, url, BODY, signature(key, BODY), provider.read)

    return ask


async def test_a_key_is_asked_for_once(ask) -> None:
    provider = Provider()
    assert [await ask(provider) for _ in range(5)] == [None] * 5
    assert provider.asked == [URL]


async def test_many_who_wait_for_the_same_key_ask_once(ask) -> None:
    provider = Provider()
    provider.gate.clear()
    waiting = [asyncio.create_task(ask(provider)) for _ in range(20)]
    while not provider.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()
    provider.gate.set()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert told[1:] == [None] * 19
    assert provider.asked == [URL]


async def test_a_key_that_does_not_fit_is_asked_for_anew_but_not_a_fresh_one(ask, clock: list[float]) -> None:
    provider = Provider()
    assert await ask(provider) is None
    provider.key = "second"
    assert await ask(provider, "second") == "the signature is wrong"
    assert len(provider.asked) == 1
    clock[0] += OLD_AFTER
    assert await ask(provider, "second") is None
    assert await ask(provider, "first") == "the signature is wrong"
    assert len(provider.asked) == 2


async def test_whoever_sends_what_a_provider_is_not_asked_all_the_time(ask, clock: list[float]) -> None:
    provider = Provider()
    for number in range(ASKED_AT_MOST + 20):
        assert await ask(provider, "wrong", url=f"{URL}{number}") is not None
    assert len(provider.asked) == ASKED_AT_MOST
    # What is known is still looked at, and others are none the worse.
    assert await ask(provider, url=f"{URL}0") is None
    assert await ask(provider, account=2) is None
    assert "were asked for" in str(await ask(provider, url=f"{URL}99"))
    clock[0] += 60
    assert await ask(provider, url=f"{URL}99") is None


@pytest.mark.parametrize(
    "error", [ProviderDown("down", provider_message="closed"), InvalidInput("key_url", "is foreign")]
)
async def test_a_key_that_cannot_be_had_trusts_nobody_and_says_why(ask, clock: list[float], error: Exception) -> None:
    provider = Provider()
    provider.error = error
    assert str(await ask(provider)) in ("closed", "key_url: is foreign")
    provider.error = None
    assert await ask(provider) is None


async def test_a_hint_says_its_type_and_where_its_key_is_and_no_more_is_read() -> None:
    assert ELEMENT.hints is not None
    body = json.dumps({"Type": "contact", "Metadata": {"key_url": "u"}, "Entity": "{}", "ID": 7}).encode()
    assert read_hint(ELEMENT.hints, body) == Hint("contact", "u")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"Type":1,"Metadata":{"key_url":"u"}}',
        b'{"Type":"contact","Metadata":"u"}',
        b"\xff",
    ],
)
async def test_what_is_no_hint_is_nothing(body: bytes) -> None:
    assert ELEMENT.hints is not None
    assert read_hint(ELEMENT.hints, body) is None


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("contacts", "contact"),
        ("company/contacts", "contact"),
        ("incidents", "ticket"),
        ("incidents/7/comments", "ticket"),
        ("project-tickets", "ticket"),
        ("organizations", "company"),
        ("finance/agreements", "agreement"),
        ("fields", None),
        ("service/boards", None),
    ],
)
async def test_a_resource_has_the_type_that_callbacks_name_it_by(path: str, type: str | None) -> None:
    resource = ELEMENT.resource(path)
    assert ELEMENT.hints is not None
    assert resource is not None
    assert ELEMENT.hints.type_of(resource.provider_path) == type


async def test_a_provider_that_lists_others_registrations_too_does_not_make_them_ours() -> None:
    listed = [
        {"id": 10, "type": "Contact", "url": "https://us.example/hints/1?token=t0k&recordId=", "inactiveFlag": True},
        {"id": 9, "type": "contact", "url": "https://us.example/hints/1?token=t0k&recordId="},
        {"id": 8, "type": "contact", "url": "https://them.example/cw?recordId="},
    ]

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(listed)

    assert ELEMENT.hints is not None
    async with provider(answer) as base, client() as ask:
        values = {"baseUrl": base, "company": "acme", "public.key": "p"}
        account = Connection(ELEMENT, values, {"private.key": "s"}, ask)
        found = await Registrations(account, ELEMENT.hints, 1000).with_token("t0k")
    url = "https://us.example/hints/1?token=t0k&recordId="
    assert found == [Registration(9, "contact", url, True), Registration(10, "contact", url, False)]


def captures() -> list[Path]:
    folder = Path(__file__).parents[3] / "shared/data/connectwise"
    return sorted(folder.glob("webhook__*.json"))


@pytest.mark.skipif(not captures(), reason="there are no captured callbacks here")
@pytest.mark.parametrize("file", captures(), ids=lambda file: file.stem)
async def test_a_captured_callback_is_read(file: Path) -> None:
    assert ELEMENT.hints is not None
    hint = read_hint(ELEMENT.hints, file.read_bytes())
    assert hint is not None
    assert hint.type == "contact"
    assert "/system/callbackkey/index.rails?companyName=" in hint.key_url

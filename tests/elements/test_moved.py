"""An account whose provider moves it: where the API stands is asked once, and nothing else is followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.elements.provider import client, provider
from tidings.core.errors import ProviderDown, ProviderRefused
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.moved import Moves, host_of, moved_root
from tidings.sandbox import CLIENT_ID, SandboxConfig, build

ELEMENT = catalog()["connectwisecrmrest"]
CONTACTS = ELEMENT.resource("contacts")
assert CONTACTS is not None
DISCOVERY = ELEMENT.api.discovery
assert DISCOVERY is not None


class Upgraded:
    """A provider whose only codebase is `codebase`; its address is the one from before."""

    def __init__(self) -> None:
        self.codebase = "v2025_1"
        self.told: object = ...
        self.requests: list[web.Request] = []
        self.refused = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        if request.path.lower().startswith("/login/companyinfo/"):
            await asyncio.sleep(0)
            told = {"Codebase": f"{self.codebase}/", "CompanyID": "acme"} if self.told is ... else self.told
            return web.json_response(told)
        if not request.path.startswith(f"/{self.codebase}/apis/3.0/"):
            self.refused += 1
            return web.Response(status=404, text="<h1>No such thing</h1>", content_type="text/html")
        if request.path.endswith("/company/nothing"):
            return web.json_response({"code": "NotFound", "message": "no such resource"}, status=404)
        return web.json_response([])

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.requests if "/login/" in request.path]


@asynccontextmanager
async def account(upgraded: Upgraded, moves: Moves | None = None, company: str = "acme") -> AsyncIterator[Connection]:
    async with provider(upgraded.answer) as base, client() as ask:
        yield connection(f"{base.partition('/v4_6_release')[0]}/v2025_1/apis/3.0", ask, moves, company)


def connection(root, ask, moves=None, company="acme"):
    values = {"baseUrl": root, "company": company, "public.key": "pub", "connectwise.clientID": "the-client"}
    return Connection(ELEMENT, values, {"private.key": "key"}, ask, moves=moves)


async def read(of: Connection, resource=CONTACTS):
    return await of.read_page(resource, position=None, size=10)


async def test_a_moved_api_is_found_by_one_question_and_asked_there_from_then_on():
    upgraded = Upgraded()
    async with account(upgraded, company="acme & co") as asked:
        await read(asked)
        assert upgraded.asked == []
        upgraded.codebase = "v2026_1"
        for _ in range(3):
            await read(asked)
        assert [request.raw_path for request in upgraded.requests[1:3]] == [
            "/v2025_1/apis/3.0/company/contacts?pageSize=10",
            "/login/companyinfo/acme%20%26%20co",
        ]
        assert len(upgraded.asked) == 1
        assert upgraded.refused == 1
        assert "Authorization" not in upgraded.requests[2].headers
        upgraded.codebase = "v2026_2"
        await read(asked)
        assert len(upgraded.asked) == 2


async def test_what_is_sent_follows_an_api_that_has_moved_and_is_done_once():
    upgraded = Upgraded()
    async with account(upgraded) as asked:
        upgraded.codebase = "v2026_1"
        await asked.send("POST", "/company/contacts", "creating contacts", body=b"{}", params={"a": "b"})
    assert [(request.method, request.raw_path) for request in upgraded.requests] == [
        ("POST", "/v2025_1/apis/3.0/company/contacts?a=b"),
        ("GET", "/login/companyinfo/acme"),
        ("POST", "/v2026_1/apis/3.0/company/contacts?a=b"),
    ]


async def test_many_who_ask_at_once_find_it_with_one_question():
    upgraded = Upgraded()
    moves = Moves()
    async with provider(upgraded.answer) as base, client() as ask:
        root = f"{base.partition('/v4_6_release')[0]}/v2025_1/apis/3.0"
        upgraded.codebase = "v2026_1"
        await asyncio.gather(*(read(connection(root, ask, moves)) for _ in range(10)))
        assert len(upgraded.asked) == 1
        await read(connection(root, ask, moves))
        assert (len(upgraded.asked), upgraded.refused) == (1, 10)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"Codebase": None},
        {"Codebase": ""},
        {"Codebase": "v2025_1/"},
        {"Codebase": "V2025_1/"},
        {"Codebase": "../../evil"},
        {"Codebase": "@elsewhere.test/"},
        {"Codebase": "/elsewhere.test/"},
    ],
)
async def test_where_no_other_place_is_told_the_first_refusal_stands(told):
    upgraded = Upgraded()
    upgraded.codebase, upgraded.told = "v2026_1", told
    async with account(upgraded) as asked:
        with pytest.raises(ProviderRefused, match=r"reading contacts: the provider answered 404.*No such thing"):
            await read(asked)
        paths = [request.path.split("/apis/")[0] for request in upgraded.requests]
        assert paths in (
            ["/v2025_1", "/login/companyinfo/acme"],
            ["/v2025_1", "/login/companyinfo/acme", "/elsewhere.test"],
        )


async def test_a_second_404_is_a_failure_in_the_providers_words_and_moves_nothing():
    upgraded = Upgraded()
    upgraded.codebase = "v2026_1"
    nothing = ELEMENT.resource("company/nothing")
    async with account(upgraded) as asked:
        with pytest.raises(ProviderRefused) as caught:
            await read(asked, nothing)
        assert caught.value.status == 404
        assert caught.value.provider_message == "no such resource"
        assert len(upgraded.asked) == 1


async def test_a_question_that_fails_leaves_the_refusal_as_it_was():
    async def answer(request: web.Request) -> web.Response:
        status = 503 if "/login/" in request.path else 404
        return web.Response(status=status, text="No such thing" if status == 404 else "down")

    async with provider(answer) as base, client() as ask:
        with pytest.raises(ProviderRefused, match="No such thing"):
            await read(connection(base, ask))


@pytest.mark.parametrize(("status", "kind"), [(301, ProviderRefused), (302, ProviderDown), (308, ProviderRefused)])
async def test_a_redirect_to_another_host_is_refused_and_that_host_hears_nothing(status, kind):
    heard: list[web.Request] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request)
        return web.json_response([])

    async with provider(elsewhere) as other, client() as ask:

        async def answer(request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": f"{other}/company/contacts?token=abc"})

        async with provider(answer) as base:
            with pytest.raises(kind) as caught:
                await read(connection(base, ask))
    assert heard == []
    assert f"a redirect to {other}/company/contacts, which is not followed" in str(caught.value)
    assert "baseUrl" in str(caught.value)


async def test_the_sandbox_is_found_again_after_its_upgrade():
    settings = SandboxConfig(contacts=5, companies=1, tickets=1)
    (keys,) = settings.accounts
    values = {"company": keys.company, "public.key": keys.public_key, "connectwise.clientID": CLIENT_ID}
    async with await build(settings).start() as running, client() as ask, aiohttp.ClientSession() as admin:
        values["baseUrl"] = f"{running.origin}/v2025_1/apis/3.0"
        asked = Connection(ELEMENT, values, {"private.key": keys.private_key}, ask)
        before = await read(asked)
        async with admin.post(f"{running.origin}/_admin/upgrade", json={}) as answer:
            assert (await answer.json())["codebase"] == "v2025_2/"
        assert len(json.loads((await read(asked)).body)) == len(json.loads(before.body)) == 5
        await asked.check()


@pytest.mark.parametrize(
    ("root", "host"),
    [
        ("https://h/v4_6_release/apis/3.0", "https://h"),
        ("https://h:8443/V4_6_Release/APIS/3.0", "https://h:8443"),
        ("https://h/v2025_1//apis/3.0", "https://h"),
        ("https://h/behind/a/proxy/v2025_1/apis/3.0", "https://h/behind/a/proxy"),
        ("https://h/apis/3.0", "https://h"),
        ("https://h/v4_6_release", None),
        ("https://h", None),
    ],
)
def test_what_stands_before_the_codebase_is_where_it_is_asked_for(root, host):
    assert DISCOVERY is not None
    assert host_of(root, DISCOVERY) == host
    told = json.dumps({"Codebase": "v2026_1/"}).encode()
    if host:
        assert moved_root(host, DISCOVERY, told) == f"{host}/v2026_1/apis/3.0"

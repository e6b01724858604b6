"""One account asked over real HTTP: a small ConnectWise written here, and the sandbox."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.elements.provider import NOW, client, provider, raw_provider
from tidings.core.errors import CredentialsRefused, InvalidInput, ProviderDown, ProviderRefused, RecordNotFound
from tidings.core.model import RecordId
from tidings.elements.connection import Connection, Page
from tidings.elements.describe import Resource, catalog
from tidings.elements.heads import HeadReader
from tidings.elements.http import ProviderClient
from tidings.sandbox import CLIENT_ID, SandboxConfig, build

ELEMENT = catalog()["connectwisecrmrest"]
CONFIGURATION = {"company": "acme", "public.key": "pub", "connectwise.clientID": "the-client"}
SECRETS = {"private.key": "pri/vate KEY"}


def resource(path: str) -> Resource:
    found = ELEMENT.resource(path)
    assert found is not None
    return found


def connection(base: str, ask: ProviderClient, default: str | None = None, **configuration: str | None) -> Connection:
    values = {
        "baseUrl": base,
        **CONFIGURATION,
        **{key.replace("__", "."): value for key, value in configuration.items()},
    }
    return Connection(ELEMENT, values, SECRETS, ask, default)


class SmallConnectWise:
    """Contacts with the given ids, forward-only and by number, with the answers' headers under the test's control."""

    def __init__(self, ids: list[int], cap: int = 1000) -> None:
        self.ids = ids
        self.cap = cap
        self.linked = True
        self.requests: list[web.Request] = []
        self.answers: dict[str, web.Response] = {}

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        path = request.path.removeprefix("/v4_6_release/apis/3.0")
        if path in self.answers:
            return self.answers[path]
        query = request.query
        size = min(self.cap, int(query.get("pageSize", 25)))
        if request.headers.get("pagination-type") == "forward-only":
            assert "orderBy" not in query
            page = [id for id in self.ids if id > int(query.get("pageId", 0))][:size]
            link = f'<{request.url.with_query({"pageId": page[-1]})}>; rel="next"' if page else ""
            headers = {"Link": link} if self.linked else {}
        else:
            ids = sorted(self.ids, reverse=query.get("orderBy") == "id desc")
            start = (int(query.get("page", 1)) - 1) * size
            page, headers = ids[start : start + size], {}
        return web.json_response([{"id": id} for id in page], headers=headers)

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(request.query) for request in self.requests]


@asynccontextmanager
async def connected(small: SmallConnectWise, **configuration: str | None) -> AsyncIterator[Connection]:
    async with provider(small.answer) as base, client() as ask:
        yield connection(base, ask, **configuration)


async def read_all(account: Connection, of: Resource, size: int, conditions: str = "") -> list[RecordId]:
    reader, seen, position = HeadReader(of.id_path), list[RecordId](), None
    for _ in range(10_000):
        page: Page = await account.read_page(of, conditions=conditions, position=position, size=size)
        seen += reader.read(page.body).ids
        if page.ended:
            assert page.next is None
            return seen
        position = page.next
    raise AssertionError("the list did not end")


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("path", ["contacts", "finance/agreements"])
async def test_every_row_is_read_once_though_the_provider_caps_its_pages(path: str, linked: bool) -> None:
    small = SmallConnectWise(list(range(10, 24)), cap=3)
    small.linked = linked
    async with connected(small) as account:
        assert await read_all(account, resource(path), size=5) == list(range(10, 24))


async def test_a_request_carries_who_asks_and_what_for() -> None:
    small = SmallConnectWise([1])
    async with connected(small) as account:
        await account.read_page(
            resource("contacts"),
            conditions="lastUpdated>=[2026-01-01T00:00:00Z]",
            position="7",
            size=5000,
            fields="id,_info/lastUpdated",
            extra={"childConditions": 'types/name="Approver"', "orderBy": "name", "PageSize": "1", "page": "3"},
        )
    (request,) = small.requests
    scheme, token = request.headers["Authorization"].split()
    assert (scheme, b64decode(token)) == ("Basic", b"acme+pub:pri/vate KEY")
    assert request.headers["clientId"] == "the-client"
    assert request.headers["Accept"] == "application/json"
    assert request.path == "/v4_6_release/apis/3.0/company/contacts"
    assert dict(request.query) == {
        "childConditions": 'types/name="Approver"',
        "conditions": "lastUpdated>=[2026-01-01T00:00:00Z]",
        "fields": "id,_info/lastUpdated",
        "pageSize": "1000",
        "pageId": "7",
    }


async def test_configuration_keys_count_in_any_letter_case() -> None:
    small = SmallConnectWise([1])
    async with provider(small.answer) as base, client() as ask:
        values = {"baseURL": f" {base}/ ", "Company": "acme ", "PUBLIC.KEY": "pub", "connectwise.clientid": "mine"}
        account = Connection(ELEMENT, values, {"Private.Key": "pri\n"}, ask, "the-servers")
        await account.newest_id(resource("contacts"))
    assert small.requests[0].headers["clientId"] == "mine"
    assert b64decode(small.requests[0].headers["Authorization"].split()[1]) == b"acme+pub:pri"


@pytest.mark.parametrize("blank", [None, "", "  "])
async def test_the_servers_client_id_is_sent_when_the_instance_has_none(blank: str | None) -> None:
    small = SmallConnectWise([1])
    async with provider(small.answer) as base, client() as ask:
        await connection(base, ask, "the-servers", connectwise__clientID=blank).newest_id(resource("contacts"))
        await connection(base, ask, connectwise__clientID=blank).newest_id(resource("contacts"))
    assert [request.headers.get("clientId") for request in small.requests] == ["the-servers", None]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refusal_without_a_client_id_names_both_places_for_it(status: int) -> None:
    small = SmallConnectWise([])
    body = {"code": "Security", "message": "clientId header is missing or invalid.", "errors": None}
    small.answers["/system/info"] = web.json_response(body, status=status)
    async with connected(small, connectwise__clientID=None) as account:
        with pytest.raises((CredentialsRefused, ProviderRefused)) as caught:
            await account.check()
    assert "missing or invalid.; no clientId was sent: write one into connectwise.clientID" in str(caught.value)
    assert "TIDINGS_CONNECTWISE_CLIENT_ID" in str(caught.value)
    assert caught.value.provider_message == "clientId header is missing or invalid."
    assert caught.value.status == status


async def test_wrong_keys_without_a_client_id_are_told_in_the_providers_words_first() -> None:
    small = SmallConnectWise([])
    body = {"code": "Unauthorized", "message": "Username or password is incorrect", "errors": None}
    small.answers["/system/info"] = web.json_response(body, status=401)
    async with connected(small, connectwise__clientID=None) as account:
        with pytest.raises(CredentialsRefused) as caught:
            await account.check()
    said, _, hint = str(caught.value).partition("; ")
    assert said.endswith("401 (Unauthorized): Username or password is incorrect")
    assert hint == (
        "if that is not the reason, it may be that no clientId was sent: write one into connectwise.clientID "
        "of the instance or, for all instances, into TIDINGS_CONNECTWISE_CLIENT_ID"
    )


async def test_a_refusal_with_a_client_id_does_not_speak_of_it() -> None:
    small = SmallConnectWise([])
    small.answers["/system/info"] = web.json_response(
        {"code": "Unauthorized", "message": "UserNotAuthenticated pri/vate KEY", "errors": None}, status=401
    )
    async with connected(small) as account:
        with pytest.raises(CredentialsRefused) as caught:
            await account.check()
    assert "TIDINGS_CONNECTWISE_CLIENT_ID" not in str(caught.value)
    assert "KEY" not in str(caught.value)
    assert caught.value.provider_message == "UserNotAuthenticated ********"


async def test_an_address_that_leads_elsewhere_is_named() -> None:
    small = SmallConnectWise([])
    small.answers["/system/info"] = web.Response(status=400, text="Cannot route. Codebase/company is invalid")
    async with connected(small) as account:
        with pytest.raises(ProviderRefused) as caught:
            await account.check()
    assert caught.value.provider_message == "Cannot route. Codebase/company is invalid"
    assert str(caught.value).endswith("check baseUrl, company, public.key")


async def test_a_web_site_is_no_provider() -> None:
    small = SmallConnectWise([])
    small.answers["/system/info"] = web.Response(text="<html><title>Welcome</title></html>", content_type="text/html")
    async with connected(small) as account:
        with pytest.raises(ProviderDown, match="answered 200 with no JSON; check baseUrl: Welcome"):
            await account.check()


async def test_good_credentials_pass() -> None:
    small = SmallConnectWise([])
    small.answers["/system/info"] = web.json_response({"version": "v2025.1", "isCloud": True})
    async with connected(small) as account:
        await account.check()
    assert small.requests[0].path.endswith("/system/info")


async def test_a_provider_without_a_date_may_be_a_quarter_of_an_hour_behind_or_ahead_of_our_clock() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    quarter = 15 * 60_000
    async with raw_provider(reply) as base, client() as ask:
        account = connection(base, ask)
        page = await account.read_page(resource("contacts"), position=None, size=10)
        assert (page.date_at, page.date_at + page.doubt) == (NOW - quarter, NOW + quarter)
        assert await account.newest_id(resource("contacts")) == (None, NOW - quarter)
    async with connected(SmallConnectWise([1])) as account:
        assert (await account.read_page(resource("contacts"), position=None, size=10)).doubt == 0


async def test_rows_are_counted_on_the_providers_clock() -> None:
    small = SmallConnectWise([])
    small.answers["/company/contacts/count"] = web.json_response(
        {"count": 12}, headers={"Date": "Wed, 25 Nov 2026 12:00:00 GMT"}
    )
    async with connected(small) as account:
        assert await account.count(resource("contacts"), "id>5") == (12, 1_795_608_000_000)
        assert small.queries == [{"conditions": "id>5"}]
        small.answers["/company/contacts/count"] = web.json_response({"total": 12})
        with pytest.raises(ProviderDown, match="counting contacts: the provider answered 200 with no count"):
            await account.count(resource("contacts"))


async def test_the_newest_id_is_the_greatest() -> None:
    small = SmallConnectWise([3, 9, 4])
    async with connected(small) as account:
        newest, _ = await account.newest_id(resource("contacts"))
        assert newest == 9
        assert small.queries == [{"fields": "id", "orderBy": "id desc", "pageSize": "1"}]
        small.ids = []
        assert (await account.newest_id(resource("contacts")))[0] is None


async def test_one_record_comes_as_its_exact_bytes() -> None:
    small = SmallConnectWise([])
    small.answers["/company/contacts/57"] = web.Response(body=b'{ "id":57 }', content_type="application/json")
    async with connected(small) as account:
        assert await account.read_one(resource("contacts"), 57) == b'{ "id":57 }'


async def test_only_the_providers_own_404_says_that_a_record_is_gone() -> None:
    small = SmallConnectWise([])
    small.answers["/company/contacts/57"] = web.json_response(
        {"code": "NotFound", "message": "Contact 57 not found"}, status=404
    )
    small.answers["/company/contacts/58"] = web.Response(text="<h1>404</h1>", status=404, content_type="text/html")
    small.answers["/company/contacts/59"] = web.json_response([])
    async with connected(small) as account:
        with pytest.raises(RecordNotFound, match=r"reading contacts 57: .*Contact 57 not found"):
            await account.read_one(resource("contacts"), 57)
        with pytest.raises(ProviderRefused):
            await account.read_one(resource("contacts"), 58)
        with pytest.raises(ProviderDown, match="with no record"):
            await account.read_one(resource("contacts"), 59)


async def test_an_id_cannot_leave_its_resource() -> None:
    small = SmallConnectWise([])
    async with connected(small) as account:
        with pytest.raises(ProviderDown):
            await account.read_one(resource("contacts"), "../x?y#z")
    assert small.requests[0].raw_path.endswith("/company/contacts/..%2Fx%3Fy%23z")


@pytest.mark.parametrize("body", ["<html><title>Sign in</title></html>", '{"message":"busy"}', "", '[{"id":1}', "null"])
async def test_a_page_that_is_no_list_is_no_page(body: str) -> None:
    small = SmallConnectWise([])
    small.answers["/company/contacts"] = web.Response(text=body)
    async with connected(small) as account:
        with pytest.raises(ProviderDown):
            await account.read_page(resource("contacts"), position=None, size=10)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("baseUrl", None),
        ("baseUrl", "acme.example"),
        ("company", None),
        ("public.key", " "),
        ("connectwise.clientID", "a\r\nX-Injected: 1"),
        ("connectwise.clientID", "schlüssel"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_name(key: str, value: str | None) -> None:
    async with client() as ask:
        with pytest.raises(InvalidInput) as caught:
            Connection(ELEMENT, {"baseUrl": "https://h/apis", **CONFIGURATION, key: value}, SECRETS, ask)
    assert caught.value.field == key


async def test_without_a_private_key_nothing_is_asked() -> None:
    async with client() as ask:
        with pytest.raises(InvalidInput, match=r"private\.key: is missing"):
            Connection(ELEMENT, {"baseUrl": "https://h/apis", **CONFIGURATION}, {}, ask)


SANDBOX = SandboxConfig(contacts=57, companies=8, tickets=23, rate_limit=None)


@asynccontextmanager
async def sandbox(**configuration: str) -> AsyncIterator[Connection]:
    (account,) = SANDBOX.accounts
    values = {"company": account.company, "public.key": account.public_key, "connectwise.clientID": CLIENT_ID}
    async with await build(SANDBOX).start() as running, client() as ask:
        yield Connection(
            ELEMENT, {"baseUrl": running.api, **values, **configuration}, {"private.key": account.private_key}, ask
        )


@pytest.mark.parametrize(("path", "many"), [("contacts", 57), ("organizations", 8), ("incidents", 23)])
async def test_a_sandbox_is_read_whole(path: str, many: int) -> None:
    async with sandbox() as account:
        ids = await read_all(account, resource(path), size=10)
        counted, date_at = await account.count(resource(path))
        newest, _ = await account.newest_id(resource(path))
        one = await account.read_one(resource(path), ids[0])
        page = await account.read_page(resource(path), position=None, size=10)
        with pytest.raises(RecordNotFound):
            await account.read_one(resource(path), 10**8)
    assert len(ids) == len(set(ids)) == counted >= many
    assert newest == max(ids, key=int)
    assert date_at > 1_700_000_000_000
    heads = HeadReader(("id",), resource(path).stamp_path).read(page.body)
    assert bytes(heads.raws[0]) == one
    assert all(heads.stamps)


async def test_a_sandbox_is_read_by_number_as_by_id() -> None:
    async with sandbox() as account:
        by_id = await read_all(account, resource("contacts"), size=10)
        assert await read_all(account, resource("company/contacts"), size=10) == by_id
        newer = await read_all(account, resource("contacts"), size=10, conditions=f"id>{by_id[20]}")
    assert newer == by_id[21:]


async def test_a_sandbox_takes_good_keys() -> None:
    async with sandbox() as account:
        await account.check()


async def test_a_sandbox_refuses_wrong_keys_in_its_own_words() -> None:
    async with sandbox(**{"public.key": "wrong"}) as account:
        with pytest.raises(CredentialsRefused) as caught:
            await account.check()
    assert caught.value.provider_message == "UserNotAuthenticated"
    async with sandbox(company="nobody") as account:
        with pytest.raises(ProviderRefused, match="Cannot route"):
            await account.check()
    async with sandbox(**{"connectwise.clientID": ""}) as account:
        with pytest.raises(CredentialsRefused, match="TIDINGS_CONNECTWISE_CLIENT_ID"):
            await account.check()

"""The life of an account over the API: the page, the code, the instance, its tokens, and what happens when they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog
from aiohttp import web

from tests.api.client import Answer, Client
from tests.api.conftest import World, body
from tests.oauth.conftest import HOUR, MINUTE, element_in
from tests.oauth.server import CALLBACK, CLIENT_ID, CLIENT_SECRET, AuthorizingProvider
from tidings.core.addresses import AddressPolicy
from tidings.core.cursor import decode
from tidings.core.model import Instance, LaneKind, LaneState
from tidings.elements.connection import Connection
from tidings.elements.describe import Element
from tidings.elements.http import ProviderClient, provider_session
from tidings.elements.oauth import TokenEndpoint
from tidings.engine.poll import Poller
from tidings.engine.sources import Sources
from tidings.engine.tokens import TokenKeeper
from tidings.outbound.guard import guarded_connector


class Served:
    """The API with the element in its catalog, the provider, and a poller."""

    def __init__(self, world: World, element: Element) -> None:
        self.world, self.element = world, element
        self.provider = AuthorizingProvider(lambda: world.clock[0])
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> Served:
        world, catalog = self.world, {**self.world.parts.catalog, "ledger": self.element}
        self.stack.push_async_callback(await self.provider.start())
        policy = AddressPolicy(True, ())
        session = await self.stack.enter_async_context(provider_session(guarded_connector(policy)))
        client = ProviderClient(session, clock=lambda: world.clock[0])
        self.endpoint = TokenEndpoint(client, clock=lambda: world.clock[0])
        self.keeper = TokenKeeper(
            world.store,
            catalog,
            self.endpoint.renew,
            clock=lambda: world.clock[0],
            owner="w",
            log=structlog.get_logger(),
        )
        self.stack.push_async_callback(self.keeper.close)

        def connect(element: Element, configuration: Any, secrets: Any) -> Connection:
            return Connection(element, configuration, secrets, client)

        def of_instance(element: Element, instance: Instance) -> Connection:
            tokens = self.keeper.of(instance) if element.authentication.oauth else None
            return Connection(element, instance.configuration, instance.secrets, client, tokens=tokens)

        self.client = world.rebuilt(
            catalog=catalog,
            connect=connect,
            hub=of_instance,
            account=of_instance,
            token_endpoint=self.endpoint,
            policy=policy,
        )
        self.poller = Poller(
            world.store,
            Sources(world.store, catalog, of_instance, interval_floor=1.0, organization_id=1, read_ahead=False).open,
            clock=lambda: world.clock[0],
            dice=lambda: 0.0,
            log=structlog.get_logger(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    @property
    def consent(self) -> dict[str, str]:
        return {
            "apiKey": CLIENT_ID,
            "apiSecret": CLIENT_SECRET,
            "callbackUrl": CALLBACK,
            "siteAddress": self.provider.url,
        }

    async def code(self, **more: str) -> str:
        """What the provider sends to the callback URL when the owner agrees on the page."""
        answer = await self.client("POST", "/elements/ledger/oauth/url", self.consent | more)
        assert answer.status == 200, answer.body
        assert answer.json["element"] == "ledger"
        return self.provider.agree(answer.json["oauthUrl"])["code"]

    def body(self, code: str | None, configuration: Any = None, **more: Any) -> dict[str, Any]:
        given = {
            "oauth.api.key": CLIENT_ID,
            "oauth.api.secret": CLIENT_SECRET,
            "oauth.callback.url": CALLBACK,
            "site.address": self.provider.url,
            "base.url": self.provider.api,
            "event.notification.callback.url": "http://127.0.0.1:9/hook",
        } | (configuration or {})
        data = {"providerData": {"code": code}} if code else {}
        return {"element": {"key": "ledger"}, "name": "Acme", "configuration": given} | data | more

    async def made(self, **more: Any) -> dict[str, Any]:
        answer = await self.client("POST", "/instances", self.body(await self.code(), **more))
        assert answer.status == 200, answer.body
        made: dict[str, Any] = answer.json
        return made

    def of(self, instance: dict[str, Any]) -> Client:
        return self.client.with_element(instance["token"])

    async def read(self, instance_id: int) -> Any:
        return (await self.client("GET", f"/instances/{instance_id}")).json

    async def poll(self) -> None:
        now = self.world.clock[0]
        while lanes := await self.world.store.claim(LaneKind.POLL, "worker", now, now + 30_000, 10):
            for lane in lanes:
                await self.poller.run(lane)


@pytest.fixture
async def served(world: World, tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "catalog").mkdir()
    async with Served(world, element_in(tmp_path / "catalog")) as made:
        yield made


async def test_the_page_has_all_that_the_provider_must_know(served: Served):
    query = "&".join(f"{name}={value}" for name, value in served.consent.items() if name != "apiSecret")
    answer = await served.client("GET", f"/elements/ledger/oauth/url?{query}&apiSecret=s")
    assert answer.status == 200, answer.body
    url = urlsplit(answer.json["oauthUrl"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{served.provider.url}/oauth/authorize"
    said = dict(parse_qsl(url.query))
    assert said.pop("code_challenge")
    assert said == {
        "access_type": "offline",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "contacts.read offline",
        "state": "ledger",
        "code_challenge_method": "S256",
    }
    given = served.consent | {"state": "mine", "scope": "contacts.read"}
    by_id = await served.client("POST", "/elements/9001/oauth/url", given)
    said = dict(parse_qsl(urlsplit(by_id.json["oauthUrl"]).query))
    assert (said["state"], said["scope"]) == ("mine", "contacts.read")
    assert CLIENT_SECRET not in by_id.body.decode()


@pytest.mark.parametrize("name", ["apiKey", "apiSecret", "callbackUrl", "siteAddress"])
async def test_what_is_missing_for_the_page_is_named(served: Served, name: str):
    given = served.consent
    del given[name]
    for answer in (
        await served.client("POST", "/elements/ledger/oauth/url", given),
        await served.client("POST", "/elements/ledger/oauth/url", given | {name: " "}),
        await served.client("GET", "/elements/ledger/oauth/url?" + "&".join(f"{k}={v}" for k, v in given.items())),
    ):
        assert (answer.status, answer.message.partition(":")[0]) == (400, name), answer.body


@pytest.mark.parametrize(
    "wrong", [5, {}, [], ["x"], "\ud800", "javascript:alert(1)", "//h", "http://[", "a\x00b", "http://u@h"]
)
async def test_a_bad_site_is_refused_by_its_name(served: Served, wrong: Any):
    answer = await served.client("POST", "/elements/ledger/oauth/url", served.consent | {"siteAddress": wrong})
    assert (answer.status, answer.message.partition(":")[0]) == (400, "siteAddress"), answer.body


async def test_an_element_with_keys_has_no_page(served: Served):
    answer = await served.client("POST", "/elements/connectwisecrmrest/oauth/url", served.consent)
    assert answer.status == 400
    assert "has no OAuth" in answer.message
    assert (await served.client("POST", "/elements/nothing/oauth/url", served.consent)).status == 404


async def test_the_element_says_that_it_has_oauth(served: Served):
    shown = (await served.client("GET", "/elements/ledger")).json
    assert (shown["typeOauth"], shown["authentication"]) == (True, {"type": "oauth2"})
    assert {"oauth.api.key", "oauth.user.refresh_interval"} <= {each["key"] for each in shown["configuration"]}


async def test_a_code_becomes_an_instance_whose_tokens_are_kept_and_never_shown(served: Served, tmp_path: Path):
    made = await served.made()
    assert (made["valid"], made["externalAuthentication"], made["element"]["typeOauth"]) == (True, "none", True)
    shown = made["configuration"]
    for key in ("oauth.api.key", "oauth.api.secret", "oauth.user.token", "oauth.user.refresh_token"):
        assert shown[key] == "********"
    assert shown["oauth.user.refresh_interval"] == "3600"
    assert shown["oauth.user.refresh_time"] == str(served.world.clock[0])
    assert "providerData" not in made
    assert "canary" not in json.dumps(made)
    assert (await served.of(made)("GET", "/ping")).status == 200
    assert [path for path in tmp_path.glob("t.sqlite3*") if b"canary" in path.read_bytes()] == []


async def test_the_providers_refusal_is_told_in_its_words_and_nothing_is_made(served: Served):
    code = await served.code()
    answer = await served.client("POST", "/instances", served.body("nonsense"))
    assert (answer.status, answer.json["providerMessage"].partition(":")[0]) == (400, "invalid_grant"), answer.body
    other = served.body(code, {"oauth.api.secret": "wrong"})
    answer = await served.client("POST", "/instances", other)
    assert (answer.status, answer.json["providerMessage"].partition(":")[0]) == (401, "invalid_client"), answer.body
    assert (await served.client("GET", "/instances")).status == 404


async def test_the_code_of_a_page_that_another_account_was_shown_is_refused(served: Served):
    theirs = served.consent | {"callbackUrl": CALLBACK}
    page = (await served.client("POST", "/elements/ledger/oauth/url", theirs)).json["oauthUrl"]
    challenge = dict(parse_qsl(urlsplit(page).query))["code_challenge"]
    code = served.provider.agree(page.replace(challenge, "x" * 43))["code"]
    answer = await served.client("POST", "/instances", served.body(code))
    assert (answer.status, "providerMessage" in answer.json) == (400, True)


async def test_what_is_wrong_without_the_provider_is_told_before_the_code_is_used_up(served: Served):
    code = await served.code()
    wrong = served.body(code, {"event.poller.refresh_interval": "never"})
    assert (await served.client("POST", "/instances", wrong)).status == 400
    assert served.provider.asked == []
    assert (await served.client("POST", "/instances", served.body(code))).status == 200


async def test_a_provider_that_does_not_take_its_own_token_makes_nothing(served: Served):
    served.provider.records.before = lambda request: web.json_response({"message": "go away"}, status=401)
    answer = await served.client("POST", "/instances", served.body(await served.code()))
    assert (answer.status, "has just given" in answer.message) == (401, True)
    assert (await served.client("GET", "/instances")).status == 404


@pytest.mark.parametrize("data", [None, {}, {"code": None}, {"code": ""}, {"error": "access_denied"}])
async def test_an_instance_needs_a_code(served: Served, data: Any):
    answer = await served.client("POST", "/instances", served.body(None) | {"providerData": data})
    assert (answer.status, answer.message.partition(":")[0]) == (400, "providerData.code")


@pytest.mark.parametrize("data", [5, "x", [], {"code": 5}, {"code": "\ud800"}, {"code": "x" * 10_000}, {"code": {}}])
async def test_a_bad_code_is_refused_by_name(served: Served, data: Any):
    answer = await served.client("POST", "/instances", served.body(None) | {"providerData": data})
    assert (answer.status, answer.message.partition(":")[0].partition(".")[0]) == (400, "providerData")
    assert served.provider.asked == []


async def test_an_element_with_keys_takes_no_notice_of_a_code(served: Served):
    answer = await served.world.client("POST", "/instances", body(providerData={"code": 5}))
    assert answer.status == 200
    assert (await served.world.client("PATCH", f"/instances/{answer.json['id']}", {"providerData": 5})).status == 200


async def test_a_refresh_token_of_ones_own_is_enough(served: Served):
    first = await served.endpoint.exchange(
        served.element,
        {
            "site.address": served.provider.url,
            "oauth.callback.url": CALLBACK,
            "oauth.api.key": CLIENT_ID,
            "oauth.api.secret": CLIENT_SECRET,
        },
        served.provider.code(),
        None,
    )
    own = served.body(None, {"oauth.user.refresh_token": first.refresh})
    refused = await served.client("POST", "/instances", own)
    assert (refused.status, "externalAuthentication" in refused.message) == (400, True)
    made = await served.client("POST", "/instances", own | {"externalAuthentication": "initial"})
    assert made.status == 200, made.body
    assert made.json["externalAuthentication"] == "initial"
    assert "canary" not in made.body.decode()
    assert (await served.of(made.json)("GET", "/ping")).status == 200
    assert (served.provider.renewals, served.provider.reuses) == (1, 0)
    again = await served.client(
        "PUT", f"/instances/{made.json['id']}", made.json | {"configuration": own["configuration"]}
    )
    assert again.status == 400, again.body  # it was changed for another, and using it again would end the grant
    missing = await served.client("POST", "/instances", served.body(None) | {"externalAuthentication": "initial"})
    assert (missing.status, "oauth.user.refresh_token" in missing.message) == (400, True)


async def test_the_users_own_refresh_token_is_not_lost_to_a_provider_that_is_down(served: Served):
    served.provider.records.before = lambda request: web.Response(status=503)
    first = await served.endpoint.exchange(
        served.element,
        {
            "site.address": served.provider.url,
            "oauth.callback.url": CALLBACK,
            "oauth.api.key": CLIENT_ID,
            "oauth.api.secret": CLIENT_SECRET,
        },
        served.provider.code(),
        None,
    )
    own = served.body(None, {"oauth.user.refresh_token": first.refresh}, externalAuthentication="initial")
    made = await served.client("POST", "/instances", own)
    assert made.status == 200, made.body
    another = await served.endpoint.exchange(
        served.element, {**served.body(None)["configuration"]}, served.provider.code(), None
    )
    path, given = f"/instances/{made.json['id']}", {"configuration": {"oauth.user.refresh_token": another.refresh}}
    patched = await served.client("PATCH", path, given)
    assert patched.status == 200, patched.body
    served.provider.records.before = lambda request: None
    assert (await served.of(made.json)("GET", "/ping")).status == 200
    assert served.provider.reuses == 0


async def test_an_instance_is_read_and_written_back_without_losing_its_tokens(served: Served):
    made = await served.made()
    served.world.clock[0] += HOUR
    assert (await served.of(made)("GET", "/hubs/crm/contacts")).status == 200
    token, first = served.provider.seen[-1], made["configuration"]["oauth.user.refresh_time"]
    for method, sent in (("PUT", made), ("PATCH", {"name": "Other", "configuration": made["configuration"]})):
        answer = await served.client(method, f"/instances/{made['id']}", sent)
        assert answer.status == 200, answer.body
        assert answer.json["token"] == made["token"]
        assert answer.json["configuration"]["oauth.user.refresh_time"] != first
        stored = await served.world.store.instance(made["id"])
        assert stored is not None
        # A copy of a token would outlive the one that is renewed.
        assert set(stored.secrets) == {"oauth.api.key", "oauth.api.secret"}
        assert "oauth.user.refresh_time" not in stored.configuration
    assert (await served.of(made)("GET", "/hubs/crm/contacts")).status == 200
    assert (served.provider.seen[-1], served.provider.renewals) == (token, 1)


async def test_what_the_server_keeps_cannot_be_written_alone(served: Served):
    made = await served.made()
    entries = (await served.client("GET", f"/instances/{made['id']}/configuration")).json
    (entry,) = (each for each in entries if each["key"] == "oauth.user.refresh_token")
    assert entry["propertyValue"] == "********"
    path = f"/instances/{made['id']}/configuration/{entry['id']}"
    assert (await served.client("PATCH", path, {"propertyValue": "mine"})).status == 400
    assert (await served.client("PATCH", path, entry)).status == 200
    written = {"configuration": {"oauth.user.token": "mine"}}
    assert (await served.client("PATCH", f"/instances/{made['id']}", written)).status == 400
    assert (await served.of(made)("GET", "/ping")).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_new_code_authenticates_the_same_instance_again(served: Served, method: str):
    made = await served.made()
    served.provider.revoke_all()
    served.world.clock[0] += MINUTE
    refused = await served.of(made)("GET", "/hubs/crm/contacts")
    assert refused.status == 401
    assert refused.json["providerMessage"].startswith("invalid_grant")
    shown = await served.read(made["id"])
    assert shown["valid"] is False
    assert "Authenticate again" in shown["validMessage"]
    assert (await served.client("PATCH", f"/instances/{made['id']}", {"name": "Still closed"})).status == 200
    wrong = await served.client(method, f"/instances/{made['id']}", served.body("nonsense"))
    assert (wrong.status, "providerMessage" in wrong.json) == (400, True)
    code = await served.code()
    sent = served.body(code) if method == "PUT" else {"name": "Open", "providerData": {"code": code}}
    answer = await served.client(method, f"/instances/{made['id']}", sent)
    assert answer.status == 200, answer.body
    assert (answer.json["id"], answer.json["token"], answer.json["valid"]) == (made["id"], made["token"], True)
    assert "providerData" not in answer.json
    assert (await served.of(made)("GET", "/hubs/crm/contacts")).status == 200


async def test_a_secret_that_has_changed_is_written_without_a_trial_that_would_need_it(served: Served):
    made = await served.made()
    path = f"/instances/{made['id']}"
    assert (await served.client("PATCH", path, {"configuration": {"oauth.api.secret": "wrong"}})).status == 200
    served.world.clock[0] += HOUR
    refused = await served.of(made)("GET", "/hubs/crm/contacts")
    assert (refused.status, refused.json["providerMessage"].partition(":")[0]) == (401, "invalid_client")
    good = {"configuration": {"oauth.api.secret": CLIENT_SECRET}}
    assert (await served.client("PATCH", path, good)).status == 200
    assert (await served.of(made)("GET", "/hubs/crm/contacts")).status == 200
    away = await served.client("PATCH", path, {"configuration": {"base.url": f"{served.provider.url}/nowhere"}})
    assert away.status >= 400
    assert (await served.of(made)("GET", "/hubs/crm/contacts")).status == 200


async def test_polls_and_hub_calls_share_one_renewal_and_a_closed_account_loses_nothing(served: Served):
    events = {"event.notification.enabled": "true", "event.poller.refresh_interval": "1"}
    served.provider.records.put(1, firstName="Ann")
    made = await served.made(configuration=events)
    await served.poll()
    served.world.clock[0] += HOUR
    served.provider.records.put(2, firstName="Bo")
    hub = served.of(made)
    await asyncio.gather(served.poll(), *(hub("GET", "/hubs/crm/contacts") for _ in range(5)))
    assert (served.provider.renewals, served.provider.reuses) == (1, 0)
    assert await events_of(served, made) == [("CREATED", "2")]

    served.provider.revoke_all()
    served.world.clock[0] += 2 * MINUTE
    served.provider.records.put(3, firstName="Cy")
    await served.poll()
    (lane,) = await served.world.store.lanes(LaneKind.POLL, made["id"])
    assert lane.state is LaneState.PARKED
    assert decode(lane.cursor).watermark_at is not None
    shown = await served.read(made["id"])
    assert "Authenticate again" in shown["validMessage"]

    served.world.clock[0] += HOUR
    served.provider.records.put(4, firstName="Di")
    answer: Answer = await served.client(
        "PATCH", f"/instances/{made['id']}", {"providerData": {"code": await served.code()}}
    )
    assert answer.json["valid"] is True
    await served.poll()
    assert await events_of(served, made) == [("CREATED", "2"), ("CREATED", "3"), ("CREATED", "4")]


async def events_of(served: Served, made: dict[str, Any]) -> list[tuple[str, str]]:
    log = await served.world.store.log_after(made["id"], 0, 1000)
    return [(each["eventType"], str(each["objectId"])) for n in log for each in json.loads(n.body)["message"]["events"]]


async def test_validation_asks_with_a_token_that_counts(served: Served):
    made = await served.made()
    served.world.clock[0] += HOUR
    answer = await served.client("GET", f"/instances/{made['id']}/validate?force=true")
    assert answer.json["valid"] is True
    served.provider.revoke_all()
    served.world.clock[0] += MINUTE
    answer = await served.client("GET", f"/instances/{made['id']}/validate?force=true")
    assert answer.json["valid"] is False
    assert "Authenticate again" in answer.json["reason"]

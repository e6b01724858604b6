"""Does a secret ever come out? The installed command is given secrets by every door, and everything it says is read.

The provider refuses and breaks, the receiver too, and the log tells all it can: what is looked for in the end is
whatever was given, in the log, in every answer, and in the bytes of every file of the data directory.
"""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.e2e.receiver import Receiver
from tests.e2e.server import BASE, Server, an_event_or_a_moment
from tests.engine.provider import Provider

PRIVATE, KEY, PASSWORD = "canary-private-key", "canary-signature-key", "canary-password"
NEW_PRIVATE, PERSONS = "canary-second-private-key", "Canary-1842-of-Ada"
#: Of a subscription its key, a header, a password and another key; of an account the key of its notices.
OTHERS = [f"canary-{name}" for name in ("other-key", "header", "login", "rotated-key", "notices-key")]
SECOND = 1_700_000_000_000


class Listener:
    """A client that remembers every byte it was answered."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session
        self.heard: list[bytes] = []

    async def __call__(
        self, method: str, path: str, body: object = None, *, secret: bool = False, **headers: str
    ) -> Any:
        url = f"http://127.0.0.1:{self.server.port}{BASE}{path}"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            said = await answer.read()
            if not secret:
                self.heard.append(said + repr(answer.headers).encode())
            return json.loads(said)


async def until_parked(call: Listener, element: str) -> None:
    async with asyncio.timeout(30):
        while (await call("GET", "/jobs", Authorization=element))[0]["resources"][0]["state"] != "parked":
            await an_event_or_a_moment(call, "/instances/events/feed", Authorization=element)


@pytest.mark.timeout(120)
async def test_no_secret_is_logged_returned_or_stored_in_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIDINGS_ADMIN_PASSWORD", PASSWORD)
    monkeypatch.setenv("TIDINGS_LOG_LEVEL", "debug")
    provider, receiver, server = Provider(lambda: SECOND), Receiver(), Server(tmp_path / "data")
    provider.put(1, SECOND - 60_000, n=0)
    app = provider.app()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiving = await receiver.start()
    failures = [500]

    async def fail_first(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=failures.pop(), text="broken") if failures else None

    receiver.before = fail_first
    try:
        await server.start()
        async with aiohttp.ClientSession() as session:
            call = Listener(server, session)
            bearer = (
                await call(
                    "POST", "/authentication", {"username": "admin@localhost", "password": PASSWORD}, secret=True
                )
            )["token"]
            secrets = await call("GET", "/authentication/secrets", secret=True, Authorization=f"Bearer {bearer}")
            user = f"User {secrets['userSecret']}, Organization {secrets['organizationSecret']}"
            await call("GET", "/elements", Authorization=f"User {secrets['userSecret']}x, Organization o")
            wanted = {
                "element": {"key": "connectwisecrmrest"},
                "name": "Acme",
                "configuration": {
                    "baseUrl": f"http://127.0.0.1:{runner.addresses[0][1]}/v4_6_release/apis/3.0",
                    "company": "acme",
                    "public.key": "public",
                    "private.key": PRIVATE,
                    "event.notification.enabled": True,
                    "event.notification.callback.url": receiver.url,
                    "event.notification.signature.key": KEY,
                    "event.poller.refresh_interval": "0.02",
                    "event.objects": "contacts",
                },
            }
            # A provider that repeats what it was given, as some error pages do.
            login = base64.b64encode(f"acme+public:{PRIVATE}".encode()).decode()
            provider.before = lambda request: web.json_response(
                {"code": "UserNotAuthenticated", "message": f"{PRIVATE} or Basic {login} is wrong"}, status=401
            )
            refused = await call("POST", "/instances", wanted, Authorization=user)
            assert "is wrong" in refused["providerMessage"]
            provider.before = lambda request: None
            heard = {
                "url": receiver.url,
                "signatureKey": OTHERS[0],
                "headers": {"X-Api-Key": OTHERS[1]},
                "basic": {"username": "me", "password": OTHERS[2]},
            }
            subscription = {"channel": "webhook", "topics": ["ops"], "config": heard}
            subscribed = await call("POST", "/notifications/subscriptions", subscription, Authorization=user)
            other = f"/notifications/subscriptions/{subscribed['id']}"
            await call("POST", f"{other}/rotate", {"key": OTHERS[3]}, Authorization=user)
            await call("PATCH", "/accounts/settings", {"notices.key": OTHERS[4]}, Authorization=user)
            await call("POST", "/notifications", {"topic": "ops", "message": "Hello"}, Authorization=user)
            person = {"firstName": "Bo", "lastName": "Xu", "email": "bo@x.example", "password": PERSONS}
            new = await call("POST", "/users", person, secret=True, Authorization=user)
            assert PERSONS not in json.dumps(new)
            mine = {"username": "bo@x.example", "password": PERSONS, "newPassword": f"{PERSONS}-2"}
            await call("PUT", "/authentication/password", mine | {"newPassword": "short"})
            await call("PUT", "/authentication/password", mine)
            for asked in (f"/users/{new['id']}", "/organizations/users", "/accounts"):
                await call("GET", asked, Authorization=user)
            made = await call("POST", "/instances", wanted, secret=True, Authorization=user)
            assert PRIVATE not in json.dumps(made)
            assert KEY not in json.dumps(made)
            token, path = made["token"], f"/instances/{made['id']}"
            element = f"{user}, Element {token}"
            async with asyncio.timeout(60):
                while not receiver.bodies:
                    provider.put(len(provider.rows) + 1, SECOND, n=1)
                    await call("GET", "/instances/events/feed?after=0&wait=1", Authorization=element)
                    receiver.arrived.clear()
                    if not failures:
                        await receiver.arrived.wait()
            changed = {"configuration": {"private.key": NEW_PRIVATE}}
            await call("PATCH", path, changed, secret=True, Authorization=user)
            expired = {"code": "Security", "message": f"{NEW_PRIVATE} expired"}
            provider.before = lambda request: web.json_response(expired, status=401)
            await until_parked(call, element)
            for asked in ("/configuration", "/events", "/events/feed?after=0"):
                await call("GET", path + asked, Authorization=user)
            await call("GET", "/jobs", Authorization=user)
            for asked in ("", "/deliveries?hydrate=true"):
                await call("GET", f"/notifications/subscriptions{asked}", Authorization=user)
            await call("GET", "/accounts/settings", Authorization=user)
        assert await server.stop() == 0
    finally:
        server.kill()
        await runner.cleanup()
        await receiving.cleanup()
    given = [
        PRIVATE,
        NEW_PRIVATE,
        KEY,
        *OTHERS,
        PASSWORD,
        PERSONS,
        login,
        bearer,
        *secrets.values(),
        token,
        new["secret"],
    ]
    log = "\n".join(server.lines)
    assert "delivery.attempted" in log
    assert "poll.parked" in log
    assert [secret for secret in given if secret in log] == []
    assert [secret for secret in given for said in call.heard if secret.encode() in said] == []
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert {"tidings.db", "master.key"} <= {file.name for file in files}
    assert [(secret, file.name) for secret in given for file in files if secret.encode() in file.read_bytes()] == []

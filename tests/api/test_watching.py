"""The joined server: an incident reaches the receiver of notices, and the scrape says what was done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from pydantic import SecretStr

from tests.api.client import Client
from tests.api.test_budget import of
from tests.api.test_metrics import scraped
from tests.elements.provider import provider
from tidings.app import build
from tidings.core.signing import SIGNATURE_HEADER, platform_signature
from tidings.engine.watchdog import Watchdog
from tidings.settings import Settings

KEY = "canary-notices-key"
ON = {"event.notification.enabled": "true", "event.objects": "contacts"}


async def test_an_incident_is_posted_signed_and_the_scrape_counts_what_led_to_it(tmp_path: Path) -> None:
    heard: asyncio.Queue[tuple[dict[str, Any], bool]] = asyncio.Queue()

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/notices"):
            body = await request.read()
            signed = request.headers.get(SIGNATURE_HEADER) == platform_signature(KEY, body)
            await heard.put((orjson.loads(body), signed))
            return web.Response()
        if request.path.endswith("/info"):
            return web.json_response({"version": "1"})
        return web.json_response({"code": "Unauthorized", "message": "these keys were withdrawn"}, status=401)

    async with provider(answer) as base:
        settings = Settings(
            data=tmp_path, allow_private_networks=True, notices_url=f"{base}/notices", notices_key=SecretStr(KEY)
        )
        async with build(settings) as app:
            user = Client(app.api, f"User {app.user.secret}, Organization {app.user.organization_secret}")
            running = asyncio.create_task(app.run())
            assert (await user("POST", "/instances", of(base, **ON))).status == 200
            (watchdog,) = (loop for loop in app.loops if isinstance(loop, Watchdog))
            while not (await user("GET", "/jobs/polling-disabled")).json:
                await asyncio.sleep(0.01)
            await watchdog.look()
            said, signed = await asyncio.wait_for(heard.get(), 20)
            found = await scraped(Client(app.api))
            listed = (await user("GET", "/notices?open=true")).json
            running.cancel()
            await asyncio.wait([running])
    assert (said["event"], signed) == ("notice.opened", True)
    assert [said["notice"]] == listed
    assert "these keys were withdrawn" in said["notice"]["reason"]
    assert found["tidings_notices_open", "polling.parked"] == 1
    assert found["tidings_readings_total", "probe", "refused"] == 1
    assert found["tidings_provider_requests_total", "forbidden"] >= 1
    assert found["tidings_resource_parked", "1", "contacts"] == 1


async def test_a_server_watches_and_tells_though_it_has_no_address_of_its_own_for_notices(tmp_path: Path) -> None:
    # An account may have one.
    async with build(Settings(data=tmp_path)) as app:
        assert {"Watchdog", "Teller"} <= {type(loop).__name__ for loop in app.loops}

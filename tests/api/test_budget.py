"""The joined server: what it asks of a provider is counted together."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from tests.api.client import Client
from tests.api.conftest import body
from tests.elements.provider import provider
from tidings.app import build
from tidings.settings import Settings


async def test_calls_beyond_the_budget_are_refused_with_the_time_to_come_again(tmp_path: Path) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.json_response({"version": "1"})

    settings = Settings(data=tmp_path, requests_a_minute=2, allow_private_networks=True, role="api")
    async with provider(answer) as base, build(settings) as app:
        user = Client(app.api, f"User {app.user.secret}, Organization {app.user.organization_secret}")
        answers = [await user("POST", "/instances", of(base)) for _ in range(3)]
        other = await user("POST", "/instances", of(base, company="other"))
    assert [each.status for each in (*answers, other)] == [200, 200, 429, 200]
    assert 10 <= int(answers[2].headers["retry-after"]) <= 61
    assert "the 2 requests of this minute are spent" in answers[2].message
    assert len(seen) == 3


def of(base: str, **configuration: str) -> dict[str, object]:
    made = body()
    made["configuration"] |= {"baseUrl": base} | configuration
    return made

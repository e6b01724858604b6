"""Is what became of a record printed as one timeline, from however many pages?"""

from __future__ import annotations

import json

from aiohttp import web

from tests.cli.test_command import tidings
from tidings.cli.explain import told, whole
from tidings.cli.platform import Platform

SECRETS = {"userSecret": "u", "organizationSecret": "o"}
ATTEMPTS = [
    {"number": 1, "date": "2026-09-21T14:00:02Z", "status": 503, "error": None, "tookMs": 12},
    {"number": 2, "date": "2026-09-21T14:00:06Z", "status": None, "error": "no answer", "tookMs": 30000},
]
EVENT = {"eventType": "UPDATED", "sequence": 4, "eventId": "n4", "status": "DISPATCHED", "attempts": ATTEMPTS}
SEEN = {
    "kind": "seen",
    "date": "2026-09-21T14:00:01Z",
    "reading": "poll",
    "asked": "records stamped since 2026-09-21T13:58:00Z",
    "said": "the record came with other content than was known: UPDATED",
    "events": [EVENT],
}
UNSEEN = {"kind": "unseen", "date": "2026-09-21T14:01:00Z", "until": "2026-09-21T14:09:00Z", "said": "9 polls …"}
FAILED = {"kind": "failed", "date": "2026-09-21T14:10:00Z", "said": "the poll failed: on fire"}


def page(entries, next_page=None, **changes):
    return {
        "said": "contacts/57 was seen once, and announced once",
        "from": "2026-09-20T14:11:00Z",
        "to": "2026-09-21T14:11:00Z",
        "trailDate": "2026-09-14T14:11:00Z",
        "known": {"state": "present", "stampDate": "2026-09-21T13:59:59Z", "deleteHeld": True, "unreadable": False},
        "polling": {"state": "ready", "reason": None},
        "entries": entries,
        "nextPage": next_page,
    } | changes


def test_what_happened_is_told_line_by_line():
    assert list(told(page([SEEN, UNSEEN, FAILED]))) == [
        "contacts/57 was seen once, and announced once",
        "from 2026-09-20T14:11:00Z to 2026-09-21T14:11:00Z; the trail reaches back to 2026-09-14T14:11:00Z",
        "it is present, stamped 2026-09-21T13:59:59Z, its delete is held for a person",
        "",
        "2026-09-21T14:00:01Z  poll (asked for records stamped since 2026-09-21T13:58:00Z): the record came with other"
        " content than was known: UPDATED",
        "    UPDATED #4 in n4: DISPATCHED",
        "        2026-09-21T14:00:02Z  attempt 1: answered 503, after 12 ms",
        "        2026-09-21T14:00:06Z  attempt 2: no answer, after 30000 ms",
        "",
        "2026-09-21T14:01:00Z – 2026-09-21T14:09:00Z  9 polls …",
        "",
        "2026-09-21T14:10:00Z  the poll failed: on fire",
    ]


def test_an_unknown_record_of_a_parked_resource_is_told_with_the_reason():
    found = page([], known=None, trailDate=None, polling={"state": "parked", "reason": "keys refused"})
    assert list(told(found))[1:] == [
        "from 2026-09-20T14:11:00Z to 2026-09-21T14:11:00Z; the trail reaches back to nothing yet",
        "polling is parked: keys refused",
    ]


async def test_page_after_page_is_asked_for_with_the_same_question():
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, dict(request.query)))
        return web.json_response(page([SEEN], "t") if len(asked) == 1 else page([FAILED]))

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Platform(f"http://127.0.0.1:{runner.addresses[0][1]}", SECRETS) as platform:
            found = await whole(platform, 1, {"resource": "contacts", "objectId": "57"})
    finally:
        await runner.cleanup()
    assert json.dumps(found["entries"]) == json.dumps([SEEN, FAILED])
    question = {"resource": "contacts", "objectId": "57"}
    path = "/elements/api-v2/instances/1/explain"
    assert asked == [(path, question), (path, {**question, "nextPage": "t"})]


def test_without_secrets_it_says_what_is_missing(tmp_path):
    done = tidings("explain", "1", "contacts", "57", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "holds no Tidings" in done.stderr

"""The receiver of notices hears each opening and each closing at least once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import orjson
import pytest

from tests.engine.delivering import Lines
from tests.store.contract import new_instance, plan
from tidings.core.model import Outcome
from tidings.core.signing import ID_HEADER, SIGNATURE_HEADER, platform_signature
from tidings.engine.tell import Teller
from tidings.store.secrets import load_vault
from tidings.store.sqlite import open_sqlite

NOW = 1_790_000_000_000
PARKED = (1, "polling.parked", "contacts")


class Told:
    """A store with one instance, and a receiver that answers as `status` says; None does not answer."""

    def __init__(self, store):
        self.store, self.now, self.log = store, NOW, Lines()
        self.status: int | None = 200
        self.posts: list[tuple[str, dict, bytes]] = []

    def teller(self, key="canary-key", url="https://ops.example/notices", **more):
        return Teller(self.store, self.send, url, key, clock=lambda: self.now, log=self.log, **more)

    async def send(self, url, headers, body):
        self.posts.append((url, dict(headers), body))
        return Outcome(self.status, None if self.status == 200 else "no", None, "", 0.1)

    async def notice(self, *subjects):
        opened, _ = await self.store.turn_notices(dict.fromkeys(subjects or (PARKED,), "401"), (), self.now, tell=True)
        return opened[0]

    async def close(self, *notices):
        await self.store.turn_notices({}, [each.id for each in notices], self.now, tell=True)

    @property
    def heard(self):
        return [orjson.loads(body)["event"] for _, _, body in self.posts]


@pytest.fixture
async def told(tmp_path):
    store = await open_sqlite(tmp_path / "t.db", load_vault(tmp_path / "key"), synchronous="off")
    await store.create_instance(new_instance(), plan("contacts"), NOW)
    yield Told(store)
    await store.close()


async def test_an_opening_and_its_closing_are_posted_signed_and_once_each(told):
    notice = await told.notice()
    await told.teller().tell()
    await told.teller().tell()
    told.now += 5000
    await told.close(notice)
    await told.teller().tell()
    assert told.heard == ["notice.opened", "notice.closed"]
    url, headers, body = told.posts[0]
    assert (url, headers[ID_HEADER]) == ("https://ops.example/notices", f"notice-{notice.id}-opened")
    assert headers[SIGNATURE_HEADER] == platform_signature("canary-key", body)
    said = orjson.loads(body)["notice"]
    assert (said["instanceId"], said["kind"], said["subject"]) == PARKED
    assert (said["reason"], said["closedDate"]) == ("401", None)
    assert orjson.loads(told.posts[1][2])["notice"]["closedDate"] == "2026-09-21T14:13:25Z"


async def test_without_a_key_nothing_is_signed(told):
    await told.notice()
    await told.teller(key=None).tell()
    assert SIGNATURE_HEADER not in told.posts[0][1]


async def test_what_was_not_acknowledged_is_sent_again_later_with_the_same_id_and_bytes_also_after_a_restart(told):
    notice = await told.notice()
    told.status = 500
    waits = []
    for _ in range(8):
        tries = len(told.posts)
        began = told.now
        while len(told.posts) == tries:
            await told.teller().tell()
            told.now += 1000
        waits.append((told.now - 1000 - began) // 1000)
    await told.close(notice)
    told.now += 3_600_000
    told.status = 200
    await told.teller().tell()
    # The first is due at once, and the loop above has moved the clock by a second after each.
    assert waits == [0, 3, 15, 63, 255, 1023, 3599, 3599]
    assert len({(headers[ID_HEADER], body) for _, headers, body in told.posts[:-1]}) == 1
    assert told.heard[-2:] == ["notice.opened", "notice.closed"]
    lines = [fields for event, fields in told.log.lines if event == "notice.not_told"]
    assert (len(lines), lines[0]["status"], lines[0]["next_in_ms"]) == (8, 500, 4000)


async def test_a_receiver_that_does_not_answer_is_left_alone_until_the_next_look(told):
    await told.notice(PARKED, (1, "polling.parked", "incidents"))
    told.status = None
    await told.teller().tell()
    assert len(told.posts) == 1


async def test_a_notice_that_is_refused_does_not_hold_up_the_others(told):
    await told.notice(PARKED, (1, "polling.parked", "incidents"))
    told.status = 400
    await told.teller().tell()
    assert len(told.posts) == 2


async def test_the_teller_tells_when_it_is_woken_and_survives_a_store_that_fails(told):
    teller = told.teller(look_every=1000.0)
    failing = told.store.untold

    async def broken(now, limit):
        told.store.untold = failing
        raise OSError("disk full")

    told.store.untold = broken
    telling = asyncio.create_task(teller.loop())
    while not told.log.lines:
        await asyncio.sleep(0)
    await told.notice()
    teller.wake()
    while not told.posts:
        await asyncio.sleep(0)
    telling.cancel()
    with suppress(asyncio.CancelledError):
        await telling
    assert (told.log.lines[0][0], told.heard) == ("teller.failed", ["notice.opened"])


async def test_an_accounts_own_receiver_is_told_instead_and_signed_with_its_own_key_alone(told):
    await told.store.change_account_settings(1, {"notices.url": "https://own.example/"}, NOW)
    await told.notice()
    await told.teller().tell()
    await told.store.change_account_settings(1, {"notices.key": "canary-own-key"}, NOW)
    await told.notice((1, "polling.parked", "incidents"))
    await told.teller().tell()
    (first, unsigned, _), (second, signed, body) = told.posts
    assert (first, second) == ("https://own.example/", "https://own.example/")
    assert SIGNATURE_HEADER not in unsigned
    assert signed[SIGNATURE_HEADER] == platform_signature("canary-own-key", body)


async def test_without_any_receiver_a_notice_is_told_to_nobody_later_neither(told):
    await told.notice()
    await told.teller(url=None, key=None).tell()
    await told.teller().tell()
    assert told.posts == []
    assert len(await told.store.open_notices()) == 1


async def test_a_receiver_that_does_not_answer_holds_up_no_other_accounts(told):
    await told.store.create_instance(new_instance(account_id=2, token="other"), plan("contacts"), NOW)
    await told.store.change_account_settings(2, {"notices.url": "https://own.example/"}, NOW)
    await told.notice(PARKED, (1, "polling.parked", "incidents"), (2, "polling.parked", "contacts"))
    told.status = None
    await told.teller().tell()
    assert [url for url, _, _ in told.posts] == ["https://ops.example/notices", "https://own.example/"]

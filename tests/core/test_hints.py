"""Is a hint signed, is its key where the provider keeps keys, and what may it hurry?"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.cursor import ENCODE, PollCursor, Reading, ReadingKind
from tidings.core.errors import InvalidInput
from tidings.core.hints import Haste, digest, haste, is_signed, may_ask_for_key, refuse_hints, signature
from tidings.core.model import Lane, LaneKind, LaneState
from tidings.sandbox import callback_message

CLOUD = "https://api-na.myconnectwise.net/v4_6_release/apis/3.0"
KEY = "na.myconnectwise.net/v2025_1//system/callbackkey/index.rails?companyName=Cobalt&id=e17e6674-42f6"


def may(address: str, base: str = CLOUD, company: str = "Cobalt") -> bool:
    return may_ask_for_key(
        address, base, path="/system/callbackkey/index.rails", query={"companyName": company}, host_prefix="api-"
    )


@given(st.text(max_size=20), st.binary(max_size=50))
def test_the_signature_is_the_one_that_the_provider_makes(key: str, body: bytes) -> None:
    made = callback_message.signature(key, body)
    assert signature(key, body) == made
    assert is_signed(key, body, f" {made} ")


@given(st.binary(min_size=1, max_size=50), st.integers(0, 10**6), st.text(max_size=60))
def test_no_other_body_key_or_signature_is_taken(body: bytes, place: int, other: str) -> None:
    good = signature("key", body)
    position = place % len(body)
    flipped = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
    assert not is_signed("key", flipped, good)
    assert not is_signed("kez", body, good)
    assert not is_signed("key", body, "")
    assert not is_signed("key", body, base64.b16encode(base64.b64decode(good)).decode())
    assert is_signed("key", body, other) == (other.strip() == good)


@pytest.mark.parametrize(
    ("address", "base"),
    [
        (f"https://{KEY}", CLOUD),
        (f"https://api-{KEY}", CLOUD),
        (f"https://{KEY.replace('Cobalt', 'cobalt')}", CLOUD),
        (f"https://{KEY}".replace(".net/", ".net:443/"), CLOUD),
        # As captured: the API and its callbacks on one host.
        (f"https://sandbox-{KEY}", "https://sandbox-na.myconnectwise.net/v4_6_release/apis/3.0"),
        (f"http://cw.example:8080/{KEY.partition('/')[2]}", "http://cw.example:8080/v4_6_release/apis/3.0"),
        (f"https://cw.example/{KEY.partition('/')[2]}", "http://cw.example:8080/v4_6_release/apis/3.0"),
    ],
)
def test_a_key_of_the_account_on_its_providers_host_is_asked_for(address: str, base: str) -> None:
    assert may(address, base)


@pytest.mark.parametrize(
    "address",
    [
        f"http://{KEY}",  # no longer encrypted
        f"https://evil.example/{KEY}",
        f"https://na.myconnectwise.net.evil.example/{KEY.partition('/')[2]}",
        f"https://eu.{KEY.partition('.')[2]}",
        f"https://x@{KEY}",
        f"https://na.myconnectwise.net:8443/{KEY.partition('/')[2]}",
        f"https://na.myconnectwise.net@evil.example/{KEY.partition('/')[2]}",
        f"https://evil.example\\@{KEY}",
        f"https://{KEY}#",
        f"https://{KEY} ",
        f"https://{KEY}".replace("Cobalt", "Other"),
        f"https://{KEY}&companyName=Other",
        f"https://{KEY}".replace("companyName=Cobalt&", ""),
        f"https://{KEY}".replace("index.rails", "../admin"),
        f"https://{KEY}".replace("index.rails", "%2e%2e/index.rails"),
        f"https://{KEY}".replace("callbackkey", "callbackkeys"),
        "https://169.254.169.254/system/callbackkey/index.rails?companyName=Cobalt",
        "https://[::1/system/callbackkey/index.rails?companyName=Cobalt",
        f"https://na.myconnectwise.net:port/{KEY.partition('/')[2]}",
        f"file://{KEY}",
        "",
        f"https://nà.{KEY.partition('.')[2]}",
    ],
)
def test_nothing_else_is_asked(address: str) -> None:
    assert not may(address)


@given(st.text(max_size=40), st.sampled_from([CLOUD, "http://127.0.0.1:1/x", "https://h"]))
def test_whatever_an_address_is_it_is_answered(address: str, base: str) -> None:
    assert may(address, base) in (True, False)


NOW = 1_790_000_000_000
LATER = NOW + 600_000


def lane(*, cursor: PollCursor | None = None, **changes: Any) -> Lane:
    if cursor is None:
        cursor = PollCursor(baselined=True, poll_at=LATER, settle_at=LATER + 1, sweep_at=LATER + 1, audit_at=LATER + 1)
    values: dict[str, Any] = {
        "id": 1,
        "kind": LaneKind.POLL,
        "instance_id": 1,
        "key": "contacts",
        "state": LaneState.READY,
        "due_at": LATER,
        "fence": 1,
        "owner": None,
        "lease_until": None,
        "attempt": 0,
        "parked_reason": None,
        "generation": "g",
        "cursor": ENCODE(cursor),
    }
    return Lane(**(values | changes))


@pytest.mark.parametrize(
    ("lane", "wanted"),
    [
        (lane(), Haste.NOW),
        (lane(due_at=NOW - 5), Haste.NOW),  # woken
        (lane(parked_reason="these records are passed over: 7"), Haste.NOW),
        (lane(state=LaneState.PARKED), Haste.NONE),
        (lane(state=LaneState.OFF), Haste.NONE),
        (lane(attempt=1), Haste.NONE),
        (lane(due_at=LATER + 2), Haste.NONE),  # told to come later than it would by itself: throttled
        (lane(cursor=PollCursor(baselined=True, poll_at=NOW), due_at=LATER), Haste.NONE),
        (lane(cursor=PollCursor(baselined=True, poll_at=NOW), due_at=NOW), Haste.NONE),  # due anyway
        (lane(owner="worker"), Haste.LATER),
        (lane(cursor=PollCursor(), attempt=2), Haste.NONE),
        (lane(cursor=PollCursor(), due_at=NOW), Haste.LATER),
        (lane(cursor=PollCursor(baselined=True, main=Reading(ReadingKind.POLL)), due_at=NOW), Haste.LATER),
    ],
)
def test_only_a_lane_that_waits_for_its_time_is_hurried(lane: Lane, wanted: Haste) -> None:
    assert haste(lane, NOW) is wanted


def test_a_long_reading_that_was_set_back_does_not_hold_a_hint_up() -> None:
    cursor = PollCursor(baselined=True, poll_at=LATER, sweep_at=NOW, long_at=LATER + 5)
    assert haste(lane(cursor=cursor), NOW) is Haste.NOW


def test_hints_that_cannot_arrive_are_refused_by_name_with_what_to_do() -> None:
    on = {"event.poller.hints": "true"}
    refuse_hints(on, possible=True, public_url="https://h.example")
    refuse_hints({"event.poller.hints": "false"}, possible=False, public_url=None)
    refuse_hints({}, possible=False, public_url=None)
    with pytest.raises(InvalidInput, match="TIDINGS_PUBLIC_URL") as refused:
        refuse_hints(on, possible=True, public_url=None)
    assert refused.value.field == "configuration.event.poller.hints"
    with pytest.raises(InvalidInput, match="gives no hints"):
        refuse_hints(on, possible=False, public_url="https://h.example")


def test_an_address_is_not_to_be_read_from_what_is_remembered_of_it() -> None:
    assert digest("https://h/hints/1?token=abc") != digest("https://h/hints/1?token=abd")
    assert "abc" not in digest("https://h/hints/1?token=abc")

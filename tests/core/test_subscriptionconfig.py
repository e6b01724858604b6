"""What a subscription is configured with: what is shown can be written back, and only what is named is changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.accountsettings import receiver_of_notices
from tidings.core.errors import InvalidInput
from tidings.core.subscription import Cut, Source, Subscription
from tidings.core.subscriptionconfig import Surroundings, configured, shown

AROUND = Surroundings(now=1000, last_sequence=7, refuse_url=lambda url: None)

names = st.lists(st.text("abc/~01", min_size=1, max_size=5).filter(str.strip), max_size=3)
members = {
    "url": st.just("https://x.example/"),
    "signatureKey": st.none() | st.text("abc", min_size=1, max_size=9),
    "headers": st.none() | st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.text("abc", max_size=5)),
    "basic": st.none() | st.fixed_dictionaries({"username": st.just("me"), "password": st.text("abc", max_size=5)}),
    "format": st.none() | st.sampled_from(["platform", "cloudevents"]),
    "filter": st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "resources": names,
            "eventTypes": st.lists(st.sampled_from(["CREATED", "UPDATED", "DELETED"])),
            "changed": st.lists(st.sampled_from(["/a", "/a/b", "/c~1d"])),
        },
    ),
    "schedule": st.none() | st.lists(st.floats(0.1, 1000), min_size=1, max_size=5),
    "jitter": st.none() | st.floats(0, 1),
    "rate": st.none() | st.floats(0.001, 1000),
    "concurrency": st.none() | st.integers(1, 100),
    "policy": st.none() | st.sampled_from(["retry", "queue"]),
}
configurations = st.fixed_dictionaries(
    {"url": members["url"]}, optional={k: v for k, v in members.items() if k != "url"}
)


def blank(**more: Any) -> Subscription:
    values: dict[str, Any] = {"id": 1, "account_id": 1, "instance_id": 1, "topics": ("t",), "url": "", "active": True}
    return Subscription(**(values | {"reason": None, "created_at": 0, "source": Source.API} | more))


def made(given_: dict[str, Any], *, merge: bool = False, stored: Subscription | None = None) -> Subscription | None:
    try:
        return configured(stored or blank(), given_, AROUND, merge=merge)
    except InvalidInput:
        return None


@given(configurations)
def test_what_is_shown_can_be_written_back_and_changes_nothing(given_: dict[str, Any]):
    first = made(given_)
    if first is None:
        return
    for merge in (True, False):
        assert made(shown(first), merge=merge, stored=first) == first


@given(configurations, configurations)
def test_a_merge_changes_what_it_names_and_nothing_else(before: dict[str, Any], after: dict[str, Any]):
    first = made(before)
    second = None if first is None else made(after, merge=True, stored=first)
    if first is None or second is None:
        return
    kept = shown(first).keys() - after.keys()
    assert {name: shown(second)[name] for name in kept} == {name: shown(first)[name] for name in kept}


@given(configurations, configurations)
def test_without_a_merge_what_was_there_before_does_not_matter(before: dict[str, Any], after: dict[str, Any]):
    first = made(before)
    anew, over = made(after), None if first is None else made(after, stored=first)
    if first is None or anew is None or over is None:
        return
    assert shown(anew) == shown(over)


@given(configurations)
def test_no_secret_is_shown(given_: dict[str, Any]):
    secret = {"signatureKey": "canary-1", "headers": {"X": "canary-2"}}
    basic = {"basic": {"username": "me", "password": "canary-3"}}
    found = made(given_ | secret | basic)
    if found is not None:
        assert "canary" not in repr(shown(found))
        assert "canary" not in repr(found)


def test_a_changed_filter_leaves_what_was_cut_before():
    found = made({"filter": {"eventTypes": ["DELETED"]}}, merge=True, stored=blank(cuts=(Cut(),)))
    assert found is not None
    assert [cut.after for cut in found.cuts] == [0, 7]


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({}, ("https://server/", ("server-key",))),
        ({"notices.key": "own-key"}, ("https://server/", ("server-key",))),
        ({"notices.url": "https://own/"}, ("https://own/", ())),
        ({"notices.url": "https://own/", "notices.key": "own-key"}, ("https://own/", ("own-key",))),
    ],
)
def test_an_accounts_receiver_of_notices_wins_and_is_signed_with_its_own_key(stored: dict[str, str], told: Any):
    assert receiver_of_notices(stored, "https://server/", "server-key") == told
    assert receiver_of_notices({}, None, None) == (None, ())

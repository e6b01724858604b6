"""The rules of a configuration, as properties."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.core.addresses import AddressPolicy
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import MASK, Configuration, as_text, completed, shown, write
from tidings.core.instancerules import check
from tidings.core.plan import plan
from tidings.elements.describe import catalog

ELEMENT = catalog()["connectwisecrmrest"]
KEYS = ELEMENT.configuration
REQUIRED = {"baseUrl": "https://cw.example", "company": "acme", "public.key": "p", "private.key": "canary"}
TEXT = st.text(min_size=1).filter(lambda text: text.strip() and text != MASK and text.isprintable())
VALUES = st.dictionaries(st.sampled_from([key.key for key in KEYS]), TEXT)


@given(VALUES)
def test_what_is_shown_and_written_back_changes_nothing(given_values: dict[str, str]) -> None:
    stored = write(REQUIRED | given_values, KEYS, Configuration(), merge=False)
    for merge in (True, False):
        again = write(shown(stored, KEYS), KEYS, stored, merge=merge)
        assert completed(again, KEYS) == completed(stored, KEYS)


@given(VALUES)
def test_no_secret_is_ever_shown_nor_kept_among_the_values(given_values: dict[str, str]) -> None:
    stored = write(REQUIRED | given_values, KEYS, Configuration(), merge=False)
    secret = {key.key for key in KEYS if key.secret}
    assert not secret & set(stored.values)
    assert set(stored.secrets) <= secret
    assert all(value in (MASK, None) for key, value in shown(stored, KEYS).items() if key in secret)


@given(VALUES, VALUES)
def test_a_merge_is_the_last_word_on_its_keys_and_leaves_the_others(
    first: dict[str, str], then: dict[str, str]
) -> None:
    stored = write(REQUIRED | first, KEYS, Configuration(), merge=False)
    merged = write(then, KEYS, stored, merge=True)
    assert completed(merged, KEYS) == completed(stored, KEYS) | then


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "url": JSON | st.text(alphabet="/contas?where=>'${}gmtDate:yMd%&|").map("/hubs/crm/contacts?where=".__add__),
        "idField": JSON,
        "datesConfiguration": JSON | st.dictionaries(st.sampled_from(["updatedDateField", "updatedDateFormat"]), JSON),
        "pageSize": JSON,
        "sweepInterval": JSON,
    },
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from([key.key for key in KEYS]), JSON),
    st.none() | st.dictionaries(st.sampled_from(["contacts", "x"]), ENTRY),
)
def test_whatever_is_written_is_either_accepted_or_refused_by_name(
    given_values: dict[str, object], poller: object
) -> None:
    polling = {} if poller is None else {"event.poller.configuration": poller}
    refusals: list[InvalidInput] = []
    try:
        written = write(REQUIRED | given_values | polling, KEYS, Configuration(), merge=False)
        check(written, ELEMENT, root="baseUrl", floor=1, refuse_url=AddressPolicy().check_url)
        plan(written, ELEMENT, disabled=False)
    except InvalidInput as refused:
        refusals.append(refused)
    assert all(each.field.startswith("configuration.") and str(each).encode() for each in refusals)


@given(VALUES)
def test_the_order_of_the_keys_does_not_matter(given_values: dict[str, str]) -> None:
    together = REQUIRED | given_values
    backwards = dict(reversed(together.items()))
    assert write(together, KEYS, Configuration(), merge=False) == write(backwards, KEYS, Configuration(), merge=False)


@given(st.recursive(st.booleans() | st.integers(-(2**60), 2**60) | st.text(alphabet="ab\"'{}"), st.lists))
def test_objects_and_numbers_keep_their_meaning_as_text(value: object) -> None:
    text = as_text(value, "key")
    assert text is not None
    if isinstance(value, str):
        assert text == value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        assert text == ",".join(value)
    else:
        assert json.loads(text) == value

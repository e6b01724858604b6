"""Does a notification have the platform's shape, and always the same bytes?"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.model import Change, EventType, FieldChange
from tidings.core.notify import NotifyContext, cut, event_id, without_nulls

CONTEXT = NotifyContext(
    instance_id=523232,
    instance_created_at=1_534_000_000_000,
    instance_name="Acme",
    tags=("Test",),
    element_key="connectwisecrmrest",
    hub="crm",
    account_id=874,
    company_id=291,
    user_id=2749,
    resource="contacts",
    poll_at=1_534_778_974_827,
    created_at=1_534_779_007_123,
)


def changed(record_id: int | str = 14682, rev: int = 1, **more: object) -> Change:
    raw = json.dumps({"id": record_id, "rev": rev}, separators=(",", ":")).encode()
    change = Change(type=EventType.CREATED, record_id=record_id, rev=rev, date_at=1_534_778_946_000, raw=raw)
    return replace(change, **more)  # type: ignore[arg-type]


def test_an_instance_of_a_clone_says_its_key_and_keeps_its_topic():
    [notification] = cut([changed()], 1, 1, replace(CONTEXT, clone_key="acmecrm"))
    envelope = json.loads(notification.body)
    assert envelope["topic"] == "instance-523232-connectwisecrmrest-events"
    assert envelope["message"]["elementKey"] == envelope["message"]["events"][0]["elementKey"] == "acmecrm"


def test_a_notification_has_the_shape_of_the_captured_one():
    [notification] = cut([changed()], 41, 1_496_771, CONTEXT)
    assert json.loads(notification.body) == {
        "severity": "medium",
        "createdDate": "Mon Aug 20 15:30:07 UTC 2018",
        "topic": "instance-523232-connectwisecrmrest-events",
        "action": "create",
        "id": "1496771",
        "message": {
            "elementKey": "connectwisecrmrest",
            "accountId": 874,
            "eventId": notification.id,
            "companyId": 291,
            "instanceId": 523232,
            "instance_id": 523232,
            "instanceName": "Acme",
            "instanceTags": ["Test"],
            "raw": {"contacts": [{"id": 14682, "rev": 1}], "pollDate": 1534778974827, "objectType": "contacts"},
            "userId": 2749,
            "events": [
                {
                    "date": "2018-08-20T15:29:06Z",
                    "elementKey": "connectwisecrmrest",
                    "pollDate": "2018-08-20T15:29:34Z",
                    "eventType": "CREATED",
                    "hubKey": "crm",
                    "objectId": "14682",
                    "objectType": "contacts",
                    "id": notification.events[0].id,
                    "sequence": 41,
                    "changes": [],
                }
            ],
        },
        "user": "notifications@tidings.local",
    }


def test_an_event_says_what_changed_and_how_it_was_found_out():
    update = changed(
        type=EventType.UPDATED, changes=(FieldChange("/firstName", "Jorge", "George"), FieldChange("/fax", None, "1"))
    )
    [notification] = cut(
        [update, changed(7, touched=True), changed(8, first_seen=True, evidence="sweep")], 1, 1, CONTEXT
    )
    first, second, third = json.loads(notification.body)["message"]["events"]
    assert first["changes"] == [
        {"path": "/firstName", "old": "Jorge", "new": "George"},
        {"path": "/fax", "old": None, "new": "1"},
    ]
    assert not {"touched", "firstSeen", "evidence"} & first.keys()
    assert second["touched"] is True
    assert (third["firstSeen"], third["evidence"]) == (True, "sweep")


def test_each_notification_carries_the_records_of_its_own_events_only():
    notifications = cut([changed(n) for n in range(23)], 100, 7, CONTEXT)
    assert [len(n.events) for n in notifications] == [10, 10, 3]
    assert [n.number for n in notifications] == [7, 8, 9]
    assert [(n.first_sequence, n.last_sequence) for n in notifications] == [(100, 109), (110, 119), (120, 122)]
    for notification in notifications:
        message = json.loads(notification.body)["message"]
        assert [str(r["id"]) for r in message["raw"]["contacts"]] == [e["objectId"] for e in message["events"]]


def test_a_deleted_record_is_shown_as_it_was_last_seen():
    [notification] = cut([changed(5, type=EventType.DELETED, evidence="missing")], 1, 1, CONTEXT)
    message = json.loads(notification.body)["message"]
    assert message["raw"]["contacts"] == [{"id": 5, "rev": 1}]
    assert message["events"][0]["eventType"] == "DELETED"


def test_an_event_without_a_date_of_its_own_is_dated_by_the_poll():
    [notification] = cut([changed(date_at=None)], 1, 1, CONTEXT)
    assert json.loads(notification.body)["message"]["events"][0]["date"] == "2018-08-20T15:29:34Z"


@pytest.mark.parametrize(
    ("at", "shown"),
    [(-62_135_596_800_000, "0001-01-01T00:00:00Z"), (-(10**18), "0001-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z")],
)
def test_a_nonsense_date_does_not_stop_its_record(at: int, shown: str):
    [notification] = cut([changed(date_at=at)], 1, 1, CONTEXT)
    assert json.loads(notification.body)["message"]["events"][0]["date"] == shown


def test_null_members_are_dropped_and_every_digit_stays():
    raw = b'{"id": 1, "fax": null, "annulled": "null", "list": [null, {"a": null, "b": []}], "n": 1.10, "big": 1e400}'
    kept = b'{"id":1,"annulled":"null","list":[null,{"b":[]}],"n":1.10,"big":1e400}'
    [notification] = cut([changed(raw=raw)], 1, 1, CONTEXT)
    assert b'"raw":{"contacts":[' + kept + b"]," in notification.body


def test_records_without_nulls_and_records_of_instances_that_keep_nulls_stay_exactly_as_they_came():
    odd = b'{"id" : 1,  "n": 1.10}'
    assert without_nulls(odd) is odd
    [notification] = cut([changed(raw=b'{"id" : 1, "fax": null}')], 1, 1, replace(CONTEXT, filter_nulls=False))
    assert b'[{"id" : 1, "fax": null}]' in notification.body


def test_ids_are_short_url_safe_and_differ_by_instance_record_and_revision():
    salts = ["1.5", "1.6", "2.5"]
    ids = {event_id(s, r, i, v) for s in salts for r in ("contacts", "tickets") for i in (1, 11) for v in (1, 2)}
    assert len(ids) == 3 * 2 * 2 * 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20}", value) for value in ids)
    mine, other = cut([changed()], 1, 1, CONTEXT)[0], cut([changed()], 1, 1, replace(CONTEXT, instance_created_at=0))[0]
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", mine.id)
    assert mine.id != other.id


@pytest.mark.parametrize("wrong", [0, 11, -1])
def test_a_size_that_no_notification_can_have_is_refused_by_name(wrong: int):
    with pytest.raises(InvalidInput, match=r"^event\.notification\.max_events: must be a whole number from 1 to 10"):
        replace(CONTEXT, max_events=wrong)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
any_changes = st.lists(
    st.builds(
        Change,
        type=st.sampled_from(EventType),
        record_id=st.integers(0, 50) | st.text(min_size=1),
        rev=st.integers(1, 9),
        date_at=st.none() | st.integers(-(2**53), 2**53),
        raw=json_values.map(lambda value: json.dumps(value).encode()),
        changes=st.lists(st.builds(FieldChange, st.text(), json_values, json_values), max_size=2).map(tuple),
    ),
    max_size=25,
)


@given(any_changes, st.integers(1, 2**40), st.integers(1, 10), st.booleans())
def test_the_same_changes_give_the_same_bytes_without_gaps_or_losses(
    changes: list[Change], first: int, size: int, filter_nulls: bool
):
    context = replace(CONTEXT, max_events=size, filter_nulls=filter_nulls)
    notifications = cut(changes, first, 5, context)
    assert notifications == cut(list(changes), first, 5, replace(context))
    assert [e.sequence for n in notifications for e in n.events] == list(range(first, first + len(changes)))
    assert [e.record_id for n in notifications for e in n.events] == [str(c.record_id) for c in changes]
    assert all(len(n.events) <= size for n in notifications)
    assert len({n.id for n in notifications}) == len(notifications)


def pruned(value: object) -> object:
    if isinstance(value, dict):
        return {key: pruned(member) for key, member in value.items() if member is not None}
    return [pruned(element) for element in value] if isinstance(value, list) else value


@given(json_values)
def test_dropping_nulls_drops_nothing_else(value: object):
    assert json.loads(without_nulls(json.dumps(value, ensure_ascii=False).encode())) == pruned(value)

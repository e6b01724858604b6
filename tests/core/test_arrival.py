"""What is understood of a body that a provider sends, and what of it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.arrival import MOST_EVENTS, Arrival, arrived, polled, values_at
from tidings.core.cutting import cut_for
from tidings.core.errors import InvalidInput
from tidings.core.ingested import cut_arrival, known_id
from tidings.core.model import EventType
from tidings.core.notify import NotifyContext
from tidings.core.subscription import Cut, Filter, Format, Subscription
from tidings.core.toldwords import moment_in, type_in
from tidings.core.webhookbody import DEEPEST, read_form, read_json

NOW = 1_790_000_000_000
JULY = 1_533_065_986_000  # 2018-07-31T19:39:46Z
CONTEXT = NotifyContext(
    instance_id=7,
    instance_created_at=0,
    instance_name="Acme",
    tags=("Acme",),
    element_key="sfdc",
    hub="crm",
    account_id=1,
    company_id=1,
    user_id=1,
    resource="",
    poll_at=NOW,
    created_at=NOW,
)
SALESFORCE: dict[str, Any] = {
    "objects": [
        {
            "attributes": {"type": "Contact", "url": "/services/data/v40.0/sobjects/Contact/003"},
            "LastModifiedDate": "2018-07-31T19:39:46.000+0000",
            "CreatedDate": "2018-07-30T19:39:46.000+0000",
            "Id": "003i000002aXRPTAA4",
        }
    ],
    "action": "update",
}
POLL: dict[str, Any] = {
    "instance_id": 7,
    "objectType": "accounts",
    "eventId": "35149",
    "accounts": [{"id": "lead_x", "name": "Churn"}],
    "events": [
        {
            "objectType": "accounts",
            "objectId": "lead_x",
            "date": "2018-07-31T19:39:46Z",
            "pollDate": "2018-07-31T19:40:36Z",
            "eventType": "CREATED",
            "elementKey": "closeio",
            "hubKey": "crm",
        }
    ],
}


def read(value: Any) -> Arrival:
    return arrived(read_json(json.dumps(value).encode()), NOW)


def facts(value: Any) -> list[tuple[str, str, str | None]]:
    return [(each.type.value, each.resource, each.record_id) for each in read(value).told]


def messages(arrival: Arrival, most: int = 10) -> list[dict[str, Any]]:
    context = replace(CONTEXT, max_events=most)
    return [json.loads(each.body)["message"] for each in cut_arrival(arrival, 1, 1, context)]


def test_the_platforms_salesforce_sample_is_an_update_of_a_contact() -> None:
    (told,) = read(SALESFORCE).told
    assert (told.type, told.resource, told.record_id) == (EventType.UPDATED, "Contact", "003i000002aXRPTAA4")
    assert told.date_at == JULY


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": 5, "action": "created"}, ("CREATED", "unknown", "5")),
        ({"ID": "5", "operation": "Delete", "object_type": "deal"}, ("DELETED", "deal", "5")),
        ({"type": "customer.updated", "data": {"id": "c"}}, ("UPDATED", "customer", "c")),
        ({"webhookEvent": "jira:issue_deleted", "issue": {"id": "1"}}, ("DELETED", "issue", "1")),
        ({"ticket": {"id": "1711", "action": "updated"}}, ("UPDATED", "ticket", "1711")),
        ({"topic": "orders/create", "id": 820982911946154508}, ("CREATED", "orders", "820982911946154508")),
        ([{"subscriptionType": "contact.deletion", "objectId": 9}], ("DELETED", "contact", "9")),
        (
            {
                "events": [
                    {"event_type": "UPDATED", "event_object_type": "bills", "event_object_id": "7", "event_date": "x"}
                ]
            },
            ("UPDATED", "bills", "7"),
        ),
        ({"Id": "500", "Status": "New"}, ("UNKNOWN", "unknown", "500")),
        ({"hello": "world"}, ("UNKNOWN", "unknown", None)),
        ({"commits": [{"id": "a"}], "repository": {"id": 1}}, ("UNKNOWN", "unknown", None)),
        ([1, 2], ("UNKNOWN", "unknown", None)),
    ],
)
def test_type_resource_and_id_are_found_in_the_usual_places(value: Any, expected: tuple[str, str, str | None]) -> None:
    assert facts(value) == [expected]


def test_a_records_own_type_is_not_taken_for_what_happened_to_it() -> None:
    assert facts({"action": "update", "item": {"id": 1, "type": "Created by mail"}}) == [("UPDATED", "unknown", "1")]


def test_what_no_terminal_should_see_is_no_name() -> None:
    assert facts({"id": "5\x1b[2J", "objectType": "a\nb"}) == [("UNKNOWN", "unknown", None)]


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("2018-07-31T19:39:46.000+0000", JULY),
        ("2018-07-31T21:39:46+02:00", JULY),
        ("2018-07-31 19:39:46", JULY),
        (1533065986, JULY),
        ("1533065986000", JULY),
        ("yesterday", None),
        (7, None),
        (True, None),
        (10**30, None),
        ("9" * 5000, None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_dates_are_read_however_they_are_written(date: Any, at: int | None) -> None:
    assert moment_in(date) == at or (at is None and date == "0001-01-01T00:00:00+14:00")
    assert read({"id": 1, "updated_at": date}).told[0].date_at == (NOW if moment_in(date) is None else moment_in(date))


@pytest.mark.parametrize("text", ["", "ping", "recreate", "updating", "-", "é"])
def test_other_words_name_no_type(text: str) -> None:
    assert type_in(text) is None


def test_a_form_is_read_as_its_fields_and_kept_as_text() -> None:
    box = read_form(urlencode({"userId": '["5"]', "event": "uploaded", "itemId": 9}).encode())
    assert json.loads(box.raw) == {"userId": '["5"]', "event": "uploaded", "itemId": "9"}
    assert values_at(box.value, ["userId"]) == ["5"]
    zendesk = read_form(urlencode({"ticket": '{"id":"1711","action":"updated","target":7}'}).encode())
    (told,) = arrived(zendesk, NOW).told
    assert (told.type, told.resource, told.record_id) == (EventType.UPDATED, "ticket", "1711")
    assert values_at(zendesk.value, ["ticket", "target"]) == ["7"]
    assert values_at(zendesk.value, ["ticket", "target", "id"]) == []


def test_the_raw_part_is_what_was_sent_to_the_byte() -> None:
    sent = b' { "id":1.0e2, "id2" : "\\ud83d half", "action":"created","objects":[ {"id" : 7 } ]}\n'
    (notification,) = cut_arrival(arrived(read_json(sent), NOW), 4, 9, CONTEXT)
    assert b'"raw":' + sent + b',"userId"' in notification.body
    assert (notification.number, notification.first_sequence, notification.resource) == (9, 4, "unknown")


def test_an_event_object_has_the_platforms_members_and_ours() -> None:
    (message,) = messages(read(SALESFORCE))
    (event,) = message["events"]
    assert message["raw"] == SALESFORCE
    assert len(message["eventId"]) == 20 == len(event.pop("id"))
    assert event == {
        "date": "2018-07-31T19:39:46Z",
        "elementKey": "sfdc",
        "pollDate": "2026-09-21T14:13:20Z",
        "eventType": "UPDATED",
        "hubKey": "crm",
        "objectId": "003i000002aXRPTAA4",
        "objectType": "Contact",
        "sequence": 1,
        "changes": [],
        "cause": "ingest",
        "recordPath": "/objects/0",
    }


def test_a_record_without_an_id_is_a_record_of_its_own() -> None:
    first, second = cut_arrival(read({"a": 1}), 1, 1, CONTEXT), cut_arrival(read({"a": 1}), 2, 2, CONTEXT)
    assert first[0].events[0].record_id == first[0].events[0].id != second[0].events[0].record_id


def test_many_records_are_several_notifications_each_with_its_own_records() -> None:
    sent = {"objects": [{"id": n, "objectType": "a" if n < 12 else "b"} for n in range(15)], "action": "create"}
    found = messages(read(sent))
    assert [[each["id"] for each in message["raw"]["objects"]] for message in found] == [
        list(range(10)),
        [10, 11],
        [12, 13, 14],
    ]
    assert [event["sequence"] for message in found for event in message["events"]] == list(range(1, 16))
    for message in found:
        assert message["raw"]["action"] == "create"
        for event in message["events"]:
            assert str(record_at(message["raw"], event["recordPath"])["id"]) == event["objectId"]


def test_a_list_of_records_is_cut_as_well() -> None:
    found = messages(read([{"id": n, "action": "deleted"} for n in range(4)]), most=3)
    assert [message["raw"] for message in found] == [
        [{"id": n, "action": "deleted"} for n in range(3)],
        [{"id": 3, "action": "deleted"}],
    ]


def test_a_body_that_tells_of_too_many_events_is_refused() -> None:
    assert len(read([{"id": n} for n in range(MOST_EVENTS)]).told) == MOST_EVENTS
    with pytest.raises(InvalidInput, match="tells of 201 events"):
        read([{"id": n} for n in range(MOST_EVENTS + 1)])


def test_the_platforms_form_of_a_finished_poll_is_taken_at_its_word() -> None:
    arrival = polled(read_json(json.dumps(POLL).encode()), NOW)
    (message,) = messages(arrival)
    assert message["raw"] == {"accounts": POLL["accounts"], "pollDate": 1533066036000, "objectType": "accounts"}
    (event,) = message["events"]
    assert {name: event[name] for name in POLL["events"][0] if name != "elementKey"} == {
        name: value for name, value in POLL["events"][0].items() if name != "elementKey"
    }
    assert event["recordPath"] == "/accounts/0"
    assert arrival.given_id == "35149"


@pytest.mark.parametrize(
    ("created", "updated", "type"),
    [
        ("2015-11-24T18:34:31.000+0000", "2015-12-15T05:34:58.000+0000", EventType.UPDATED),
        ("2015-11-24T18:34:31.000+0000", "2015-11-24T18:34:31.000+0000", EventType.CREATED),
        ("2015-11-24T18:34:31.000+0000", None, EventType.UNKNOWN),
    ],
)
def test_a_finished_poll_without_events_is_told_by_the_dates(created: str, updated: str, type: EventType) -> None:
    record = {"Id": "001", "CreatedDate": created, "LastModifiedDate": updated}
    body = read_json(json.dumps({"instance_id": 7, "accounts": [record], "objectType": "accounts"}).encode())
    (told,) = polled(body, NOW).told
    assert (told.type, told.record_id, told.place) == (type, "001", 0)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"objectType": None}, "objectType"),
        ({"objectType": 7}, "objectType"),
        ({"accounts": {}}, "accounts"),
        ({"accounts": [1]}, "accounts"),
        ({"events": {}}, "events"),
        ({"events": [1]}, "events"),
        ({"events": []}, "events"),
    ],
)
def test_a_finished_poll_that_is_none_is_refused_by_name(change: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        polled(read_json(json.dumps(POLL | change).encode()), NOW)
    assert refused.value.field == names


def test_events_and_records_of_a_poll_find_each_other_by_their_ids() -> None:
    events = [POLL["events"][0] | {"objectId": each} for each in ("b", "gone", "a")]
    arrival = polled(
        read_json(json.dumps(POLL | {"accounts": [{"id": "a"}, {"id": "b"}], "events": events}).encode()), NOW
    )
    (message,) = messages(arrival)
    assert [event.get("recordPath") for event in message["events"]] == ["/accounts/1", None, "/accounts/0"]
    for message in messages(arrival, most=1):
        assert [each["id"] for each in message["raw"]["accounts"]] == [
            event["objectId"] for event in message["events"] if "recordPath" in event
        ]


def test_an_event_that_is_given_an_id_has_the_same_ids_whenever_it_comes() -> None:
    arrival = read(SALESFORCE | {"eventId": "e-1"})
    (first,), (second,) = cut_arrival(arrival, 1, 1, CONTEXT), cut_arrival(arrival, 8, 8, CONTEXT)
    assert first.id == second.id == known_id(arrival, CONTEXT)
    assert known_id(arrival, replace(CONTEXT, instance_id=8)) != first.id
    assert known_id(read(SALESFORCE), CONTEXT) is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff", "is not UTF-8 at byte 0"),
        ("\ufeff{}".encode(), "is not JSON"),
        (b'{"a":1,"a":2}', "has the member 'a' twice"),
        (b'{"a":"\\u0000"}', "contains NUL"),
        (b'{"\\u0000":1}', "contains NUL"),
        (b'{"a":"\x00"}', "is not JSON"),
        (b"7", "is neither an object nor a list"),
        (b"[]", "is neither an object nor a list"),
        (b'{"a":NaN}', "has NaN"),
        (b'{"a":' + b"9" * 5000 + b"}", "has a number of more digits"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested deeper"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is nested deeper"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "is nested deeper"),
    ],
)
def test_what_a_reader_would_stumble_over_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_json(body)
    assert refused.value.message.startswith(says)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (b"", "has no fields"),
        (b"a=%ff", "is not percent-encoded UTF-8"),
        ("a=é".encode(), "is not percent-encoded UTF-8"),
        (b"a=%00", "contains NUL"),
        (b"a&" * 1001, "has more than 1000 fields"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(form: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_form(form)
    assert refused.value.message.startswith(says)


def test_a_body_may_be_as_deep_as_that() -> None:
    assert facts(json.loads("[" * DEEPEST + "1" + "]" * DEEPEST)) == [("UNKNOWN", "unknown", None)]


def test_a_nul_that_is_written_out_in_text_is_no_nul() -> None:
    assert facts({"id": "\\u0000"}) == [("UNKNOWN", "unknown", "\\u0000")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text() | st.sampled_from(["id", "Id", "7", "a/b~c", "objects", "action"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON.filter(lambda value: isinstance(value, dict) or (isinstance(value, list) and bool(value))))
def test_whatever_is_read_can_be_cut_for_everybody(value: Any) -> None:
    try:
        body = read_json(json.dumps(value).encode())
    except InvalidInput as refused:
        if "NUL" in refused.message:
            return
        raise
    for notification in cut_arrival(arrived(body, NOW), 1, 1, CONTEXT):
        message = json.loads(notification.body)["message"]
        for format in Format:
            made = cut_for(subscribed(Cut(format=format, filter=Filter(types=tuple(EventType)))), notification)
            assert made is not None
            said = json.loads(made.body)
            if format is Format.PLATFORM:
                assert said["message"]["raw"] == message["raw"]
                continue
            for event, shown in zip(said if isinstance(said, list) else [said], message["events"], strict=True):
                assert event["data"]["record"] == record_at(message["raw"], shown["recordPath"])


def test_a_filter_keeps_the_raw_part_whole_and_a_cloud_event_has_its_record() -> None:
    (notification,) = cut_arrival(
        read({"objects": [{"id": 1, "action": "created"}, {"id": 2, "action": "deleted"}]}), 1, 1, CONTEXT
    )
    wanted = Filter(types=(EventType.DELETED,))
    kept = cut_for(subscribed(Cut(filter=wanted)), notification)
    assert kept is not None
    message = json.loads(kept.body)["message"]
    assert [each["objectId"] for each in message["events"]] == ["2"]
    assert [each["id"] for each in message["raw"]["objects"]] == [1, 2]
    event = cut_for(subscribed(Cut(filter=wanted, format=Format.CLOUDEVENTS)), notification)
    assert event is not None
    assert json.loads(event.body)["data"] == {
        "record": {"id": 2, "action": "deleted"},
        "changes": [],
        "cause": "ingest",
    }
    assert cut_for(subscribed(Cut(filter=Filter(changed=("/id",)))), notification) is None


def subscribed(cut: Cut) -> Subscription:
    return Subscription(
        id=1, account_id=1, instance_id=7, topics=(), url="", active=True, reason=None, created_at=0, cuts=(cut,)
    )


def record_at(raw: Any, pointer: str) -> Any:
    for name in pointer.split("/")[1:]:
        raw = raw[int(name)] if isinstance(raw, list) else raw[name.replace("~1", "/").replace("~0", "~")]
    return raw

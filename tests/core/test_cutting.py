"""Does a subscription get what its filter says, in its format, and always the same bytes?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.test_notify import CONTEXT

from tidings.core.cutting import CLOUDEVENT, CLOUDEVENTS, cut_for, id_for, is_changed, outline_for
from tidings.core.model import Change, EventType, FieldChange, Notification
from tidings.core.notify import cut
from tidings.core.posted import Post, cut_post
from tidings.core.splice import elements, members
from tidings.core.subscription import Cut, Filter, Format, Subscription

URL = "https://receiver.example/"
#: Digits and escapes that do not survive being read and written again.
ODD = b'{"id":%d,"n":1.10,"big":123456789012345678901234567890,"e":1e2,"t":"\\u00e9\\/","half":"\\ud83d"}'
PLAIN = b'{"id":%d, "n" : 1.50}'


def subscription(*cuts: Cut, id: int = 7) -> Subscription:
    return Subscription(id, 1, CONTEXT.instance_id, ("t",), URL, True, None, 0, cuts=cuts or (Cut(),))


def filtered(form: Format = Format.PLATFORM, **wanted) -> Subscription:
    return subscription(Cut(0, form, Filter(**wanted)))


types = st.sampled_from(list(EventType))
paths = st.sampled_from(["/status/name", "/status", "/title", "/types/0"])
changes = st.builds(
    lambda nth, type_, raw, changed: Change(
        type_, nth, nth, 1_534_778_946_000, raw % nth, tuple(FieldChange(p, 1, 2) for p in changed)
    ),
    st.integers(1, 99),
    types,
    st.sampled_from([ODD, PLAIN]),
    st.sets(paths, max_size=2),
)
notifications = st.builds(
    lambda made, first: cut(made, first, 3, CONTEXT)[0], st.lists(changes, min_size=1, max_size=10), st.integers(1, 500)
)
filters = st.builds(
    Filter,
    resources=st.sampled_from([(), ("contacts",), ("incidents",), ("incidents", "contacts")]),
    types=st.lists(types, unique=True, max_size=2).map(tuple),
    changed=st.lists(paths, unique=True, max_size=2).map(tuple),
)


def events_of(cut_out: Notification | None) -> list[int]:
    return [] if cut_out is None else [event.sequence for event in cut_out.events]


def records_of(body: bytes) -> list[bytes]:
    return elements(members(members(members(body)["message"])["raw"])["contacts"])


@given(notifications)
def test_unfiltered_and_in_the_platforms_format_it_is_the_log_itself(notification: Notification):
    assert cut_for(subscription(), notification) is notification
    assert cut_for(filtered(), notification) is notification


@given(notifications, filters, st.sampled_from(Format), st.integers(1, 10**6))
def test_what_is_cut_is_the_same_every_time_and_goes_by_an_id_of_its_own(notification, wanted, form, id):
    asking = subscription(Cut(0, form, wanted), id=id)
    first, second = cut_for(asking, notification), cut_for(asking, notification)
    assert first == second
    if first is not None and not asking.cuts[0].changes_nothing:
        assert first.id == outline_for(asking, notification.outline()).id != notification.id
        assert (first.number, len(first.id)) == (notification.number, 20)
        assert id_for(first.id, id) == notification.id
        assert id_for(notification.id, id + 1) != first.id


@given(notifications, filters, filters)
def test_a_filter_gets_what_meets_all_its_parts_and_wider_ones_get_more(notification, one, other):
    both = filtered(types=one.types, resources=one.resources, changed=one.changed)
    got = events_of(cut_for(both, notification))
    parts = [
        set(events_of(cut_for(filtered(**{name: getattr(one, name)}), notification)))
        for name in ("resources", "types", "changed")
    ]
    assert set(got) == set.intersection(*parts)
    assert got == sorted(got)
    if one.types and other.types:
        wider = filtered(types=tuple({*one.types, *other.types}))
        separate = [events_of(cut_for(filtered(types=each.types), notification)) for each in (one, other)]
        assert events_of(cut_for(wider, notification)) == sorted({*separate[0], *separate[1]})


@given(notifications, filters)
def test_a_filtered_notification_is_the_platforms_with_the_bytes_of_each_record_and_event(notification, wanted):
    asking = subscription(Cut(0, Format.PLATFORM, wanted))
    made = cut_for(asking, notification)
    if made is None:
        return
    kept = [nth for nth, event in enumerate(notification.events) if event in made.events]
    before, after = members(notification.body), members(made.body)
    assert list(before) == list(after)
    assert {name: before[name] for name in before if name != "message"} == {
        name: after[name] for name in after if name != "message"
    }
    shown = elements(members(before["message"])["events"])
    assert elements(members(after["message"])["events"]) == [shown[nth] for nth in kept]
    records = records_of(notification.body)
    assert records_of(made.body) == [records[nth] for nth in kept]
    assert json.loads(members(after["message"])["eventId"]) == made.id


@given(notifications)
def test_a_cloud_event_carries_the_record_as_it_was(notification: Notification):
    made = cut_for(filtered(Format.CLOUDEVENTS), notification)
    assert made is not None
    several = len(notification.events) > 1
    assert made.content_type == (CLOUDEVENTS if several else CLOUDEVENT)
    each = elements(made.body) if several else [made.body]
    assert [members(members(one)["data"])["record"] for one in each] == records_of(notification.body)
    for one, event in zip(each, notification.events, strict=True):
        said = json.loads(one)
        assert said.pop("data")["changes"] is not None
        assert said == {
            "specversion": "1.0",
            "id": event.id,
            "source": f"/elements/api-v2/instances/{CONTEXT.instance_id}",
            "type": f"tidings.contacts.{event.type.lower()}",
            "subject": f"contacts/{event.record_id}",
            "time": "2018-08-20T15:29:06Z",
            "datacontenttype": "application/json",
            "sequence": f"{event.sequence:019}",
        }


def test_a_library_that_others_wrote_reads_our_cloud_events():
    for many in (1, 3):
        logged = [Change(EventType.UPDATED, nth, 1, 0, b'{"id":%d}' % nth) for nth in range(many)]
        [notification] = cut(logged, 9, 1, CONTEXT)
        made = cut_for(filtered(Format.CLOUDEVENTS), notification)
        assert made is not None
        for body, event in zip(elements(made.body) if many > 1 else [made.body], notification.events, strict=True):
            message = HTTPMessage({"content-type": CLOUDEVENT}, body)
            read = from_structured(message, JSONFormat(), CloudEvent)
            assert (read.get_id(), read.get_type()) == (event.id, "tidings.contacts.updated")
            assert read.get_extension("sequence") == f"{event.sequence:019}"
            data: Any = read.get_data()
            assert data["record"] == {"id": int(event.record_id)}


def test_a_change_of_filter_or_format_leaves_alone_what_came_before_it():
    changed = subscription(Cut(0), Cut(5, Format.CLOUDEVENTS), Cut(8, Format.PLATFORM, Filter(types=("DELETED",))))  # type: ignore[arg-type]
    logged = [cut([Change(EventType.CREATED, 1, 1, 0, b"{}")], sequence, 1, CONTEXT)[0] for sequence in range(4, 11)]
    got = [cut_for(changed, each) for each in logged]
    assert [each and each.content_type for each in got] == ["application/json"] * 2 + [CLOUDEVENT] * 3 + [None] * 2


@pytest.mark.parametrize(
    ("pointer", "path", "old", "new", "changed"),
    [
        ("/status/name", "/status/name", "New", "Closed", True),
        ("/status/name", "/status/id", 1, 2, False),
        ("/status", "/status/id", 1, 2, True),
        ("", "/status/id", 1, 2, True),
        ("/status/name", "/status", {"name": "New"}, None, True),
        ("/status/name", "/status", {"id": 1}, None, False),
        ("/types/0", "/types", ["a"], ["a", "b"], False),
        ("/types/1", "/types", ["a"], ["a", "b"], True),
        ("/types/0/~1x~0", "/types", [{"/x~": 1}], [{"/x~": 1.0}, 2], True),
        ("/stat", "/status", 1, 2, False),
    ],
)
def test_a_value_has_changed_when_something_at_or_below_its_pointer_has(pointer, path, old, new, changed):
    assert is_changed([pointer], [{"path": path, "old": old, "new": new}]) is changed


def test_what_is_posted_passes_by_its_topic_and_goes_as_it_stands_or_as_a_cloud_event():
    posted = cut_post(Post("low", "ops", "Disk full", "me@example.com"), 4, 12, 3, 1_534_778_946_000)
    assert json.loads(posted.body)["message"] == "Disk full"
    assert cut_for(filtered(resources=("ops",)), posted) is posted
    assert cut_for(filtered(resources=("other",)), posted) is None
    assert cut_for(filtered(changed=("/a",)), posted) is None
    made = cut_for(filtered(Format.CLOUDEVENTS, resources=("ops",)), posted)
    assert made is not None
    said = json.loads(made.body)
    assert (said["source"], said["subject"]) == ("/elements/api-v2/accounts/4", "ops")
    assert (said["data"], made.content_type) == (json.loads(posted.body), CLOUDEVENT)


def test_an_id_that_is_none_of_ours_is_refused():
    for text in ("short", "not base64 at all!!!", "A" * 24):
        with pytest.raises(ValueError, match=r"."):
            id_for(text, 1)


def test_a_resource_that_is_not_wanted_costs_no_look_at_the_body():
    [one] = cut([Change(EventType.UPDATED, 1, 1, 0, b"{}")], 9, 1, CONTEXT)
    assert cut_for(filtered(resources=("incidents",)), replace(one, body=b"no JSON")) is None

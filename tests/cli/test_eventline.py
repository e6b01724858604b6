"""Is an event shown so that a person sees at once what happened?"""

import doctest

import orjson
import pytest

from tidings.cli import eventline
from tidings.cli.eventline import EventShown, FieldShown, events_in, json_line, read_event, text_line, what_changed
from tidings.core.errors import InvalidInput
from tidings.core.model import Change, EventType, FieldChange
from tidings.core.notify import NotifyContext, cut

CONTEXT = NotifyContext(
    instance_id=1,
    instance_created_at=0,
    instance_name="one",
    tags=("one",),
    element_key="connectwisecrmrest",
    hub="crm",
    account_id=1,
    company_id=1,
    user_id=1,
    resource="contacts",
    poll_at=1_700_000_000_000,
    created_at=1_700_000_000_000,
)


def test_the_examples_hold():
    assert doctest.testmod(eventline).failed == 0


def test_a_notification_as_it_is_sent_can_be_shown():
    changes = (
        Change(EventType.CREATED, 7, 1, None, b'{"id":7}'),
        Change(EventType.UPDATED, 8, 2, None, b'{"id":8}', (FieldChange("/title", "a", "b"),)),
    )
    [notification] = cut(changes, 41, 1, CONTEXT)
    identity, events = events_in(notification.body)
    assert identity == notification.id
    assert [text_line("12:00:00", read_event(event)) for event in events] == [
        "12:00:00  CREATED  contacts/7  #41",
        "12:00:00  UPDATED  contacts/8  #42  title",
    ]


def test_pointers_are_shown_as_names_and_long_lists_are_cut():
    changes = (FieldShown("/a~1b"), FieldShown("/c~0d"), *(FieldShown(f"/{n}") for n in range(6)))
    shown = what_changed(EventShown("UPDATED", "contacts", "1", changes=changes))
    assert shown == "a/b, c~d, 0, 1, 2, 3 and 2 more"


def test_a_record_seen_for_the_first_time_says_so():
    assert what_changed(EventShown("UPDATED", "contacts", "1", first_seen=True)) == "(first seen)"


def test_a_json_line_keeps_what_was_sent_and_adds_how_it_came():
    line = json_line(b'{"eventType":"DELETED","other":1}', signature="ok")
    assert orjson.loads(line) == {"eventType": "DELETED", "other": 1, "signature": "ok"}
    assert "\n" not in line


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"{}", b'{"message":{}}', b'{"message":{"events":1}}', b"\xff"])
def test_what_is_no_notification_is_refused(body: bytes):
    with pytest.raises(InvalidInput, match="no notification"):
        events_in(body)

"""A notification's records and events are cut out of its body exactly, by whichever reader can read it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import NOW
from tidings.api.sent_body import cut_out
from tidings.core.model import Change, EventType, FieldChange
from tidings.core.notify import NotifyContext, cut

TEXT = st.text(st.characters()) | st.sampled_from(["\ud83d", "\udc00 cut", ',"raw":{', '"events":[', '\\"', "é😀"])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]))


@given(records=st.lists(st.dictionaries(TEXT, VALUE, max_size=3), min_size=1, max_size=10), name=PLAIN, resource=PLAIN)
def test_records_and_events_are_cut_out_as_they_were_sent(
    records: list[dict[str, Any]], name: str, resource: str
) -> None:
    context = NotifyContext(
        instance_id=1,
        instance_created_at=NOW,
        instance_name=name,
        tags=(name, ',"raw":{'),
        element_key="e",
        hub="crm",
        account_id=1,
        company_id=1,
        user_id=1,
        resource=resource,
        poll_at=NOW,
        created_at=NOW,
        filter_nulls=False,
    )
    raws = [json.dumps(record, indent=1).encode() for record in records]
    changes = [
        Change(EventType.UPDATED, number, 1, NOW, raw, (FieldChange("/x", None, record),))
        for number, (raw, record) in enumerate(zip(raws, records, strict=True))
    ]
    (notification,) = cut(changes, 1, 1, context)
    raw, events = cut_out(notification.body)
    message = json.loads(notification.body)["message"]
    assert json.loads(raw) == message["raw"]
    assert [json.loads(event) for event in events] == message["events"]
    assert b"[" + b",".join(raws) + b"]" in raw
    assert raw in notification.body
    assert b'"events":[' + b",".join(events) + b"]" in notification.body

"""Whatever is written where a language of ours is read, it is read or refused as that language's documents say."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mutated import ANY, mutated, tried
from whenever import Instant

from tidings.core import macros
from tidings.core.ceql import CeqlError, matches, parse, unparse
from tidings.core.conditions import ConditionsError, translate
from tidings.core.configvalues import ConfigError
from tidings.core.cron import CronError
from tidings.core.cron import parse as parse_cron
from tidings.core.deliverywhere import read_where
from tidings.core.errors import InvalidInput
from tidings.core.finder import read as read_finder
from tidings.core.javadate import PatternError, compile
from tidings.core.macros import MacroError
from tidings.core.plainbody import refuse_odd
from tidings.core.pollerconfig import read
from tidings.core.webhookbody import read_form, read_json

pytestmark = pytest.mark.timeout(60)

#: Each of the tests of this file tries as many texts as fit into about a second.
MANY = settings(max_examples=200, deadline=None)

WHERES = (
    "id = 5 AND (name like 'A%' or not status in ('New', 'Open'))",
    "lastUpdated>='2026-01-31T12:00:00Z' and deletedFlag=false",
    "`first name` is not null and company.name != 'O''Brien'",
    "lastUpdated > 2026-01-31T12:00:00.123+01:00 and a.b.c<-1.5",
)
RECORD: dict[str, Any] = {
    "id": 5,
    "name": "Acme",
    "status": {"name": "New"},
    "lastUpdated": "2026-02-01T00:00:00Z",
    "deletedFlag": False,
    "company": None,
    "list": [1, "2", None],
}
PATTERNS = (
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "EEE, dd MMM yyyy HH:mm:ss Z",
    "MM/dd/yyyy hh:mm a",
    "yyyy-MM-dd HH:mm:ss -0800",
    "milliseconds",
)
URLS = (
    "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
    "/clients/startingFrom=${epoch:0}?x=${dateTimeZone:America/Denver:yyyy-MM-dd HH:mm:ss}",
    "/x?from=${date}&to=${nowTimeZone:-8:00:yyyy-MM-dd}&e=${epoch:us}${milliseconds}",
)
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)).map(Instant)


@MANY
@given(mutated(*WHERES))
def test_a_condition_is_read_or_refused_at_a_column(text: str) -> None:
    tree, refusal = tried(CeqlError, parse, text)
    if refusal is not None:
        assert 1 <= refusal.column <= len(text) + 1
        assert str(refusal).startswith(f"column {refusal.column}: ")
    if tree is not None:
        assert parse(unparse(tree)) == tree
        matches(tree, RECORD, {})
        tried(ConditionsError, translate, tree, {"id": "integer", "lastUpdated": "datetime", "deletedFlag": "boolean"})


@MANY
@given(mutated("channel='webhook' and status='queued'", "config.url='https://a.example/?b=c'"))
def test_what_selects_deliveries_is_read_or_refused_by_name(text: str) -> None:
    _, refusal = tried(InvalidInput, read_where, text)
    if refusal is not None:
        assert refusal.field == "where"
        told = re.search(r"column (\d+)", refusal.message)
        assert told is None or 1 <= int(told[1]) <= len(text) + 1


@MANY
@given(mutated(*PATTERNS), INSTANTS, ANY)
def test_a_date_pattern_reads_what_it_writes_or_is_refused(pattern: str, instant: Instant, text: str) -> None:
    compiled, _ = tried(PatternError, compile, pattern)
    if compiled is not None:
        written = compiled.format(instant, "Europe/Berlin")
        compiled.parse(written, "Europe/Berlin")
        for each in (text, written[::-1]):
            tried(ValueError, compiled.parse_lenient, each, "GMT")


@MANY
@given(mutated(*URLS), INSTANTS)
def test_a_url_with_macros_is_expanded_or_refused(url: str, bound: Instant) -> None:
    _, refusal = tried(MacroError, macros.validate, url)
    if refusal is None:
        macros.expand(url, bound=bound, now=bound, zone="PST", date_format="MM/dd/yyyy HH:mm:ss Z")
        macros.earliest(url, bound=bound)


GOOD: dict[str, Any] = {
    "url": URLS[0],
    "idField": "id",
    "filterByUpdatedDate": True,
    "pageSize": 200,
    "pollDelay": 5,
    "datesConfiguration": {
        "updatedDateField": "_info.lastUpdated",
        "updatedDateFormat": PATTERNS[0],
        "updatedDateTimezone": "GMT",
        "createdDateField": "_info.dateEntered",
        "createdDateFormat": "milliseconds",
        "createdCheckTolerance": 10,
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | mutated(*URLS, *PATTERNS, "id", "GMT", "15"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=2),
    max_leaves=3,
)


@MANY
@given(
    st.dictionaries(st.sampled_from(list(GOOD)), JSON, max_size=2),
    st.dictionaries(st.sampled_from(list(GOOD["datesConfiguration"])), JSON, max_size=2),
    mutated("contacts", "incidents/7/comments"),
    st.booleans(),
)
def test_a_poller_configuration_is_read_or_refused_by_name(
    changes: dict[str, Any], dates: dict[str, Any], name: str, as_text: bool
) -> None:
    written: Any = {name: GOOD | {"datesConfiguration": GOOD["datesConfiguration"] | dates} | changes}
    _read_or_refused(json.dumps(written) if as_text else written)


@MANY
@given(mutated(json.dumps({"contacts": GOOD}), json.dumps([GOOD]), '"contacts,incidents"'))
def test_a_poller_configuration_that_is_text_is_read_or_refused_by_name(text: str) -> None:
    _read_or_refused(text)


def _read_or_refused(written: object) -> None:
    resources, refusal = tried(ConfigError, read, {"event.poller.configuration": written})
    assert refusal is None or refusal.field.startswith("event.")
    for resource in resources or ():
        now = Instant.from_utc(2026, 3, 4)
        where = resource.query(bound=now, now=now).where
        assert where is None or parse(where)


@MANY
@given(mutated("0 0/15 8-18 ? * MON-FRI", "0 0 0 L-3W * ? 2026-2030", "*/5 1,2,3 * 15W JAN ?", "0 0 0 ? * 6#3"))
def test_a_cron_expression_is_read_or_refused(text: str) -> None:
    cron, _ = tried(CronError, parse_cron, text)
    if cron is not None:
        cron.next_after(1_790_000_000_000)


@MANY
@given(mutated("/companyId={company}", "user.id=company", "a.b.0.c"))
def test_what_finds_instances_is_read_or_refused_by_name(text: str) -> None:
    _, refusal = tried(InvalidInput, read_finder, text, "event.notification.instance.finder")
    assert refusal is None or refusal.field == "event.notification.instance.finder"


@MANY
@given(mutated('{"a": [1, {"b": "\\u0041"}], "c": 1.5e3}', '[{"id": 1}]').map(str.encode) | st.binary(max_size=40))
def test_a_body_is_taken_or_refused_as_such(body: bytes) -> None:
    for reads in (read_json, read_form, refuse_odd):
        tried(InvalidInput, reads, body)

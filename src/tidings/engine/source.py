"""What does a poll lane read, and how is it asked for?

Joins an instance's configuration with its element's resource: the rendered filter, the decoder of a page's heads, the
dates' formats, the rules of judgement. Everything that is decided once for a lane's run is decided here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from whenever import Instant

from tidings.core import ceql, conditions, javadate, notify
from tidings.core.ceqltree import Comparison, Expr
from tidings.core.cursor import NEVER, Intervals, PollCursor, Reading, ReadingKind
from tidings.core.detect import Row, Rules
from tidings.core.diff import Volatile, volatile
from tidings.core.errors import InvalidInput
from tidings.core.model import Instance, Moment
from tidings.core.polldate import undated
from tidings.core.pollerconfig import PolledResource
from tidings.elements.connection import Connection
from tidings.elements.describe import Element, Resource
from tidings.elements.heads import HeadReader, Heads
from tidings.engine.ahead import ReadAhead
from tidings.engine.trace import Trace
from tidings.store.base import Cutter

#: A bound that no record is older than, for macros that stay in a reading of everything: a day after the epoch, so that
#: a pattern that renders only a day, one unit earlier, is still a date that every provider reads.
BEGINNING: Moment = 24 * 3600 * 1000
#: Another bound, which differs from that in every part that a pattern may render.
LATER = Instant.from_utc(2038, 7, 22, 13, 47, 33)
MINUTE = 60_000

#: Parameters of a hub request that paging decides, not the user.
OURS = frozenset({"page", "pagesize", "nextpage", "orderby"})


@dataclass(frozen=True, slots=True)
class Query:
    """One filter, as the provider takes it; `earliest_at` is the earliest stamp that fits it, None when unknown;
    `narrows` says whether it asks for more of a record than its stamp."""

    conditions: str
    extra: Mapping[str, str]
    earliest_at: Moment | None
    narrows: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One (instance, resource) to poll. Spans are milliseconds."""

    instance: Instance
    element: Element
    resource: Resource
    polled: PolledResource
    connection: Connection
    pages: ReadAhead
    heads: HeadReader
    ids: HeadReader
    read_stamp: Callable[[Any], Moment | None]
    read_created: Callable[[Any], Moment | None] | None
    volatile: Volatile
    intervals: Intervals
    overlap: int
    settle_window: int
    announce_touched: bool
    page_size: int
    max_events: int
    filter_nulls: bool
    organization_id: int
    trace: Trace = field(default_factory=Trace)

    def query(self, lower_at: Moment | None, now: Moment) -> Query:
        """As `query_of` has it."""
        return query_of(self.polled, self.resource, lower_at, now)

    def row(self, heads: Heads, position: int, raw_hash: bytes) -> Row:
        """One record of a page, ready to be judged."""
        return Row(
            heads.ids[position],
            bytes(heads.raws[position]),
            raw_hash,
            self.read_stamp(heads.stamps[position]),
            self.read_created(heads.created[position]) if self.read_created is not None else None,
            is_flagged(heads.deleted[position]),
        )

    def rules(self, cursor: PollCursor, reading: Reading, answered_at: Moment) -> Rules:
        """By what a page of `reading` is judged; `answered_at` is the provider's clock on that page."""
        # Only until all is learned for the first time: a filter that shows more than before must not flood anybody.
        first = reading.kind in (ReadingKind.PROBE, ReadingKind.BASELINE) and not cursor.polled_at
        since = self.polled.first_run.since_at if first else None
        watched_at = cursor.t0_at if cursor.watched_at is None else cursor.watched_at
        silent_before: Moment | None = None
        silent_until: Moment | None = None
        if reading.kind is ReadingKind.PROBE:
            silent_before = NEVER
        elif reading.kind is ReadingKind.BASELINE:
            silent_before, silent_until = cursor.t0_at, answered_at
        return Rules(
            generation=cursor.generation_number,
            volatile=self.volatile,
            announce_touched=self.announce_touched,
            silent_before=silent_before,
            silent_until=silent_until,
            backfill=first and self.polled.first_run.backfill,
            announced_since=since,
            high_id=cursor.high_id,
            created_since=watched_at if since is None else min(since, watched_at or since),
            created_known=self.read_created is not None,
            tolerance=self.polled.created_check_tolerance * 1000,
        )

    def cutter(self, reading: Reading, now: Moment) -> Cutter:
        """Cuts this reading's changes into notifications."""
        context = notify.NotifyContext(
            instance_id=self.instance.id,
            instance_created_at=self.instance.created_at,
            instance_name=self.instance.name,
            tags=self.instance.tags,
            element_key=self.element.key,
            clone_key=None if self.instance.clone is None else self.instance.clone.key,
            hub=self.element.hub,
            account_id=self.instance.account_id,
            company_id=self.organization_id,
            user_id=self.instance.user_id,
            resource=self.polled.name,
            poll_at=reading.started_at,
            created_at=now,
            max_events=self.max_events,
            filter_nulls=self.filter_nulls,
        )
        return partial(notify.cut, context=context)


def query_of(polled: PolledResource, resource: Resource, lower_at: Moment | None, now: Moment) -> Query:
    """The filter for records stamped at or after `lower_at`; None asks for all of them, as far as it can without a date
    (core/polldate.py).

    Raises `InvalidInput` when the provider's language cannot say it.
    """
    bound = Instant.from_timestamp((BEGINNING if lower_at is None else lower_at), unit="millisecond")
    at = Instant.from_timestamp(now, unit="millisecond")
    query = polled.query(bound=bound, now=at)
    extra = {name: value for name, value in query.parameters if name.lower() not in OURS}
    if query.where is None:
        return Query("", extra, None)
    try:
        condition: Expr | None
        if lower_at is None:
            later = polled.query(bound=LATER, now=at).where
            condition = undated(query.where, later or query.where, stamp_names(polled, resource))
        else:
            condition = ceql.parse(query.where)
        said = "" if condition is None else conditions.translate(condition, resource.field_types)
    except ValueError as error:
        raise InvalidInput(f"event.poller.configuration.{polled.name}.url", str(error)) from None
    if lower_at is None:
        return Query(said, extra, None, narrows=condition is not None)
    earliest = polled.earliest(bound)
    narrows = not isinstance(condition, Comparison) or earliest is None
    return Query(said, extra, None if earliest is None else earliest.timestamp(unit="millisecond"), narrows)


def stamp_names(polled: PolledResource, resource: Resource) -> frozenset[str]:
    """The dotted names by which a filter may name the stamp of a record, in small letters."""
    names = (resource.stamp_condition, resource.stamp, ".".join(polled.updated_field or ()))
    return frozenset(name.lower() for name in names if name)


def moment_reader(pattern: str | None, zone: str) -> Callable[[Any], Moment | None]:
    """Reads a stamp as a provider writes it: by the pattern, else as ISO-8601, a number as epoch milliseconds.

    What cannot be read is None: a record without a stamp is compared by its content alone.
    """
    compiled = javadate.compile(pattern or "yyyy-MM-dd'T'HH:mm:ss'Z'")

    @lru_cache(maxsize=8192)
    def read_text(text: str) -> Moment | None:
        try:
            return compiled.parse_lenient(text, zone).timestamp(unit="millisecond")
        except (ValueError, OverflowError):
            return None

    def read(value: Any) -> Moment | None:
        if isinstance(value, str):
            return read_text(value) if value else None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return int(value)
        return None

    return read


def is_flagged(value: Any) -> bool:
    """Whether a soft-delete flag is set, as JSON or as text."""
    return value is True or value in ("true", "True")


def minutes(value: float) -> int | None:
    """A span in milliseconds; zero switches the reading off."""
    return round(value * MINUTE) if value else None


def tree_of(resource: Resource, polled: PolledResource) -> Volatile:
    """The resource's volatile paths, and always the stamp itself."""
    stamp = ["/".join(polled.updated_field)] if polled.updated_field else []
    return volatile([*resource.volatile, *stamp])

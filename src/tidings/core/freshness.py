"""How current is what is known of a resource, and does it stand still?"""

from __future__ import annotations

from tidings.core.cursor import PollCursor
from tidings.core.model import Moment

GRACE = 30_000  #: milliseconds beyond two intervals: for the phase of a poll, and for the time that it takes


def current_since(cursor: PollCursor) -> Moment | None:
    """The last moment, by our clock, of which is known that everything visible then has been read; None while the
    resource is learned.

    It is the start of the last complete poll (or baseline), not its end: what changed while it went on may have stood
    on a page that had been read already.
    """
    if not cursor.baselined:
        return None
    return cursor.current_at or cursor.polled_at or None


def freshness(cursor: PollCursor, now: Moment) -> int | None:
    """For how many milliseconds what is known may be behind the provider; None while the resource is learned."""
    since = current_since(cursor)
    return None if since is None else max(0, now - since)


def is_stale(cursor: PollCursor, now: Moment) -> bool:
    """Whether no poll has become complete for more than two intervals (and `GRACE`), whatever the reason.

    Counted from the end of the last one, so that a first reading of many hours does not count as standing still. The
    interval is the one that the last complete poll was made under. A resource that is being learned is never stale.
    """
    if not cursor.baselined or not cursor.interval:
        return False
    return now - cursor.polled_at > 2 * cursor.interval + GRACE

"""What a good answer looks like: JSON, always 200, and a count on lists (spec platform.md 1.1, 1.4)."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.responses import Response
from whenever import Instant

from tidings.core.model import Moment

LAST_SECOND = 253_402_300_799  # of the year 9999, the last that a date can show


def answer(value: object) -> Response:
    """One value; an `orjson.Fragment` in it is sent as it stands."""
    return Response(orjson.dumps(value), media_type="application/json")


def listing(values: Sequence[object]) -> Response:
    """A list, with its length in Elements-Returned-Count."""
    response = answer(values)
    response.headers["Elements-Returned-Count"] = str(len(values))
    return response


def day(moment: Moment) -> str:
    """The day of the moment in UTC, as the platform writes the dates of accounts and users.

    >>> day(1502131598999)
    '2017-08-07'
    """
    return iso(moment)[:10]


def iso(moment: Moment) -> str:
    """The moment in UTC, to the second, as the platform writes dates.

    >>> iso(1502131598999)
    '2017-08-07T18:46:38Z'
    """
    return Instant.from_timestamp(min(moment // 1000, LAST_SECOND)).format_iso()

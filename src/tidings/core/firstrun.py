"""What happens to the records that are there when polling of a resource begins? (`event.poller.first_run`)"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from whenever import Date, Instant, OffsetDateTime

from tidings.core.configvalues import ConfigError
from tidings.core.model import Moment

WORDS: Final = ("silent", "backfill")


@dataclass(frozen=True, slots=True)
class FirstRun:
    """`silent` learns what is there, `backfill` announces it as created; with a date (then `text` is that date) what is
    stamped at or after `since_at` is announced, and what is older learned. `field` is the key that says so."""

    text: str = "silent"
    since_at: Moment | None = None
    field: str = field(default="", compare=False)

    @property
    def backfill(self) -> bool:
        return self.text == "backfill"


def read(value: Any, key: str) -> FirstRun:
    """`silent`, `backfill`, an ISO 8601 date (UTC midnight) or a date-time with a zone. Raises ConfigError.

    >>> read("2026-01-31T01:00:00+01:00", "firstRun").text
    '2026-01-31T00:00:00Z'
    """
    text = str(value).strip()
    if text.lower() in WORDS:
        return FirstRun(text.lower(), field=key)
    since = _instant(text)
    if since is None:
        raise ConfigError(
            key,
            f"is `{text[:40]}`: write silent, backfill, a date such as 2026-01-31, or one with time and zone"
            " such as 2026-01-31T08:00:00Z",
        )
    return FirstRun(since.format_iso(), since.timestamp(unit="millisecond"), key)


def refuse_future(first_run: FirstRun, now: Moment) -> None:
    """Raises ConfigError for a date that has not come yet: what is there would be learned, as with `silent`."""
    if first_run.since_at is not None and first_run.since_at > now:
        raise ConfigError(
            first_run.field, f"is {first_run.text}, which is in the future: write a date that has been, or silent"
        )


def _instant(text: str) -> Instant | None:
    try:
        return OffsetDateTime(f"{Date.parse_iso(text).format_iso()}T00:00:00Z").to_instant()
    except ValueError:
        pass
    try:
        return OffsetDateTime.parse_iso(text).to_instant()
    except ValueError:
        return None

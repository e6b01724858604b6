"""How may the provider misbehave? The knobs of one tenant, all off at first (spec connectwise.md 13.21)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


class UnknownKnob(ValueError):
    """A knob that does not exist or does not take this value; the text says which and what is possible."""


@dataclass(slots=True)
class Faults:
    """The knobs. A count says how many of the coming requests are hit and runs down; a share is between 0 and 1.

    visibility_delay: a write is seen by readers between `visibility_delay_least` and this many seconds late.
    clock_skew: seconds by which the server's clock is ahead (`Date` and stamps alike).
    tz_bug_minutes: date-times in conditions that carry `Z` or an offset are read this much later.
    unstable_ties: rows that are equal under `orderBy` come in another order at every request.
    poison: resource path to ids; a page that holds one of them is a 500 unless `fields` leaves custom fields out.
    too_many_requests, timeouts, bad_gateways: counts of 429, of 500 with "timeout", of 502 with HTML.
    failure_share: share of requests that meet one of these three at random.
    url_limit: characters of path and query above which the answer is 414.
    short_pages: count of list pages that come with half of their rows; links and cursor as if they were whole, so
    those rows are lost to the reader. empty_pages: the same with no rows at all.
    dropped_callbacks, duplicated_callbacks: shares.
    hidden_share: resource path to the share of records the role does not see. forbidden: paths it may not read.
    legacy_date_filter: conditions with a date and time match nothing, nor does `>=` with a date.
    changelogs: the change log endpoints of 7.3 exist. rate_limit: requests a minute, None for no limit.
    """

    visibility_delay: float = 0.0
    visibility_delay_least: float = 0.0
    clock_skew: float = 0.0
    tz_bug_minutes: int = 0
    unstable_ties: bool = False
    poison: dict[str, list[int]] = field(default_factory=dict)
    too_many_requests: int = 0
    timeouts: int = 0
    bad_gateways: int = 0
    failure_share: float = 0.0
    url_limit: int = 8000
    short_pages: int = 0
    empty_pages: int = 0
    dropped_callbacks: float = 0.0
    duplicated_callbacks: float = 0.0
    hidden_share: dict[str, float] = field(default_factory=dict)
    forbidden: list[str] = field(default_factory=list)
    legacy_date_filter: bool = False
    changelogs: bool = False
    rate_limit: int | None = 1000

    def set(self, knobs: Mapping[str, Any]) -> None:
        """Turn the knobs named, all or none. Raises UnknownKnob."""
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in knobs.items():
            if name not in known:
                raise UnknownKnob(f"{name} is not a knob; there are {', '.join(sorted(known))}.")
            if not _fits(name, known[name], value):
                raise UnknownKnob(f"{name} does not take {value!r}; it is {known[name]!r} now.")
        for name, value in knobs.items():
            setattr(self, name, value)

    def spend(self, name: str) -> bool:
        """Use up one of a count; whether there was one left."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


def _fits(name: str, now: Any, value: Any) -> bool:
    if name == "rate_limit":
        return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
    if isinstance(now, bool) or isinstance(value, bool):
        return isinstance(now, bool) and isinstance(value, bool)
    if isinstance(now, float):
        return isinstance(value, int | float)
    return isinstance(value, type(now))

"""Which offset from UTC a zone's name stands for: abbreviations, regions and offsets as configurations write them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from whenever import Instant, PlainDateTime, ZonedDateTime, seconds

UTC_NAMES: Final = frozenset({"UTC", "GMT", "Z", "UT"})

# What java.util.TimeZone reads for these ids: two are regions with summer time, the others never move.
_REGIONS: Final = {"PST": "America/Los_Angeles", "CST": "America/Chicago"}
_HOURS: Final = {"EST": -5, "MST": -7, "HST": -10, "PDT": -7, "MDT": -6, "CDT": -5, "EDT": -4, "AKST": -9, "AKDT": -8}
# In a record's text an abbreviation says standard or summer time itself, so it is an offset.
_HOURS_IN_TEXT: Final = _HOURS | {"PST": -8, "CST": -6, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "WET": 0, "WEST": 1}

_OFFSET: Final = re.compile(r"(?:GMT|UTC)?([+-])(?:(\d{1,2})(?::([0-5]\d))?|(\d{2})([0-5]\d))", re.IGNORECASE)


class ZoneError(ValueError):
    """No zone has this name; the message says what can be written."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock on the wall shows: date and time, seconds east of UTC, and the zone's abbreviation then."""

    clock: PlainDateTime
    offset: int
    abbreviation: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A fixed offset in seconds east of UTC or, where `offset` is None, the rules of a tz database region."""

    name: str
    offset: int | None
    region: str = ""

    def at(self, instant: Instant) -> Reading:
        """What the clock shows at `instant`."""
        if self.offset is not None:
            clock = instant.to_fixed_offset(seconds(self.offset)).to_plain()
            return Reading(clock, self.offset, self.name)
        local = instant.to_tz(self.region)
        return Reading(local.to_plain(), int(local.offset.total("seconds")), local.tz_abbrev())

    def instant(self, clock: PlainDateTime) -> Instant:
        """When the clock showed this: of two moments the earlier, for a skipped time the one before the skip."""
        if self.offset is not None:
            return clock.assume_fixed_offset(seconds(self.offset)).to_instant()
        return clock.assume_tz(self.region, disambiguation="earlier").to_instant()

    def least_from(self, instant: Instant) -> PlainDateTime:
        """The least that the clock shows at `instant` or ever after; differs from `at` in the hour before it is
        set back, which it will show again."""
        local = self._repeated(instant)
        if local is None or self.instant(local.to_plain()) != instant:
            return self.at(instant).clock
        set_back = local.next_transition()
        return local.to_plain() if set_back is None else set_back.to_plain()

    def greatest_until(self, instant: Instant) -> PlainDateTime:
        """The greatest that the clock showed at `instant` or ever before; differs from `at` in the hour after it
        was set back."""
        local = self._repeated(instant)
        if local is None or self.instant(local.to_plain()) == instant:
            return self.at(instant).clock
        set_back = local.add(nanoseconds=1).prev_transition()
        return local.to_plain() if set_back is None else set_back.subtract(nanoseconds=1).to_plain()

    def _repeated(self, instant: Instant) -> ZonedDateTime | None:
        if self.offset is not None:
            return None
        local = instant.to_tz(self.region)
        return local if local.is_repeated() else None


@lru_cache(maxsize=512)
def zone(name: str) -> Zone:
    """The zone of this name: an abbreviation (PST), a region (America/Denver) or an offset (-8:00, +0600, GMT+1).

    Abbreviations mean what they mean in Java: PST and CST follow Los Angeles and Chicago through summer time; EST,
    MST and HST, and the summer names PDT, MDT, CDT and EDT, are fixed offsets. Raises ZoneError.
    """
    upper = name.strip().upper()
    if upper in UTC_NAMES:
        return Zone("GMT" if upper == "GMT" else "UTC", 0)
    if upper in _HOURS:
        return Zone(upper, _HOURS[upper] * 3600)
    if upper in _REGIONS:
        return Zone(upper, None, _REGIONS[upper])
    offset = parse_offset(upper)
    if offset is not None:
        return Zone("GMT" + offset_text(offset, ":"), offset)
    region = name.strip()
    try:
        Instant.from_timestamp(0).to_tz(region)
    except ValueError:
        raise ZoneError(
            f"`{name}` is not a time zone: write GMT, an abbreviation such as PST, "
            "a region such as America/Denver, or an offset such as -08:00"
        ) from None
    return Zone(region, None, region)


def parse_offset(text: str) -> int | None:
    """Seconds east of UTC for ±h, ±hh, ±h:mm, ±hh:mm or ±hhmm (hours to 23), also after GMT or UTC; else None."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    hours = int(match[2] or match[4])
    minutes = int(match[3] or match[5] or 0)
    if hours > 23:
        return None
    return (-1 if match[1] == "-" else 1) * (hours * 3600 + minutes * 60)


def offset_text(offset: int, separator: str) -> str:
    """±hh, the separator, mm: `-08:00` for -28800 and a colon."""
    minutes = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}{separator}{minutes % 60:02d}"


def instant_in(text: str, clock: PlainDateTime, around: Zone) -> Instant:
    """When `clock` was shown, where a record's text names the zone itself: an offset, an abbreviation, a region.

    An abbreviation that `around` uses means what it means there. Raises ZoneError.
    """
    upper = text.upper()
    offset = 0 if upper in UTC_NAMES else parse_offset(upper)
    if offset is None and around.offset is None:
        for local in (
            clock.assume_tz(around.region, disambiguation="earlier"),
            clock.assume_tz(around.region, disambiguation="later"),
        ):
            if local.tz_abbrev().upper() == upper:
                return local.to_instant()
    if offset is None and upper in _HOURS_IN_TEXT:
        offset = _HOURS_IN_TEXT[upper] * 3600
    if offset is None:
        return zone(text).instant(clock)
    return clock.assume_fixed_offset(seconds(offset)).to_instant()

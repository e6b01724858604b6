"""Zone names, and what a clock shows on the nights when it is set."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant

from tidings.core import zones
from tidings.core.zones import ZoneError, zone

SUMMER = Instant.from_utc(2026, 7, 1, 12)
WINTER = Instant.from_utc(2026, 1, 1, 12)
REGIONS = ("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [
        ("GMT", 0, 0),
        ("utc", 0, 0),
        ("PST", -7, -8),
        ("CST", -5, -6),
        ("MST", -7, -7),
        ("EST", -5, -5),
        ("EDT", -4, -4),
        ("America/Denver", -6, -7),
        ("-8:00", -8, -8),
        ("+6:00", 6, 6),
        ("+0530", 5.5, 5.5),
        ("-08", -8, -8),
        ("GMT-8", -8, -8),
        ("UTC+01:00", 1, 1),
    ],
)
def test_a_zone_is_known_by_abbreviation_region_or_offset(name, summer, winter):
    assert zone(name).at(SUMMER).offset == summer * 3600
    assert zone(name).at(WINTER).offset == winter * 3600


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "{TimeZone}", "+24:00", "+5:60", "+530", "XST", "../etc/passwd"])
def test_an_unknown_zone_is_refused_with_what_can_be_written(name):
    with pytest.raises(ZoneError, match="is not a time zone: write GMT, an abbreviation such as PST"):
        zone(name)


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(REGIONS),
)
def test_a_zone_shows_what_the_standard_library_shows_and_reads_the_earlier_of_two(moment, region):
    instant = Instant(moment)
    reading = zone(region).at(instant)
    shown = moment.astimezone(ZoneInfo(region))
    assert reading.clock.to_stdlib() == shown.replace(tzinfo=None)
    assert reading.offset == shown.utcoffset().total_seconds()
    assert zone(region).instant(reading.clock) == Instant(shown.replace(fold=0))


@pytest.mark.parametrize("region", REGIONS)
def test_the_least_and_the_greatest_reading_bound_all_later_and_earlier_ones(region):
    # every ten minutes of the years' ends and beginnings of summer time
    place = zone(region)
    moments = [Instant.from_utc(2017, month, 1).add(minutes=10 * n) for month in (2, 4, 10, 11) for n in range(144 * 7)]
    moments += [Instant.from_utc(2017, month, 24).add(minutes=10 * n) for month in (3, 10) for n in range(144 * 7)]
    moments.sort()
    clocks = [place.at(moment).clock for moment in moments]
    least, greatest = clocks[-1], clocks[0]
    for moment, clock in zip(reversed(moments), reversed(clocks), strict=True):
        least = min(least, clock)
        assert place.least_from(moment) == least
    for moment, clock in zip(moments, clocks, strict=True):
        greatest = max(greatest, clock)
        assert place.greatest_until(moment) >= greatest
        assert place.greatest_until(moment).subtract(minutes=10, naive_arithmetic_ok=True) < greatest


def test_an_abbreviation_in_a_text_says_standard_or_summer_time_itself():
    clock = zone("UTC").at(Instant.from_utc(2026, 11, 1, 1, 30)).clock
    los_angeles = zone("America/Los_Angeles")
    assert zones.instant_in("PDT", clock, los_angeles) == Instant.from_utc(2026, 11, 1, 8, 30)
    assert zones.instant_in("PST", clock, los_angeles) == Instant.from_utc(2026, 11, 1, 9, 30)
    assert zones.instant_in("CEST", clock, zone("UTC")) == Instant.from_utc(2026, 10, 31, 23, 30)
    assert zones.instant_in("IST", clock, zone("Asia/Kolkata")) == Instant.from_utc(2026, 10, 31, 20)
    assert zones.instant_in("America/Denver", clock, zone("UTC")) == Instant.from_utc(2026, 11, 1, 7, 30)
    with pytest.raises(ZoneError):
        zones.instant_in("XST", clock, zone("UTC"))

"""Java date patterns: every pattern of the platform's documents, an independent formatter, both clock changes."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_datetime
from hypothesis import assume, example, given
from hypothesis import strategies as st
from whenever import Instant

from tidings.core import javadate, zones
from tidings.core.javadate import PatternError, Unit, compile, parse_iso

MOMENT = Instant.from_utc(2026, 3, 4, 5, 6, 7, nanosecond=89_012_345)
SEEN = {
    # spec platform.md 4.4 and 10: all the distinct ones
    "yyyy-MM-dd'T'HH:mm:ssXXX": ("2026-03-04T05:06:07Z", "2026-03-03T21:06:07-08:00"),
    "yyyy-MM-dd'T'HH:mm:ss'Z'": ("2026-03-04T05:06:07Z", "2026-03-03T21:06:07Z"),
    "yyyy-MM-dd'T'HH:mm:ssZ": ("2026-03-04T05:06:07+0000", "2026-03-03T21:06:07-0800"),
    "yyyy-MM-dd'T'HH:mm:ss": ("2026-03-04T05:06:07", "2026-03-03T21:06:07"),
    "yyyy-MM-dd'T'HH:mm:ssX": ("2026-03-04T05:06:07Z", "2026-03-03T21:06:07-08"),
    "yyyy-MM-dd'T'HH:mm:ss.SSS": ("2026-03-04T05:06:07.089", "2026-03-03T21:06:07.089"),
    "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'": ("2026-03-04T05:06:07.089Z", "2026-03-03T21:06:07.089Z"),
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ": ("2026-03-04T05:06:07.089+0000", "2026-03-03T21:06:07.089-0800"),
    "yyyy-MM-dd'T'HH:mm:ss.SSSX": ("2026-03-04T05:06:07.089Z", "2026-03-03T21:06:07.089-08"),
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX": ("2026-03-04T05:06:07.089Z", "2026-03-03T21:06:07.089-08:00"),
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX": ("2026-03-04T05:06:07.089012Z", "2026-03-03T21:06:07.089012-08:00"),
    "yyyy-MM-dd'T'HH:mmz": ("2026-03-04T05:06UTC", "2026-03-03T21:06PST"),
    "yyyy-MM-dd HH:mm:ss": ("2026-03-04 05:06:07", "2026-03-03 21:06:07"),
    "yyyy-MM-dd' 'HH:mm:ss": ("2026-03-04 05:06:07", "2026-03-03 21:06:07"),
    "yyyy-MM-dd HH:mm:ss -0800": ("2026-03-03 21:06:07 -0800", "2026-03-03 21:06:07 -0800"),
    "yyyy-MM-dd": ("2026-03-04", "2026-03-03"),
    "yyyy/MM/dd HH:mm:ss": ("2026/03/04 05:06:07", "2026/03/03 21:06:07"),
    "MM/dd/yyyy HH:mm:ss": ("03/04/2026 05:06:07", "03/03/2026 21:06:07"),
    "MM/dd/yyyy": ("03/04/2026", "03/03/2026"),
    "MM/dd/yyyy'T'HH:mm:ssXXX": ("03/04/2026T05:06:07Z", "03/03/2026T21:06:07-08:00"),
    "MM/dd/yyy'T'HH:mm:ssXXX": ("03/04/2026T05:06:07Z", "03/03/2026T21:06:07-08:00"),
    "dd/MM/yyyy": ("04/03/2026", "03/03/2026"),
    "dd/MM/yyyy'T'HH:mm:ssXXX": ("04/03/2026T05:06:07Z", "03/03/2026T21:06:07-08:00"),
    "EEE, dd MMM yyyy HH:mm:ss Z": ("Wed, 04 Mar 2026 05:06:07 +0000", "Tue, 03 Mar 2026 21:06:07 -0800"),
    "milliseconds": ("1772600767089", "1772600767089"),
    # with the shell's quotes and stray ones, as they stand in the documents
    "milliseconds'": ("1772600767089", "1772600767089"),
    "yyyy-MM-dd'T'HH:mm:ss'": ("2026-03-04T05:06:07", "2026-03-03T21:06:07"),
    "yyyy-MM-dd'\\''T'\\''HH:mm:ss'\\''": ("2026-03-04T05:06:07", "2026-03-03T21:06:07"),
    "yyyy-MM-dd'\\''T'\\''HH:mm:ss'\\''Z'\\''": ("2026-03-04T05:06:07Z", "2026-03-03T21:06:07Z"),
    "yyyy-MM-dd'T'HH:mm:ss.SSSX'": ("2026-03-04T05:06:07.089Z", "2026-03-03T21:06:07.089-08"),
    # the rest of the letters
    "h:mm a 'o''clock', EEEE d MMMM yy": (
        "5:06 AM o'clock, Wednesday 4 March 26",
        "9:06 PM o'clock, Tuesday 3 March 26",
    ),
    "yyyyMMddHHmmssSSS": ("20260304050607089", "20260303210607089"),
    "EEE MMM dd HH:mm:ss zzz yyyy": ("Wed Mar 04 05:06:07 UTC 2026", "Tue Mar 03 21:06:07 PST 2026"),
    "H''m": ("5'6", "21'6"),
}  # fmt: skip
ZONES = ("UTC", "PST", "EST", "America/Denver", "Europe/Berlin", "-8:00", "+5:30", "Australia/Lord_Howe")
# Times of day whose text must be read back: the year first, so that a two-digit one is not asked for here.
FULL = [pattern for pattern in SEEN if pattern != "H''m"]
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2060, 1, 1), timezones=st.just(UTC)).map(Instant)
BEFORE_SET_BACK = Instant.from_utc(2026, 11, 1, 8, 30)
AFTER_SET_BACK = Instant.from_utc(2026, 11, 1, 9, 30)


@pytest.mark.parametrize("pattern", SEEN)
def test_a_pattern_writes_what_java_writes(pattern):
    gmt, local = SEEN[pattern]
    assert compile(pattern).format(MOMENT) == gmt
    assert compile(pattern).format(MOMENT, "PST") == local


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("yyyy", Unit.YEAR),
        ("MMM yyyy", Unit.MONTH),
        ("EEE, dd/MM/yyyy", Unit.DAY),
        ("yyyy-MM-dd hh a", Unit.HOUR),
        ("yyyy-MM-dd'T'HH:mmz", Unit.MINUTE),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", Unit.SECOND),
        ("ss.S", Unit.SECOND),
        ("ss.SSS", Unit.MILLISECOND),
        ("ss.SSSSSS", Unit.MICROSECOND),
        ("ss.SSSSSSSSS", Unit.NANOSECOND),
        ("milliseconds", Unit.MILLISECOND),
    ],
)
def test_the_unit_of_a_pattern_is_the_smallest_that_it_renders(pattern, unit):
    assert compile(pattern).unit == unit


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("YYYY-MM-dd", "`YYYY` at position 1 is the year of a week: write yyyy"),
        ("yyyy-MM-DD", "`DD` at position 9 is the day of the year: write dd"),
        ("yyyy-MM-ddTHH:mm", "`T` at position 11 is literal text: write 'T'"),
        ("yyyy-mm-dd", "minutes .mm. but no hour: write MM for the month"),
        ("yyyy-MM-dd hh:mm", "12-hour clock .hh. without AM or PM .a.: write HH"),
        ("yyyyy-MM-dd", "`yyyyy` at position 1 is too long: write yyyy"),
        ("yyyy-MM-dd HH:mss", "`m` at position 15 runs into the number behind it: write mm"),
        ("ZMM-dd", "`Z` at position 1 runs into the number behind it: set them apart"),
        ("yyyyMd", "`M` at position 5 runs into the number behind it: write MM"),
        ("yyyy-MM-dd'T", "quote at position 11 is never closed"),
        ("10 digit integer Unix time'", "`i` at position 5 is no part of a date"),
        ("518862600", "renders no date"),
        ("", "renders no date"),
        ("XXX", "renders no date"),
        ("yyyy-MM-dd O", "`O` at position 12 is no part of a date"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused_with_what_to_write(pattern, says):
    with pytest.raises(PatternError, match=says):
        compile(pattern)


@given(st.text("yMdHhmsSaXZz'-: TYDQ/", max_size=12))
def test_any_text_is_a_pattern_that_writes_dates_or_is_refused_by_name(pattern):
    try:
        compiled = compile(pattern)
    except PatternError as refusal:
        with pytest.raises(PatternError, match=re.escape(f"`{pattern}`")):
            raise refusal
    else:
        assert re.search(r"\d", compiled.format(MOMENT)) or "MMM" in pattern


LETTERS = ["yyyy", "yy", "yyy", "MM", "M", "MMM", "MMMM", "dd", "d", "HH", "H", "hh", "h", "mm", "m", "ss", "s", "SSS",
           "SSSSSS", "EEE", "EEEE", "a", "XXX", "X", "XX", "Z"]  # fmt: skip


@given(
    st.lists(st.sampled_from(LETTERS), min_size=1, max_size=8),
    INSTANTS,
    st.sampled_from([zone for zone in ZONES if "/" in zone]),
)
def test_formatting_agrees_with_babel(letters, instant, region):
    pattern = " 'at' ".join(dict.fromkeys(letters))
    try:
        compiled = compile(pattern)
    except PatternError:
        assume(False)
    instant = instant.round("millisecond", mode="floor")  # babel rounds fractions up, into the future
    moment = instant.to_stdlib()
    assert compiled.format(instant, region) == format_datetime(moment, pattern, tzinfo=ZoneInfo(region), locale="en_US")


def _truncated(instant: Instant, pattern: javadate.JavaPattern, zone: str) -> bool:
    """Whether reading back what the pattern wrote loses less than one unit."""
    spans = {Unit.YEAR: 366 * 86400, Unit.MONTH: 31 * 86400, Unit.DAY: 90000, Unit.MINUTE: 60, Unit.SECOND: 1}
    lost = instant.timestamp(unit="nanosecond") - pattern.parse(pattern.format(instant, zone), zone).timestamp(
        unit="nanosecond"
    )
    if pattern.unit >= Unit.MILLISECOND:
        return 0 <= lost < 1_000_000
    return 0 <= lost < spans[pattern.unit] * 10**9


@given(st.sampled_from(FULL), INSTANTS, st.sampled_from(ZONES))
def test_what_a_pattern_writes_it_reads_back_at_its_precision(pattern, instant, zone):
    compiled = compile(pattern)
    read = compiled.parse(compiled.format(instant, zone), zone)
    assert compiled.format(read, zone) == compiled.format(instant, zone)
    repeats = not compiled.zoned and zones.zone(zone).instant(
        zones.zone(zone).at(instant).clock
    ) != instant  # fmt: skip
    assert repeats or _truncated(instant, compiled, zone)


@given(
    st.sampled_from(FULL),
    INSTANTS,
    st.integers(0, 4 * 3600 * 10**6),
    st.sampled_from(ZONES),
)
@example("yyyy-MM-dd HH:mm:ss", BEFORE_SET_BACK, 2_000_000_000, "PST")
@example("yyyy-MM-dd HH:mm:ss", AFTER_SET_BACK, 0, "PST")
@example("yyyy-MM-dd", Instant.from_utc(2026, 11, 1, 8, 30), 0, "PST")
def test_one_unit_before_a_bound_is_less_than_all_that_comes_from_it_on(pattern, bound, microseconds, zone):
    assume(not re.match(r"dd|MM|EEE|h", pattern))  # whose texts do not sort by time
    compiled = compile(pattern)
    later = bound.add(microseconds=microseconds)
    if compiled.zoned:
        assert compiled.parse(compiled.before(bound, zone), zone) < compiled.parse(compiled.format(later, zone), zone)
        assert compiled.parse(compiled.after(later, zone), zone) > compiled.parse(compiled.format(bound, zone), zone)
    else:
        assert compiled.before(bound, zone) < compiled.format(later, zone)
        assert compiled.after(later, zone) > compiled.format(bound, zone)


def test_a_bound_in_the_hour_before_the_clock_is_set_back_is_written_as_the_start_of_that_hour():
    pattern = compile("yyyy-MM-dd HH:mm:ss")
    assert pattern.format(BEFORE_SET_BACK, "America/Los_Angeles") == "2026-11-01 01:30:00"
    assert pattern.before(BEFORE_SET_BACK, "America/Los_Angeles") == "2026-11-01 00:59:59"
    assert pattern.before(AFTER_SET_BACK, "America/Los_Angeles") == "2026-11-01 01:29:59"
    assert pattern.after(AFTER_SET_BACK, "America/Los_Angeles") == "2026-11-01 02:00:00"


def test_one_unit_of_a_day_is_a_day_of_the_calendar_though_it_has_25_hours():
    late_in_the_evening = Instant.from_utc(2026, 11, 2, 7, 30)
    assert compile("yyyy-MM-dd").before(late_in_the_evening, "PST") == "2026-10-31"
    assert compile("yyyy-MM-ddXXX").before(late_in_the_evening, "PST") == "2026-10-31-07:00"


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ((2026, 3, 8, 9, 59, 59), "2026-03-08 01:59:59 -0800"),
        ((2026, 3, 8, 10, 0, 0), "2026-03-08 03:00:00 -0700"),
        ((2026, 11, 1, 8, 59, 59), "2026-11-01 01:59:59 -0700"),
        ((2026, 11, 1, 9, 0, 0), "2026-11-01 01:00:00 -0800"),
    ],
)
def test_a_region_is_followed_across_both_clock_changes(utc, local):
    pattern = compile("yyyy-MM-dd HH:mm:ss Z")
    assert pattern.format(Instant.from_utc(*utc), "America/Los_Angeles") == local
    assert pattern.parse(local, "Europe/Berlin") == Instant.from_utc(*utc)


def test_an_ambiguous_local_time_is_the_earlier_instant():
    pattern = compile("yyyy-MM-dd HH:mm:ss")
    assert pattern.parse("2026-11-01 01:30:00", "America/Los_Angeles") == BEFORE_SET_BACK


def test_an_offset_written_out_in_the_pattern_overrules_the_zone():
    pattern = compile("yyyy-MM-dd HH:mm:ss -0800")
    summer = Instant.from_utc(2026, 7, 1, 0)
    assert pattern.format(summer, "PST") == "2026-06-30 16:00:00 -0800"
    assert pattern.parse("2026-06-30 16:00:00 -0800", "PST") == summer
    assert pattern.parse("2026-06-30 17:00:00 -0700", "PST") == summer


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04T05:06:07Z",
        "2026-03-04T05:06:07+00:00",
        "2026-03-04T05:06:07+0000",
        "2026-03-04T05:06:07.000Z",
        "2026-03-04T05:06:07.000000+00:00",
        "2026-03-04 05:06:07",
        "2026-03-03T21:06:07-8:00",
        "2026-03-04T05:06:07 UTC",
        " 2026-03-04T05:06:07Z ",
    ],
)
@pytest.mark.parametrize("pattern", ["yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "MM/dd/yyyy HH:mm:ss"])
def test_one_instant_written_in_many_ways_is_one_instant(pattern, text):
    assert compile(pattern).parse_lenient(text) == Instant.from_utc(2026, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "yesterday"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2026-02-30T00:00:00Z"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", ""),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2026-03-04T05:06:07+25:00"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2026-03-04T05:06:07+05:75"),
        ("yyyy-MM-dd'T'HH:mmz", "2026-03-04T05:06XST"),
        ("dd MMM yyyy", "04 Mai 2026"),
        ("yyyyMMdd", "202611"),
        ("milliseconds", "99999999999999999"),
        ("milliseconds", "soon"),
    ],
)
def test_text_that_is_no_such_date_is_refused_with_the_pattern(pattern, text):
    with pytest.raises(ValueError, match="is not a date of the form") as refusal:
        compile(pattern).parse_lenient(text)
    assert pattern in str(refusal.value)


def test_two_digit_years_turn_in_1970():
    assert compile("dd/MM/yy").parse("01/02/69") == Instant.from_utc(2069, 2, 1)
    assert compile("dd/MM/yy").parse("01/02/70") == Instant.from_utc(1970, 2, 1)


@given(INSTANTS, st.sampled_from(ZONES))
def test_iso_text_is_read_whoever_wrote_it(instant, zone):
    moment = instant.to_stdlib()
    assert parse_iso(moment.isoformat()) == instant
    assert parse_iso(moment.isoformat(" ")) == instant
    assert parse_iso(moment.isoformat().replace("+00:00", "Z"), zone) == instant
    clock = zones.zone(zone).at(instant).clock
    assert parse_iso(clock.format_iso(), zone) == zones.zone(zone).instant(clock)
    assert parse_iso(clock.format_iso()[:10]) == clock.start_of("day").assume_utc()

"""The macros of a poller's URL, and what a provider that compares text would return for them."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from whenever import Instant

from tidings.core import macros
from tidings.core.javadate import compile
from tidings.core.macros import MacroError

BOUND = Instant.from_utc(2026, 3, 4, 5, 6, 7, nanosecond=89_000_000)
NOW = Instant.from_utc(2026, 3, 4, 6, 0, 0)
INSTANTS = st.datetimes(datetime(2001, 9, 9, 2), datetime(2060, 1, 1), timezones=st.just(UTC)).map(Instant)


def expand(url: str, **options: str) -> str:
    return macros.expand(url, bound=BOUND, now=NOW, **options)


@pytest.mark.parametrize(
    ("macro", "text"),
    [
        ("${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}", "2026-03-04T05:06:06Z"),
        ("${gmtDate:yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX}", "2026-03-04T05:06:07.088999Z"),
        ("${date:EEE, dd MMM yyyy HH:mm:ss Z}", "Wed, 04 Mar 2026 05:06:06 +0000"),
        ("${date:yyyy-MM-dd}", "2026-03-03"),
        ("${DATE:MM/dd/yyy'T'HH:mm:ssXXX}", "03/04/2026T05:06:06Z"),
        ("${date:yyyy-MM-dd'\\''T'\\''HH:mm:ss'\\''Z'\\''}", "2026-03-04T05:06:06Z"),
        ("${date}", "1772600767088"),
        ("${dateTimeZone:PST:yyyy-MM-dd HH:mm:ss -0800}", "2026-03-03 21:06:06 -0800"),
        ("${DateTimeZone:PST:yyyy-MM-dd'T'HH:mm:ss.SSS}", "2026-03-03T21:06:07.088"),
        ("${dateTimeZone:America/Denver:yyyy-MM-dd HH:mm:ss}", "2026-03-03 22:06:06"),
        ("${dateTimeZone:-8:00:yyyy-MM-dd HH:mm:ss}", "2026-03-03 21:06:06"),
        ("${dateTimeZone:+6:00:HH:mm:ss}", "11:06:06"),
        ("${dateTimeZone:-0800:yyyy-MM-dd HH:mm:ss}", "2026-03-03 21:06:06"),
        ("${dateTimeZone:GMT+05:30:yyyy-MM-dd HH:mm:ss}", "2026-03-04 10:36:06"),
        ("${dateTimeZone:CST:yyyy-MM-dd'T'HH:mm:ssXXX}", "2026-03-03T23:06:06-06:00"),
        ("${nowTimeZone:GMT:yyyy-MM-dd'T'HH:mm:ss}", "2026-03-04T06:00:01"),
        ("${epoch}", "1772600767088"),
        ("${epoch:ms}", "1772600767088"),
        ("${epoch:0}", "1772600767088"),
        ("${milliseconds}", "1772600767088"),
        ("${epoch:s}", "1772600766"),
        ("${epoch:us}", "1772600767088999"),
    ],
)
def test_a_last_poll_macro_is_written_one_unit_early_and_a_now_macro_one_late(macro, text):
    assert expand(f"/hubs/crm/x?where=a>'{macro}'") == f"/hubs/crm/x?where=a>'{text}'"


def test_every_macro_of_a_url_is_expanded_and_the_rest_is_left_alone():
    url = (
        "/hubs/hris/{objectName}?where=from='${dateTimeZone:GMT:yyyy-MM-dd'T'HH:mm:ss}'"
        " and to='${nowTimeZone:GMT:yyyy-MM-dd'T'HH:mm:ss}'&price=$5"
    )
    assert expand(url) == (
        "/hubs/hris/{objectName}?where=from='2026-03-04T05:06:06' and to='2026-03-04T06:00:01'&price=$5"
    )


def test_a_bare_date_takes_the_format_of_the_resources_updated_field():
    assert expand("${date}", date_format="yyyy-MM-dd'T'HH:mm:ssZ") == "2026-03-04T05:06:06+0000"
    assert expand("${date}", date_format="milliseconds") == "1772600767088"
    assert expand("${date}", date_format="") == "1772600767088"


def test_the_date_macro_is_on_the_clock_of_the_zone_given_and_the_gmt_macro_is_not():
    pattern = "yyyy-MM-dd HH:mm:ss"
    assert (
        expand(f"${{date:{pattern}}} ${{gmtDate:{pattern}}}", zone="EST") == "2026-03-04 00:06:06 2026-03-04 05:06:06"
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("?where=a>'${gmtDat:yyyy}'", "`${gmtDat:yyyy}` is not a macro: write ${gmtDate:<pattern>}"),
        ("?where=a>='${518862600}'", "`${518862600}` is not a macro"),
        ("?where=a>='${date:10 digit integer Unix time}'", "`i` at position 5 is no part of a date"),
        ("?where=a>'${epoch:min}'", "`${epoch:min}` is not a macro"),
        ("?where=a>'${milliseconds:s}'", "`${milliseconds:s}` is not a macro"),
        ("?where=a>'${gmtDate}'", "`${gmtDate}` cannot be read: `` renders no date"),
        ("?where=a>'${dateTimeZone:PST}'", "renders no date: write a pattern such as"),
        ("?where=a>'${dateTimeZone:Mars:yyyy}'", "`Mars` is not a time zone: write GMT"),
        ("?where=a>'${dateTimeZone:{TimeZone}:yyyy-MM-dd}'", "`{TimeZone}` is not a time zone"),
        ("?where=a>'${gmtDate:yyyy-mm-dd}'", "write MM for the month"),
        ("?where=a>'$yyyy-MM-dd'T'HH:mm:ss'Z'}'", "`$yyyy-MM-dd'T'HH:mm:ss'Z'}` is a broken macro"),
        ("?where=a>'${gmtDate:yyyy", "`${gmtDate:yyyy` is a broken macro"),
    ],
)
def test_a_macro_that_cannot_be_read_is_refused_by_name(url, says):
    with pytest.raises(MacroError) as refusal:
        macros.validate(url)
    assert says in str(refusal.value)


def test_a_broken_macro_does_not_stop_a_poller_that_has_it_already():
    assert expand("?where=a='$yyyy-MM-dd'T'HH:mm:ss'Z'}'") == "?where=a='$yyyy-MM-dd'T'HH:mm:ss'Z'}'"


def test_the_earliest_instant_is_that_of_the_coarsest_last_poll_macro():
    url = "?where=a>'${gmtDate:yyyy-MM-dd}' or b>'${epoch:s}' and c<'${nowTimeZone:GMT:yyyy-MM-dd}'"
    assert macros.earliest(url, bound=BOUND) == Instant.from_utc(2026, 3, 3)
    assert macros.earliest("?where=c<'${nowTimeZone:GMT:yyyy}'", bound=BOUND) is None


SORTING = ("yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyy-MM-dd'T'HH:mm", "yyyy-MM")
ZONES = ("GMT", "PST", "EST", "Europe/Berlin", "-8:00", "Australia/Lord_Howe")


@given(INSTANTS, st.integers(0, 400 * 86_400_000), st.sampled_from(SORTING), st.sampled_from(ZONES))
def test_a_row_changed_after_the_bound_is_returned_and_is_not_before_the_earliest_instant(
    bound, milliseconds, pattern, zone
):
    """The provider keeps local text in the pattern's form and compares text; it never hides what came after."""
    url = f"${{dateTimeZone:{zone}:{pattern}}}"
    stamp = compile(pattern).format(bound.add(milliseconds=milliseconds), zone)
    assert stamp > macros.expand(url, bound=bound, now=bound)
    earliest = macros.earliest(url, bound=bound)
    assert earliest is not None
    assert compile(pattern).parse(stamp, zone) > earliest


@given(INSTANTS, st.integers(0, 10**12), st.sampled_from([("s", 10**9), ("ms", 10**6), ("us", 10**3)]))
def test_an_epoch_row_from_the_bound_on_is_greater_than_the_macro(bound, nanoseconds, unit):
    name, size = unit
    stamp = bound.add(nanoseconds=nanoseconds).timestamp(unit="nanosecond") // size
    assert stamp > int(macros.expand(f"${{epoch:{name}}}", bound=bound, now=bound))


@given(st.text("${}gmtDateTimeZone:epoch-8yMdHs '", max_size=40))
def test_any_url_is_expanded_or_refused(url):
    try:
        macros.validate(url)
    except MacroError:
        assume(False)
    assert "${" not in expand(url)

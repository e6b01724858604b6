"""The poller configuration: how it may be written, what is read from it, what is refused and by which name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant

from tidings.core import ceql, recordpath
from tidings.core.configvalues import LONGEST_MINUTES, boolean, whole
from tidings.core.firstrun import FirstRun
from tidings.core.pollerconfig import ConfigError, interval, read
from tidings.core.pollerurl import Query, split

URL = "/hubs/crm/{}?where=lastUpdated>'${{gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}}'"
DATES = {
    "updatedDateField": "_info.lastUpdated",
    "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "updatedDateTimezone": "GMT",
    "createdDateField": "_info.lastUpdated",
    "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "createdDateTimezone": "GMT",
}
BOUND = Instant.from_utc(2026, 3, 4, 5, 6, 7)
KEY = "event.poller.configuration"


def entry(name="contacts", **changes):
    return {"url": URL.format(name), "idField": "id", "datesConfiguration": DATES} | changes


def one(**changes):
    (resource,) = read({KEY: {"contacts": entry(**changes)}})
    return resource


def test_the_default_entry_is_read_whole():
    resource = one()
    assert resource.name == "contacts"
    assert resource.path == "contacts"
    assert resource.where == "lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"
    assert resource.parameters == ()
    assert resource.id_field == ("id",)
    assert resource.updated_field == resource.created_field == ("_info", "lastUpdated")
    assert resource.updated_format == resource.created_format == "yyyy-MM-dd'T'HH:mm:ss'Z'"
    assert (resource.updated_zone, resource.created_zone) == ("GMT", "GMT")
    assert (resource.filter_by_updated_date, resource.filter_by_current_date) == (True, False)
    assert (resource.created_check_tolerance, resource.page_size, resource.poll_delay) == (0, None, 0)
    assert (resource.overlap, resource.settle_interval, resource.settle_window) == (120, 10, 60)
    assert (resource.sweep_interval, resource.audit_interval) == (30, 10080)
    assert (resource.first_run, resource.touched) == (FirstRun("silent"), None)


def test_a_resource_asks_from_one_unit_before_the_bound():
    resource = one(url=URL.format("contacts") + "&orderBy=lastUpdated asc&from=${epoch:s}")
    asked = resource.query(bound=BOUND, now=BOUND)
    assert asked == Query(
        "contacts",
        "lastUpdated>'2026-03-04T05:06:06Z'",
        (("orderBy", "lastUpdated asc"), ("from", "1772600766")),
    )
    assert resource.earliest(BOUND) == Instant.from_utc(2026, 3, 4, 5, 6, 6)
    assert one(url="/hubs/crm/contacts").earliest(BOUND) is None


@pytest.mark.parametrize("encodings", [0, 1, 2])
def test_the_configuration_is_an_object_or_json_text_however_often_encoded(encodings):
    configuration = {
        "contacts": entry(),
        "incidents": json.dumps(entry("incidents", datesConfiguration=json.dumps(DATES))),
    }
    value: object = configuration
    for _ in range(encodings):
        value = json.dumps(value)
    assert [resource.name for resource in read({KEY: value})] == ["contacts", "incidents"]
    assert read({KEY: value}) == read({KEY: configuration})


NAMES = st.from_regex(r"[a-z][a-z-]{0,15}", fullmatch=True)


@given(NAMES)
def test_copying_an_entry_and_renaming_it_is_all_it_takes_to_poll_another_resource(name):
    text = json.dumps({"contacts": entry()})
    renamed = text.replace("contacts", name)
    (contacts,), (other,) = read({KEY: text}), read({KEY: renamed})
    assert other.name == other.path == name
    assert other.query(bound=BOUND, now=BOUND).where == contacts.query(bound=BOUND, now=BOUND).where
    both = {KEY: {"contacts": entry(), "x" + name: entry("x" + name)}}
    assert read(both) == (contacts, *read({KEY: {"x" + name: entry("x" + name)}}))


THREE = {KEY: {name: entry(name) for name in ("contacts", "incidents", "organizations")}}


@pytest.mark.parametrize("key", ["event.objects", "event.poller.urls"])
@pytest.mark.parametrize(
    "selection", ["incidents|contacts", "incidents\ncontacts", " incidents , contacts,", ["incidents", "contacts"]]
)
def test_a_list_of_names_selects_what_is_polled(key, selection):
    assert [resource.name for resource in read(THREE | {key: selection})] == ["incidents", "contacts"]


def test_a_selection_reaches_resources_that_only_the_defaults_describe():
    configuration = {KEY: {"contacts": entry(idField="uid")}, "event.objects": "contacts,incidents"}
    contacts, incidents = read(configuration, THREE)
    assert (contacts.id_field, incidents.id_field) == (("uid",), ("id",))


def test_absent_and_blank_keys_are_those_of_the_defaults():
    assert read({}, THREE) == read({KEY: " ", "event.objects": None}, THREE) == read(THREE)
    assert read({KEY: {"contacts": entry()}}, THREE) == read({KEY: {"contacts": entry()}})
    assert read({}) == read({}, {}) == read({KEY: {}}, THREE) == ()


def test_lines_of_the_old_format_are_read_as_entries():
    urls = """
        accounts|/hubs/crm/accounts?where=LastModifiedDate>=${date}||LastModifiedDate|yyyy-MM-dd'T'HH:mm:ssZ||CreatedDate|yyyy-MM-dd'T'HH:mm:ssZ
        contacts|/hubs/crm/contacts||LastModifiedDate|yyyy-MM-dd|PST
    """
    accounts, contacts = read({"event.poller.urls": urls, KEY: {"contacts": entry(idField="uid")}})
    assert accounts.query(bound=BOUND, now=BOUND) == Query("accounts", "LastModifiedDate>=2026-03-04T05:06:06+0000", ())
    assert (accounts.id_field, accounts.updated_field, accounts.created_field) == (
        ("id",),
        ("LastModifiedDate",),
        ("CreatedDate",),
    )
    assert (contacts.id_field, contacts.updated_zone, contacts.created_field) == (("uid",), "PST", None)


def test_the_selection_by_objects_holds_for_lines_of_the_old_format_too():
    urls = "accounts|/hubs/crm/accounts\nleads|/hubs/crm/leads"
    selected = read(THREE | {"event.poller.urls": urls, "event.objects": "leads,contacts"})
    assert [resource.path for resource in selected] == ["leads", "contacts"]


def test_our_own_keys_stand_in_the_entry_else_in_the_instance_else_have_their_default():
    configuration = {
        KEY: {
            "contacts": entry(sweepInterval="0.5", overlap=5, firstRun="backfill", touched="ignore"),
            "incidents": entry("incidents"),
            "organizations": entry("organizations", settleInterval=1, settleWindow=0, auditInterval=1e12),
        },
        "event.poller.overlap": "300",
        "event.poller.sweep_interval": 45,
        "event.poller.touched": "incidents, contacts",
    }
    contacts, incidents, organizations = read(
        configuration, {"event.poller.overlap": "1", "event.poller.first_run": ""}
    )
    assert (contacts.overlap, contacts.sweep_interval, contacts.first_run, contacts.touched) == (
        5,
        0.5,
        FirstRun("backfill"),
        "ignore",
    )
    assert (incidents.overlap, incidents.sweep_interval, incidents.touched) == (300, 45, "announce")
    assert (organizations.settle_interval, organizations.settle_window, organizations.touched) == (1, 0, "ignore")
    assert organizations.audit_interval == LONGEST_MINUTES


def test_every_key_of_an_entry_may_come_as_text():
    resource = one(
        filterByUpdatedDate="false",
        filterByCurrentDate="TRUE",
        createdCheckTolerance="5",
        pageSize="200",
        pollDelay="30",
    )
    assert (resource.filter_by_updated_date, resource.filter_by_current_date) == (False, True)
    assert (resource.created_check_tolerance, resource.page_size, resource.poll_delay) == (5, 200, 30)


def test_keys_are_found_in_either_spelling_and_either_place():
    assert one(filterByUpdateDate=False).filter_by_updated_date is False
    assert one(datesConfiguration=DATES | {"createdCheckTolerance": 10}).created_check_tolerance == 10
    without_zone = {key: value for key, value in DATES.items() if "zone" not in key}
    assert one(datesConfiguration=without_zone, updatedDateTimezone="MST").updated_zone == "MST"
    assert one(datesConfiguration=without_zone).updated_zone == "UTC"


@pytest.mark.parametrize("dates", [{}, "", None, dict.fromkeys(DATES, "")])
def test_a_resource_without_dates_is_legal(dates):
    resource = one(datesConfiguration=dates)
    assert (resource.updated_field, resource.updated_format, resource.created_field) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("id", ("id",)),
        ("user.id", ("user", "id")),
        ("@.@id", ("@id",)),
        ("$.a.b", ("a", "b")),
        ("['Modified Time']", ("Modified Time",)),
        ("a['b.c'].d", ("a", "b.c", "d")),
        ('["x y"]', ("x y",)),
    ],
)
def test_a_path_into_the_record_is_dotted_or_bracketed(text, path):
    assert recordpath.read(text) == path
    assert one(idField=text).id_field == path


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_id_field_is_id(blank):
    assert one(idField=blank).id_field == ("id",)


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("contacts", Query("contacts", None, ())),
        (" /hubs/crm/attendees?where=", Query("attendees", None, ())),
        ("/clients/startingFrom=${epoch:0}", Query("clients/startingFrom=${epoch:0}", None, ())),
        (
            "/elements/api-v2/hubs/crm/calendars/primary/changed-events/",
            Query("calendars/primary/changed-events", None, ()),
        ),
        (
            "/hubs/general/workers_events?from=${date}&to=${date}",
            Query("workers_events", None, (("from", "${date}"), ("to", "${date}"))),
        ),
        (
            "/hubs/crm/x?where=name='A&B' and t>'${gmtDate:HH:mm'T'ss}'&pageSize=5",
            Query("x", "name='A&B' and t>'${gmtDate:HH:mm'T'ss}'", (("pageSize", "5"),)),
        ),
        (
            "/hubs/crm/x?where=timestamp>'${milliseconds}'&updateKey={updateKey}'",
            Query("x", "timestamp>'${milliseconds}'", (("updateKey", "{updateKey}'"),)),
        ),
        (
            "/hubs/crm/x?where=lastUpdated%3E%27${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}%27+and+a%3D1",
            Query("x", "lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' and a=1", ()),
        ),
        (
            "/hubs/crm/x?where=a%3E%27${dateTimeZone:+6:00:yyyy-MM-dd}%27+and+b%3D1",
            Query("x", "a>'${dateTimeZone:+6:00:yyyy-MM-dd}' and b=1", ()),
        ),
        ("/hubs/crm/x?where=name like '50%25'", Query("x", "name like '50%25'", ())),
        ("/hubs/crm/x?where=t>'2026-01-01T00:00:00+01:00'", Query("x", "t>'2026-01-01T00:00:00+01:00'", ())),
    ],
)
def test_a_url_is_taken_apart_as_it_is_written(url, query):
    assert split(url) == query


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        ({"url": None}, "url", "is missing: write the hub path"),
        ({"url": ""}, "url", "is missing"),
        ({"url": 5}, "url", "is not text"),
        ({"url": "/hubs/crm/?x=1"}, "url", "names no resource"),
        ({"url": "https://evil.example/contacts"}, "url", "is an absolute address: write a path"),
        ({"url": "/hubs/crm/{objectName}"}, "url", "`{objectName}` in `/hubs/crm/{objectName}` is a placeholder"),
        ({"url": "/hubs/crm/x?where=a=1&where=b=2"}, "url", "two where parameters: join"),
        ({"url": "/hubs/crm/x?where=a>'${gmtDat:yyyy}'"}, "url", "`${gmtDat:yyyy}` is not a macro: write"),
        ({"url": "/hubs/crm/x?where=a>'${gmtDate:YYYY}'"}, "url", "is the year of a week: write yyyy"),
        ({"url": "/hubs/crm/x?where=a>'${dateTimeZone:Mars:yyyy}'"}, "url", "`Mars` is not a time zone"),
        ({"url": "/hubs/crm/x?where=a='$yyyy-MM-dd'}'"}, "url", "is a broken macro"),
        (
            {"url": "/hubs/crm/x?where=a > 5 b"},
            "url",
            "is not CEQL, at column 7 of `a > 5 b`: expected AND, OR or the end",
        ),
        ({"url": "/hubs/crm/x?where=a>${gmtDate:MM/dd/yyyy}"}, "url", "is not CEQL, at column 5 of `a>01/01/2026`"),
        ({"idField": None}, "idField", "is missing: write the path of the record's id"),
        ({"idField": "a..b"}, "idField", "`a..b` is not a path: write one such as id"),
        ({"idField": ["id"]}, "idField", "is not text"),
        ({"datesConfiguration": [1]}, "datesConfiguration", "is not an object"),
        ({"datesConfiguration": "{"}, "datesConfiguration", "is not JSON"),
        (
            {"datesConfiguration": DATES | {"updatedDateField": "a["}},
            "datesConfiguration.updatedDateField",
            "not a path",
        ),
        (
            {"datesConfiguration": DATES | {"createdDateFormat": "yyyy-mm-dd"}},
            "datesConfiguration.createdDateFormat",
            "write MM for the month",
        ),
        (
            {"datesConfiguration": DATES | {"updatedDateTimezone": "{TimeZone}"}},
            "datesConfiguration.updatedDateTimezone",
            "`{TimeZone}` is not a time zone",
        ),
        ({"datesConfiguration": {}, "updatedDateTimezone": "Mars"}, "updatedDateTimezone", "`Mars` is not a time zone"),
        ({"filterByUpdatedDate": "maybe"}, "filterByUpdatedDate", "is `maybe`: write true or false"),
        ({"filterByCurrentDate": 1}, "filterByCurrentDate", "write true or false"),
        ({"createdCheckTolerance": "soon"}, "createdCheckTolerance", "is `soon`: write a whole number of seconds"),
        ({"pollDelay": -1}, "pollDelay", "is `-1`: write a whole number of seconds, 0 or more"),
        ({"pollDelay": True}, "pollDelay", "write a whole number"),
        ({"pageSize": 0}, "pageSize", "write a whole number of rows, 1 or more"),
        ({"pageSize": 2.5}, "pageSize", "write a whole number"),
        ({"sweepInterval": 0.001}, "sweepInterval", "or more"),
        ({"overlap": "two"}, "overlap", "write a number of seconds"),
        ({"firstRun": "loud"}, "firstRun", "is `loud`: write silent, backfill, a date"),
        ({"touched": "sometimes"}, "touched", "write announce or ignore"),
    ],
)
def test_what_cannot_be_polled_is_refused_by_the_name_of_its_key(changes, key, says):
    values = {name: value for name, value in entry(**changes).items() if value is not None}
    with pytest.raises(ConfigError) as refusal:
        read({KEY: {"contacts": values}})
    assert refusal.value.field == f"{KEY}.contacts.{key}"
    assert says in refusal.value.message


@pytest.mark.parametrize(
    ("configuration", "field", "says"),
    [
        ({KEY: "{contacts: 1}"}, KEY, "is not JSON ("),
        ({KEY: "<configuration>"}, KEY, 'write an object such as {"contacts"'),
        ({KEY: [1]}, KEY, "is not an object"),
        ({KEY: {"": entry()}}, KEY, "has an entry without a name"),
        ({KEY: {"contacts": 5}}, f"{KEY}.contacts", "is not an object"),
        ({KEY: {"contacts": "x"}}, f"{KEY}.contacts", "is not JSON"),
        (THREE | {"event.objects": "contacts,leads"}, "event.objects", "`leads` is not configured for polling"),
        (THREE | {"event.poller.urls": "leads"}, "event.poller.urls", "are: contacts, incidents, organizations"),
        (THREE | {"event.objects": 5}, "event.objects", "is not a list of names"),
        ({"event.poller.urls": "a|/hubs/crm/a\nb"}, "event.poller.urls", "line 2 is not `resource|url|…`"),
        ({"event.poller.urls": "a|/hubs/crm/a?where=x"}, "event.poller.urls.a.url", "is not CEQL"),
        (THREE | {"event.poller.audit_interval": "weekly"}, "event.poller.audit_interval", "a number of minutes"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused_by_its_key(configuration, field, says):
    with pytest.raises(ConfigError) as refusal:
        read(configuration)
    assert refusal.value.field == field
    assert says in refusal.value.message


@pytest.mark.parametrize(
    ("value", "minutes"),
    [(15, 15.0), ("15", 15.0), (" 0.05 ", 0.05), (".5", 0.5), (1e18, LONGEST_MINUTES), ("9" * 30, LONGEST_MINUTES)],
)
def test_an_interval_is_minutes_as_number_or_text(value, minutes):
    assert interval(value, 1.0) == minutes


@pytest.mark.parametrize("value", ["<minutes>", "", "nan", "1_0", "0,5", "-1", True, None, [15], float("nan"), 10**400])
def test_an_interval_that_is_no_number_is_refused(value):
    with pytest.raises(ConfigError, match=r"event.poller.refresh_interval: is .*: write minutes as a number"):
        interval(value, 1.0)


@pytest.mark.parametrize("value", [0, "0.01", -5])
def test_an_interval_below_the_floor_is_refused_with_the_floor(value):
    with pytest.raises(ConfigError, match=r"minutes: write 0.01667 \(1 s\) or more"):
        interval(value, 1.0)


@given(st.integers(0, 2**31 - 1))
def test_numbers_and_booleans_read_the_same_as_text(number):
    assert whole(number, "f", "rows") == whole(str(number), "f", "rows") == whole(float(number), "f", "rows") == number
    assert interval(number + 1, 1) == interval(str(number + 1), 1)
    assert boolean(number % 2 == 0, "f") is boolean(str(number % 2 == 0), "f")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ENTRY_KEYS = st.sampled_from(
    ["url", "idField", "datesConfiguration", "filterByUpdatedDate", "pageSize", "pollDelay", "overlap", "touched", "x"]
)


@given(st.dictionaries(ENTRY_KEYS, JSON, max_size=3), st.sampled_from(["event.objects", "event.poller.urls"]), JSON)
def test_whatever_is_written_is_read_or_refused_by_name(changes, key, selection):
    try:
        resources = read({KEY: {"contacts": entry(**changes)}, key: selection})
    except ConfigError as refusal:
        name = refusal.field
    else:
        name = "event."
        for resource in resources:
            where = resource.query(bound=BOUND, now=BOUND).where
            assert where is None or ceql.parse(where)
    assert name.startswith("event.")

"""Rows that are kept as they go out: the same bytes as before, for every reader, after every write."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.sandbox.conftest import Client

from tidings.sandbox import SandboxConfig, build
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.pieces import array, cut, is_reversible, whole
from tidings.sandbox.render import BASE, BLANK, finish
from tidings.sandbox.tenant import Tenant, base_at
from tidings.sandbox.writer import Writer

CONTACTS, COMPANIES = "company/contacts", "company/companies"
HERE, ELSEWHERE = "http://h:1", "https://cw.example"
# Texts often hold one of these addresses; the last one begins as it ends.
TWICE = 'h/v4_6_release/apis/3.0"h'
ORIGINS = st.sampled_from(("h", "hh", '"', "//", "", HERE, TWICE))
TEXTS = st.lists(st.sampled_from((b"h", b'"', b"//", b"h/v4_6_release/apis/3.0", b"a", HERE.encode())), max_size=4)
BODIES = st.builds(
    lambda parts, blank: b'{"a":"' + b"".join(parts[:2]) + blank + b"".join(parts[2:]) + b'"}',
    st.lists(st.one_of(TEXTS.map(b"".join), st.just(b'"' + BASE + b"//x")), min_size=2, max_size=6),
    st.sampled_from((b"", BLANK)),
)


@given(st.lists(BODIES, max_size=4), ORIGINS)
def test_rows_in_pieces_are_the_bytes_of_the_whole_page(rows: list[bytes], origin: str):
    base, blank = base_at(origin), b"[{}]"
    assert b"".join(array([cut(row, base) for row in rows], blank)) == finish(b"[%s]" % b",".join(rows), base, blank)


@given(BODIES, ORIGINS)
@example(b'{"a":"h/v4_6_release/apis/3.0"' + BASE + b'//x"}', TWICE)
def test_a_row_that_is_called_reversible_is_found_again(row: bytes, origin: str):
    base = base_at(origin)
    if is_reversible(row, base):
        assert whole(cut(row, base)) == row


@pytest.fixture
def tenant() -> Tenant:
    return build(SandboxConfig(contacts=30, companies=5, tickets=10, clock=lambda: 1_780_000_000.0)).tenant()


def page(tenant: Tenant, path: str, origin: str) -> bytes:
    """The list of a resource as a reader at this origin gets it."""
    table = tenant.tables[path]
    return b"".join(array(table.pieces(table.ids, base_at(origin)), tenant.blank(table.resource)))


def rendered_anew(tenant: Tenant, path: str, origin: str) -> bytes:
    """The same from the stored records, past everything that is kept."""
    table = tenant.tables[path]
    bodies = b",".join(table.rendered(table.stored(number)) for number in table.ids)
    return finish(b"[%s]" % bodies, base_at(origin), tenant.blank(table.resource))


def rename_company(tenant: Tenant) -> None:
    number = tenant.tables[COMPANIES].ids[0]
    Writer(tenant).patch(COMPANIES, number, [{"op": "replace", "path": "name", "value": f"At {HERE}"}])


def change_contact(tenant: Tenant) -> None:
    number = tenant.tables[CONTACTS].ids[3]
    text = base_at(HERE).decode()
    Writer(tenant).patch(CONTACTS, number, [{"op": "replace", "path": "title", "value": text}])


def add_and_delete(tenant: Tenant) -> None:
    Writer(tenant).create(CONTACTS, {"firstName": "New"})
    numbers = [number for number in tenant.tables[CONTACTS].ids if not is_default(tenant, number)]
    Writer(tenant).delete(CONTACTS, numbers[0])


def is_default(tenant: Tenant, number: int) -> bool:
    return bool(tenant.tables[CONTACTS].stored(number).get("defaultFlag"))


def define_a_field(tenant: Tenant) -> None:
    definitions = tenant.tables["system/userDefinedFields"]
    like = next(each for each in definitions if each.get("podDescription", "").startswith(RESOURCES[CONTACTS].pod))
    number = tenant.next_id("system/userDefinedFields")
    tenant.amend("system/userDefinedFields", number, {**like, "id": number, "caption": "One more"})


WRITES: tuple[Any, ...] = (rename_company, change_contact, add_and_delete, define_a_field)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_a_write_shows_in_kept_pages_at_every_address(tenant: Tenant, write: Any):
    tenant.address(HERE)
    before = {path: page(tenant, path, HERE) for path in (CONTACTS, COMPANIES, "service/tickets")}
    write(tenant)
    after = {}
    for origin in (HERE, ELSEWHERE, HERE):
        for path in before:
            after[path] = page(tenant, path, origin)
            assert after[path] == rendered_anew(tenant, path, origin), (path, origin)
    assert after != before


def test_a_write_makes_only_the_rows_that_show_it_anew(tenant: Tenant):
    contacts = tenant.tables[CONTACTS]
    base = base_at(HERE)
    before = {number: contacts.pieces([number], base)[0] for number in contacts.ids}
    company = tenant.tables[COMPANIES].ids[0]
    employed = {
        number for number in contacts.ids if (contacts.stored(number).get("company") or {}).get("id") == company
    }
    rename_company(tenant)
    anew = {number for number in contacts.ids if contacts.pieces([number], base)[0] is not before[number]}
    assert anew == employed
    assert 0 < len(employed) < len(before)


async def test_readers_at_two_addresses_each_see_their_own(cw: Client):
    there = {"Host": "cw.example:99"}
    own = (await cw.get("/company/contacts", pageSize=1000)).body
    other = (await cw("GET", "/company/contacts", headers=there, pageSize=1000)).body
    assert other == own.replace(cw.running.origin.encode(), b"http://cw.example:99")
    assert (await cw.get("/company/contacts", pageSize=1000)).body == own


async def test_a_text_that_holds_the_readers_address_stays_as_it_was_written(cw: Client):
    title = cw.running.api[:100]
    number = (await cw.post("/company/contacts", {"firstName": "Ann", "title": title})).json["id"]
    for _ in range(2):
        for headers in ({"Host": "cw.example:99"}, {}):
            assert (await cw("GET", f"/company/contacts/{number}", headers=headers)).json["title"] == title
    assert (await cw.get("/company/contacts", conditions=f'title="{title}"')).ids == [number]

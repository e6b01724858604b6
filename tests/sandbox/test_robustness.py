"""Whatever is sent, the sandbox answers in the provider's manner: a record, or a refusal that changed nothing."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sandbox.conftest import Client

from tidings.sandbox import SandboxConfig, build
from tidings.sandbox.answers import Refusal
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.describe import Field
from tidings.sandbox.tenant import Tenant
from tidings.sandbox.writer import Writer

WRITABLE = sorted(path for path, resource in RESOURCES.items() if not resource.virtual and "C" in resource.verbs)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 30), st.text(max_size=40), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("id", "name", "value", "type")), inner, max_size=3),
    ),
    max_leaves=6,
)
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(min_size=1, max_size=12),
    "int": st.integers(0, 40),
    "num": st.floats(0, 9),
    "bool": st.booleans(),
    "date": st.just("2026-01-01T00:00:00Z"),
    "list": st.lists(st.fixed_dictionaries({"id": st.integers(0, 9)}), max_size=2),
}


# What a resource asks for beyond the members that its description marks as required.
NEEDED: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "company/companies": {"city": USUAL["str"]},
    "system/callbacks": {
        "url": st.sampled_from(("https://h.example/cw?recordId=", "nowhere")),
        "type": st.sampled_from(("contact", "ticket", "board")),
        "level": st.sampled_from(("owner", "company")),
    },
}


def seeded() -> Tenant:
    return build(SandboxConfig(contacts=20, companies=5, tickets=10, clock=lambda: 1_780_000_000.0)).tenant()


KNOWN = {path: list(table.ids) for path, table in seeded().tables.items()}


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    return seeded()


def usual(field: Field) -> st.SearchStrategy[Any]:
    """Values that a client would send, references to seeded records among them."""
    if field.values:
        return st.sampled_from(field.values)
    if field.kind == "ref":
        return st.sampled_from(KNOWN.get(field.target or "") or [1]).map(lambda number: {"id": number})
    return USUAL[field.kind]


def bodies(path: str) -> st.SearchStrategy[dict[str, Any]]:
    """What is required, a few members more, and sometimes one with anything at all in it."""
    members = RESOURCES[path].fields
    required = {name: usual(each) for name, each in members.items() if each.has("required")}
    required |= NEEDED.get(path, {})
    names = st.sampled_from(sorted(members))
    more = st.lists(names, max_size=3).flatmap(
        lambda chosen: st.fixed_dictionaries({name: usual(members[name]) for name in chosen})
    )
    wild = st.one_of(st.just({}), st.dictionaries(names, JSON, max_size=2))
    return st.builds(lambda some, needed, odd: {**some, **needed, **odd}, more, st.fixed_dictionaries(required), wild)


def patches(path: str) -> st.SearchStrategy[dict[str, Any]]:
    name = st.sampled_from(sorted(RESOURCES[path].fields))
    place = st.sampled_from(("", "/0", "/-", "/0/value", "/1/defaultFlag"))
    return st.fixed_dictionaries(
        {
            "op": st.sampled_from(("add", "replace", "remove")),
            "path": st.builds(lambda name, place: f"/{name}{place}", name, place),
            "value": JSON,
        }
    )


def refusal(attempt: Callable[[], object]) -> int | None:
    """The status that an attempt is refused with, None when it is not."""
    try:
        attempt()
    except Refusal as refused:
        return refused.status
    return None


def digest(tenant: Tenant) -> dict[str, int]:
    return {path: len(table) for path, table in tenant.tables.items()}


@pytest.mark.parametrize("path", WRITABLE)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_body_is_stored_or_refused(tenant: Tenant, path: str, data: st.DataObject):
    body, other, operation = data.draw(st.tuples(bodies(path), bodies(path), patches(path)))
    resource, writer, table = RESOURCES[path], Writer(tenant), tenant.tables[path]
    parent = KNOWN[resource.parent][0] if resource.parent else None
    before = digest(tenant)
    made: list[int] = []
    refused = refusal(lambda: made.append(writer.create(path, body, parent=parent)["id"]))
    assert refused in (None, 400, 500)
    if refused is not None:
        assert digest(tenant) == before
        return
    number = made[0]
    assert table.body(number)
    assert refusal(lambda: writer.patch(path, number, [operation])) in (None, 400, 500)
    assert refusal(lambda: writer.replace(path, number, other)) in (None, 400, 500)
    # A body may have flagged a company as deleted; there is nothing left to delete then.
    is_gone = resource.soft_delete and bool(table.stored(number).get("deletedFlag"))
    assert refusal(lambda: writer.delete(path, number)) in ((404, 409) if is_gone else (None, 405, 409))
    assert all(table.body(number) for number in table.ids)


async def test_odd_addresses_and_bodies_do_not_break_the_server(cw: Client):
    queries = (
        {"pageId": "-5", "pageSize": "1e3"},
        {"page": "99999999999999999999"},
        {"conditions": "id>99999999999999999999999"},
        {"conditions": "("},
        {"conditions": "id=" + "9" * 400},
        {"orderBy": "company"},
        {"fields": "//,/,_info//"},
        {"conditions": "firstName like '%%**'"},
    )
    for query in queries:
        reply = await cw.get(f"/company/contacts?{urlencode(query)}")
        assert reply.status in (200, 400), query
        assert reply.json is not None
    assert (await cw.get("/company/contacts/99999999999999999999999")).status == 404
    assert (await cw.get("/company/contacts?conditions=%ff%fe")).status == 400
    for method, path, body in (
        ("POST", "/company/contacts", []),
        ("POST", "/company/contacts", "text"),
        ("PATCH", f"/company/contacts/{(await cw.get('/company/contacts')).ids[0]}", {}),
        ("POST", "/company/configurations/bulk", {}),
        ("POST", "/service/tickets/search", []),
    ):
        reply = await cw(method, path, body)
        assert (reply.status, reply.json["code"]) == (500, "ConnectWiseApi"), (method, path)

"""What the provider is told of a `where` and what is left for us select together what the whole does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.test_conditions import KINDS, OPERATORS, TRUTHS
from tests.sandbox.conftest import basic
from tidings.core.ceql import And, Comparison, In, IsNull, Kind, Like, Literal, Not, Or, parse, unparse
from tidings.core.errors import InvalidInput
from tidings.elements.describe import catalog
from tidings.elements.element import Resource
from tidings.hub.where import Filter, selects, split
from tidings.sandbox import Sandbox, SandboxConfig, build
from tidings.sandbox.selection import Filter as Asked


def resource(path: str) -> Resource:
    found = catalog()["connectwisecrmrest"].resource(path)
    assert found is not None
    return found


CONTACTS = resource("contacts")
EMAIL = 'communicationItems/communicationType = "Email"'


@pytest.mark.parametrize(
    ("where", "conditions", "child", "rest"),
    [
        (None, "", "", None),
        ("  ", "", "", None),
        ("id='7' and company.id=5", "id = 7 and company/id = 5", "", None),
        ("email='a@b'", "", f'communicationItems/value = "a@b" and {EMAIL}', None),
        ("id>7 and Email like 'a%'", "id > 7", f'communicationItems/value like "a%" and {EMAIL}', None),
        ("id>7 and (id=8 or firstName like 'A%')", 'id > 7 and (id = 8 or firstName like "A%")', "", None),
        ("email='a' and email='b'", "", f'communicationItems/value = "a" and {EMAIL}', "email = 'b'"),
        ("email='a' or id=7", "", "", "email = 'a' OR id = 7"),
        ("id>7 and not email='a'", "id > 7", "", "NOT email = 'a'"),
        ("id>7 and types is not null", "id > 7", "", "types IS NOT NULL"),
        ("id like '1%' and id>7", "id > 7", "", "id LIKE '1%'"),
        ("`company.id`='7'", "company/id = 7", "", None),
        (
            "`company.name`='x' and `Email`='a'",
            'company/name = "x"',
            f'communicationItems/value = "a" and {EMAIL}',
            None,
        ),
        ("`lastUpdated`>'2026-01-31'", "lastUpdated > [2026-01-31T00:00:00Z]", "", None),
        ("`_info.lastUpdated`>'2026-01-31'", "_info/lastUpdated > [2026-01-31T00:00:00Z]", "", None),
        ("firstName like '*a%' and id>7", "id > 7", "", "firstName LIKE '*a%'"),
        ("email like 'a*' and id>7", "id > 7", "", "email LIKE 'a*'"),
        ("`types.x`=1 and id>7", "id > 7", "", "`types.x` = 1"),
    ],
)
def test_the_provider_is_told_what_it_can_be(where: str, conditions: str, child: str, rest: str | None) -> None:
    found = split(where, CONTACTS)
    assert (found.conditions, found.child_conditions) == (conditions, child)
    assert (None if found.rest is None else unparse(found.rest)) == rest


def test_of_a_resource_without_filters_all_is_left_for_us() -> None:
    found = split("id=7 and email='a'", msgspec.structs.replace(CONTACTS, filters=False))
    assert (found.conditions, found.child_conditions) == ("", "")
    assert found.rest is not None
    assert unparse(found.rest) == "id = 7 AND email = 'a'"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("id=", "where: column 4: expected a value"),
        ("id>7 and 'Modified Time'>'x'", "where: contacts has no field `Modified Time`"),
        ("not (`a.b c` is null)", "where: contacts has no field `a.b c`"),
        ("id='abc'", "where: `id` is a number and `abc` is not: write digits"),
        ("email='a' and inactiveFlag='perhaps'", "where: `inactiveFlag` is true or false and never `perhaps`"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(where: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        split(where, CONTACTS)
    assert says in str(refusal.value)


def test_a_page_may_begin_behind_an_id() -> None:
    assert Filter().after("id", 7).conditions == "id > 7"
    assert Filter("a = 1 or b = 2").after("id", 7).conditions == "(a = 1 or b = 2) and id > 7"


@dataclass(repr=False)
class Asking:
    """A sandbox's contacts: as it selects them, and as it shows them."""

    sandbox: Sandbox
    shown: list[dict[str, Any]]

    def select(self, wanted: Filter) -> list[int]:
        """The ids of what the provider answers with, less what we leave out of it."""
        asked = Asked(
            conditions=wanted.conditions,
            child_conditions=wanted.child_conditions,
            custom_field_conditions="",
            order="",
            parent=None,
            hidden_share=0.0,
            tz_bug_minutes=0,
            legacy_dates=False,
        )
        found = set(self.sandbox.tenant().selectors["company/contacts"].select(asked))
        rest = wanted.rest
        return [
            record["id"]
            for record in self.shown
            if record["id"] in found and (rest is None or selects(rest, record, CONTACTS))
        ]


@pytest.fixture(scope="module")
def asking() -> Asking:
    async def read() -> Asking:
        config = SandboxConfig(contacts=60, companies=8, tickets=1, seed=5, clock=lambda: 1_780_000_000.0)
        async with (
            await build(config).start() as running,
            aiohttp.ClientSession(headers=basic()) as session,
            session.get(f"{running.api}/company/contacts?pageSize=1000") as answer,
        ):
            return Asking(running.sandbox, await answer.json())

    return asyncio.run(read())


def texts(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(names) | st.text("aBe@.%\"'\\ß ", max_size=4)


TYPED = [
    (("id",), OPERATORS, st.builds(Literal, KINDS, st.sampled_from(["14396", "14410", "14420.5"]))),
    (("Company", "id"), OPERATORS, st.builds(Literal, KINDS, st.sampled_from(["19082", "19085", "19087"]))),
    (("firstName",), OPERATORS, st.builds(Literal, st.just(Kind.TEXT), texts("Anna", "anna", "Naomi", "M"))),
    (("inactiveFlag",), st.sampled_from(["=", "!="]), TRUTHS),
    (
        ("lastUpdated",),
        OPERATORS,
        st.builds(
            Literal,
            st.sampled_from([Kind.TEXT, Kind.DATE]),
            st.sampled_from(["2019-01-14T10:28:30Z", "2020-07-11", "2024-12-15T10:30:13+01:00"]),
        ),
    ),
    (
        ("email",),
        OPERATORS,
        st.builds(Literal, st.just(Kind.TEXT), texts("anna.kruger@vistaislandmedia.example", "8005550171", "m")),
    ),
]
LEAVES = st.one_of(
    *(st.builds(Comparison, st.just(path), operators, values) for path, operators, values in TYPED),
    *(st.builds(In, st.just(path), st.lists(values, min_size=1, max_size=3).map(tuple)) for path, _, values in TYPED),
    *(st.builds(IsNull, st.just(path)) for path, _, _ in TYPED),
    *(
        st.builds(Like, st.just(path), texts("%@%", "%@v%", "a%", "%5%", "*"))
        for path in [("firstName",), ("email",), ("id",), ("company", "name")]
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the strategy, before a failure is told
@given(where=TREES.map(unparse))
@example(where=r"id > 0 AND email = '''\'")
def test_a_query_means_the_same_whoever_answers_it(asking: Asking, where: str) -> None:
    tree = parse(where)
    here = [record["id"] for record in asking.shown if selects(tree, record, CONTACTS)]
    assert asking.select(split(where, CONTACTS)) == here

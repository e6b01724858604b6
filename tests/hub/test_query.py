"""What a hub list is asked with, in the provider's words, and the token of its next page."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.elements.describe import catalog
from tidings.hub.query import Query, Token, extra, provider_fields, provider_order

INCIDENTS = catalog()["connectwisecrmrest"].resources[2]
TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    st.builds(Token, st.integers(1, 5000), st.integers(1, 5000), st.integers(2, 2**31), st.none() | st.integers()),
    TEXTS,
    TEXTS,
    TEXTS,
)
def test_a_token_says_again_what_it_was_made_of(token: Token, where: str, fields: str, order: str) -> None:
    made = Token(token.limit, token.pageSize, token.page, None, where, fields, order)
    for each in (made, token):
        assert Token.read(each.text()) == each
        assert Token.read(f" {each.text()}".replace("+", " ").replace("/", "_")) == each


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda made: base64.b64encode(made).decode()))
def test_anything_else_is_no_token(text: str) -> None:
    with pytest.raises(InvalidInput, match="nextPage: is no token of this list"):
        Token.read(text)


def test_no_character_of_a_token_can_be_changed() -> None:
    text = Token(4, 4, 2, 57).text()
    assert json.loads(base64.b64decode(text)) | {"check": ""} == {
        "limit": 4, "pageSize": 4, "page": 2, "after": 57, "check": "",
    }  # fmt: skip
    for place in range(len(text) - 2):
        for sign in "AQgw9":
            if text[place] != sign:
                with pytest.raises(InvalidInput):
                    Token.read(text[:place] + sign + text[place + 1 :])


def test_what_a_token_says_counts_and_not_what_stands_beside_it() -> None:
    token = Token.read(Query("id>1", "id", None, 3, 7).next(5, 57))
    assert Query("id>2", None, "x", 9, 9, extra={"a": "b"}).at(token) == Query(
        "id>1", "id", None, 4, 5, 57, extra={"a": "b"}
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (None, None),
        (" ", None),
        ("*", None),
        ("id,*", None),
        ("id, company.name ,", "id,company/name"),
        ("`company.id`,lastUpdated", "company/id,_info/lastUpdated"),
    ],
)
def test_fields_are_said_in_the_providers_words(fields: str | None, said: str | None) -> None:
    assert provider_fields(fields, INCIDENTS) == said


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (None, "id asc"),
        ("summary", "summary asc,id asc"),
        ("company.name DESC, id desc", "company/name desc,id desc"),
        ("lastUpdated desc", "lastUpdated desc,id asc"),
    ],
)
def test_an_order_ends_with_the_id_so_that_it_is_one(order: str | None, said: str) -> None:
    assert provider_order(order, INCIDENTS) == said


@pytest.mark.parametrize("wrong", ["a b", "a asc desc", "1", "a;b", "a'", "a/../b"])
def test_what_is_no_name_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="orderBy: "):
        provider_order(wrong, INCIDENTS)
    if wrong != "a asc desc":
        with pytest.raises(InvalidInput, match="fields: "):
            provider_fields(wrong, INCIDENTS)


def test_parameters_that_are_not_ours_go_on() -> None:
    given = [("where", "x"), ("pageSize", "1"), ("type", "Ticket"), ("recordId", "7")]
    assert extra(given) == {"type": "Ticket", "recordId": "7"}

"""Where the next page begins, by table and by walking through made-up lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import ProviderRefused
from tidings.core.model import RecordId
from tidings.elements.pages import Ask, Edges, Paging, Turn, ask, next_page_id, turn


def never() -> tuple[RecordId, RecordId]:
    raise AssertionError("the ids are not needed here")


def ids(first: RecordId, last: RecordId) -> Edges:
    return lambda: (first, last)


NEXT_57 = '<https://h/v4_6_release/apis/3.0/company/contacts/?pageSize=2&pageId=57>; rel="next"'


@pytest.mark.parametrize(
    ("link", "page_id"),
    [
        (NEXT_57, "57"),
        ('<https://h/c?pageid=57&pageSize=2>; rel=next, <https://h/c>; rel="first"', "57"),
        ('<https://h/c>; rel="first", <https://h/c?PAGEID=58>; title="a, b"; rel="next"', "58"),
        ('<https://h/c?conditions=id+in+(1,2)&pageId=59>; rel="prev next"', "59"),
        ('<https://h/c?pageId=57>; rel="prev"', None),
        ('<https://h/c?page=2>; rel="next"', None),
        ('<https://h/c?pageId=>; rel="next"', None),
        ('<https://h/c?pageId=57>; rel="nextish"', None),
        ("", None),
        ("   ", None),
        (None, None),
        ("nonsense <", None),
    ],
)
def test_the_next_page_is_read_from_the_link(link: str | None, page_id: str | None) -> None:
    assert next_page_id(link) == page_id


def test_forward_only_is_asked_for_without_an_order() -> None:
    header = {"pagination-type": "forward-only"}
    first = ask(Paging.FORWARD_ONLY, position=None, size=1000, id_field="id")
    assert first == Ask(header, {"pageSize": "1000"})
    second = ask(Paging.FORWARD_ONLY, position="57", size=1000, id_field="id")
    assert second == Ask(header, {"pageSize": "1000", "pageId": "57"})


def test_pages_are_asked_for_by_number_in_the_order_of_ids() -> None:
    first = ask(Paging.PAGES, position=None, size=25, id_field="id")
    assert first == Ask({}, {"orderBy": "id asc", "pageSize": "25", "page": "1"})
    second = ask(Paging.PAGES, position="[2,1,25]", size=25, id_field="id")
    assert second.params["page"] == "2"


@pytest.mark.parametrize(
    ("position", "empty", "link", "edges", "expected"),
    [
        # rows: the link leads on, or the last id where there is no usable link
        (None, False, NEXT_57, never, Turn("57", False)),
        ("50", False, NEXT_57, never, Turn("57", False)),
        (None, False, None, ids(3, 9), Turn("9", False)),
        (None, False, "", ids(3, 9), Turn("9", False)),
        ("2", False, '<https://h/c?page=2>; rel="next"', ids(3, 9), Turn("9", False)),
        ("a", False, None, ids("b", "c"), Turn("c", False)),
        # no rows: only a link that leads further keeps the list going
        (None, True, None, never, Turn(None, True)),
        ("57", True, "", never, Turn(None, True)),
        ("50", True, NEXT_57, never, Turn("57", False)),
        ("57", True, NEXT_57, never, Turn(None, True)),
        ("58", True, NEXT_57, never, Turn(None, True)),
        (None, True, NEXT_57, never, Turn("57", False)),
    ],
)
def test_forward_only_goes_on_from_the_last_id(
    position: str | None, empty: bool, link: str | None, edges: Edges, expected: Turn
) -> None:
    assert turn(Paging.FORWARD_ONLY, position=position, empty=empty, link=link, edges=edges) == expected


@pytest.mark.parametrize(("position", "link", "last"), [("57", NEXT_57, 57), ("9", None, 9), ("100", NEXT_57, 57)])
def test_an_endpoint_that_ignores_page_ids_is_found_out(position: str, link: str | None, last: int) -> None:
    with pytest.raises(ProviderRefused, match='does not page by pageId; give the resource paging = "pages"'):
        turn(Paging.FORWARD_ONLY, position=position, empty=False, link=link, edges=ids(1, last))


def test_an_endpoint_that_ignores_page_numbers_is_found_out() -> None:
    second = turn(Paging.PAGES, position=None, empty=False, link=None, edges=ids(1, 25))
    with pytest.raises(ProviderRefused, match=r"page 2 repeats page 1 \(ids 1 to 25\)"):
        turn(Paging.PAGES, position=second.next, empty=False, link=None, edges=ids(1, 25))


def test_a_page_shorter_than_asked_for_does_not_end_a_list() -> None:
    assert not turn(Paging.PAGES, position=None, empty=False, link=None, edges=ids(1, 1)).ended
    assert turn(Paging.PAGES, position="[2,1,1]", empty=True, link=None, edges=never) == Turn(None, True)


def walk(paging: Paging, rows: list[RecordId], cap: int, linked: bool) -> list[RecordId]:
    """All rows of a provider that has these, page by page, each position passed on as text."""
    seen: list[RecordId] = []
    position: str | None = None
    for _ in range(len(rows) + 2):
        wanted = ask(paging, position=position, size=1000, id_field="id")
        size = min(cap, int(wanted.params["pageSize"]))
        if paging is Paging.FORWARD_ONLY:
            after = wanted.params.get("pageId")
            rest = rows if after is None else rows[[str(row) for row in rows].index(after) + 1 :]
            page = rest[:size]
            link = f'<https://h/c?pageId={page[-1]}>; rel="next"' if linked and page else ""
        else:
            start = (int(wanted.params["page"]) - 1) * size
            page, link = rows[start : start + size], ""
        seen += page
        after_this = turn(paging, position=position, empty=not page, link=link, edges=lambda: (page[0], page[-1]))  # noqa: B023
        if after_this.ended:
            return seen
        position = after_this.next
    raise AssertionError("the list did not end")


numbers = st.sets(st.integers(1, 10**9), max_size=30).map(sorted)
words = st.sets(st.text("abc-", min_size=1, max_size=5), max_size=30).map(sorted)


@given(st.sampled_from(Paging), numbers | words, st.integers(1, 7), st.booleans())
def test_every_style_reads_every_row_once_and_ends(
    paging: Paging, rows: list[RecordId], cap: int, linked: bool
) -> None:
    assert walk(paging, rows, cap, linked) == rows

"""Where the next page of a list begins, and when the list has ended.

Pure. A position is text that a poll can store and go on from; None is the beginning. Two styles, which the element
file chooses between for each resource:

- forward-only (spec connectwise.md 3.6): rows come by ascending id, each page is asked for by the last id before it,
  so updates and deletes between two pages neither hide nor repeat a row;
- pages: numbers, for endpoints that know nothing better; sorted by id, and only an empty page ends them, because a
  provider may cap the size we ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tidings.core.errors import PagingUnsupported
from tidings.core.model import RecordId, record_id


class Paging(StrEnum):
    FORWARD_ONLY = "forward-only"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Ask:
    """What one page's request carries beside the filter."""

    headers: Mapping[str, str]
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What comes after a page: the position of the next one, or the end (then `next` is None)."""

    next: str | None
    ended: bool


Edges = Callable[[], tuple[RecordId, RecordId]]


def ask(paging: Paging, *, position: str | None, size: int, id_field: str) -> Ask:
    """The headers and parameters that ask for the page at `position`. `id_field` as the provider writes it."""
    if paging is Paging.FORWARD_ONLY:
        params = {"pageSize": str(size)} | ({} if position is None else {"pageId": position})
        return Ask({"pagination-type": "forward-only"}, params)
    number = 1 if position is None else _Number.read(position).number
    return Ask({}, {"orderBy": f"{id_field} asc", "pageSize": str(size), "page": str(number)})


def turn(paging: Paging, *, position: str | None, empty: bool, link: str | None, edges: Edges) -> Turn:
    """What comes after the page that was read at `position`.

    `link` is the answer's Link header; `edges` gives the first and last id of a page that is not empty, and is only
    called where they are needed. Raises `PagingUnsupported` when the provider shows the same page again and again.
    """
    if paging is Paging.FORWARD_ONLY:
        return _forward(position, empty, next_page_id(link), edges)
    return _numbered(position, empty, edges)


def _forward(position: str | None, empty: bool, linked: str | None, edges: Edges) -> Turn:
    if empty:
        # Some servers link from every page, the last one included: only a link that leads further is one.
        further = linked is not None and (position is None or _beyond(linked, position))
        return Turn(linked, False) if further else Turn(None, True)
    following = str(edges()[1]) if linked is None else linked
    if position is not None and not _beyond(following, position):
        raise PagingUnsupported(
            f"the page after id {position} leads to id {following}: this endpoint does not page by pageId; "
            'give the resource paging = "pages" in its element file'
        )
    return Turn(following, False)


def _beyond(later: str, earlier: str) -> bool:
    left, right = record_id(later), record_id(earlier)
    return left > right if isinstance(left, int) and isinstance(right, int) else left != right


def _numbered(position: str | None, empty: bool, edges: Edges) -> Turn:
    if empty:
        return Turn(None, True)
    here = _Number(1, None, None) if position is None else _Number.read(position)
    first, last = edges()
    if (first, last) == (here.first, here.last):
        raise PagingUnsupported(
            f"page {here.number} repeats page {here.number - 1} (ids {first} to {last}): "
            "this endpoint does not page by number"
        )
    return Turn(_Number(here.number + 1, first, last).text(), False)


def reached(paging: Paging, position: str, stop: str) -> bool:
    """Whether a list that was read up to `position` has been read up to `stop`, which was a position of it before."""
    if paging is Paging.FORWARD_ONLY:
        return position == stop or _beyond(position, stop)
    return _Number.read(position).number >= _Number.read(stop).number


class _Number(msgspec.Struct, frozen=True, array_like=True):
    """A position by number, with the edges of the page before it: what tells a repeated page."""

    number: int
    first: int | str | None
    last: int | str | None

    @classmethod
    def read(cls, position: str) -> _Number:
        return msgspec.json.decode(position, type=cls)

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def next_page_id(link: str | None) -> str | None:
    """The `pageId` of the `next` relation in a Link header (RFC 8288), or None.

    >>> next_page_id('<https://h/c/?pageSize=2&pageId=57>; rel="next", <https://h/c/>; rel="first"')
    '57'
    """
    for address in _linked(link or "", "next"):
        for name, value in parse_qsl(urlsplit(address).query):
            if name.lower() == "pageid":
                return value
    return None


def is_linked(link: str, relation: str) -> bool:
    """Whether a Link header leads to something that stands in this relation.

    >>> is_linked('<https://h/c/?page=1>; rel="prev", <https://h/c/?page=1>; rel="first"', "next")
    False
    """
    return next(_linked(link, relation), None) is not None


def _linked(link: str, relation: str) -> Iterator[str]:
    for each in re.finditer(r"<([^>]*)>([^<]*)", link):
        if re.search(rf';\s*rel\s*=\s*"?(?:[^";,]*\s)?{relation}(?=[\s";,]|$)', each[2], re.IGNORECASE):
            yield each[1]

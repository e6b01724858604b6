"""Which page is asked for, and where does `Link` point? (spec connectwise.md 3.6, 13.5 and 13.6)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

DEFAULT_PAGE_SIZE = 25
LARGEST_PAGE = 1000

_RAW = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!*()")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query string: pairs as the client sent them, and a look-up in any letter case."""

    pairs: tuple[tuple[str, str], ...]
    by_name: Mapping[str, str]

    @classmethod
    def of(cls, query: str) -> "Parameters":
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        by_name: dict[str, str] = {}
        for name, value in pairs:
            by_name.setdefault(name.lower(), value)
        return cls(pairs, by_name)

    def text(self, name: str) -> str:
        """The value of a parameter; an empty text when it is missing or blank."""
        return self.by_name.get(name.lower(), "").strip()

    def number(self, name: str) -> int | None:
        """The value as an integer, None when it is none."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    @property
    def page(self) -> int:
        return max(1, self.number("page") or 1)

    @property
    def page_size(self) -> int:
        size = self.number("pageSize") or 0
        return DEFAULT_PAGE_SIZE if size < 1 else min(size, LARGEST_PAGE)


def navigable_links(address: str, parameters: Parameters, total: int) -> str | None:
    """The value of `Link` for a numbered page; None when everything fits on one.

    `address` is the absolute address of the list without a query. The order of relations is part of what clients
    rely on: the last page ends in `rel="first"`, every other in `rel="last"`.
    """
    page, last = parameters.page, -(-total // parameters.page_size)
    if last <= 1 and page == 1:
        return None
    to = {"prev": min(page - 1, max(last, 1)), "first": 1, "next": page + 1, "last": last}
    if page == 1:
        order = ["next", "last"]
    elif page < last:
        order = ["prev", "first", "next", "last"]
    else:
        order = ["prev", "first"]
    return ", ".join(f'<{_address(address, parameters, "page", to[rel])}>; rel="{rel}"' for rel in order)


def forward_link(address: str, parameters: Parameters, page: Sequence[int]) -> str:
    """The value of `Link` for forward-only paging: the way on from the last id; empty after an empty page."""
    return f'<{_address(address, parameters, "pageId", page[-1])}>; rel="next"' if page else ""


def _address(address: str, parameters: Parameters, name: str, value: int) -> str:
    """The parameters in the order the client sent them, except the page's, which clients want to find at the end."""
    dropped = {"page", "pageid"} if name == "pageId" else {"page"}
    pairs = [(key, text) for key, text in parameters.pairs if key.lower() not in dropped]
    if "pagesize" not in parameters.by_name:
        pairs.append(("pageSize", str(parameters.page_size)))
    query = "&".join(f"{_encode(key)}={_encode(text)}" for key, text in [*pairs, (name, str(value))])
    return f"{address}/?{query}"


def _encode(text: str) -> str:
    """As .NET's `HttpUtility.UrlEncode`: a plus for a space, lower-case hexadecimal digits.

    >>> _encode("lastUpdated >= [2025-04-01T20:02:28Z]")
    'lastUpdated+%3e%3d+%5b2025-04-01T20%3a02%3a28Z%5d'
    """
    return "".join(chr(b) if b in _RAW else "+" if b == 0x20 else f"%{b:02x}" for b in text.encode())

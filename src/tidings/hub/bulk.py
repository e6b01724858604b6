"""How does a bulk job read all records of an object, and write many? With the hub's own pages and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tidings.core.budget import Priority
from tidings.core.bulk import BulkJob, Piece, Wanted
from tidings.core.ceql import And, Expr, parse, unparse
from tidings.core.errors import InvalidInput
from tidings.core.model import Instance
from tidings.elements.connection import Connection
from tidings.elements.element import Element, Verb
from tidings.hub.query import LARGEST_PAGE, Query, Token, provider_fields, provider_order
from tidings.hub.reading import Reader
from tidings.hub.shape import Row, encoded, project, record_of, split_rows
from tidings.hub.target import Target, find
from tidings.hub.where import FIELD, selects, split
from tidings.hub.writing import Writer

LONGEST_WHERE = 8000  #: characters; what a place is told with holds it


def target_of(element: Element, name: str, verb: Verb) -> Target:
    """The collection of that name. Raises InvalidInput when there is none, or it has no such verb."""
    target = find(element, name)
    if target is None or target.is_one:
        raise InvalidInput("objectName", f"{element.key} has no object {name[:200]!r}; GET /objects lists them")
    if verb not in target.resource.verbs:
        doing = "read" if verb == "list" else "written to"
        raise InvalidInput("objectName", f"{name} of {element.key} cannot be {doing} in bulk")
    return target


def check(target: Target, wanted: Wanted) -> None:
    """Raises InvalidInput for a download that could not be asked for."""
    if len(wanted.where or "") > LONGEST_WHERE:
        raise InvalidInput(FIELD, f"is longer than {LONGEST_WHERE} characters")
    split(wanted.where, target.resource)
    provider_fields(wanted.fields, target.resource)
    provider_order(wanted.order_by, target.resource)


@dataclass(frozen=True, slots=True)
class BulkReader:
    """Reads what a download wants, a page at a time, in the order in which the hub lists it.

    What the provider cannot select by is judged here, without an end to how many records are looked at.
    """

    reader: Reader
    target: Target
    query: Query
    rest: Expr | None
    fields: str | None

    async def page(self, place: str, left: int | None) -> Piece:
        """The page at a place, at most `left` rows of it. Raises InvalidInput, and the ProviderError of asking."""
        query = self.query.at(Token.read(place)) if place else self.query
        listing = await self.reader.list(self.target, query)
        body = listing.body if listing.body[:1] == b"[" else b"[" + listing.body + b"]"
        rows = split_rows(body) if self.rest is None else self._selected(split_rows(body))
        following = listing.next
        if left is not None and len(rows) >= left:
            rows, following = rows[:left], None
        lines = b"\n".join(map(bytes, rows)) if b"\n" not in body and b"\r" not in body else _lines(rows)
        return Piece(lines, len(rows), following)

    def _selected(self, rows: Sequence[Row]) -> list[Row]:
        resource = self.target.resource
        asked = provider_fields(self.fields, resource)
        paths = [tuple(path.split("/")) for path in asked.split(",")] if asked else []
        kept: list[Row] = []
        for row in rows:
            record = record_of(row)
            if self.rest is None or selects(self.rest, record, resource):
                kept.append(encoded(project(record, paths)) if paths else row)
        return kept


@dataclass(frozen=True, slots=True)
class BulkWriter:
    """Makes the records of an upload, one after the other, each sent once."""

    writer: Writer
    target: Target

    async def create(self, record: bytes) -> None:
        """Raises InvalidInput, and the ProviderError of asking."""
        await self.writer.create(self.target, record)


class BulkOpening:
    """Opens what bulk jobs read and write, with a connection of their own: they go after everybody who waits."""

    def __init__(self, catalog: Mapping[str, Element], connect: Callable[[Element, Instance], Connection]) -> None:
        self._catalog, self._connect = catalog, connect

    def reading(self, job: BulkJob, instance: Instance) -> BulkReader:
        """What reads a download. Raises InvalidInput when the element has no such object any more."""
        element, connection = self._open(instance)
        target, wanted = target_of(element, job.object_name, "list"), job.wanted
        check(target, wanted)
        cap = min(LARGEST_PAGE, element.api.page_size)
        reader = Reader(connection, cap, wanted.drop_nulls)

        def is_said(where: str) -> bool:
            return reader.sayable(target, Query(where, order_by=wanted.order_by)).rest is None

        where, rest = _sayable(wanted.where, is_said)
        size = cap if wanted.limit is None or rest is not None else min(cap, wanted.limit)
        query = Query(where, wanted.fields if rest is None else None, wanted.order_by, size=size)
        return BulkReader(reader, target, query, rest, wanted.fields)

    def writing(self, job: BulkJob, instance: Instance) -> BulkWriter:
        """What writes an upload. Raises InvalidInput when the element has no such object any more."""
        element, connection = self._open(instance)
        return BulkWriter(Writer(connection, False, {}, {}), target_of(element, job.object_name, "create"))

    def _open(self, instance: Instance) -> tuple[Element, Connection]:
        element = self._catalog.get(instance.element_key)
        if element is None:
            raise InvalidInput("element.key", f"{instance.element_key!r} is not in this server's catalog any more")
        connection = self._connect(element, instance)
        connection.priority = Priority.LONG
        return element, connection


def _sayable(where: str | None, is_said: Callable[[str], bool]) -> tuple[str | None, Expr | None]:
    """A `where` in two: what the provider can be asked for as a whole, and what is left for us."""
    if where is None or is_said(where):
        return where, None
    said: list[Expr] = []
    rest: list[Expr] = []
    expr = parse(where)
    for each in expr.operands if isinstance(expr, And) else (expr,):
        together = unparse(_all([*said, each]))
        (said if is_said(together) else rest).append(each)
    return (unparse(_all(said)) if said else None), _all(rest)


def _all(exprs: list[Expr]) -> Expr:
    return exprs[0] if len(exprs) == 1 else And(tuple(exprs))


def _lines(rows: Sequence[Row]) -> bytes:
    """Line ends stand between the parts of JSON only, never inside of a text."""
    return b"\n".join(bytes(row).replace(b"\n", b" ").replace(b"\r", b" ") for row in rows)

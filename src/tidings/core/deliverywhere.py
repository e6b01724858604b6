"""Which deliveries does a `where` select? (spec platform.md 5.3)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tidings.core.ceql import And, CeqlError, Comparison, Expr, parse
from tidings.core.ceqltree import Kind, Literal
from tidings.core.errors import InvalidInput
from tidings.core.model import DeliveryState
from tidings.core.subscription import Channel

FIELDS: Final = ("channel", "status", "config.url")
#: The platform's word for what has been read by its addressee, which no delivery here ever is.
NOTIFIED: Final = "notified"


@dataclass(frozen=True, slots=True)
class Selected:
    """The conditions that must all be met; None asks for nothing. `never` when nothing can meet them."""

    channel: str | None = None
    state: DeliveryState | None = None
    url: str | None = None
    never: bool = False


def read_where(text: str) -> Selected:
    """What a condition such as `channel='webhook' and status='queued'` selects. Raises InvalidInput for `where`."""
    try:
        conditions = dict(_equalities(parse(text)))
    except CeqlError as error:
        raise InvalidInput("where", f"cannot be read, {error}") from None
    channel, status = conditions.get("channel"), conditions.get("status")
    _refuse_unknown("channel", channel, list(Channel))
    _refuse_unknown("status", status, [*DeliveryState, NOTIFIED])
    return Selected(
        channel=channel,
        state=None if status in (None, NOTIFIED) else DeliveryState(status),
        url=conditions.get("config.url"),
        never=status == NOTIFIED,
    )


def _equalities(expr: Expr) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for each in expr.operands if isinstance(expr, And) else (expr,):
        match each:
            case Comparison(path, "=", Literal(Kind.TEXT, value)):
                field = ".".join(path)
            case Comparison(path, "=", _):
                raise InvalidInput("where", f"compares {'.'.join(path)} with a bare value; write text in single quotes")
            case _:
                raise InvalidInput("where", "has more than `field='value'` joined by `and`; write only those")
        if field not in FIELDS:
            raise InvalidInput("where", f"names {field!r}; the fields are {', '.join(FIELDS)}")
        if field in seen:
            raise InvalidInput("where", f"names {field} twice; write it once")
        seen.add(field)
        yield field, value


def _refuse_unknown(field: str, value: str | None, known: list[str]) -> None:
    if value is not None and value not in known:
        raise InvalidInput("where", f"{field} is {value!r}; write one of {', '.join(map(str, known))}")

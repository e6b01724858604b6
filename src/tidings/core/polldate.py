"""What is left of a `where` without the date that a poll puts in? The user's own conditions.

A comparison with a value that is missing is false, and a filter on dates may be broken altogether, so what is to be
everything cannot be asked for by an early date.
"""

from collections.abc import Set
from functools import lru_cache

from tidings.core import ceql
from tidings.core.ceqltree import And, Comparison, Expr

_LOWER = (">", ">=")


@lru_cache(maxsize=1024)
def undated(where: str, later: str, stamps: Set[str]) -> Expr | None:
    """The condition `where` without its lower bounds on the stamp that polls move; None when nothing is left.

    `where` and `later` are one condition rendered for two bounds: what differs came from a macro. `stamps` are the
    dotted names of the stamp, in small letters. Only what is joined by AND is left out: under OR or NOT, and as an
    upper bound, it may decide which records the user means. Raises CeqlError.

    >>> where = "lastUpdated > '{}' AND status = 'open'"
    >>> ceql.unparse(undated(where.format(1), where.format(2), frozenset({"lastupdated"})))
    "status = 'open'"
    """
    return _undated(ceql.parse(where), ceql.parse(later), stamps)


def _undated(expr: Expr, later: Expr, stamps: Set[str]) -> Expr | None:
    match expr, later:
        case Comparison(_, operator), Comparison() if operator in _LOWER:
            return None if _is_moved(expr, later, stamps) else expr
        case And(operands), And(others) if len(operands) == len(others):
            left = [_undated(each, other, stamps) for each, other in zip(operands, others, strict=True)]
            kept = tuple(each for each in left if each is not None)
            return And(kept) if len(kept) > 1 else kept[0] if kept else None
    return expr


def is_strict(where: str, later: str, stamps: Set[str]) -> bool:
    """Whether what is stamped exactly at the bound of `where` is left out; arguments as of `undated`. Raises CeqlError.

    >>> [is_strict(f"lastUpdated {operator} 1", f"lastUpdated {operator} 2", {"lastupdated"}) for operator in _LOWER]
    [True, False]
    """
    return _is_strict(ceql.parse(where), ceql.parse(later), stamps)


def _is_strict(expr: Expr, later: Expr, stamps: Set[str]) -> bool:
    match expr, later:
        case Comparison(_, ">"), Comparison():
            return _is_moved(expr, later, stamps)
        case And(operands), And(others) if len(operands) == len(others):
            return any(_is_strict(each, other, stamps) for each, other in zip(operands, others, strict=True))
    return False


def _is_moved(bound: Comparison, later: Comparison, stamps: Set[str]) -> bool:
    """Whether it compares the stamp with what a macro has rendered."""
    return bound.value != later.value and ".".join(bound.field).lower() in stamps

"""Is a member of a body of the right JSON type, and how is it stored? (spec connectwise.md 13.18, first step)"""

from datetime import UTC, datetime
from typing import Any

from tidings.sandbox.answers import not_convertible
from tidings.sandbox.describe import Field, Resource, Stored

_NET_TYPES = {
    "int": "System.Int32",
    "num": "System.Decimal",
    "str": "System.String",
    "bool": "System.Boolean",
    "date": "System.DateTime",
    "list": "System.Collections.Generic.List",
    "ref": "Reference",
    "enum": "Enum",
}


def members(resource: Resource, body: Any, *, creating: bool) -> Stored:
    """The members of a body that a client may write, in stored form; None for those given as null or empty.

    Names are case-sensitive and unknown ones are ignored (spec connectwise.md 2.1). References still carry whatever
    identifies them. Raises Refusal 500 for a wrong type.
    """
    if not isinstance(body, dict):
        raise not_convertible(body, resource.name)
    taken: Stored = {}
    for name, value in body.items():
        each = resource.fields.get(name)
        if each is not None and is_writable(each, creating=creating):
            taken[name] = convert(each, value)
    return taken


def is_writable(each: Field, *, creating: bool) -> bool:
    return not each.has("read-only") and (creating or not each.has("create-only"))


def convert(each: Field, value: Any) -> Any:
    """One value in stored form. Numbers may come as text, as ids often do. Raises Refusal 500."""
    if value is None:
        return None
    try:
        return _CONVERTERS[each.kind](each, value)
    except (ValueError, TypeError, OverflowError):
        raise not_convertible(value, _NET_TYPES[each.kind]) from None


def stamp_text(text: str) -> str:
    """A datetime as the provider writes it; without a zone it is taken as UTC. Raises ValueError.

    >>> stamp_text("2026-01-01T01:30:00+01:00")
    '2026-01-01T00:30:00Z'
    """
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _int(each: Field, value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value)
    if not -(1 << 31) <= number < 1 << 31:
        raise OverflowError
    return number


def _num(each: Field, value: Any) -> int | float:
    if isinstance(value, bool):
        raise ValueError
    return float(value) if isinstance(value, str) else _real(value)


def _real(value: Any) -> int | float:
    if not isinstance(value, int | float):
        raise TypeError
    return value


def _str(each: Field, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError


def _bool(each: Field, value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(each: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise TypeError
    return stamp_text(value.strip()) if value.strip() else None


def _enum(each: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise TypeError
    known = {name.lower(): name for name in each.values}
    if value and value.lower() not in known:
        raise ValueError
    return known.get(value.lower())


def _ref(each: Field, value: Any) -> Stored | None:
    if not isinstance(value, dict):
        raise TypeError
    named = {key: value[key] for key in ("id", "identifier", "name", "summary") if value.get(key) not in (None, "")}
    if "id" in named:
        named["id"] = _int(each, named["id"])
        if named["id"] == 0:
            del named["id"]
    return named or None


def _list(each: Field, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


_CONVERTERS = {
    "int": _int,
    "num": _num,
    "str": _str,
    "bool": _bool,
    "date": _date,
    "enum": _enum,
    "ref": _ref,
    "list": _list,
}

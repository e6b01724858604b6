"""Can what anybody may send be read, by us and by every reader of JSON it is passed on to?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from tidings.core.errors import InvalidInput

DEEPEST = 100
"""How deeply a body may be nested: less than any reader of JSON takes."""

MOST_FIELDS = 1000
"""How many fields a form may have."""

_TOO_DEEP = f"is nested deeper than {DEEPEST} levels; send something flatter"


@dataclass(frozen=True, slots=True)
class Body:
    """What arrived: `raw` is the JSON that stands in the notification, `value` what it means.

    A field of a form is text in `raw`; in `value`, one that is JSON of an object or a list is read as such. `form`
    tells that it was one.
    """

    raw: bytes
    value: Any
    form: bool = False


def read_json(body: bytes, number: Callable[[str], float] = float) -> Body:
    """The body as JSON: an object, or a list that is not empty. `number` reads what is written with a point or an
    exponent.

    Raises InvalidInput for anything else, and for what some reader of JSON would stumble over: text that is no UTF-8,
    NUL, a name that stands twice in an object, nesting deeper than `DEEPEST`, a number of thousands of digits.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("body", f"is not UTF-8 at byte {error.start}; write JSON in UTF-8") from None
    value = _parsed(text, number)
    if not isinstance(value, dict) and not (isinstance(value, list) and value):
        raise InvalidInput("body", "is neither an object nor a list of them; send a JSON object")
    return Body(body, value)


def read_form(body: bytes) -> Body:
    """The body as `application/x-www-form-urlencoded`, or the query of a URL. Raises InvalidInput.

    >>> read_form(b"userId=7&tag=a&tag=b").value
    {'userId': '7', 'tag': ['a', 'b']}
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError:
        raise InvalidInput("body", "is not percent-encoded UTF-8; encode its fields as URLs are") from None
    except ValueError:
        raise InvalidInput("body", f"has more than {MOST_FIELDS} fields; send fewer") from None
    if not pairs:
        raise InvalidInput("body", "has no fields; send one at the least")
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        if "\x00" in name + text:
            raise InvalidInput("body", "contains NUL; leave it out")
        given.setdefault(name, []).append(text)
    fields = {name: texts[0] if len(texts) == 1 else texts for name, texts in given.items()}
    return Body(orjson.dumps(fields), {name: _opened(value) for name, value in fields.items()}, form=True)


def _opened(value: str | list[str]) -> Any:
    """A field's meaning: one text that is JSON of an object or a list is read."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return _parsed(value)
        except InvalidInput:
            return value
    return value


def _parsed(text: str, number: Callable[[str], float] = float) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_members_once, parse_constant=_no_number, parse_float=number)
    except RecursionError:
        raise InvalidInput("body", _TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise InvalidInput("body", f"is not JSON at character {error.pos} ({error.msg}); write a JSON object") from None
    except InvalidInput:
        raise
    except ValueError:
        raise InvalidInput("body", "has a number of more digits than can be read; write it as text") from None
    # No deeper than it has brackets, and no NUL where none is written: most bodies need no walk.
    if text.count("{") + text.count("[") > DEEPEST or "\\u0000" in text:
        _refuse_depth_and_nul(value)
    return value


def _refuse_depth_and_nul(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        parts: list[Any] = []
        for each in level:
            parts.extend(each)
            if isinstance(each, dict):
                parts.extend(each.values())
        if any(isinstance(each, str) and "\x00" in each for each in parts):
            raise InvalidInput("body", "contains NUL (\\u0000); leave it out")
        level = [each for each in parts if isinstance(each, dict | list)]
        if not level:
            return
    raise InvalidInput("body", _TOO_DEEP)


def _members_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput("body", f"has the member {name[:60]!r} twice in one object; write it once")
        found[name] = value
    return found


def _no_number(text: str) -> Any:
    raise InvalidInput("body", f"has {text}, which is no JSON; write a number or null")

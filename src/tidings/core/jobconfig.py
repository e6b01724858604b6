"""What does a client write of a job, and what call is that? (spec platform.md 5.6)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from tidings.core.cron import CronError, parse
from tidings.core.errands import Asked
from tidings.core.errors import InvalidInput
from tidings.core.model import Moment
from tidings.core.naming import writable
from tidings.core.receiver import check_headers
from tidings.core.scrub import MASK

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
LONGEST_URI: Final = 4000

#: Headers that clients write and that we say ourselves.
_OURS = frozenset({"authorization", "host", "content-type", "content-length", "connection", "accept-encoding"})
_SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|token|authorization|cookie|(private|api|signature|access)[._-]?key", re.I
)


def call_of(
    method: str,
    uri: str,
    base: str,
    query: object,
    headers: Mapping[str, Any] | None,
    body: Any,
) -> Asked:
    """The call that a job makes; headers that are the server's own to say are left out. Raises InvalidInput.

    >>> call_of("get", "/elements/api-v2/contacts?where=a='b'", "/elements/api-v2", {"page": 2}, None, None).path
    "/contacts?where=a='b'"
    """
    if method.upper() not in METHODS:
        raise InvalidInput("method", f"is {method[:40]!r}: write one of {', '.join(METHODS)}")
    return Asked(
        method=method.upper(),
        path=_path(uri, base),
        query=_query(query),
        headers=check_headers(
            {name: value for name, value in (headers or {}).items() if name.lower() not in _OURS}, "headers"
        ),
        body=_body(body),
    )


def first_due(cron: str, now: Moment) -> Moment:
    """When a schedule is due first. Raises InvalidInput for one that cannot be read, or is never due."""
    try:
        due_at = parse(cron).next_after(now)
    except CronError as error:
        raise InvalidInput("trigger.cron", str(error)) from None
    if due_at is None:
        raise InvalidInput("trigger.cron", f"{cron!r} is never due any more; write one that is")
    return due_at


def masked(value: Any) -> Any:
    """A body or headers as they are shown: what is called like a secret is not, at any depth.

    >>> masked({"name": "a", "configuration": {"private.key": "b"}})
    {'name': 'a', 'configuration': {'private.key': '********'}}
    """
    if isinstance(value, dict):
        return {
            name: MASK if each is not None and _SECRET.search(name) else masked(each) for name, each in value.items()
        }
    return [masked(each) for each in value] if isinstance(value, list) else value


def _path(uri: str, base: str) -> str:
    if not writable(uri) or re.search(r"[\x00-\x1f\x7f#\\]", uri) or len(uri) > LONGEST_URI:
        raise InvalidInput(
            "uri", f"must be a path of {LONGEST_URI} characters at the most, without # and control signs"
        )
    path = uri.removeprefix(base) if uri.startswith((f"{base}/", f"{base}?")) else uri
    if not path.startswith("/") or path.startswith("//"):
        raise InvalidInput("uri", f"is {uri[:100]!r}: write a path of this API, such as /hubs/crm/contacts")
    return path


def _query(query: object) -> str:
    if query is None:
        return ""
    if not isinstance(query, str | Mapping):
        raise InvalidInput("query", "must be an object of names and values, or a text")
    if isinstance(query, str):
        return quote(_text(query.removeprefix("?"), "query"), safe="%&=+,;:/?@!$'()*[]~")
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                pairs.append((_text(name, "query"), _text(_shown(each, name), f"query.{name[:60]}")))
    return urlencode(pairs, quote_via=quote)


def _shown(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidInput(f"query.{name[:60]}", "must be a text, a number, true, false, or a list of them")


def _text(text: str, field: str) -> str:
    if not writable(text) or len(text) > LONGEST_URI:
        raise InvalidInput(field, f"must be a text of {LONGEST_URI} characters at the most")
    return text


def _body(body: Any) -> bytes | None:
    """A text is sent as it is, when it is JSON already."""
    if body is None:
        return None
    if isinstance(body, str):
        try:
            orjson.loads(body)
        except ValueError:
            pass
        else:
            return body.encode()
    try:
        return orjson.dumps(body)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("body", "cannot be written as JSON; write an object of texts and numbers") from None

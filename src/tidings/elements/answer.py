"""What a provider's answer means for us: good, or which error of core/errors.py.

Pure. The provider's own words are kept (`provider_message`), our secrets never are.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import msgspec

from tidings.core.errors import (
    CredentialsRefused,
    PermissionDenied,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    RateLimited,
    RecordNotFound,
)
from tidings.core.model import Moment
from tidings.core.retry import LONGEST_REQUEST
from tidings.core.scrub import scrub

MESSAGE_CAP = 500

#: What a status means. Anything else: 5xx and unexpected successes are `ProviderDown`, other 4xx `ProviderRefused`.
#: A 403 that is not in the provider's own shape is `ProviderDown`: a gateway in front of it says nothing about the
#: keys, nor about what was asked.
MEANING: Mapping[int, type[ProviderError]] = {
    301: ProviderRefused,
    302: ProviderDown,  # maintenance pages come as temporary redirects
    303: ProviderDown,
    307: ProviderDown,
    308: ProviderRefused,
    401: CredentialsRefused,
    403: PermissionDenied,
    407: ProviderDown,  # a proxy of ours, not the provider
    408: RateLimited,
    425: ProviderDown,
    429: RateLimited,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whole. `headers` finds names in any letter case; `date_at` is the provider's clock (`Date`), or
    ours where it is not `dated`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    date_at: Moment
    dated: bool = True


def http_date(text: str | None) -> Moment | None:
    """The moment an HTTP date stands for, or None when it is no date.

    >>> http_date("Thu, 01 Jan 1970 00:00:10 GMT")
    10000
    """
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return int((zoned - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1000
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait as `Retry-After` says, in seconds or as a date (counted from the answer's own `Date`); an
    hour at the most."""
    text = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return min(float(text), LONGEST_REQUEST)
    until = http_date(text)
    return None if until is None else min(max(0.0, (until - answer.date_at) / 1000), LONGEST_REQUEST)


def provider_message(answer: Answer, secrets: Iterable[str] = ()) -> str | None:
    """What the provider said, in its own words: `message` and every `errors[].message` (spec connectwise.md 4.4), with
    the `field` in front of one that does not name it, or the text of a plain or HTML body; at most 500 characters,
    None when it said nothing."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = _plain_text(answer.body)
    else:
        said = "; ".join(dict.fromkeys(_messages(body)))
    said = " ".join(scrub(said, secrets).split())
    if len(said) > MESSAGE_CAP:
        said = said[: MESSAGE_CAP - 1] + "…"
    return said or None


def _messages(body: object) -> Iterable[str]:
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict):
        for key in ("message", "error_description", "Message"):
            if isinstance(said := body.get(key), str):
                yield said
        for error in _errors(body):
            if isinstance(said := error.get("message"), str):
                field = error.get("field")
                yield f"{field}: {said}" if isinstance(field, str) and field.lower() not in said.lower() else said


def _errors(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield error


def complained_of(answer: Answer) -> tuple[str, ...]:
    """The members of what was sent that the provider names in `errors[].field`, each once."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    fields = [error.get("field") for error in _errors(body)] if isinstance(body, dict) else []
    return tuple(dict.fromkeys(field for field in fields if isinstance(field, str) and field))


def _plain_text(body: bytes) -> str:
    text = body[:65536].decode("utf-8", "replace")
    if "<" not in text:
        return text
    if title := re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL):
        return title[1]
    without_code = re.sub(r"<(script|style)\b.*?</\1\s*>", " ", text, flags=re.IGNORECASE | re.DOTALL)
    return re.sub(r"<[^>]*>", " ", without_code)


def is_json_object(answer: Answer) -> bool:
    """Whether the body is a JSON object: then the provider itself spoke, not a gateway in front of it."""
    try:
        return isinstance(msgspec.json.decode(answer.body), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def is_providers_error(answer: Answer) -> bool:
    """Whether the body is an error in the provider's own shape, with `code` and `message` (spec connectwise.md 4.4).

    Gateways speak JSON too, but not this."""
    try:
        msgspec.json.decode(answer.body, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


class _Error(msgspec.Struct):
    code: str
    message: str


def failure(
    answer: Answer,
    *,
    purpose: str,
    by_id: bool = False,
    secrets: Iterable[str] = (),
    expected: Container[int] = (HTTPStatus.OK,),
) -> ProviderError | None:
    """The error an answer stands for, or None for an `expected` status. `purpose` opens the message.

    `by_id` says that one record was asked for: its 404 is `RecordNotFound` when the provider itself says so in JSON;
    a gateway's 404 page proves nothing about the record (spec connectwise.md 7.2).
    """
    status = answer.status
    if status in expected:
        return None
    said = provider_message(answer, secrets)
    text = f"{purpose}: the provider answered {status}{_phrase(status)}"
    if 300 <= status < 400:
        target = scrub(re.split(r"[?#]", answer.headers.get("Location", ""), maxsplit=1)[0], secrets)
        text += f", a redirect to {target or 'nowhere'}, which is not followed: write the final address into baseUrl"
    elif said:
        text += f": {said}"
    if status == HTTPStatus.NOT_FOUND and by_id and is_json_object(answer):
        return RecordNotFound(text, provider_message=said, status=status)
    default = ProviderRefused if 400 <= status < 500 else ProviderDown
    kind = MEANING.get(status, default)
    if status == HTTPStatus.FORBIDDEN and not is_providers_error(answer):
        kind = ProviderDown
    if kind is RateLimited:
        return RateLimited(text, retry_after=retry_after(answer), provider_message=said, status=status)
    if kind is ProviderDown:
        return ProviderDown(text, retry_after=retry_after(answer), provider_message=said, status=status)
    if kind is ProviderRefused:
        return ProviderRefused(text, provider_message=said, status=status, fields=complained_of(answer))
    return kind(text, provider_message=said, status=status)


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""

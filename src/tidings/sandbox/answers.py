"""What does the provider say when it refuses? Its error bodies, each with its status (spec connectwise.md 4.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of an error's list: which member of the object is wrong, and how."""

    code: str
    message: str
    field: str


class Refusal(Exception):
    """A request ends here, with this status and body; `str` of it is the body."""

    def __init__(
        self,
        status: int,
        body: Mapping[str, Any] | str,
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        super().__init__(body)
        self.status = status
        self.body = body.encode() if isinstance(body, str) else orjson.dumps(body)
        self.headers = dict(headers or {})
        self.content_type = content_type


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that went well: status, the JSON bytes of the body and headers beyond the ones every answer has.

    A body in pieces goes out one after the other, without a copy of the whole.
    """

    status: int
    body: bytes | list[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def no_endpoint() -> Refusal:
    return Refusal(404, {"code": "ConnectWiseApi", "message": "The endpoint does not exist."})


def not_found(name: str, number: int) -> Refusal:
    return Refusal(404, {"code": "NotFound", "message": f"{name} {number} not found"})


def method_not_allowed() -> Refusal:
    return _standard(405, "ConnectWiseApi", "The requested resource does not support this HTTP method.")


def unauthorized() -> Refusal:
    return _standard(401, "Unauthorized", "UserNotAuthenticated")


def client_id_refused() -> Refusal:
    return _standard(403, "Security", "clientId header is missing or invalid.")


def forbidden() -> Refusal:
    return _standard(403, "Security", "You do not have security permission to perform this action.")


def cannot_route() -> Refusal:
    return Refusal(400, "Cannot route. Codebase/company is invalid", content_type="text/plain")


def bad_condition(message: str) -> Refusal:
    return _standard(400, "ApiFindCondition", message)


def in_use(name: str, number: int) -> Refusal:
    return _standard(409, "ObjectInUse", f"{name} {number} is in use.")


def invalid(object_name: str, problems: Iterable[Problem]) -> Refusal:
    """The object as a whole is refused, with what is wrong with its members."""
    errors = [
        {"code": each.code, "message": each.message, "resource": object_name, "field": each.field} for each in problems
    ]
    return _standard(400, "InvalidObject", f"{object_name} object is invalid", errors)


def not_convertible(value: object, kind: str) -> Refusal:
    """A wrong JSON type in a body: the client's mistake, answered with 500 (spec connectwise.md 4.4)."""
    return _standard(500, "ConnectWiseApi", f"Error converting value {_shown(value)} to type '{kind}'.")


def broken_boolean() -> Refusal:
    return _standard(500, "ConnectWiseApi", "String was not recognized as a valid Boolean.")


def timed_out() -> Refusal:
    return _standard(500, "ConnectWiseApi", "A timeout has occured. Please try again.")


def too_many_requests(seconds: int = 30) -> Refusal:
    return Refusal(
        429,
        {"error": "ConnectWiseAPI", "message": f"Too many requests. Please try again in {seconds} seconds."},
        headers={"Retry-After": str(seconds)},
    )


def bad_gateway() -> Refusal:
    page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Refusal(502, page, content_type="text/html")


def address_too_long() -> Refusal:
    page = "<html><head><title>Request URI Too Long</title></head><body><h2>HTTP Error 414. Request URI Too Long</h2>"
    return Refusal(414, page + "</body></html>", content_type="text/html")


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else orjson.dumps(value).decode()


def _standard(status: int, code: str, message: str, errors: list[dict[str, str]] | None = None) -> Refusal:
    return Refusal(status, {"code": code, "message": message, "errors": errors})

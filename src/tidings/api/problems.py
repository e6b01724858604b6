"""What does a refused call say? The one error shape of spec platform.md 1.3, for everything that can go wrong.

What the provider did is told with its own status, normalised: 401 and 403 stay, 429 stays with its Retry-After, any
other 4xx is our caller's 400, everything else is 502. `providerMessage` has its words, and is absent where it said
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fastapi
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tidings.core.errors import (
    CredentialsRefused,
    InvalidInput,
    LeaseLost,
    ProviderDown,
    ProviderError,
    RateLimited,
    Taken,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """The answer to a call that was refused: status, sentence, what the provider said, and what a program can go by."""

    status: int
    message: str
    provider_message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, int] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, str | int]:
        body: dict[str, str | int] = {"requestId": request_id, "message": self.message, **self.figures}
        return body if self.provider_message is None else body | {"providerMessage": self.provider_message}


class Refused(fastapi.HTTPException):
    """Raised by a handler: a status and the sentence for the caller, and figures beside it."""

    def __init__(self, status: int, message: str, **figures: int) -> None:
        super().__init__(status, message)
        self.problem = Problem(status, message, figures=figures)


UNEXPECTED = Problem(500, "Something went wrong on our side; the log has the details under this requestId.")


def problem(error: Exception, method: str, path: str) -> Problem:
    """What to answer when `error` ended the call `method path`."""
    match error:
        case Refused():
            return error.problem
        case RequestValidationError():
            return Problem(400, invalid(error.errors()))
        case HTTPException(status_code=404):
            return Problem(404, f"There is nothing at {path}")
        case HTTPException(status_code=405):
            return Problem(405, f"{method} is not allowed on {path}", headers=error.headers or {})
        case HTTPException():
            return Problem(error.status_code, str(error.detail), headers=error.headers or {})
        case InvalidInput():
            return Problem(400, str(error))
        case Taken():
            return Problem(409, str(error))
        case LeaseLost():
            return Problem(409, "Somebody else changed this at the same moment; read it and try again")
        case ProviderError():
            return _provider(error)
        case _:
            return UNEXPECTED


def invalid(errors: Sequence[Any]) -> str:
    """The first thing wrong with a request, with the name the caller wrote in front."""
    first = errors[0]
    where = [part for part in first["loc"] if part not in ("body", "query", "path")]
    if first["type"] == "json_invalid":
        return f"body: is not JSON at character {first['loc'][-1]} ({first['ctx']['error']}); write a JSON object"
    name = ".".join(str(part) for part in where).replace(".[", "[") or "body"
    if first["type"] == "missing":
        return f"{name}: is missing" if where else "body: is missing; send a JSON object"
    return f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _provider(error: ProviderError) -> Problem:
    said = error.provider_message
    if isinstance(error, CredentialsRefused):
        return Problem(error.status or 401, str(error), said)
    if isinstance(error, RateLimited):
        wait = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
        return Problem(429, str(error), said, wait)
    if isinstance(error, ProviderDown):
        return Problem(502, str(error), said)
    return Problem(400, f"The provider refused the call: {error}", said)

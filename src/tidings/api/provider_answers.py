"""How does a hub call tell what the provider did? With the provider's own status (docs/adr/0010-hub-statuses.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from tidings.api.problems import Problem, Refused
from tidings.core.errors import (
    AddressForbidden,
    AddressTooLong,
    ProviderDown,
    ProviderError,
    ProviderSilent,
    RateLimited,
)

#: What of 5xx says more than that the provider failed, and is passed on.
TOLD = frozenset({503, 504})


class Answered(Refused):
    """The provider did not do what a hub call asked; the answer says so with its status and in its words."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.message)
        self.problem = problem


@contextmanager
def passed_on() -> Iterator[None]:
    """Whatever the provider answers in here that is no success becomes the answer to our caller."""
    try:
        yield
    except ProviderError as error:
        raise Answered(problem_of(error)) from error
    except AddressForbidden as error:
        raise Answered(Problem(502, str(error))) from error


def problem_of(error: ProviderError) -> Problem:
    """A 4xx is the caller's as it is the provider's; whatever else it did is a failure of a gateway, which we are:
    504 when it did not answer in time, 503 when it says so, otherwise 502."""
    if isinstance(error, AddressTooLong):
        return Problem(400, str(error))
    said = error.provider_message
    wait = getattr(error, "retry_after", None)
    headers = {} if wait is None else {"Retry-After": str(math.ceil(wait))}
    status = 502
    if isinstance(error, RateLimited):
        status = 504 if error.status == 408 else 429
    elif isinstance(error, ProviderSilent):
        status = 504
    elif isinstance(error, ProviderDown):
        status = error.status if error.status in TOLD else 502
    elif error.status is not None and 400 <= error.status < 500:
        status = error.status
    return Problem(status, str(error), said, headers)

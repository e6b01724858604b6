"""What can go wrong, sorted by what to do next.

    TidingsError
    ├── InvalidInput          the caller must write something else; names the field
    ├── Taken                 somebody else has this name already; choose another
    ├── ProviderError         something between us and the provider
    │   ├── CredentialsRefused   a person must change the keys; the lane parks
    │   │   ├── PermissionDenied    they may not read this; try again, it may be allowed
    │   │   └── GrantRefused        a code or a refresh token counts no more; authenticate again
    │   ├── RateLimited          wait, as long as the provider says
    │   │   └── Throttled           we did not ask: it is not this tenant's turn yet
    │   ├── ProviderDown         transient; try again with backoff
    │   │   ├── ProviderSilent      it had the request and did not answer in time
    │   │   ├── ProviderUnreached   it never had the request
    │   │   └── AnswerTooLarge      ask for less
    │   ├── ProviderRefused      the request itself is wrong
    │   │   ├── PagingUnsupported   page another way
    │   │   └── AddressTooLong      we did not ask; write less
    │   └── RecordNotFound       this record is not there (any more)
    ├── AddressForbidden      the guard keeps us from connecting there
    └── LeaseLost             another worker owns the row now; drop the work

A receiver's refusal is not an exception: it is an `Outcome`, because a 503 is an ordinary day.
"""

from __future__ import annotations


class TidingsError(Exception):
    """The root; `str(error)` is a sentence for the user."""


class InvalidInput(TidingsError, ValueError):
    """Bad input, refused by name before anything changed.

    `field` is the name the caller wrote (`configuration.event.poller.refresh_interval`), `message` says what was
    wrong and what to write instead, without the field's name in front.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Taken(TidingsError):
    """There is one of that name already."""


class ProviderError(TidingsError):
    """The provider did not do what we asked.

    `provider_message` is what it said, in its own words and without our secrets; `status` its HTTP status, or None
    when there was no answer.
    """

    def __init__(self, message: str, *, provider_message: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.provider_message = provider_message
        self.status = status


class CredentialsRefused(ProviderError):
    """401: the keys are wrong; nobody tries again until a person changes them."""


class PermissionDenied(CredentialsRefused):
    """403 in the provider's own words: these keys may not read this. They may again without a change on our side."""


class GrantRefused(CredentialsRefused):
    """The authorization server gives no token for this code, or this refresh token (RFC 6749 5.2, invalid_grant)."""


class RateLimited(ProviderError):
    """429: wait `retry_after` seconds (None when the provider did not say)."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None,
        provider_message: str | None = None,
        status: int | None = 429,
    ) -> None:
        super().__init__(message, provider_message=provider_message, status=status)
        self.retry_after = retry_after


class Throttled(RateLimited):
    """The provider was not asked, because its tenant has had enough for now: no failure of anybody.

    `retry_after` is never None; `provider_message` is what the provider said when it last wanted to be left alone.
    """

    def __init__(self, message: str, *, retry_after: float, provider_message: str | None = None) -> None:
        super().__init__(message, retry_after=retry_after, provider_message=provider_message, status=None)


class ProviderDown(ProviderError):
    """No usable answer: 5xx, a broken connection, silence, a body that is no JSON or too large."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        provider_message: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, provider_message=provider_message, status=status)
        self.retry_after = retry_after


class ProviderSilent(ProviderDown):
    """The request was sent and nothing, or not all, came back in time: what it asked for may have been done."""


class ProviderUnreached(ProviderDown):
    """There was no connection, so nothing was sent."""


class AnswerTooLarge(ProviderDown):
    """The body is larger than we read; fewer records a page make it smaller."""


class ProviderRefused(ProviderError):
    """Any other 4xx: the provider understood us and said no; the same request will fail again.

    `fields` are the members of the body that it complained of, as far as it named them.
    """

    def __init__(
        self,
        message: str,
        *,
        provider_message: str | None = None,
        status: int | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, provider_message=provider_message, status=status)
        self.fields = fields


class PagingUnsupported(ProviderRefused):
    """The list does not page the way we asked: pages by number are left."""


class AddressTooLong(ProviderRefused):
    """Nothing was asked, because the request's address would have more characters than the provider takes."""


class RecordNotFound(ProviderError):
    """404 for one record by its id."""


class AddressForbidden(TidingsError, OSError):
    """The address behind `host` is not one we may connect to (design.md section 7)."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            f"{host} resolves to {address}, which is a private, local or reserved address; "
            "set TIDINGS_ALLOW_PRIVATE_NETWORKS=true or add its network to TIDINGS_ALLOWED_NETWORKS to permit it"
        )
        self.host = host
        self.address = address


class LeaseLost(TidingsError):
    """Another worker holds this lane now; what was about to be written must be dropped."""

"""How a provider is asked over HTTP: one request, bounded in time and size, its failures sorted by what to do next."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from tidings.core.errors import (
    AddressForbidden,
    AddressTooLong,
    AnswerTooLarge,
    InvalidInput,
    ProviderDown,
    ProviderSilent,
    ProviderUnreached,
)
from tidings.core.model import Moment
from tidings.core.scrub import scrub
from tidings.elements.answer import Answer, failure, http_date

URL_LIMIT = 2000
BODY_CAP = 64 * 1024 * 1024
_READ_BUFFER = 256 * 1024


def base_url(text: str | None, field: str = "baseUrl") -> str:
    """The provider's root as the user wrote it, without blanks and trailing slashes; raises `InvalidInput`.

    >>> base_url(" https://api-na.myconnectwise.net/v4_6_release/apis/3.0/ ")
    'https://api-na.myconnectwise.net/v4_6_release/apis/3.0'
    """
    wanted = "write the address of the API, such as https://api-na.myconnectwise.net/v4_6_release/apis/3.0"
    written = (text or "").strip()
    if not written:
        raise InvalidInput(field, f"is missing; {wanted}")
    try:
        parts = urlsplit(written)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable = usable and written.isprintable() and " " not in written
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(field, f"is no http or https address; {wanted}")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidInput(field, f"must not contain a user, a query or a fragment; {wanted}")
    return written.rstrip("/")


def url_of(base: str, path: str, params: Mapping[str, str] | None = None) -> str:
    """The address of `path` (already encoded) below `base`, however many slashes meet between them, its parameters
    percent-encoded in the order given (a space is %20, which every server reads).

    >>> url_of("https://h/apis/3.0/", "/company/contacts", {"conditions": 'name = "A&B"', "pageSize": "25"})
    'https://h/apis/3.0/company/contacts?conditions=name%20%3D%20%22A%26B%22&pageSize=25'
    """
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in (params or {}).items())
    address = f"{base.rstrip('/')}/{path.lstrip('/')}"
    return f"{address}?{query}" if query else address


def provider_session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """A session for all providers and tenants over one (guarded) connector; no cookie of one reaches another."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Tidings", "Accept-Encoding": "gzip, deflate"},
        read_bufsize=_READ_BUFFER,
    )


class ProviderClient:
    """Asks providers; one for the process, over a session made by `provider_session`.

    Spans are seconds: `total_for` bounds a whole answer, `connect_for` reaching the host, `silence_for` the time
    between two pieces of an answer. `body_cap` bounds the bytes of a body after decompression. `clock` stands in for
    the provider's where an answer carries no `Date`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        clock: Callable[[], Moment],
        total_for: float = 120.0,
        connect_for: float = 10.0,
        silence_for: float = 30.0,
        body_cap: int = BODY_CAP,
        url_limit: int = URL_LIMIT,
    ) -> None:
        self._session = session
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(
            total=total_for, connect=None, sock_connect=connect_for, sock_read=silence_for
        )
        self._body_cap = body_cap
        self.url_limit = url_limit

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        purpose: str,
        by_id: bool = False,
        secrets: Iterable[str] = (),
    ) -> Answer:
        """The provider's 200, whole; every other outcome is raised as `send` says."""
        return await self.send("GET", url, headers=headers, purpose=purpose, by_id=by_id, secrets=secrets)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        purpose: str,
        body: bytes | None = None,
        by_id: bool = False,
        media_type: str = "application/json",
        secrets: Iterable[str] = (),
        expected: Container[int] = (200,),
    ) -> Answer:
        """An answer with an `expected` status, whole; every other outcome is raised as the error that says what to do
        next. `body` is of the `media_type`.

        It is asked once, but for a GET whose connection breaks. Redirects are never followed. `purpose` opens every
        message ("reading contacts"); `secrets` never appear in one. Raises `CredentialsRefused`, `RateLimited`,
        `ProviderDown`, `ProviderRefused`, `RecordNotFound` (only with `by_id`) or `AddressForbidden`.
        """
        if len(url) > self.url_limit:
            raise AddressTooLong(
                f"{purpose}: the request's address would have {len(url)} characters, the provider takes "
                f"{self.url_limit}; shorten the where clause or the list of fields"
            )
        secrets = tuple(secrets)
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers if body is None else {**headers, "Content-Type": media_type},
                data=body,
                allow_redirects=False,
                timeout=self._timeout,
                middlewares=() if method == "GET" else (_once,),
            ) as response:
                answered = await self._body_of(response, purpose)
                date_at = http_date(response.headers.get("Date"))
                answer = Answer(
                    status=response.status,
                    headers=response.headers,
                    body=answered,
                    date_at=self._clock() if date_at is None else date_at,
                    dated=date_at is not None,
                )
        except (aiohttp.ClientError, HttpProcessingError, OSError) as caught:
            error = caught.error if isinstance(caught, _Unanswered) else caught
            if forbidden := _forbidden_address(error):
                raise forbidden from None
            raise _kind(error)(scrub(f"{purpose}: {self._what_happened(error, url)}", secrets)) from error
        if failed := failure(answer, purpose=purpose, by_id=by_id, secrets=secrets, expected=expected):
            raise failed
        return answer

    async def _body_of(self, response: aiohttp.ClientResponse, purpose: str) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await response.content.readany():
            size += len(piece)
            if size > self._body_cap:
                response.close()
                raise AnswerTooLarge(
                    f"{purpose}: the answer is larger than {self._body_cap} bytes; ask for fewer records a page",
                    status=response.status,
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _what_happened(self, error: BaseException, url: str) -> str:
        host = urlsplit(url).netloc
        match error:
            case aiohttp.ConnectionTimeoutError():
                return f"{host} could not be reached within {self._timeout.sock_connect:g} s"
            case aiohttp.SocketTimeoutError():
                return f"{host} was silent for {self._timeout.sock_read:g} s"
            case TimeoutError():
                return f"{host} did not finish its answer within {self._timeout.total:g} s"
            case aiohttp.ClientConnectorDNSError():
                return f"the name {host} cannot be resolved"
            case aiohttp.ClientConnectorCertificateError():
                return f"the certificate of {host} is not trusted ({error.certificate_error})"
            case aiohttp.ClientConnectorError():
                return f"no connection to {host} ({error.os_error})"
            case aiohttp.ServerDisconnectedError():
                return f"{host} closed the connection without an answer"
            case aiohttp.ClientPayloadError():
                return f"the answer of {host} broke off or could not be decompressed"
            case _:
                return f"the connection to {host} broke ({type(error).__name__})"


class _Unanswered(aiohttp.ClientConnectionError):
    """`error` is what became of the connection after the request was sent."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


async def _once(request: aiohttp.ClientRequest, handle: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """The client sends PUT and DELETE again when the connection breaks: they may have been done, and then a second
    DELETE would be told that there is nothing to delete."""
    try:
        return await handle(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Unanswered(error) from error


def _kind(error: BaseException) -> type[ProviderDown]:
    """Whether the provider can have had the request, as far as that can be told."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return ProviderUnreached
    return ProviderSilent if isinstance(error, TimeoutError) else ProviderDown


def _forbidden_address(error: BaseException | None) -> AddressForbidden | None:
    """The guard's refusal inside what aiohttp made of it."""
    while error is not None:
        if isinstance(error, AddressForbidden):
            return error
        error = error.__cause__ or error.__context__
    return None

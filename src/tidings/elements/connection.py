"""What can be asked of one account: an element's API with one instance's configuration and secrets."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from tidings.core.budget import Limits, Priority
from tidings.core.errors import (
    CredentialsRefused,
    InvalidInput,
    PermissionDenied,
    ProviderDown,
    ProviderError,
    ProviderRefused,
)
from tidings.core.hints import may_ask_for_key
from tidings.core.model import Moment, RecordId
from tidings.core.oauth import TOKEN
from tidings.elements.answer import Answer, is_json_object, provider_message
from tidings.elements.budget import Budgets
from tidings.elements.element import Element, Header, RequestBudget, Resource, path_of
from tidings.elements.heads import HeadReader
from tidings.elements.http import ProviderClient, base_url, url_of
from tidings.elements.moved import Moves, host_of, moved_root
from tidings.elements.oauth import AccessTokens, GivenToken, oauth_of
from tidings.elements.pages import ask, is_linked, turn

#: Parameters that a reading decides for itself, whatever a poller's URL says.
PAGING = frozenset({"page", "pagesize", "pageid", "orderby"})

#: Milliseconds by which the clock of a provider that sends no `Date` may differ from ours, in either direction.
CLOCK_DOUBT = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `body` is the exact bytes of a JSON array; `next` the position of the page after it, None
    when the list has `ended`; `date_at` the provider's clock when it answered, which may have been up to `doubt`
    milliseconds later."""

    body: bytes
    date_at: Moment
    next: str | None
    ended: bool
    doubt: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """One answer to a list that is asked for by page number. `body` is exactly what the provider sent; `more` says
    whether it links to a next page, None when it does not say."""

    body: bytes
    more: bool | None


class _Count(msgspec.Struct):
    count: int


class Connection:
    """Asks one account's API; one for each instance, nothing is sent before a method is called.

    Configuration keys count in any letter case. `client_id_default` is sent where the instance has no client id of
    its own. `budgets` make it wait its turn among all who ask the same tenant, as its `priority` has it; without them
    everything is asked at once. `moves` is what all who ask know of accounts whose API has moved. `tokens` are those of
    an account that is opened by OAuth; without them it is the one in the configuration. Raises `InvalidInput` naming
    the key when the root or a key is missing or cannot be sent. All methods raise `CredentialsRefused`, `RateLimited`,
    `ProviderDown`, `ProviderRefused` or `AddressForbidden`.
    """

    #: Of what is asked from now on.
    priority = Priority.ASKED

    def __init__(
        self,
        element: Element,
        configuration: Mapping[str, str | None],
        secrets: Mapping[str, str | None],
        client: ProviderClient,
        client_id_default: str | None = None,
        budgets: Budgets | None = None,
        moves: Moves | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        self._element = element
        self._client = client
        self._values = {key.lower(): (value or "").strip() for key, value in (*configuration.items(), *secrets.items())}
        root = base_url(self._value(element.api.root), element.api.root)
        self._account = root, self._tenant(root)
        self._moves = moves or Moves()
        self._headers = self._credentials()
        self._tokens = (tokens or self._given_token()) if element.authentication.oauth is not None else None
        self._unsent: list[Header] = []
        for header in element.api.headers:
            if value := self._header_value(header, client_id_default):
                self._headers[header.name] = value
            else:
                self._unsent.append(header)
        #: What it shares with all who ask the same tenant.
        self.budget = budgets.of(self._account[1], _limits(element.api.budget)) if budgets is not None else None
        hidden = [value.strip() for value in secrets.values() if value and value.strip()]
        basic = self._headers.get("Authorization", "").partition(" ")[2]
        shown = (basic,) if basic else ()
        self._secrets = (*shown, *hidden, *(quote(value, safe="") for value in hidden))

    async def read_page(
        self,
        resource: Resource,
        *,
        conditions: str = "",
        position: str | None,
        size: int,
        fields: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Page:
        """The page at `position` (None: the first) of the rows that meet `conditions`, which are in the provider's
        own language. At most `size` rows, fewer when the provider caps it. `fields` trims the rows; ask for the id
        and the stamp in it. `extra` goes with the request, except for what pages and orders it.
        """
        wanted = ask(
            resource.paging,
            position=position,
            size=max(1, min(size, self._element.api.page_size)),
            id_field=_provider_name(resource.id),
        )
        params = {name: value for name, value in (extra or {}).items() if name.lower() not in PAGING}
        params |= {name: value for name, value in (("conditions", conditions), ("fields", fields)) if value}
        purpose = f"reading {resource.path}"
        answer = await self._get(resource.provider_path, {**params, **wanted.params}, purpose, headers=wanted.headers)
        body = self._array_of(answer, purpose)
        after = turn(
            resource.paging,
            position=position,
            empty=len(body) < 64 and not body[1:-1].strip(),
            link=answer.headers.get("Link"),
            edges=lambda: _id_reader(resource.id).edges(body),
        )
        return Page(body, _earliest(answer), after.next, after.ended, 0 if answer.dated else 2 * CLOCK_DOUBT)

    async def read_rows(self, path: str, params: Mapping[str, str], purpose: str) -> Rows:
        """What stands at `path`, a list or not, asked for with exactly these parameters."""
        answer = await self._get(path, params, purpose)
        link = answer.headers.get("Link")
        return Rows(answer.body.strip(), None if link is None else is_linked(link, "next"))

    def takes(self, path: str, params: Mapping[str, str]) -> bool:
        """Whether the address of such a request is short enough for the provider."""
        return len(url_of(self._root, path, params)) <= self._client.url_limit

    async def count(
        self, resource: Resource, conditions: str = "", extra: Mapping[str, str] | None = None
    ) -> tuple[int, Moment]:
        """How many rows meet `conditions` at the provider now, and when that was on its clock; `extra` as in a page."""
        params = {name: value for name, value in (extra or {}).items() if name.lower() not in PAGING}
        params |= {"conditions": conditions} if conditions else {}
        purpose = f"counting {resource.path}"
        answer = await self._get(f"{resource.provider_path}/count", params, purpose)
        try:
            return msgspec.json.decode(answer.body, type=_Count).count, _earliest(answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._unusable(answer, purpose, "no count") from None

    async def read_one(self, resource: Resource, id: RecordId, params: Mapping[str, str] | None = None) -> bytes:
        """One record's exact bytes; raises `RecordNotFound` only when the provider itself answers 404 in JSON.

        That alone proves no deletion: ConnectWise also answers so for a route that is gone (spec connectwise.md 7.2).
        """
        purpose = f"reading {resource.path} {id}"
        path = f"{resource.provider_path}/{quote(str(id), safe='')}"
        answer = await self._get(path, params or {}, purpose, by_id=True)
        if not is_json_object(answer):
            raise self._unusable(answer, purpose, "no record")
        return answer.body

    async def newest_id(self, resource: Resource) -> tuple[RecordId | None, Moment]:
        """The greatest id the resource has, None when it is empty, and when that was on the provider's clock."""
        name = _provider_name(resource.id)
        purpose = f"looking for the newest of {resource.path}"
        params = {"fields": name, "orderBy": f"{name} desc", "pageSize": "1"}
        answer = await self._get(resource.provider_path, params, purpose)
        ids = _id_reader(resource.id).read(self._array_of(answer, purpose)).ids
        return (ids[0] if ids else None), _earliest(answer)

    async def check(self) -> None:
        """Tries the credentials; returns when the provider takes them, raises in the provider's words otherwise."""
        purpose = f"trying the credentials of {self._element.key}"
        try:
            answer = await self._get(self._element.api.check, {}, purpose)
        except ProviderRefused as error:
            raise _with(error, f"check {', '.join(self._address_keys())}") from error
        if not is_json_object(answer):
            raise self._unusable(answer, purpose, f"no JSON; check {self._element.api.root}")

    async def send(
        self,
        method: str,
        path: str,
        purpose: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Container[int] = (200,),
        by_id: bool = False,
    ) -> Answer:
        """What the provider answers to any request below its root; `body` is JSON, `headers` go beside those of every
        request, and `by_id` says that the request is about one record. It is sent once, and once more only where the
        API has moved away from the place that answered that nothing is there."""
        said = {**(headers or {}), **self._headers}

        def ask(root: str) -> Awaitable[Answer]:
            send = partial(
                self._sent,
                partial(self._client.send, method),
                url_of(root, path, params),
                headers=said,
                purpose=purpose,
                body=body,
                by_id=by_id,
                secrets=self._secrets,
                expected=expected,
            )
            return self._asked(purpose, send)

        try:
            return await self._found(ask)
        except ProviderDown as error:
            # A provider may answer what was wrong with a body as if something were wrong with itself.
            said_so = (error.provider_message or "").startswith(self._element.api.mistakes)
            if error.status != HTTPStatus.INTERNAL_SERVER_ERROR or not said_so:
                raise
            refused = ProviderRefused(str(error), provider_message=error.provider_message, status=400)
            raise refused from error

    async def read_key(self, address: str) -> str:
        """The key that a hint of this account is signed with, read where the hint says that it is.

        Raises `InvalidInput` when that is not where the element's provider keeps them, besides what all raise.
        """
        hints = self._element.hints
        query = {name: self._filled(value) for name, value in hints.key.query.items()} if hints else {}
        if hints is None or not may_ask_for_key(
            address, self._root, path=hints.key.path, query=query, host_prefix=hints.key.host_prefix
        ):
            raise InvalidInput("key_url", "is not where the provider keeps the keys of this account")
        purpose = "reading the key of a hint"
        answer = await self._asked(
            purpose,
            partial(
                self._sent, self._client.get, address, headers=self._headers, purpose=purpose, secrets=self._secrets
            ),
        )
        try:
            key = msgspec.json.decode(answer.body).get(hints.key.member)
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError):
            key = None
        if not isinstance(key, str) or not key:
            raise ProviderDown(f"{purpose}: the provider answered {answer.status} without one", status=answer.status)
        return key

    async def _get(
        self,
        path: str,
        params: Mapping[str, str],
        purpose: str,
        *,
        headers: Mapping[str, str] | None = None,
        by_id: bool = False,
    ) -> Answer:
        """An answer to a GET below the root."""
        said = {**self._headers, **(headers or {})}

        def ask(root: str) -> Awaitable[Answer]:
            url, secrets = url_of(root, path, params), self._secrets
            get = partial(
                self._sent, self._client.get, url, headers=said, purpose=purpose, by_id=by_id, secrets=secrets
            )
            return self._asked(purpose, get)

        return await self._found(ask)

    async def _sent(
        self,
        ask: Callable[..., Awaitable[Answer]],
        url: str,
        *,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        **more: Any,
    ) -> Answer:
        """What the client answers, with the account's token where it has one; a token that is refused is changed for
        another once, since the provider has not done what was asked."""
        if self._tokens is None:
            return await ask(url, headers=headers, secrets=secrets, **more)
        token = await self._tokens.current()
        try:
            return await self._sent_with(token, ask, url, headers, secrets, more)
        except CredentialsRefused as error:
            if isinstance(error, PermissionDenied):
                raise
        token = await self._tokens.after(token)
        return await self._sent_with(token, ask, url, headers, secrets, more)

    async def _sent_with(
        self,
        token: str,
        ask: Callable[..., Awaitable[Answer]],
        url: str,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        more: Mapping[str, Any],
    ) -> Answer:
        oauth = oauth_of(self._element)
        if oauth.place == "header":
            headers = {**headers, "Authorization": f"{oauth.name} {token}"}
        else:
            url += f"{'&' if '?' in url else '?'}{quote(oauth.name, safe='')}={quote(token, safe='')}"
        shown = (*secrets, token, quote(token, safe=""))
        return await ask(url, headers=headers, secrets=shown, **more)

    async def _found(self, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        """What `ask` returns for the root, which is looked for once when nothing is there any more."""
        root = self._root
        try:
            return await ask(root)
        except ProviderRefused as error:
            moved = await self._moved_from(root) if error.status == HTTPStatus.NOT_FOUND else None
            if moved is None:
                raise
        answer = await ask(moved)
        self._moves.remember(self._account, moved)
        return answer

    async def _moved_from(self, root: str) -> str | None:
        """Where the provider says that the API stands, when that is not `root`; None too when it does not say."""
        discovery = self._element.api.discovery
        host = host_of(self._account[0], discovery) if discovery is not None else None
        if discovery is None or host is None:
            return None
        url = url_of(host, self._filled(discovery.path, encoded=True))
        headers = {name: value for name, value in self._headers.items() if name != "Authorization"}
        purpose = f"looking for where {self._element.key} is"

        async def discover() -> str | None:
            ask = partial(self._client.get, url, headers=headers, purpose=purpose, secrets=self._secrets)
            return moved_root(host, discovery, (await self._asked(purpose, ask)).body)

        try:
            return await self._moves.find(self._account, root, discover)
        except ProviderError:
            return None  # the refusal that led here says more

    async def _asked(self, purpose: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `ask` returns, in its turn; a refusal says which header was not sent."""
        try:
            return await (self.budget.spend(self.priority, purpose, ask) if self.budget is not None else ask())
        except (CredentialsRefused, ProviderRefused) as error:
            if error.status in (400, 401, 403) and (unsent := self._unsent[:1]):
                name = unsent[0].name
                hint = f"no {name} was sent: write one into {unsent[0].key} of the instance"
                hint += f" or, for all instances, into {unsent[0].setting}" if unsent[0].setting else ""
                if name.lower() not in str(error).lower():
                    # The provider did not complain of it: what it said comes first, and this may be beside the point.
                    hint = f"if that is not the reason, it may be that {hint}"
                raise _with(error, hint) from error
            raise

    def _array_of(self, answer: Answer, purpose: str) -> bytes:
        """The body, which must look like a JSON array from both ends; `HeadReader` reads the rest."""
        body = answer.body.strip()
        if body[:1] != b"[" or body[-1:] != b"]":
            raise self._unusable(answer, purpose, "no list")
        return body

    def _unusable(self, answer: Answer, purpose: str, what: str) -> ProviderDown:
        said = provider_message(answer, self._secrets)
        text = f"{purpose}: the provider answered {answer.status} with {what}" + (f": {said}" if said else "")
        return ProviderDown(text, provider_message=said, status=answer.status)

    def _value(self, key: str) -> str:
        entry = self._element.entry(key)
        return self._values.get(key.lower()) or (entry.default if entry else None) or ""

    def _filled(self, template: str, *, encoded: bool = False) -> str:
        def value(match: re.Match[str]) -> str:
            found = self._value(match[1])
            if not found:
                raise InvalidInput(match[1], "is missing; write the value the provider gave you")
            return quote(found, safe="") if encoded else found

        return re.sub(r"\{([^{}]+)\}", value, template)

    def _credentials(self) -> dict[str, str]:
        """What goes with every request of an account that is opened by keys."""
        authentication = self._element.authentication
        if authentication.oauth is not None:
            return {}
        credentials = f"{self._filled(authentication.user)}:{self._filled(authentication.password)}"
        return {"Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}

    def _given_token(self) -> GivenToken:
        token = self._value(TOKEN)
        if not token:
            raise InvalidInput(TOKEN, "is missing: nobody has authenticated yet")
        return GivenToken(token)

    @property
    def _root(self) -> str:
        return self._moves.root(self._account)

    def _tenant(self, root: str) -> str:
        """Whose requests the provider counts together, as it may be shown: where it is and whose account."""
        account = self._filled(self._element.api.budget.account)
        return f"{urlsplit(root).netloc.lower()}/{account}".rstrip("/")

    def _header_value(self, header: Header, default: str | None) -> str:
        if header.key is None:
            return header.value or ""
        value = self._value(header.key) or ((default or "").strip() if header.setting else "")
        if not (value.isascii() and value.isprintable()):
            raise InvalidInput(header.key, "has characters that cannot be sent in a header; copy it again")
        return value

    def _address_keys(self) -> Iterable[str]:
        """The configuration keys that say where and whose the API is."""
        return self._element.api.root, *re.findall(r"\{([^{}]+)\}", self._element.authentication.user)


def _earliest(answer: Answer) -> Moment:
    """The provider's clock when it answered; without a `Date` the earliest it can have been."""
    return answer.date_at if answer.dated else answer.date_at - CLOCK_DOUBT


def _limits(budget: RequestBudget) -> Limits:
    return Limits(budget.requests_a_minute, budget.concurrent)


@cache
def _id_reader(id: str) -> HeadReader:
    return HeadReader(path_of(id))


def _provider_name(dotted: str) -> str:
    """A field's name in conditions, orderBy and fields (spec connectwise.md 3.2)."""
    return dotted.replace(".", "/")


def _with(error: CredentialsRefused | ProviderRefused, hint: str) -> CredentialsRefused | ProviderRefused:
    said, told = f"{error}; {hint}", error.provider_message
    if isinstance(error, ProviderRefused):
        return type(error)(said, provider_message=told, status=error.status, fields=error.fields)
    return type(error)(said, provider_message=told, status=error.status)

"""An authorization server that nobody here wrote: Authlib's grants on a loopback port, before records behind a token.

Refresh tokens rotate. A second use of one that was changed already revokes every token of its family, as real providers
do, so a client that loses an answer, or asks twice, loses the account.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge

from tests.engine.provider import Provider

CLIENT_ID, CLIENT_SECRET = "our-application", "canary:client/secret+"
CALLBACK = "https://auth.example.com/oauth"


class Application:
    """The one client that is registered."""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return CALLBACK

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, uri: str) -> bool:
        return uri == CALLBACK

    def check_client_secret(self, secret: str) -> bool:
        return secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return kind in ("authorization_code", "refresh_token")


@dataclass
class Code:
    code: str
    redirect_uri: str
    scope: str
    code_challenge: str | None
    code_challenge_method: str | None
    nonce: None = None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> None:
        return None

    def get_auth_time(self) -> int:
        return 0


@dataclass
class Issued:
    """A pair of tokens; `family` is that of the code it all began with."""

    access: str
    refresh: str
    scope: str
    family: int
    until: int
    used: bool = False
    revoked: bool = False

    def check_client(self, client: Application) -> bool:
        return True

    def get_scope(self) -> str:
        return self.scope


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, query: str, form: dict[str, str], headers: Any) -> None:
        super().__init__(method, f"https://provider.test/?{query}", headers=headers)
        self._query, self._form = dict(parse_qsl(query)), form
        self.payload = BasicOAuth2Payload({**self._query, **form})

    @property
    def args(self) -> dict[str, str]:
        return self._query

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, provider: AuthorizingProvider) -> None:
        super().__init__(scopes_supported=["contacts.read", "offline"])
        self.provider = provider
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: f"canary-access-{next(provider.numbers)}",
                lambda **_: f"canary-refresh-{next(provider.numbers)}",
                lambda client, kind: provider.lives_for,
            ),
        )

    def query_client(self, client_id: str) -> Application | None:
        return Application() if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        old: Issued | None = request.refresh_token
        family = old.family if old is not None else next(self.provider.numbers)
        until = self.provider.clock() + 1000 * token["expires_in"]
        issued = Issued(token["access_token"], token["refresh_token"], token.get("scope", ""), family, until)
        self.provider.issued.append(issued)

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> web.Response:
        kept = {name: value for name, value in headers if name.lower() != "content-type"}
        if isinstance(body, dict):
            return web.json_response(body, status=status, headers=kept)
        return web.Response(text=body or "", status=status, headers=kept)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        self.server.provider.codes[code] = Code(
            code,
            request.payload.redirect_uri,
            request.scope,
            asked.get("code_challenge"),
            asked.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, client: Application) -> Code | None:
        return self.server.provider.codes.get(code)

    def delete_authorization_code(self, code: Code) -> None:
        del self.server.provider.codes[code.code]

    def authenticate_user(self, code: Code) -> str:
        return "the owner"


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, token: str) -> Issued | None:
        found = next((each for each in self.server.provider.issued if each.refresh == token), None)
        if found is not None and found.used:
            self.server.provider.reuses += 1
            self.server.provider.revoke(found.family)
        return None if found is None or found.revoked else found

    def authenticate_user(self, token: Issued) -> str:
        return "the owner"

    def revoke_old_credential(self, token: Issued) -> None:
        token.used = True


@dataclass
class AuthorizingProvider:
    """The provider: `records` are behind `tokens`; `before` may answer a token request instead of the server, `after`
    what it has answered instead."""

    clock: Callable[[], int]
    lives_for: int = 3600
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    codes: dict[str, Code] = field(default_factory=dict)
    issued: list[Issued] = field(default_factory=list)
    reuses: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  #: the token of each request for records
    url: str = ""
    before: Callable[[dict[str, str]], Awaitable[web.Response | None]] | None = None
    after: Callable[[web.Response], Awaitable[web.Response]] | None = None
    takes: Callable[[web.Request], str] = lambda request: request.headers.get("Authorization", "").removeprefix(
        "Bearer "
    )

    def __post_init__(self) -> None:
        self.records = Provider(self.clock)
        self._server = _Server(self)
        self._server.register_grant(_CodeGrant, [CodeChallenge(required=False)])
        self._server.register_grant(_RefreshGrant)

    @property
    def api(self) -> str:
        return f"{self.url}/v4_6_release/apis/3.0"

    @property
    def renewals(self) -> int:
        return sum(each["grant_type"] == "refresh_token" for each in self.asked)

    def revoke(self, family: int) -> None:
        for each in self.issued:
            each.revoked = each.revoked or each.family == family

    def revoke_all(self) -> None:
        for each in self.issued:
            each.revoked = True

    def forget_access(self) -> None:
        """No access token counts any more; refresh tokens do."""
        for each in self.issued:
            each.until = 0

    def agree(self, consent_url: str) -> dict[str, str]:
        """The account's owner opens the page and agrees: what comes back at the callback URL."""
        request = _Request("GET", urlsplit(consent_url).query, {}, {})
        try:
            grant = self._server.get_consent_grant(request, "the owner")
            answer = self._server.create_authorization_response(request, "the owner", grant)
        except OAuth2Error as error:
            return dict(error.get_body())
        place = str(answer.headers["Location"])
        assert place.startswith(CALLBACK), place
        return dict(parse_qsl(urlsplit(place).query))

    def code(self) -> str:
        """A code of an owner who agreed elsewhere, without PKCE."""
        asked = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": CALLBACK, "scope": "contacts.read"}
        return self.agree(f"{self.url}/oauth/authorize?{urlencode(asked)}")["code"]

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if self.before is not None and (given := await self.before(form)) is not None:
            return given
        answer: web.Response = self._server.create_token_response(
            _Request("POST", request.query_string, form, request.headers)
        )
        return answer if self.after is None else await self.after(answer)

    async def _records(self, request: web.Request) -> web.Response:
        token = self.takes(request)
        self.seen.append(token)
        await asyncio.sleep(0)
        good = any(each.access == token and not each.revoked and self.clock() < each.until for each in self.issued)
        if not good:
            return web.json_response({"code": "Unauthorized", "message": f"The token {token} is not good"}, status=401)
        return await self.records.answer(request)

    async def start(self) -> Callable[[], Awaitable[None]]:
        app = web.Application()
        app.router.add_post("/oauth/token", self._token)
        app.router.add_route("*", "/v4_6_release/{path:.*}", self._records)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner.cleanup

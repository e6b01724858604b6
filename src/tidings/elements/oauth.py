"""How is an authorization server asked for tokens? One POST, through the same guarded client as everything else.

A refresh token that is changed for another one counts no more, and a second use of it may end the whole grant: a
request is sent once, and whoever gets its answer must keep it before anything else (engine/tokens.py).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote, urlencode

from tidings.core.errors import CredentialsRefused, GrantRefused, ProviderDown, ProviderError
from tidings.core.instanceconfig import FIELD
from tidings.core.model import Moment, Tokens
from tidings.core.oauth import (
    API_KEY,
    API_SECRET,
    CALLBACK_URL,
    INTERVAL,
    address,
    error_in,
    lifetime_of,
    read_tokens,
)
from tidings.core.scrub import scrub
from tidings.elements.answer import Answer, failure
from tidings.elements.element import Element, OAuth
from tidings.elements.http import ProviderClient

FORM = "application/x-www-form-urlencoded"
#: What a server answers whose refusal is to be read.
SPEAKS = (200, 400, 401, 403)
#: Codes of a refusal that say that it may be otherwise in a moment.
PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


class AccessTokens(Protocol):
    """The access tokens of one account. Both raise a ProviderError when there is none, `CredentialsRefused` when a
    person has to authenticate again."""

    async def current(self) -> str:
        """One that counts, as far as is known; its refresh token is durable."""

    async def after(self, refused: str) -> str:
        """Another one than this, which the provider has refused."""


class GivenToken:
    """The token of a configuration that is tried, which nobody renews."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def current(self) -> str:
        return self._token

    async def after(self, refused: str) -> str:
        raise CredentialsRefused("the provider refuses the token that it has just given", status=401)


class TokenEndpoint:
    """Changes codes and refresh tokens for tokens; one for the process. `values` are an instance's whole configuration,
    secrets in clear.

    Raises `GrantRefused` when the code or the refresh token counts no more, `CredentialsRefused` when the application
    is refused, `InvalidInput` naming the key when the address cannot be made, and what `ProviderClient.send` raises.
    """

    def __init__(self, client: ProviderClient, *, clock: Callable[[], Moment]) -> None:
        self._client, self._clock = client, clock

    async def exchange(
        self, element: Element, values: Mapping[str, str | None], code: str, verifier: str | None
    ) -> Tokens:
        """The first tokens, for the code that the provider has sent to the callback URL (RFC 6749 4.1.3)."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": values.get(CALLBACK_URL) or ""}
        form |= {"code_verifier": verifier} if verifier else {}
        return await self._ask(element, values, form, f"changing the code for a token of {element.key}", code, None)

    async def renew(self, element: Element, values: Mapping[str, str | None], refresh: str) -> Tokens:
        """The next tokens (RFC 6749 6); the refresh token in them may be the same or another one."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        return await self._ask(element, values, form, f"renewing the token of {element.key}", refresh, refresh)

    async def _ask(
        self,
        element: Element,
        values: Mapping[str, str | None],
        form: Mapping[str, str],
        purpose: str,
        given: str,
        refresh: str | None,
    ) -> Tokens:
        oauth = oauth_of(element)
        url = address(oauth.token, values.get, lambda key: FIELD + key)
        key, secret = values.get(API_KEY) or "", values.get(API_SECRET) or ""
        headers = {"Accept": "application/json"}
        if oauth.client == "basic":
            # Each is form-encoded first (RFC 6749 2.3.1).
            proof = b64encode(f"{quote(key, safe='')}:{quote(secret, safe='')}".encode()).decode()
            headers["Authorization"] = f"Basic {proof}"
        else:
            proof = secret
            form = {**form, "client_id": key, "client_secret": secret}
        secrets = tuple(each for each in (given, secret, proof) if each)
        asked_at = self._clock()
        answer = await self._client.send(
            "POST",
            url,
            headers=headers,
            purpose=purpose,
            body=urlencode(form).encode(),
            media_type=FORM,
            secrets=secrets,
            expected=SPEAKS,
        )
        if refused := _refusal(answer, purpose, secrets):
            raise refused
        lifetime = lifetime_of(values.get(INTERVAL))
        try:
            return read_tokens(answer.body, asked_at, margin=oauth.margin, lifetime=lifetime, refresh=refresh)
        except ValueError as error:
            raise ProviderDown(f"{purpose}: the answer {error}", status=answer.status) from None


def oauth_of(element: Element) -> OAuth:
    """What its file says of an element that has OAuth."""
    assert element.authentication.oauth is not None, f"{element.key} has no OAuth"
    return element.authentication.oauth


def _refusal(answer: Answer, purpose: str, secrets: tuple[str, ...]) -> ProviderError | None:
    """What a refusal means, also one that some servers send with a 200."""
    found = error_in(answer.body)
    if found is None:
        return failure(answer, purpose=purpose, secrets=secrets)
    code, description = (scrub(each, secrets)[:500] for each in found)
    said = f"{code}: {description}" if description else code
    text, status = f"{purpose}: the provider answered {answer.status}: {said}", answer.status
    if code == "invalid_grant":
        return GrantRefused(text, provider_message=said, status=400 if status == 200 else status)
    if code in PASSING:
        return ProviderDown(text, provider_message=said, status=503)
    if code in ("invalid_client", "unauthorized_client"):
        text += f"; check {API_KEY} and {API_SECRET}"
    return CredentialsRefused(text, provider_message=said, status=400 if status == 200 else status)

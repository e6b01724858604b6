"""Where does an account's owner agree, and how does what comes back become a grant? (spec platform.md 2.8 and 3.9)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from tidings.api.acceptance import Granted, refuse_wrong
from tidings.api.answers import answer
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.known_elements import ElementKey, KnownElement, find
from tidings.api.schemas import elements as shapes
from tidings.core.errors import AddressForbidden, InvalidInput
from tidings.core.instanceconfig import FIELD, Configuration, completed
from tidings.core.model import Grant, Tokens
from tidings.core.naming import writable
from tidings.core.oauth import (
    API_KEY,
    API_SECRET,
    CALLBACK_URL,
    INTERVAL,
    REFRESH_TOKEN,
    SCOPE,
    TOKEN,
    address,
    challenge,
    consent_url,
    lifetime_of,
    lived,
    places,
    verifier,
)
from tidings.elements.element import Element, OAuth
from tidings.elements.oauth import oauth_of
from tidings.store.oauth import NewGrant

CODE: Final = "providerData.code"
LONGEST: Final = 8192

#: What the platform calls these keys of a configuration here.
NAMED: Final[Mapping[str, str]] = {
    "apiKey": API_KEY,
    "apiSecret": API_SECRET,
    "callbackUrl": CALLBACK_URL,
    "scope": SCOPE,
}

Key = Annotated[str | None, Query(alias="apiKey", description="The id of the application at the provider.")]
Secret = Annotated[str | None, Query(alias="apiSecret", description="Its secret.")]
Callback = Annotated[str | None, Query(alias="callbackUrl", description="Where the provider sends the user back to.")]
State = Annotated[str | None, Query(description="What comes back with the code; the element's key unless given.")]
Scope = Annotated[str | None, Query(description="What is asked for, where it is not what the element asks for.")]
Site = Annotated[
    str | None,
    Query(alias="siteAddress", description="As every key of the element's configuration that its address needs."),
]


class UrlBody(BaseModel):
    """The parameters of the GET; any other key of the element's configuration that its address needs, too."""

    model_config = ConfigDict(extra="allow")

    api_key: str | None = Field(None, alias="apiKey")
    api_secret: str | None = Field(None, alias="apiSecret")
    callback_url: str | None = Field(None, alias="callbackUrl")
    state: str | None = None
    scope: str | None = None
    site_address: str | None = Field(None, alias="siteAddress")


@answers(shapes.OAuthUrl, 404)
async def read_url(
    call: UserCallIn,
    request: Request,
    element: ElementKey,
    api_key: Key = None,
    api_secret: Secret = None,
    callback_url: Callback = None,
    state: State = None,
    scope: Scope = None,
    site_address: Site = None,
) -> Response:
    """The page at the provider on which the account's owner agrees; what it sends back goes into POST /instances."""
    return await _url(call, element, dict(request.query_params))


@answers(shapes.OAuthUrl, 404)
async def make_url(call: UserCallIn, element: ElementKey, body: UrlBody) -> Response:
    """The same, with the parameters in the body, where no log of an address has the secret."""
    given = body.model_dump(by_alias=True, exclude_none=True)
    for name, value in given.items():
        if not isinstance(value, str | int | bool):
            raise InvalidInput(name, "is no text; write it in quotes")
    return await _url(call, element, {name: str(value) for name, value in given.items()})


async def _url(call: UserCall, key: str, given: Mapping[str, str]) -> Response:
    known = await find(call, key)
    element = known.element
    oauth = element.authentication.oauth
    if oauth is None:
        raise InvalidInput("element", f"{element.key} has no OAuth: its instances are authenticated with keys")
    names = _names(element, oauth)
    values = {entry.key: entry.default for entry in element.configuration}
    for name, value in given.items():
        if not writable(value):
            raise InvalidInput(name, "contains half of a surrogate pair; write whole characters")
        if (configured := names.get(_folded(name))) is not None:
            values[configured] = value
    for name in ("apiKey", "apiSecret", "callbackUrl"):
        if not (values.get(NAMED[name]) or "").strip():
            raise InvalidInput(name, "is missing; the provider has it of your application")
    shown = {configured: name for name, configured in NAMED.items()}
    page = address(oauth.authorize, values.get, lambda configured: shown.get(configured, _parameter(configured)))
    parameters = {
        **oauth.asks,
        "response_type": "code",
        "client_id": values[API_KEY] or "",
        "redirect_uri": values[CALLBACK_URL] or "",
        "scope": values.get(SCOPE) or oauth.scope_separator.join(oauth.scopes),
        "state": given.get("state") or element.key,
    }
    if oauth.pkce:
        parameters |= {"code_challenge": challenge(_verifier(call, known, values)), "code_challenge_method": "S256"}
    return answer({"element": element.key, "oauthUrl": consent_url(page, parameters)})


def _names(element: Element, oauth: OAuth) -> Mapping[str, str]:
    """The configuration keys by the names of parameters, folded."""
    needed = {_folded(key): key for key in places(oauth.authorize)}
    return needed | {_folded(name): key for name, key in NAMED.items()}


def _folded(name: str) -> str:
    return name.replace(".", "").replace("_", "").casefold()


def _parameter(key: str) -> str:
    """A configuration key as a parameter's name is written.

    >>> _parameter("site.address")
    'siteAddress'
    """
    first, *rest = key.split(".")
    return first + "".join(part.capitalize() for part in rest)


def _verifier(call: UserCall, known: KnownElement, values: Mapping[str, str | None]) -> str:
    """The same for the page and for the exchange, which any process may make and which need not say its state; another
    one for each account, so that nobody can bring another account's code."""
    parts = (str(call.user.account_id), known.catalog_key, values.get(API_KEY) or "", values.get(CALLBACK_URL) or "")
    return verifier(call.parts.store.derive("oauth " + " ".join(parts)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a grant is to be got with: a code, or tokens of the user's own."""

    code: str | None = None
    access: str | None = None
    refresh: str | None = None


async def grant(
    call: UserCall,
    known: KnownElement,
    configuration: Configuration,
    provider_data: Any,
    external: Any,
    before: Configuration | None = None,
    now: Grant | None = None,
) -> Granted | None:
    """What an instance is given by its owner's consent; None where nothing new is asked for, or needed.

    `configuration` is as the caller wants it, `before` as it was, with the grant there is `now`. All that can be wrong
    without the provider is refused first: a code counts once. Raises what `TokenEndpoint` raises.
    """
    element = known.element
    if element.authentication.oauth is None:
        return None
    wanted = _wanted(configuration, provider_data, external, before, now)
    if wanted is None:
        return None
    await refuse_wrong(call.parts, element, configuration, good=() if before is None else (before,))
    values = completed(configuration, element.configuration)
    endpoint, oauth = call.parts.token_endpoint, oauth_of(element)
    assert endpoint is not None, "a server has one"
    try:
        if wanted.code is not None:
            proof = _verifier(call, known, values) if oauth.pkce else None
            return Granted(NewGrant(await endpoint.exchange(element, values, wanted.code, proof)))
        if wanted.access is not None:
            tokens = lived(
                Tokens(wanted.access, wanted.refresh, call.parts.clock(), lifetime_of(values.get(INTERVAL)), None),
                oauth.margin,
            )
            return Granted(NewGrant(tokens, external=True))
        # It may be used up by this: from here on the new one must not be lost to a provider that does not answer.
        return Granted(
            NewGrant(await endpoint.renew(element, values, wanted.refresh or ""), external=True), proven=True
        )
    except AddressForbidden as error:
        raise InvalidInput(FIELD + (places(oauth.token) or [element.api.root])[0], str(error)) from None


def _wanted(
    configuration: Configuration, provider_data: Any, external: Any, before: Configuration | None, now: Grant | None
) -> Wanted | None:
    if code := _code(provider_data):
        return Wanted(code=code)
    access, refresh = (_new(key, configuration, before) for key in (TOKEN, REFRESH_TOKEN))
    own = external == "initial" or (now is not None and now.external)
    if own and refresh:
        return Wanted(access=access, refresh=refresh)
    if external == "initial" and now is None:
        raise InvalidInput(FIELD + REFRESH_TOKEN, "is missing; with externalAuthentication: initial it is your own")
    if access or refresh:
        key = REFRESH_TOKEN if refresh else TOKEN
        raise InvalidInput(
            FIELD + key,
            f"is kept by this server; to bring your own, write it as {REFRESH_TOKEN} with "
            '"externalAuthentication": "initial"',
        )
    if now is None:
        raise InvalidInput(
            CODE,
            "is missing; GET /elements/{key}/oauth/url says where the account's owner agrees, and the provider sends "
            "the code to the callback URL",
        )
    return None


def _new(key: str, configuration: Configuration, before: Configuration | None) -> str | None:
    """A token that the caller has written, and not only handed back."""
    given = configuration.secrets.get(key)
    return None if before is not None and given == before.secrets.get(key) else given


def _code(provider_data: Any) -> str | None:
    if provider_data is None:
        return None
    if not isinstance(provider_data, dict):
        raise InvalidInput("providerData", 'is no object; write {"code": "…"}')
    code = provider_data.get("code")
    if code is None or code == "":
        return None
    if not isinstance(code, str) or not writable(code) or len(code) > LONGEST:
        raise InvalidInput(CODE, f"is no text of at most {LONGEST} characters; write what the provider has sent")
    return code

"""How is an account opened by OAuth 2? Where its owner agrees, what a token answer says, when it is renewed (RFC 6749).

Pure. What an element says of its provider is in elements/element.py, who asks is elements/oauth.py.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeGuard
from urllib.parse import quote, urlsplit

import orjson

from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration
from tidings.core.model import Grant, Moment, Tokens

API_KEY: Final = "oauth.api.key"
API_SECRET: Final = "oauth.api.secret"
CALLBACK_URL: Final = "oauth.callback.url"
SCOPE: Final = "oauth.scope"
TOKEN: Final = "oauth.user.token"
REFRESH_TOKEN: Final = "oauth.user.refresh_token"
INTERVAL: Final = "oauth.user.refresh_interval"
REFRESH_TIME: Final = "oauth.user.refresh_time"

#: Keys of a configuration that are kept with the grant, whatever a user writes.
GRANTED: Final = frozenset({TOKEN, REFRESH_TOKEN, REFRESH_TIME})
#: Seconds that a token lives where neither its provider nor the configuration says (spec platform.md 3.9).
LIFETIME: Final = 3600
LONGEST: Final = 10 * 365 * 24 * 3600

_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")


def granted(configuration: Configuration, grant: Grant | None) -> Configuration:
    """The configuration with what the grant says of its keys."""
    return with_tokens(configuration, None if grant is None else grant.tokens)


def with_tokens(configuration: Configuration, tokens: Tokens | None) -> Configuration:
    """The same, of tokens that are no grant yet."""
    if tokens is None:
        return configuration
    own = {REFRESH_TIME: str(tokens.obtained_at), INTERVAL: str(tokens.lifetime)}
    refresh = {} if tokens.refresh is None else {REFRESH_TOKEN: tokens.refresh}
    rest = without_grant(configuration)
    return Configuration({**rest.values, **own}, {**rest.secrets, TOKEN: tokens.access, **refresh})


def without_grant(configuration: Configuration) -> Configuration:
    """The configuration without what is kept with a grant."""
    values, secrets = (
        {key: value for key, value in part.items() if key not in GRANTED}
        for part in (configuration.values, configuration.secrets)
    )
    return Configuration(values, secrets)


def places(template: str) -> list[str]:
    """The configuration keys that stand in an address.

    >>> places("https://{site}/oauth/{tenant}")
    ['site', 'tenant']
    """
    return _PLACEHOLDER.findall(template)


def address(template: str, value_of: Callable[[str], str | None], name_of: Callable[[str], str] = str) -> str:
    """The address with the configuration's values in it. Raises `InvalidInput` with the key's name, as `name_of` has
    it, when one is missing or makes no address of it."""
    keys = places(template)

    def value(match: re.Match[str]) -> str:
        found = (value_of(match[1]) or "").strip()
        if not found:
            raise InvalidInput(name_of(match[1]), "is missing; it is part of the provider's address")
        return found.rstrip("/")

    filled = _PLACEHOLDER.sub(value, template)
    if not _is_address(filled):
        name = name_of(keys[0]) if keys else "element"
        raise InvalidInput(name, f"makes no http or https address of {template}; write it as in that place")
    return filled


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and text.isprintable() and not re.search(r"[\s\\]", text) and parts.username is None


def consent_url(address: str, parameters: Mapping[str, str]) -> str:
    """The page on which the account's owner agrees; empty parameters are left out.

    >>> consent_url("https://h/authorize?x=1", {"client_id": "a b", "scope": ""})
    'https://h/authorize?x=1&client_id=a%20b'
    """
    given = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items() if value)
    page, _, fragment = address.partition("#")
    joined = page + ("&" if "?" in page else "?") + given
    return f"{joined}#{fragment}" if fragment else joined


def verifier(derived: bytes) -> str:
    """A PKCE code verifier (RFC 7636 4.1) of 32 bytes that nobody else knows."""
    return _base64url(derived)


def challenge(verifier: str) -> str:
    """Its S256 challenge.

    >>> challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_tokens(
    body: bytes, asked_at: Moment, *, margin: int, lifetime: int = LIFETIME, refresh: str | None = None
) -> Tokens:
    """The tokens of a successful answer to a request that was sent at `asked_at`.

    `margin` and `lifetime`, both in seconds, are how long before its end a token is renewed, and how long one lives
    whose answer does not say; `refresh` is the token that goes on counting where the answer has none. Raises ValueError
    that says what is wrong with the answer.
    """
    said = _object(body)
    if said is None:
        raise ValueError("is no JSON object")
    access = said.get("access_token")
    if not _is_token(access):
        raise ValueError("has no access_token that could be sent")
    given = said.get("refresh_token")
    if given is not None and given != "" and not _is_token(given):
        raise ValueError("has a refresh_token that is no text")
    return lived(Tokens(access, given or refresh, asked_at, _seconds(said.get("expires_in")) or lifetime, None), margin)


def lived(tokens: Tokens, margin: int) -> Tokens:
    """The same with when they are to be renewed: before their end by the margin in seconds, or by half of what they
    live; by a refresh token alone."""
    before = min(margin, tokens.lifetime // 2)
    at = tokens.obtained_at + 1000 * (tokens.lifetime - before)
    return replace(tokens, renew_at=at if tokens.refresh else None)


def is_due(tokens: Tokens, now: Moment) -> bool:
    return tokens.renew_at is not None and tokens.renew_at <= now


def is_live(tokens: Tokens, now: Moment) -> bool:
    """Whether the access token counts still, as far as its lifetime says."""
    return now < tokens.obtained_at + 1000 * tokens.lifetime


def lifetime_of(text: str | None) -> int:
    """What the configuration says of how long a token lives, in seconds."""
    return _seconds(text) or LIFETIME


def refusal(instance_id: int, why: str, open_since: Moment | None) -> str:
    """What a person is told whose account nobody can open any more; `open_since` as in `store/oauth.py`."""
    told = why
    if open_since is not None:
        at = datetime.fromtimestamp(open_since / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told += (
            f"; a renewal that began at {at} was interrupted, or its answer was lost, and that may have used up the "
            "refresh token"
        )
    return f"{told}. Authenticate again: PATCH /instances/{instance_id} with a new providerData.code"


def error_in(body: bytes) -> tuple[str, str] | None:
    """The code and the description of a refusal in the form of RFC 6749 5.2; None for anything else.

    >>> error_in(b'{"error": "invalid_grant", "error_description": "used"}')
    ('invalid_grant', 'used')
    """
    said = _object(body) or {}
    code, description = said.get("error"), said.get("error_description")
    if not isinstance(code, str) or not code:
        return None
    return code, description if isinstance(description, str) else ""


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None


def _is_token(value: object) -> TypeGuard[str]:
    # It goes into a header as it is.
    return isinstance(value, str) and bool(value) and value.isascii() and value.isprintable() and " " not in value


def _seconds(value: object) -> int | None:
    """A span that is one: some providers write it as text."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.\d*)?", value.strip(), re.ASCII):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(int(value), LONGEST) if value >= 1 else None

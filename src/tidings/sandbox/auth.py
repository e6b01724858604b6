"""Who is calling? The checks in the order that spec connectwise.md 1.4 pins."""

import base64
import binascii
import hmac
from collections.abc import Mapping

from tidings.sandbox.answers import cannot_route, client_id_refused, unauthorized
from tidings.sandbox.tenant import Tenant


def authenticate(
    headers: Mapping[str, str], tenants: Mapping[str, Tenant], client_ids: frozenset[str] | None
) -> Tenant:
    """The tenant whose keys the request carries; header names in lower case. Raises Refusal."""
    client_id = headers.get("clientid", "").strip()
    if not client_id or (client_ids is not None and client_id.lower() not in {known.lower() for known in client_ids}):
        raise client_id_refused()
    company, public, private = _credentials(headers.get("authorization", ""))
    tenant = tenants.get(company)
    if tenant is None:
        raise cannot_route()
    account = tenant.account
    given, wanted = f"{public}:{private}", f"{account.public_key}:{account.private_key}"
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise unauthorized()
    return tenant


def _credentials(header: str) -> tuple[str, str, str]:
    """Company, public and private key of `Basic base64(company+public:private)`."""
    scheme, _, encoded = header.strip().partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized() from None
    login, colon, private = text.partition(":")
    company, plus, public = login.partition("+")
    if scheme.lower() != "basic" or not colon or not plus:
        raise unauthorized()
    return company, public, private

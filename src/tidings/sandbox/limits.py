"""Is this request to be refused before it is looked at? Rate limit, long addresses and the injected failures."""

from tidings.sandbox.answers import address_too_long, bad_gateway, timed_out, too_many_requests
from tidings.sandbox.tenant import Tenant

WINDOW = 60.0


def admit(tenant: Tenant, length: int) -> None:
    """Let a request pass or raise the Refusal it meets; `length` is that of its path and query in characters."""
    faults = tenant.faults
    if length > faults.url_limit:
        raise address_too_long()
    if faults.spend("bad_gateways"):
        raise bad_gateway()
    if faults.spend("too_many_requests") or _is_over_the_limit(tenant):
        raise too_many_requests()
    if faults.spend("timeouts"):
        raise timed_out()
    if faults.failure_share and tenant.dice.random() < faults.failure_share:
        raise tenant.dice.choice((bad_gateway, too_many_requests, timed_out))()


def _is_over_the_limit(tenant: Tenant) -> bool:
    """A sliding window; refused requests do not count (spec connectwise.md 13.20)."""
    limit = tenant.faults.rate_limit
    if limit is None:
        return False
    now = tenant.now()
    while tenant.requests and tenant.requests[0] <= now - WINDOW:
        tenant.requests.popleft()
    if len(tenant.requests) >= limit:
        return True
    tenant.requests.append(now)
    return False

"""What can be chosen about a sandbox before it starts?"""

import time
from collections.abc import Callable
from dataclasses import dataclass

CLIENT_ID = "6f1c2a9e-3b57-4d08-9c41-5e2a7d90b8f3"


@dataclass(frozen=True, slots=True)
class Account:
    """One tenant and the API member whose keys open it; `member` is the name its writes are signed with."""

    company: str = "acme"
    public_key: str = "sandbox-public"
    private_key: str = "sandbox-private"
    member: str = "apiuser"


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Counts are records of each tenant at the start; `activity` is changes a second over all tenants.

    `clock` gives the server's time in seconds since 1970. `client_ids` None accepts any `clientId` that is not
    blank; `rate_limit` None refuses nobody, otherwise it is requests a minute and tenant. `progress` is told the
    resource and how many of its records are ready while a tenant is being filled.
    """

    contacts: int = 1000
    companies: int = 100
    tickets: int = 500
    seed: int = 1
    activity: float = 0.0
    accounts: tuple[Account, ...] = (Account(),)
    client_ids: frozenset[str] | None = frozenset({CLIENT_ID})
    clock: Callable[[], float] = time.time
    rate_limit: int | None = 1000
    progress: Callable[[str, int], None] | None = None

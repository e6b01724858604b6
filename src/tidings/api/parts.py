"""What the API uses of the rest: a handful of parts, joined in app.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tidings.api.rates import Rates
from tidings.api.remembered import Remembered
from tidings.api.signal import Signal
from tidings.api.usage_writer import UsageWriter
from tidings.core.addresses import AddressPolicy
from tidings.core.errors import InvalidInput
from tidings.core.model import Instance, Moment
from tidings.elements.connection import Connection
from tidings.elements.element import Element, Resource
from tidings.elements.oauth import TokenEndpoint
from tidings.settings import Settings
from tidings.store.base import Store
from tidings.store.bulkfiles import BulkFiles


class Account(Protocol):
    """An account at the provider: its credentials can be tried, its records counted."""

    async def check(self) -> None:
        """Raises a ProviderError or AddressForbidden when the provider cannot be used with them."""

    async def count(
        self, resource: Resource, conditions: str = "", extra: Mapping[str, str] | None = None
    ) -> tuple[int, Moment]:
        """How many records meet the conditions, and when; raises as `check` does."""


class Connect(Protocol):
    """Makes the connection of an element with a configuration and secrets; nothing is sent before `check`."""

    def __call__(
        self, element: Element, configuration: Mapping[str, str | None], secrets: Mapping[str, str | None], /
    ) -> Account: ...


async def _nobody_waits(
    instance: str, token: str, headers: Mapping[str, str], read: Callable[[], Awaitable[bytes]], /
) -> bool:
    return False


async def _accepts(url: str, /) -> str | None:
    return None


def _no_hub(element: Element, instance: Instance, /) -> Connection:
    raise InvalidInput("element", "has no hub here")


@dataclass(frozen=True, slots=True)
class ApiParts:
    """`clock` gives the moment in epoch milliseconds, `dice` as many random bytes as asked for.

    `wake` is called with the id of an instance whose lanes may be due now. `log_grew` is set for a log when it
    has grown. `take_hint` is given what arrived as a hint (the id it names, its token, its headers, how to read it) and
    says whether it was one; `forget_hints` takes back what a deleted instance had asked of its provider.
    `refuse_name` says why a URL that `policy` has accepted is refused all the same, since its name leads where nothing
    may be connected to; None when nothing is known against it.
    `account` is an instance's account as it is given, also when it is not stored so. `token_endpoint` changes the codes
    of accounts that are opened by OAuth.
    `hub` is the connection of an instance, for its users' own calls of its provider; InvalidInput names the key of its
    configuration that it cannot be made with.
    `why_not_ready` says what is still missing before work can be done, None when nothing is.
    """

    store: Store
    catalog: Mapping[str, Element]
    connect: Connect
    policy: AddressPolicy
    clock: Callable[[], Moment]
    dice: Callable[[int], bytes]
    wake: Callable[[int], None]
    settings: Settings
    usage: UsageWriter
    files: BulkFiles
    log_grew: Signal = field(default_factory=Signal)
    rates: Rates = field(default_factory=Rates)
    arrivals: Rates = field(default_factory=Rates)  #: of the open routes, so that strangers displace nobody's
    take_hint: Callable[[str, str, Mapping[str, str], Callable[[], Awaitable[bytes]]], Awaitable[bool]] = _nobody_waits
    forget_hints: Callable[[Instance], None] = lambda instance: None
    refuse_name: Callable[[str], Awaitable[str | None]] = _accepts
    #: What this process has counted, in the Prometheus text format.
    counted: Callable[[], bytes] = lambda: b""
    #: How many requests may still go to an instance's tenant in this minute; None where they are not counted.
    budget_left: Callable[[int], int | None] = lambda instance_id: None
    hub: Callable[[Element, Instance], Connection] = _no_hub
    account: Callable[[Element, Instance], Account] = _no_hub
    token_endpoint: TokenEndpoint | None = None
    why_not_ready: Callable[[], str | None] = lambda: None
    remembered: Remembered = field(default_factory=Remembered)

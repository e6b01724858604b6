"""Is what arrived at an address of ours a hint of the instance's own provider, and which lanes does it concern?"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from tidings.core import instancerules
from tidings.core.budget import Priority
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration
from tidings.core.model import Instance, LaneKind, Moment
from tidings.core.plan import plan
from tidings.elements.connection import Connection
from tidings.elements.element import Element
from tidings.elements.hintkeys import HintKeys
from tidings.elements.hints import read_hint
from tidings.engine.hinted import HintedLanes
from tidings.store.base import Store

TELL_EVERY = 60_000  #: milliseconds


class HintAddresses:
    """Where the hints of each instance arrive.

    `derive` makes bytes from a purpose that nobody else can make; `root` is the address of the route under which
    providers reach it, None when they cannot.
    """

    def __init__(self, derive: Callable[[str], bytes], root: str | None) -> None:
        self._derive, self._root = derive, root

    def token(self, instance_id: int) -> str:
        """43 characters that nobody can guess, the same at each start."""
        return urlsafe_b64encode(self._derive(f"hints of instance {instance_id}")).decode().rstrip("=")

    def of(self, instance_id: int) -> str | None:
        """The whole address of an instance; None when no provider could reach it."""
        return f"{self._root}/{instance_id}?token={self.token(instance_id)}" if self._root else None


class HintReceiver:
    """Takes hints. Of what a hint says, nothing is believed but that something of a type has changed."""

    def __init__(
        self,
        store: Store,
        catalog: Mapping[str, Element],
        connect: Callable[[Element, Instance], Connection],
        *,
        addresses: HintAddresses,
        keys: HintKeys,
        lanes: HintedLanes,
        clock: Callable[[], Moment],
        log: Any,
    ) -> None:
        self._store, self._catalog, self._connect = store, catalog, connect
        self._addresses, self._keys, self._lanes = addresses, keys, lanes
        self._clock, self._log = clock, log
        self._refusals: dict[int, tuple[Moment, int]] = {}  # by instance: since when, and how many

    async def take(
        self, instance: str, token: str, headers: Mapping[str, str], read: Callable[[], Awaitable[bytes]]
    ) -> bool:
        """Whether it was a hint, signed by the provider of an instance that wants hints; then its lanes are hurried.

        Without the token nothing is read and nobody asked, so that guessing costs us next to nothing.
        """
        if not (instance.isascii() and instance.isdigit() and len(instance) < 19):
            return False
        if not hmac.compare_digest(token.encode(), self._addresses.token(int(instance)).encode()):
            return False
        found = await self._store.instance(int(instance))
        element = self._catalog.get(found.element_key) if found is not None else None
        types = types_by_resource(found, element) if found is not None and element is not None else {}
        if found is None or element is None or element.hints is None or not types:
            return False
        body = await read()
        hint = read_hint(element.hints, body)
        if hint is None:
            return self._refused(found, "it is no message of this provider")
        try:
            connection = self._connect(element, found)
        except InvalidInput as error:
            return self._refused(found, str(error))
        connection.priority = Priority.POLL
        given = headers.get(element.hints.signature, "")
        if reason := await self._keys.why_not_signed(found.id, hint.key_url, body, given, connection.read_key):
            return self._refused(found, reason)
        named = {name for name, type in types.items() if type == hint.type.lower()}
        lanes = [lane for lane in await self._store.lanes(LaneKind.POLL, found.id) if lane.key in named]
        for lane in lanes:
            self._lanes.hint(lane)
        self._log.debug("hint.arrived", instance=found.id, resources=[lane.key for lane in lanes])
        return True

    def _refused(self, instance: Instance, reason: str) -> bool:
        """Told at most once in a minute: whoever sends rubbish must not fill the log."""
        now = self._clock()
        told_at, untold = self._refusals.get(instance.id, (0, 0))
        if now - told_at >= TELL_EVERY:
            self._log.warning("hint.refused", instance=instance.id, reason=reason, refused=untold + 1)
            told_at, untold = now, -1
        self._refusals[instance.id] = told_at, untold + 1
        return False


def types_by_resource(instance: Instance, element: Element) -> Mapping[str, str]:
    """What hints call each polled resource of an instance; none while it polls nothing or wants no hints."""
    configuration = Configuration(instance.configuration, instance.secrets)
    try:
        wanted = plan(configuration, element, disabled=instance.disabled)
        resources: Collection[Any] = instancerules.polled(configuration, element) if wanted.hints else ()
    except InvalidInput:
        return {}
    found: dict[str, str] = {}
    for polled in resources:
        resource = element.resource(polled.path)
        type = element.hints.type_of(resource.provider_path) if element.hints and resource else None
        if type is not None:
            found[polled.name] = type
    return found

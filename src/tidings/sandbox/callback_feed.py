"""Which registered callbacks hear of a change, and what are they told?"""

from collections.abc import Callable

import orjson

from tidings.sandbox.callbacks import CallbackChange, CallbackSender, concerns
from tidings.sandbox.changes import Change
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.render import finish
from tidings.sandbox.rules_system import CALLBACKS
from tidings.sandbox.tenant import Tenant, base_at


class CallbackFeed:
    """Hands the changes of one tenant to the sender. `origin` tells scheme and host of the server."""

    def __init__(self, tenant: Tenant, sender: CallbackSender, origin: Callable[[], str]) -> None:
        self._tenant = tenant
        self._sender = sender
        self._origin = origin

    def attach(self) -> None:
        self._tenant.listeners.append(self._hear)

    def detach(self) -> None:
        self._tenant.listeners.remove(self._hear)

    def _hear(self, change: Change, resource: Resource, record: Stored | None, shown: Stored) -> None:
        tenant, faults = self._tenant, self._tenant.faults
        if not resource.callback or not len(tenant.tables[CALLBACKS]):
            return
        entity = self._answer(resource, record) if record is not None and change.action != "deleted" else None
        told = CallbackChange(
            type=resource.callback,
            id=change.id,
            action=change.action,
            entity=entity,
            member=change.member,
            company=tenant.account.company,
            origin=self._origin(),
            codebase=tenant.codebase,
        )
        for callback in tenant.tables[CALLBACKS]:
            if concerns(callback, resource.callback, shown):
                self._sender.enqueue(
                    callback, told, dropped=faults.dropped_callbacks, duplicated=faults.duplicated_callbacks
                )

    def _answer(self, resource: Resource, record: Stored) -> Stored:
        tenant = self._tenant
        body = tenant.tables[resource.path].rendered(record)
        answer: Stored = orjson.loads(finish(body, base_at(self._origin()), tenant.blank(resource)))
        return answer

"""What does a rule need to know of the tenant it works for?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.changes import Action, Change
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Desk:
    """A tenant as one member works on it."""

    tenant: Tenant
    member: str
    now: str
    quiet: bool = False

    def record(self, path: str, reference: Any) -> Stored | None:
        """The record that a stored reference points at."""
        number = reference.get("id") if isinstance(reference, dict) else None
        return self.tenant.newest(path, number) if number is not None else None

    def children(self, path: str, parent: int) -> Iterator[Stored]:
        table = self.tenant.tables[path]
        return (table.stored(number) for number in table.children(parent))

    def default(self, path: str, parent: int | None = None) -> Stored | None:
        """A reference to the default entry of a small table, else to its first that is not inactive."""
        table = self.tenant.tables[path]
        rows = list(table) if parent is None else list(self.children(path, parent))
        rows = [row for row in rows if not (row.get("inactiveFlag") or row.get("inactive"))]
        chosen = next((row for row in rows if row.get("defaultFlag")), rows[0] if rows else None)
        return {"id": chosen["id"]} if chosen else None

    def member_reference(self) -> Stored | None:
        numbers = self.tenant.references.find("system/members", "identifier", self.member)
        return {"id": numbers[0]} if numbers else None

    def guid(self) -> str:
        return str(UUID(int=self.tenant.dice.getrandbits(128), version=4))

    def write(self, path: str, record: Stored, old: Stored | None, *, touched: bool = False) -> Change:
        """Store a record of another resource as a side effect, stamped like any write."""
        resource = RESOURCES[path]
        stamped = self.stamped(resource, record, old)
        action: Action = "added" if old is None else "updated"
        return self.tenant.commit(
            resource, record["id"], stamped, action, member=self.member, touched=touched, quiet=self.quiet
        )

    def stamped(self, resource: Resource, record: Stored, old: Stored | None) -> Stored:
        """The record with its stamp moved to now, or kept where the clock stands behind it."""
        former = (old or {}).get("_info") or {}
        info = {**former, "lastUpdated": max(self.now, former.get("lastUpdated", "")), "updatedBy": self.member}
        if old is None:
            info |= {"dateEntered": self.now, "enteredBy": self.member}
        return {**record, "_info": {name: info[name] for name in resource.stamps if name in info}}

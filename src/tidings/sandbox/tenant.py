"""What does one company's ConnectWise hold, and how does a write reach its readers?"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import UTC, datetime
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import TypeAlias

from tidings.sandbox.audit import AuditTrail
from tidings.sandbox.catalog import RESOURCES, SCHEMAS
from tidings.sandbox.changes import Action, Change, ChangeFeed
from tidings.sandbox.config import Account, SandboxConfig
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.faults import Faults
from tidings.sandbox.references import References
from tidings.sandbox.render import CustomFields, Renderer
from tidings.sandbox.selection import Selector
from tidings.sandbox.table import Table

ALIAS = "v4_6_release"
DEFINITIONS = "system/userDefinedFields"

COMMUNICATIONS = "company/contacts/{}/communications"

# Service and project tickets share their ids (spec connectwise.md Q17).
_ID_SPACES = {"project/tickets": "service/tickets"}
# Streamed into their rows as answers, so that a million of them fit.
_RENDERED_AT_ONCE = frozenset({"company/contacts", "service/tickets"})


# Told of a change, its resource, the record as it is now (None: deleted) and as it was last.
Listener: TypeAlias = Callable[[Change, Resource, Stored | None, Stored], None]


class Tenant:
    """The records, knobs and history of one account."""

    def __init__(self, account: Account, config: SandboxConfig, seed: int) -> None:
        self.account = account
        self.faults = Faults(rate_limit=config.rate_limit)
        self.dice = Random(seed)
        self.changes = ChangeFeed()
        self.audit = AuditTrail()
        self.requests: deque[float] = deque()
        self.ticket_configurations: dict[int, list[int]] = {}
        self.listeners: list[Listener] = []
        self._release = 1
        self._clock = config.clock
        self._last_ids: dict[str, int] = {}
        self._order = 0
        self._unseen: list[tuple[float, int, str, int, Stored | None]] = []
        self._newest: dict[tuple[str, int], tuple[float, Stored | None]] = {}
        self._custom_fields: dict[str, CustomFields] = {}
        self.tables: dict[str, Table] = {}
        self.references = References(self.tables)
        for path, resource in RESOURCES.items():
            renderer = Renderer(resource, self.references.fragment, self.custom_fields)
            self.tables[path] = Table(resource, renderer)
        self.selectors = {
            path: Selector(
                table, SCHEMAS[path], partial(self.blank, table.resource), partial(self._showing, table.resource)
            )
            for path, table in self.tables.items()
        }

    @property
    def codebase(self) -> str:
        """The concrete release; an upgrade makes the former one unknown."""
        return f"v2025_{self._release}"

    @property
    def version(self) -> str:
        return self.codebase[1:].replace("_", ".")

    def upgrade(self) -> None:
        self._release += 1

    def now(self) -> float:
        """The server's clock, in seconds since 1970."""
        return self._clock() + self.faults.clock_skew

    def stamp(self) -> str:
        """The server's clock as it is written into records."""
        return datetime.fromtimestamp(int(self.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def fill(self, path: str, records: Iterable[Stored]) -> None:
        """Put seeded records into an empty table, ids ascending, without a trace in the feed."""
        resource = RESOURCES[path]

        def note(record: Stored) -> None:
            self.references.note(resource, record, None)
            for item in record.get("communicationItems", ()):
                self._last_ids[COMMUNICATIONS] = max(self._last_ids.get(COMMUNICATIONS, 0), item["id"])

        self.tables[path].fill(records, rendered=path in _RENDERED_AT_ONCE, note=note)
        if path == DEFINITIONS:
            self._custom_fields.clear()

    def compact(self) -> None:
        """Keep every record only as its answer, as if each had been asked for once."""
        for table in self.tables.values():
            for number in table.ids:
                table.body(number)

    def address(self, origin: str) -> None:
        """Have every answer ready for readers at this scheme and host."""
        for table in self.tables.values():
            table.address(base_at(origin))

    def custom_fields(self, pod: str) -> CustomFields:
        """The custom fields of the records whose pods begin with this word."""
        found = self._custom_fields.get(pod)
        if found is None:
            definitions = [
                each for each in self.tables[DEFINITIONS] if pod and each.get("podDescription", "").startswith(pod)
            ]
            found = self._custom_fields[pod] = CustomFields(definitions)
        return found

    def blank(self, resource: Resource) -> bytes:
        """The custom fields of a record that has none of them set."""
        return self.custom_fields(resource.pod).blank

    def next_id(self, path: str) -> int:
        """An id that no record of this type has had."""
        path = _ID_SPACES.get(path, path)
        number = max(self._last_ids.get(path, 0), self.tables[path].last_id) + 1
        self._last_ids[path] = number
        return number

    def newest(self, path: str, number: int) -> Stored | None:
        """The record as its writers see it, which readers may not yet; None when it is not (or no longer) there."""
        if (path, number) in self._newest:
            return self._newest[path, number][1]
        table = self.tables[path]
        return table.stored(number) if number in table else None

    def commit(
        self,
        resource: Resource,
        number: int,
        record: Stored | None,
        action: Action,
        *,
        member: str,
        touched: bool = False,
        quiet: bool = False,
    ) -> Change:
        """Accept a write (`record` None deletes) and list it; readers see it now, or late when the knob says so.

        `quiet` keeps it from the callbacks.
        """
        shown = record if record is not None else self.newest(resource.path, number) or {}
        seen = self.amend(resource.path, number, record)
        parent = self.tables[resource.path].parent(shown)
        # The feed names the stamp that stands in the record, which was set a moment ago: perhaps in another second.
        stamp = (record or {}).get("_info", {}).get("lastUpdated")
        change = self.announce(
            resource, number, action, member=member, seen=seen, parent=parent, touched=touched, stamp=stamp
        )
        if not quiet:
            for listen in self.listeners:
                listen(change, resource, record, shown)
        return change

    def announce(
        self,
        resource: Resource,
        number: int,
        action: Action,
        *,
        member: str,
        seen: float,
        parent: int | None,
        touched: bool = False,
        stamp: str | None = None,
    ) -> Change:
        """List a change in the feed, stamped now unless `stamp` says otherwise."""
        change = Change(
            sequence=self.changes.next_sequence,
            resource=resource.path.replace("/{}", ""),
            id=number,
            action=action,
            stamp=stamp or self.stamp(),
            at=self.now(),
            visible_at=seen,
            member=member,
            parent=parent,
            touched=touched,
        )
        self.changes.append(change)
        return change

    def amend(self, path: str, number: int, record: Stored | None) -> float:
        """Store a record (None: remove it) without listing a change; when readers see it."""
        at = self.now()
        seen = at + self._delay()
        if seen == at and (path, number) not in self._newest:
            self._apply(path, number, record)
            return at
        seen = max(seen, self._newest.get((path, number), (seen, None))[0])
        self._newest[path, number] = (seen, record)
        self._order += 1
        heappush(self._unseen, (seen, self._order, path, number, record))
        return seen

    def settle(self) -> None:
        """Show the writes whose delay is over."""
        while self._unseen and self._unseen[0][0] <= self.now():
            seen, _, path, number, record = heappop(self._unseen)
            self._apply(path, number, record)
            if self._newest.get((path, number), (0.0, None))[0] <= seen:
                self._newest.pop((path, number), None)

    def _apply(self, path: str, number: int, record: Stored | None) -> None:
        table = self.tables[path]
        old = table.stored(number) if number in table else None
        if record is not None:
            table.put(record, old)
            self.references.note(table.resource, record, old)
        elif old is not None:
            table.remove(number)
        if old is not None:
            self.references.changed(table.resource, old, record)
        if path == DEFINITIONS:
            self._definitions_changed()

    def _definitions_changed(self) -> None:
        """Every record lists every definition, though none of them was touched (spec connectwise.md Q27)."""
        for table in self.tables.values():
            if table.resource.pod:
                table.stale(table.ids)
        self._custom_fields.clear()

    def _showing(self, resource: Resource, member: str, number: int) -> Set[int] | None:
        """The records of a resource that may refer to this id by a member, named in lower case."""
        field = next((each for each in resource.references() if each.name.lower() == member), None)
        return None if field is None else self.references.showing((field.target or "", number), resource.path)

    def _delay(self) -> float:
        least, most = self.faults.visibility_delay_least, self.faults.visibility_delay
        return self.dice.uniform(min(least, most), most) if most > 0 else 0.0


def base_at(origin: str) -> bytes:
    """Where the addresses in records begin, for scheme and host as the reader used them (spec connectwise.md 13.25)."""
    return f"{origin}/{ALIAS}/apis/3.0".encode()


def tenants_of(config: SandboxConfig) -> Mapping[str, Tenant]:
    """An empty tenant for every account, by company; each has dice of its own."""
    return {
        account.company: Tenant(account, config, config.seed + position)
        for position, account in enumerate(config.accounts)
    }

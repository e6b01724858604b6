"""What do the people at a tenant do all day? Changes at a given rate, spread over contacts, companies and tickets."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle
from random import Random
from typing import Any

from tidings.sandbox.answers import Refusal
from tidings.sandbox.names import COMPANY_FIRST, COMPANY_SECOND, FIRST, LAST, NOTES, PLACES, STREETS, SUMMARIES, TITLES
from tidings.sandbox.rules_company import COMPANIES, CONTACTS
from tidings.sandbox.rules_service import STATUSES, TICKET_NOTES, TICKETS
from tidings.sandbox.tenant import Tenant
from tidings.sandbox.writer import Writer

_BEAT = 0.05
_TRIES = 20
# Below this many records nothing is deleted, so that there is always something to change.
_FEW = 5


class Activity:
    """Changes of several tenants in turn, the same ones for the same seed and the same answers.

    Every change alters the record for certain: it carries a number drawn from a million.
    """

    def __init__(self, tenants: Sequence[Tenant], seed: int, rate: float = 0.0) -> None:
        self.rate = rate
        self.done = 0
        self._dice = Random(seed)
        self._turns = cycle([_People(tenant, self._dice) for tenant in tenants])
        self._task: asyncio.Task[None] | None = None

    def start(self, rate: float | None = None) -> None:
        """Make `rate` changes a second from now on, or as many as before; needs a running event loop.

        Raises ValueError for a negative rate.
        """
        if rate is not None:
            if rate < 0:
                raise ValueError(f"rate is {rate}; give 0 or more changes a second.")
            self.rate = rate
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Make no more changes until started again."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def running(self) -> bool:
        return self._task is not None

    def step(self) -> None:
        """Make one change."""
        next(self._turns).act()
        self.done += 1

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        owed, last = 0.0, loop.time()
        while True:
            await asyncio.sleep(_BEAT)
            now = loop.time()
            # After a long pause of the loop only a second's worth is made up for.
            owed = min(owed + (now - last) * self.rate, max(self.rate, 1.0))
            last = now
            while owed >= 1:
                self.step()
                owed -= 1


class _People:
    """The members of one tenant at work."""

    def __init__(self, tenant: Tenant, dice: Random) -> None:
        self._tenant = tenant
        self._writer = Writer(tenant)
        self._dice = dice
        self._logins = [row["identifier"] for row in tenant.tables["system/members"] if not row.get("inactiveFlag")]
        deeds = (
            (30, self._change_contact),
            (9, self._add_contact),
            (5, self._delete_contact),
            (12, self._change_company),
            (3, self._add_company),
            (1, self._delete_company),
            (16, self._change_ticket),
            (10, self._add_ticket),
            (11, self._add_note),
            (3, self._delete_ticket),
        )
        self._deeds: list[Callable[[str], None]] = [deed for _, deed in deeds]
        self._weights = [weight for weight, _ in deeds]

    def act(self) -> None:
        """One change by somebody; a refused one (a contact in use, say) is given up for another."""
        for _ in range(_TRIES):
            deed = self._dice.choices(self._deeds, self._weights)[0]
            with suppress(Refusal, _NothingThere):
                deed(self._dice.choice(self._logins))
                return
        self._add_company(self._dice.choice(self._logins))

    def _change_contact(self, member: str) -> None:
        operations = [
            _set("title", self._dice.choice(TITLES)),
            _set("addressLine1", f"{self._number()} {self._dice.choice(STREETS)} Street"),
        ]
        self._writer.patch(CONTACTS, self._any(CONTACTS), operations, member=member)

    def _add_contact(self, member: str) -> None:
        first, last = self._dice.choice(FIRST), self._dice.choice(LAST)
        mail = f"{first[0]}.{last}{self._number()}@mail.example".lower()
        body = {
            "firstName": first,
            "lastName": last,
            "title": self._dice.choice(TITLES),
            "company": {"id": self._live_company()},
            "communicationItems": [{"type": {"id": 1}, "value": mail, "defaultFlag": True}],
        }
        self._writer.create(CONTACTS, body, member=member)

    def _delete_contact(self, member: str) -> None:
        self._writer.delete(CONTACTS, self._any(CONTACTS, spare=True), member=member)

    def _change_company(self, member: str) -> None:
        number = self._live_company()
        operations = [
            _set("phoneNumber", f"+1 555 {self._number():06}"),
            _set("numberOfEmployees", self._dice.randint(1, 900)),
        ]
        self._writer.patch(COMPANIES, number, operations, member=member)

    def _add_company(self, member: str) -> None:
        city, state, code, _ = self._dice.choice(PLACES)
        name = f"{self._dice.choice(COMPANY_FIRST)} {self._dice.choice(COMPANY_SECOND)} {self._number()}"
        body = {"identifier": name.replace(" ", "")[:30], "name": name, "city": city, "state": state, "zip": code}
        self._writer.create(COMPANIES, body, member=member)

    def _delete_company(self, member: str) -> None:
        self._writer.delete(COMPANIES, self._live_company(spare=True), member=member)

    def _change_ticket(self, member: str) -> None:
        number = self._any(TICKETS)
        ticket = self._tenant.newest(TICKETS, number) or {}
        states = self._tenant.tables[STATUSES].children((ticket.get("board") or {}).get("id", 0))
        operations = [_set("poNumber", f"PO-{self._number():06}")]
        if states:
            operations.append(_set("status", {"id": self._dice.choice(states)}))
        self._writer.patch(TICKETS, number, operations, member=member)

    def _add_ticket(self, member: str) -> None:
        summary = self._dice.choice(SUMMARIES).format(self._dice.choice(FIRST), self._number())
        body = {"summary": summary[:100], "company": {"id": self._live_company()}}
        self._writer.create(TICKETS, {**body, "initialDescription": self._dice.choice(NOTES)}, member=member)

    def _add_note(self, member: str) -> None:
        text = f"{self._dice.choice(NOTES)} ({self._number()})"
        self._writer.create(TICKET_NOTES, {"text": text}, parent=self._any(TICKETS), member=member)

    def _delete_ticket(self, member: str) -> None:
        self._writer.delete(TICKETS, self._any(TICKETS, spare=True), member=member)

    def _any(self, path: str, *, spare: bool = False) -> int:
        ids = self._tenant.tables[path].ids
        if len(ids) <= (_FEW if spare else 0):
            raise _NothingThere
        number: int = self._dice.choice(ids)
        return number

    def _live_company(self, *, spare: bool = False) -> int:
        for _ in range(_TRIES):
            number = self._any(COMPANIES, spare=spare)
            if not (self._tenant.newest(COMPANIES, number) or {}).get("deletedFlag"):
                return number
        raise _NothingThere

    def _number(self) -> int:
        return self._dice.randrange(1_000_000)


class _NothingThere(Exception):
    """There is no record for this kind of change."""


def _set(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}

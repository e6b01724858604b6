"""What does a new tenant hold? Realistic records that belong together, the same for the same seed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tidings.sandbox import seed_people, seed_work
from tidings.sandbox.seed_draw import stamp
from tidings.sandbox.seed_plan import Plan
from tidings.sandbox.seed_setup import setup

Row = dict[str, Any]

_GENERATED: Mapping[str, Callable[[Plan], Iterator[Row]]] = {
    seed_people.COMPANIES: seed_people.companies,
    seed_people.SITES: seed_people.sites,
    seed_people.CONTACTS: seed_people.contacts,
    seed_work.TICKETS: seed_work.tickets,
    seed_work.TICKET_NOTES: seed_work.ticket_notes,
    seed_work.TIME_ENTRIES: seed_work.time_entries,
    seed_work.OPPORTUNITIES: seed_work.opportunities,
    seed_work.CONFIGURATIONS: seed_work.configurations,
    seed_work.SCHEDULE: seed_work.schedule_entries,
}


class SeedData(Mapping[str, Iterator[Row]]):
    """The records of a tenant by the path of their resource, `{}` standing for the parent's id.

    `data[path]` is a new iterator each time: ids ascending, references as `{"id": n}`, `customFields` only those
    with a value, `_info` with stamps and logins only. Stamps lie in the past eight years and never in the two hours
    before `now`. Nothing is kept in memory.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._setup = setup(stamp(plan.history.start))

    def __getitem__(self, path: str) -> Iterator[Row]:
        if path in self._setup:
            return iter(self._setup[path])
        return _GENERATED[path](self._plan)

    def __iter__(self) -> Iterator[str]:
        return iter((*self._setup, *_GENERATED))

    def __len__(self) -> int:
        return len(self._setup) + len(_GENERATED)


def seed(seed: int, contacts: int, companies: int, tickets: int, now: datetime) -> SeedData:
    """The seeded records of a tenant as of `now`, an aware datetime.

    Raises ValueError for a negative count, and for tickets without a company to belong to.
    """
    for name, count in (("contacts", contacts), ("companies", companies), ("tickets", tickets)):
        if count < 0:
            raise ValueError(f"{name} is {count}; give 0 or more.")
    if tickets and not companies:
        raise ValueError(f"companies is 0 but tickets is {tickets}; a ticket needs a company, so give at least 1.")
    if now.tzinfo is None:
        raise ValueError(f"now is {now.isoformat()} without a zone; give an aware datetime.")
    return SeedData(Plan.of(seed, contacts, companies, tickets, now))

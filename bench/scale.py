"""How much is measured: everything, or just enough to see that the harness runs?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts of records and repetitions; spans in seconds."""

    contacts: int = 100_000
    many_contacts: int | None = 1_000_000  #: for the memory figure; None leaves the comparison out
    rounds: int = 3
    readings: int = 2  #: re-readings in each round
    notifications: int = 4000
    instances: int = 1000
    idle_for: float = 60.0
    changes: int = 2000
    backlog: int = 1_000_000  #: events
    receivers: int = 100
    isolation: int = 1000  #: notifications to all of them, in each of the arms of a round
    isolation_rounds: int = 4
    hub_calls: int = 10_000
    hub_pages: int = 1500  #: in each round


QUICK = Scale(
    contacts=2000,
    many_contacts=None,
    rounds=1,
    readings=1,
    notifications=200,
    instances=20,
    idle_for=2.0,
    changes=40,
    backlog=3000,
    receivers=20,
    isolation=200,
    isolation_rounds=1,
    hub_calls=200,
    hub_pages=40,
)

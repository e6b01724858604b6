"""Which rules of the provider's own does each resource have?"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tidings.sandbox import rules_company as company
from tidings.sandbox import rules_service as service
from tidings.sandbox import rules_system as system
from tidings.sandbox.answers import Problem
from tidings.sandbox.describe import Stored
from tidings.sandbox.desk import Desk

# Each is given the record, the one before it (None at a creation) and the names of the members that were sent.
Step: TypeAlias = Callable[[Desk, Stored, Stored | None, Collection[str]], None]
Check: TypeAlias = Callable[[Desk, Stored, Stored | None, Collection[str]], list[Problem]]


def _nothing(desk: Desk, record: Stored, old: Stored | None, given: Collection[str]) -> None:
    """No step of its own."""


def _no_problem(desk: Desk, record: Stored, old: Stored | None, given: Collection[str]) -> list[Problem]:
    return []


@dataclass(frozen=True, slots=True)
class Rules:
    """What happens at a write, in this order.

    `check` refuses; `complete` fills in and derives; `settle` derives from references within others, which are
    resolved by then; the record is stored; `after` writes what follows from it, also after a deletion.
    """

    check: Check = _no_problem
    complete: Step = _nothing
    settle: Step = _nothing
    after: Step = _nothing
    after_delete: Step = _nothing
    in_use: Callable[[Desk, Stored], bool] = lambda desk, record: False


_TICKET = Rules(complete=service.complete_ticket, settle=service.settle_status, after=service.after_ticket)

RULES: Mapping[str, Rules] = {
    "company/contacts": Rules(
        check=company.check_contact, complete=company.complete_contact, in_use=company.contact_in_use
    ),
    "company/contacts/{}/notes": Rules(complete=company.complete_note),
    "company/companies": Rules(
        check=company.check_company, complete=company.complete_company, after=company.after_company
    ),
    "company/companies/{}/notes": Rules(complete=company.complete_note),
    "company/configurations": Rules(complete=company.complete_configuration),
    "service/tickets": _TICKET,
    "project/tickets": _TICKET,
    "service/tickets/{}/notes": Rules(
        complete=service.complete_ticket_note, after=service.touch_ticket, after_delete=service.touch_ticket
    ),
    "time/entries": Rules(check=service.check_time, complete=service.complete_time),
    "schedule/entries": Rules(complete=service.complete_schedule),
    "sales/opportunities": Rules(complete=service.complete_opportunity),
    "service/boards": Rules(in_use=service.board_in_use),
    "system/callbacks": Rules(check=system.check_callback, complete=system.complete_callback),
    "system/userDefinedFields": Rules(complete=system.complete_definition),
}

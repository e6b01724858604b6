"""Which six things happen to an account that make a poller lose a change, and did it?

Each case begins with five rows, stamped a minute apart, that a poller has read once. Then something changes, and the
poller goes on from what it has saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.account import Account

DELETED = "deleted"
ROWS, MINUTE, HOUR = 5, 60_000, 3_600_000

Sent = tuple[int, str]  #: an id, and the content it was sent with or DELETED


@dataclass(frozen=True, slots=True)
class Case:
    """`change` is made after the first reading, or between its first two pages; `wanted` must be sent because of it."""

    letter: str
    name: str
    change: Callable[[Account], None]
    wanted: Callable[[Account], frozenset[Sent]]
    between_pages: bool = False
    prepare: Callable[[Account], None] = lambda account: None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether everything was sent, and how much was sent a second time though it had not changed."""

    caught: bool
    repeats: int


def begin(account: Account, case: Case) -> None:
    """The rows as they are at first, the newest a minute old."""
    for key in range(1, ROWS + 1):
        account.put(key, account.started_at - (ROWS + 1 - key) * MINUTE)
    case.prepare(account)
    if case.between_pages:
        account.after_first_page = lambda: case.change(account)


def judge(wanted: frozenset[Sent], sent: Sequence[Sent]) -> Verdict:
    """What came of all that a poller has sent, from its first reading on."""
    times = Counter(sent)
    return Verdict(wanted <= times.keys(), sum(times.values()) - len(times))


def _only(*sent: Sent) -> Callable[[Account], frozenset[Sent]]:
    return lambda account: frozenset(sent)


def _as_it_is(account: Account) -> frozenset[Sent]:
    return frozenset((row.id, row.value) for row in account.rows.values())


def _newest(account: Account) -> int:
    return account.rows[ROWS].stamp_at


CASES = (
    Case("A", "a new row in the cursor's second", lambda a: a.put(6, _newest(a)), _only((6, "a"))),
    Case("B", "a row edited again in that second", lambda a: a.put(5, _newest(a), "b"), _only((5, "b"))),
    Case("C", "a row visible 30 s behind the cursor", lambda a: a.put(7, _newest(a) - 30_000), _only((7, "a"))),
    Case("D", "a row deleted", lambda a: a.drop(3), _only((3, DELETED))),
    Case("E", "an edit between page 1 and 2", lambda a: a.put(1, a.now(), "b"), _as_it_is, between_pages=True),
    Case(
        "F",
        "one row stamped 2 h ahead, then an edit",
        lambda a: a.put(2, a.now(), "b"),
        _only((2, "b")),
        prepare=lambda a: a.put(9, a.started_at + 2 * HOUR),
    ),
)

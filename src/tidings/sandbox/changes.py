"""What has really been written? The feed of every change a tenant accepted, to compare with what was delivered."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Action: TypeAlias = Literal["added", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    """One accepted write. `sequence` counts from 1 without gaps; `visible_at` is when readers may see it.

    A soft delete is `deleted`, its undoing `added`. `touched` says that only the stamp moved, because of a note.
    `parent` is the id of the record that this one lies under.
    """

    sequence: int
    resource: str
    id: int
    action: Action
    stamp: str
    at: float
    visible_at: float
    member: str
    parent: int | None = None
    touched: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class ChangeFeed:
    """The changes of one tenant, oldest first."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def next_sequence(self) -> int:
        return len(self._changes) + 1

    def append(self, change: Change) -> None:
        self._changes.append(change)

    def since(self, sequence: int, limit: int = 10_000) -> list[Change]:
        """The changes after a sequence number."""
        return self._changes[max(sequence, 0) : max(sequence, 0) + limit]

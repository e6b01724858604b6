"""What does the provider hold, and what of it does it show? Every version of every record, and from when it is seen.

Knows nothing of Tidings: it is what the oracle compares with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SECOND = 1000

#: How often sweeps must have listed a record before it is kept from another.
LISTED_BETWEEN = 3


@dataclass(frozen=True, slots=True)
class Version:
    """One committed version of a record; moments are the provider's, in milliseconds.

    `number` counts all versions of the account and travels in the record's `_info`, where it is no content. A version
    without content is a delete.
    """

    number: int
    key: int
    content: Mapping[str, Any] | None
    stamp_at: int
    made_at: int
    shown_from: int
    entered_at: int

    @property
    def flagged(self) -> bool:
        """The soft-delete flag."""
        return self.content is not None and self.content.get("deletedFlag") is True

    @property
    def facts(self) -> dict[str, Any]:
        """The content as somebody may act on it: a member that is null says no more than one that is absent."""
        return without_nulls(self.content or {})

    def record(self) -> dict[str, Any]:
        """As the provider writes it."""
        info = {"lastUpdated": iso(self.stamp_at), "dateEntered": iso(self.entered_at), "version": self.number}
        return {"id": self.key, **(self.content or {}), "_info": info}

    def body(self) -> bytes:
        return json.dumps(self.record(), separators=(",", ":")).encode()


class Table:
    """The records of one resource. `unlisted` and `absent` say until when a record is kept from lists, or from lists
    and reads by id; `poisoned` records make every page fail that holds them; `veiled` are all that ever were one of
    these, `left` all that ever were listed no more while they could be read. `blinking` records are kept from one whole
    sweep again and again, but never from two in a row: how often they were listed since, or -1 while they are kept from
    it."""

    def __init__(self, clock: Callable[[], int], numbers: Callable[[], int]) -> None:
        self._clock, self._numbers = clock, numbers
        self.versions: dict[int, list[Version]] = {}
        self.by_number: dict[int, Version] = {}
        self.unlisted: dict[int, int] = {}
        self.absent: dict[int, int] = {}
        self.poisoned: set[int] = set()
        self.veiled: set[int] = set()
        self.left: set[int] = set()
        self.blinking: dict[int, int] = {}

    def write(
        self, key: int, content: Mapping[str, Any] | None, stamp_at: int | None = None, late_by: int = 0
    ) -> Version:
        """A new version, stamped now in whole seconds unless `stamp_at` says otherwise."""
        now = self._clock()
        history = self.versions.setdefault(key, [])
        at = (now if stamp_at is None else stamp_at) // SECOND * SECOND
        entered_at = history[0].entered_at if history else min(now, at)
        version = Version(self._numbers(), key, content, at, now, now + late_by, entered_at)
        history.append(version)
        self.by_number[version.number] = version
        return version

    def latest(self, key: int) -> Version | None:
        """The record as it is, whoever may see it; None when it is deleted."""
        version = self.versions[key][-1]
        return version if version.content is not None else None

    def alive(self) -> list[int]:
        return [key for key in sorted(self.versions) if self.latest(key)]

    def shown(self, key: int) -> Version | None:
        """The record as a read by id shows it now."""
        now = self._clock()
        if self.absent.get(key, 0) > now or self.blinking.get(key, 0) < 0:
            return None
        seen = [version for version in self.versions.get(key, ()) if version.shown_from <= now]
        return seen[-1] if seen and seen[-1].content is not None else None

    def listed(self) -> list[Version]:
        """All records that a list shows now, by id."""
        now = self._clock()
        keys = (key for key in sorted(self.versions) if self.unlisted.get(key, 0) <= now)
        return [version for key in keys if (version := self.shown(key)) is not None]

    def hide(self, key: int, until: int, *, by_id: bool) -> None:
        (self.absent if by_id else self.unlisted)[key] = until
        self.veiled.add(key)
        if not by_id:
            self.left.add(key)

    def blink(self, key: int) -> None:
        self.blinking[key] = LISTED_BETWEEN
        self.veiled.add(key)

    def sweep_begins(self) -> None:
        """Somebody asks for all ids."""
        for key, times in self.blinking.items():
            self.blinking[key] = -1 if times >= LISTED_BETWEEN else max(times, 0)

    def swept(self, keys: Iterable[int]) -> None:
        """A sweep has listed these."""
        for key in self.blinking.keys() & set(keys):
            self.blinking[key] += 1

    def show(self, key: int) -> None:
        """In view again, as what somebody has just written is."""
        self.absent.pop(key, None)
        self.unlisted.pop(key, None)
        self.poisoned.discard(key)
        if key in self.blinking:
            self.blinking[key] = 0

    def all(self) -> list[Version]:
        return list(self.by_number.values())

    def poison(self, key: int) -> None:
        self.poisoned.add(key)
        self.veiled.add(key)

    def show_everything(self) -> None:
        """Nothing is late, hidden or poisoned any more; what blinks goes on."""
        self.unlisted.clear()
        self.absent.clear()
        self.poisoned.clear()


class Account:
    """One customer of the provider: a table for each resource, and one count of versions."""

    def __init__(self, clock: Callable[[], int], resources: tuple[str, ...]) -> None:
        self._count = 0
        self.tables = {name: Table(clock, self._next) for name in resources}

    def _next(self) -> int:
        self._count += 1
        return self._count


def without_nulls(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def iso(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

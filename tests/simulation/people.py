"""What do people do to their records? One act at a time, drawn from the dice: edits, touches, new records, deletes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.account import SECOND, Account, Table
from tests.simulation.oracle import Oracle

CITIES = ("a", "b")
VALUES = ("0", "1", "2", "3", None)
BEFORE = 3 * 3600  #: seconds over which what is there at the beginning was made


class People:
    """`late_by` is by how many seconds a version may be shown too late, as most are while all is `slow`; with
    `unstamped`, content may change under the stamp it had; `careful` people delete and hide nothing, `open` ones hide
    nothing."""

    def __init__(
        self,
        account: Account,
        oracle: Oracle,
        dice: random.Random,
        clock: Callable[[], int],
        note: Callable[[str], None],
    ) -> None:
        self.account, self.oracle, self.dice, self.clock, self.note = account, oracle, dice, clock, note
        self.late_by, self.slow, self.unstamped, self.careful, self.open = 0, False, False, False, False
        self._counter = 0
        self._out_of_sight: dict[tuple[str, int], int] = {}

    def settle(self) -> None:
        """What is there before anybody looks."""
        for name in sorted(self.account.tables):
            for _ in range(self.dice.choice((0, *(2 * (self.dice.randint(0, 25), 30))))):
                self.account.tables[name].write(*self._new(name), self.clock() - self.dice.randint(1, BEFORE) * SECOND)

    def act(self) -> None:
        """One act on one record."""
        dice = self.dice
        name = dice.choice(sorted(self.account.tables))
        table = self.account.tables[name]
        now = self.clock()
        keys = [key for key in table.alive() if self._out_of_sight.get((name, key), 0) <= now]
        act = dice.random()
        if not keys or act < 0.2:
            self.write(table, *self._new(name))
        elif act < 0.75:
            key = self._one(name, keys)
            self.edit(table, key, {dice.choice(("zip", "zip", "state")): dice.choice(VALUES)})
            if dice.random() < 0.2:  # once more in the same second
                self.edit(table, key, {"zip": dice.choice(VALUES)})
        elif act < 0.80:
            self.edit(table, self._one(name, keys), {})
        elif act < 0.84:
            self.edit(table, self._one(name, keys), {"city": dice.choice(CITIES)})
        elif act < 0.88 and name == "organizations":
            key = dice.choice(keys)
            content = table.versions[key][-1].content or {}
            self.edit(table, key, {"deletedFlag": not content.get("deletedFlag")})
        elif act < 0.92 and not self.careful and not self.open:
            self.hide(name, dice.choice(keys))
        elif act < 0.94 and (gone := [key for key in sorted(table.versions) if table.latest(key) is None]):
            self.restore(table, dice.choice(gone))
        elif act < 0.95 and self.unstamped:
            self.edit_unstamped(table, dice.choice(keys))
        elif len(keys) > 4 and not self.careful:
            key = dice.choice(keys)
            self.note(f"{name} {key} is deleted")
            table.poisoned.discard(key)
            table.write(key, None)

    def _one(self, name: str, keys: list[int]) -> int:
        """Any record, or once more the one that somebody wrote last."""
        table = self.account.tables[name]
        last = max(keys, key=lambda key: table.versions[key][-1].number)
        return last if self.dice.random() < 0.3 else self.dice.choice(keys)

    def _new(self, name: str) -> tuple[int, dict[str, Any]]:
        self._counter += 1
        key = max(self.account.tables[name].versions, default=0) + self.dice.choice((1, 1, 1, 5))
        content: dict[str, Any] = {"city": self.dice.choice(CITIES), "zip": "0", "state": str(self._counter)}
        if name == "organizations":
            content["deletedFlag"] = self.dice.random() < 0.1
        return key, content

    def edit(self, table: Table, key: int, members: Mapping[str, Any]) -> None:
        self.write(table, key, {**(table.versions[key][-1].content or {}), **members})

    def edit_unstamped(self, table: Table, key: int) -> None:
        last = table.versions[key][-1]
        self._counter += 1
        version = table.write(key, {**(last.content or {}), "state": f"quiet {self._counter}"}, last.stamp_at)
        self.note(f"version {version.number} of {key} bears the old stamp")

    def restore(self, table: Table, key: int) -> None:
        content = next(version.content for version in reversed(table.versions[key]) if version.content is not None)
        self.write(table, key, content)

    def mend(self, table: Table) -> None:
        """Poisoned records are readable again, by an edit."""
        for key in sorted(table.poisoned):
            self._counter += 1
            self.edit(table, key, {"state": f"mended {self._counter}"})

    def write(self, table: Table, key: int, content: Mapping[str, Any]) -> None:
        """A version as people make it: most are shown at once, some late, some stamped by a server whose clock is
        behind, and a few with a date in the future."""
        dice, now = self.dice, self.clock()
        stamp_at, late_by = now, 0
        odd = dice.random()
        if odd < (0.7 if self.slow else 0.1):
            late_by = dice.randint(0, self.late_by) * SECOND
        elif odd < 0.15:
            stamp_at = now - dice.randint(0, min(self.late_by, 60)) * SECOND
        elif odd < 0.18:
            stamp_at = now + dice.choice((30, 2 * 3600, 10 * 365 * 24 * 3600)) * SECOND
        table.show(key)
        version = table.write(key, content, stamp_at, late_by)
        self.note(f"version {version.number} of {key}: {content} late {late_by} stamp {stamp_at - now}")

    def hide(self, name: str, key: int) -> None:
        """A record is kept from view for a while, though nobody has changed it. One that nobody has read yet only as
        long as a version may be late; from reads by id never as long as two sweeps need; from lists alone for hours."""
        table = self.account.tables[name]
        by_id = self.dice.random() < 0.5
        known = self.oracle.knows(name, table.versions[key][-1])
        longest = self.dice.choice((400, 400, 2 * 3600)) if known and not by_id else 50
        until = self.clock() + self.dice.randint(0, longest) * SECOND
        if known or until - table.versions[key][-1].stamp_at <= self.late_by * SECOND:
            table.hide(key, until, by_id=by_id)
            self.note(f"{key} is hidden until {until}, by id: {by_id}")

    def narrow(self) -> bool:
        """A role loses sight of many records for a while, or of all it knew, which nobody changes meanwhile; whether
        there were enough of them to be suspicious."""
        name = max(sorted(self.account.tables), key=lambda name: len(self._plain(name)))
        table, known = self.account.tables[name], self._plain(name)
        if len(known) < 12 or self.careful or self.open:
            return False
        until = self.clock() + self.dice.randint(600, 3600) * SECOND
        spared = self.dice.choice((0, 1, 1, 1))
        for key in known[spared:]:
            table.hide(key, until, by_id=True)
            self._out_of_sight[name, key] = until
        self.note(f"{name}: {len(known) - spared} records are hidden until {until}")
        return True

    def blink(self) -> None:
        """A record is kept from one sweep and from reads by id meanwhile, and from a later one, but from no two in a
        row."""
        name = self.dice.choice(sorted(self.account.tables))
        if (known := self._plain(name)) and not self.careful and not self.open:
            key = self.dice.choice(known)
            self.account.tables[name].blink(key)
            self.note(f"{name} {key} blinks")

    def _plain(self, name: str) -> list[int]:
        """Records that are surely known, in view, and not flagged as deleted."""
        now, table = self.clock(), self.account.tables[name]
        found = []
        for key in table.alive():
            version = table.versions[key][-1]
            hidden = max(table.unlisted.get(key, 0), table.absent.get(key, 0)) > now or key in table.poisoned
            if not hidden and not version.flagged and self.oracle.watches[name].meets(version):
                found += [key] if self.oracle.knows(name, version) else []
        return found

"""What may a client name in a condition, of which type is it, and where does the record hold it?"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tidings.sandbox.condition_syntax import ConditionError

Record: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[Record], Any]

_UPDATED = ("_info", "lastUpdated")


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """The fields of one type of record, by lower-case slashed name (`company/id`).

    `fields` gives each one's type: int, decimal, string, bool, datetime, enum, reference or array; `keys` its real
    spelling (`firstName`), `enums` the members of an enum, `unfilterable` the names that are returned and refused
    (spec connectwise.md 3.2). `readers` reads fields that a stored record does not hold itself, such as the live
    name of a reference; for a member of an array it is given a mapping whose array key holds the one element.
    """

    fields: Mapping[str, str]
    unfilterable: frozenset[str] = frozenset()
    keys: Mapping[str, str] = field(default_factory=dict)
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict)
    readers: Mapping[str, Reader] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        fields: Mapping[str, str],
        *,
        unfilterable: Iterable[str] = (),
        enums: Mapping[str, Iterable[str]] | None = None,
        readers: Mapping[str, Reader] | None = None,
    ) -> "FieldSchema":
        """A schema from names in their real spelling."""
        return cls(
            fields={name.lower(): kind for name, kind in fields.items()},
            unfilterable=frozenset(name.lower() for name in unfilterable),
            keys={name.lower(): name for name in fields},
            enums={name.lower(): frozenset(members) for name, members in (enums or {}).items()},
            readers={name.lower(): read for name, read in (readers or {}).items()},
        )

    def path(self, name: str) -> tuple[str, ...]:
        """Where a record holds the field that a client calls `name`, in any letter case.

        `lastUpdated` is `_info.lastUpdated` on every type, `dateEntered` is `_info.dateEntered` where that exists
        and the type has no field of that name. Raises ConditionError for a name that is unknown or unfilterable.
        """
        low = self._alias(name.lower())
        if low == "_info/lastupdated":
            return _UPDATED
        if low not in self.fields or low in self.unfilterable:
            raise ConditionError(f"{name} is not a recognized name.")
        return tuple(self.keys.get(low, low).split("/"))

    def kind(self, name: str) -> str:
        """The type of a field that `path` knows."""
        low = self._alias(name.lower())
        return "datetime" if low == "_info/lastupdated" else self.fields[low]

    def reader(self, name: str) -> Reader:
        """A function that takes the field's value out of a record; None where it is missing."""
        own = self.readers.get(self._alias(name.lower()))
        return own if own is not None else _reader(self.path(name))

    def members(self, name: str) -> frozenset[str]:
        """The members of an enum, case-folded."""
        return frozenset(member.casefold() for member in self.enums.get(name.lower(), ()))

    def array(self, name: str) -> str | None:
        """The array that a name leads into, or None."""
        head = name.lower().partition("/")[0]
        return self.keys.get(head, head) if self.fields.get(head) == "array" else None

    def _alias(self, low: str) -> str:
        if low in self.fields or low not in ("lastupdated", "dateentered"):
            return low
        return "_info/" + low


def _reader(path: tuple[str, ...]) -> Reader:
    if len(path) == 1:
        return operator.methodcaller("get", path[0])
    if len(path) == 2:
        head, key = path

        def read_two(record: Record) -> Any:
            inner = record.get(head)
            return inner.get(key) if inner else None

        return read_two

    def read(record: Record) -> Any:
        value: Any = record
        for key in path:
            value = value.get(key) if value else None
        return value

    return read

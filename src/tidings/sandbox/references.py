"""How does a record show the records it points at, and who has to be shown anew when one of them is renamed?

Names of references are rendered live and their change does not touch the record that shows them (spec connectwise.md
13.14).
"""

from array import array
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.render import BASE, Fragment, Pointers
from tidings.sandbox.table import Table

Key: TypeAlias = tuple[str, int]


class References:
    """The labels of all records of a tenant and who shows them."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._fragments: dict[Key, dict[str, Fragment]] = {}
        self._dependents: dict[Key, dict[str, array[int]]] = {}
        self._pointers: dict[str, Pointers] = {}
        self._gone: dict[Key, dict[str, Any]] = {}
        self._names: dict[tuple[str, str], dict[str, list[int]]] = {}

    def fragment(self, member: str, target: str, number: int) -> Fragment:
        """The reference as JSON, with its address under `<member>_href`."""
        known = self._fragments.setdefault((target, number), {})
        found = known.get(member)
        if found is None:
            label = orjson.dumps({"id": number, **self.label(target, number)})[:-1]
            address = b"%s//%s/%d" % (BASE, self._folder(target, number).encode(), number)
            found = known[member] = Fragment(b'%s,"_info":{"%s_href":"%s"}}' % (label, member.encode(), address))
        return found

    def label(self, target: str, number: int) -> dict[str, Any]:
        """What a reference shows beside the id; of a deleted record what it showed last."""
        table = self._tables[target]
        if number in table:
            return label_of(table.resource, table.stored(number))
        return self._gone.get((target, number), {})

    def find(self, target: str, member: str, value: str) -> list[int]:
        """The ids of the records whose label has this value, in any letter case."""
        names = self._names.get((target, member))
        if names is None:
            names = self._names[target, member] = {}
            table = self._tables[target]
            for record in table:
                _enter(names, label_of(table.resource, record).get(member), record["id"])
        return names.get(value.casefold(), [])

    def showing(self, key: Key, path: str) -> set[int]:
        """The ids of the records of a resource that may show this one; some may have stopped to."""
        return set(self._dependents.get(key, {}).get(path, ()))

    def note(self, resource: Resource, record: Stored, old: Stored | None) -> None:
        """Remember which labels a record shows now; one it no longer shows costs a needless rendering at most."""
        if old is None:
            self._appeared(resource, record)
        pointers = self._pointers.get(resource.path)
        if pointers is None:
            pointers = self._pointers[resource.path] = Pointers(resource)
        before = pointers.of(old) if old is not None else set()
        for key in pointers.of(record) - before:
            shown = self._dependents.setdefault(key, {})
            numbers = shown.get(resource.path)
            if numbers is None:
                numbers = shown[resource.path] = array("Q")
            numbers.append(record["id"])

    def changed(self, resource: Resource, old: Stored, new: Stored | None) -> None:
        """A record was replaced, or deleted (`new` is None): have everybody who shows it rendered anew."""
        label = label_of(resource, old)
        renamed = label_of(resource, new) if new is not None else {}
        if new is not None and renamed == label:
            return
        key = (resource.path, old["id"])
        for member, names in self._names_of(resource):
            _strike(names, label.get(member), old["id"])
            _enter(names, renamed.get(member), old["id"])
        if new is None:
            self._gone[key] = label
        else:
            self._show_anew(key)

    def _appeared(self, resource: Resource, record: Stored) -> None:
        for member, names in self._names_of(resource):
            _enter(names, label_of(resource, record).get(member), record["id"])
        if (resource.path, record["id"]) in self._dependents:
            self._show_anew((resource.path, record["id"]))

    def _names_of(self, resource: Resource) -> list[tuple[str, dict[str, list[int]]]]:
        return [(member, names) for (path, member), names in self._names.items() if path == resource.path]

    def _show_anew(self, key: Key) -> None:
        self._fragments.pop(key, None)
        for path, numbers in self._dependents.get(key, {}).items():
            self._tables[path].stale(numbers)

    def _folder(self, target: str, number: int) -> str:
        if "{}" not in target:
            return target
        table = self._tables[target]
        parent = table.parent(table.stored(number)) if number in table else None
        return target.format(parent or 0)


def label_of(resource: Resource, record: Stored) -> dict[str, Any]:
    """The members of a record that references to it show."""
    label: dict[str, Any] = {}
    for member, sources in resource.label.items():
        values = [record[source] for source in sources.split() if record.get(source) is not None]
        if values:
            label[member] = values[0] if len(values) == 1 else " ".join(map(str, values))
    return label


def _enter(names: dict[str, list[int]], value: Any, number: int) -> None:
    if value is not None:
        names.setdefault(str(value).casefold(), []).append(number)


def _strike(names: dict[str, list[int]], value: Any, number: int) -> None:
    if value is not None:
        names[str(value).casefold()].remove(number)

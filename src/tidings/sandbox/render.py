"""How does a stored record look in an answer, and what was stored of one that is kept only as its answer?

Stored: references are `{"id": n}`, `customFields` only those with a value, `_info` only stamps and members. A body is
the JSON of an answer with two marker bytes that JSON text cannot contain: BASE stands for the address the client
used, BLANK for the custom fields of a record that has none of them set. `finish` puts both in, a page at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from tidings.sandbox.describe import Resource, Stored

BASE = b"\x01"
BLANK = b"\x02"

Fragment = orjson.Fragment
Label = Callable[[str, str, int], Fragment]
Definitions = Callable[[str], "CustomFields"]
Step = tuple[str, Callable[[str, Any], Any] | None]


class CustomFields:
    """The custom fields that every record of one type lists, in the order of their rows (spec connectwise.md 2.8)."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]] = ()) -> None:
        self._parts: dict[int, tuple[bytes, bytes]] = {}
        self.defaults: dict[int, Any] = {}
        rows: dict[int, int] = {}
        for each in sorted(definitions, key=lambda each: (each["sequenceNumber"], each["id"])):
            pod = int(each["podId"])
            rows[pod] = rows.get(pod, 0) + 1
            self._parts[each["id"]] = _custom_field_parts(each, rows[pod])
            chosen = [option["optionValue"] for option in each.get("options") or () if option.get("defaultFlag")]
            if chosen:
                self.defaults[each["id"]] = chosen[0]
        self.blank = self.body({})

    def __contains__(self, number: object) -> bool:
        return number in self._parts

    def __iter__(self) -> Iterator[int]:
        """The ids of the definitions, in the order of an answer."""
        return iter(self._parts)

    def body(self, values: Mapping[int, Any]) -> bytes:
        """The array of an answer for the values given by id of the definition."""
        return b"[%s]" % b",".join(
            head + orjson.dumps(values.get(number)) + tail for number, (head, tail) in self._parts.items()
        )


def _custom_field_parts(definition: Mapping[str, Any], row: int) -> tuple[bytes, bytes]:
    pod = str(definition.get("podDescription", "")).lower().replace(" ", "_").removesuffix("s")
    head = {
        "id": definition["id"],
        "caption": definition["caption"],
        "type": definition["fieldTypeIdentifier"],
        "entryMethod": definition.get("entryTypeIdentifier", "EntryField"),
        "numberOfDecimals": definition.get("numberDecimals", 0),
    }
    tail = {
        "connectWiseId": definition.get("connectWiseID", ""),
        "rowNum": row,
        "userDefinedFieldRecId": definition["id"],
        "podId": pod,
    }
    return orjson.dumps(head)[:-1] + b',"value":', b"," + orjson.dumps(tail)[1:]


class Renderer:
    """Turns the records of one resource into bodies and back."""

    def __init__(self, resource: Resource, label: Label, definitions: Definitions) -> None:
        self._resource = resource
        self._label = label
        self._definitions = definitions
        self._targets = {each.name: each.target or "" for each in resource.fields.values() if each.kind == "ref"}
        self._empty = {each.name for each in resource.fields.values() if each.has("empty")}
        self._arrays = array_references(resource)
        self._order = tuple(each.name for each in resource.fields.values() if not each.has("write-only"))
        self._plans: dict[tuple[str, ...], tuple[Step, ...]] = {}
        # In a JSON answer `&` and `'` stand for themselves, so a link is only ever filled in, never escaped.
        links = "".join(f',"{key}":"{BASE.decode()}//{path}"' for key, path in resource.links)
        self._links = links.encode().split(b"{id}")

    def body(self, stored: Stored) -> bytes:
        """The answer's bytes for a stored record, its markers still in."""
        shape = tuple(stored)
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._plans[shape] = self._plan(shape)
        out: dict[str, Any] = {"id": stored["id"]} if "id" in stored else {}
        for name, show in plan:
            value = stored.get(name)
            if value is None:
                if name in self._empty:
                    out[name] = self._nothing(name)
            else:
                out[name] = value if show is None else show(name, value)
        info = orjson.dumps(self._info(stored.get("_info") or {}))[:-1]
        if self._links != [b""]:
            links = b"%d" % stored["id"]
            links = links.join(self._links).replace(b"{lastUpdated}", _stamp(stored).encode())
            info += links if len(info) > 1 else links[1:]
        return orjson.dumps(out)[:-1] + b',"_info":' + info + b"}}"

    def _plan(self, shape: tuple[str, ...]) -> tuple[Step, ...]:
        """How the members of records of one shape are shown, in order; None for one that is shown as it is.

        Records come in few shapes, so this is worked out once for many.
        """
        present = [name for name in self._order if name in shape or name in self._empty]
        return tuple((name, self._way_to_show(name)) for name in present)

    def _way_to_show(self, name: str) -> Callable[[str, Any], Any] | None:
        if name == "customFields":
            return self._custom_fields
        if name in self._targets:
            return self._reference
        return self._elements if name in self._arrays else None

    def _nothing(self, name: str) -> Any:
        if name == "customFields":
            return Fragment(BLANK)
        return {} if name in self._targets else []

    def _info(self, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        # The stamp comes first: Table.stamp finds it there.
        return {key: stored[key] for key in self._resource.stamps if stored.get(key) is not None}

    def stored(self, body: bytes) -> Stored:
        """The stored record that a body was made from."""
        record: Stored = parse(body)
        for name in self._targets:
            if name in record:
                record[name] = _bare(record[name], self._targets[name])
                if not record[name]:
                    del record[name]
        for name, (member, _) in self._arrays.items():
            for element in record.get(name, ()):
                if member is None:
                    element.pop("name", None)
                    element.pop("_info", None)
                elif member in element:
                    element[member] = {"id": element[member]["id"]}
        if "customFields" in record:
            record["customFields"] = [
                {"id": each["id"], "value": each["value"]}
                for each in record["customFields"]
                if each["value"] is not None
            ]
        record["_info"] = {key: value for key, value in record["_info"].items() if not key.endswith("_href")}
        for name in self._empty:
            if name in record and not record[name]:
                del record[name]
        return record

    def _reference(self, name: str, value: Mapping[str, Any]) -> Any:
        target = self._targets[name]
        number = value.get("id")
        return self._label(name, target, number) if target and isinstance(number, int) else {**value, "_info": {}}

    def _elements(self, name: str, elements: Iterable[Any]) -> list[Any]:
        member, target = self._arrays[name]
        if member is None:
            return [self._label("type", target, element["id"]) for element in elements]
        return [
            {**element, member: self._label(member, target, element[member]["id"])} if member in element else element
            for element in elements
        ]

    def _custom_fields(self, name: str, stored: Iterable[Mapping[str, Any]]) -> Fragment:
        values = {each["id"]: each["value"] for each in stored}
        return Fragment(self._definitions(self._resource.pod).body(values) if values else BLANK)


class Pointers:
    """Finds what the records of one resource refer to."""

    def __init__(self, resource: Resource) -> None:
        self._members = tuple((each.name, each.target or "") for each in resource.references())
        self._arrays = tuple(array_references(resource).items())

    def of(self, stored: Stored) -> set[tuple[str, int]]:
        """Every record that a stored one refers to, as (path of the resource, id)."""
        found = {
            (target, pointer["id"])
            for name, target in self._members
            if (pointer := stored.get(name)) and "id" in pointer
        }
        for name, (member, target) in self._arrays:
            for element in stored.get(name) or ():
                pointer = element if member is None else element.get(member)
                if pointer and "id" in pointer:
                    found.add((target, pointer["id"]))
        return found


def array_references(resource: Resource) -> dict[str, tuple[str | None, str]]:
    """The arrays whose elements refer to records: the member that does (None: the element itself) and the target."""
    known: dict[str, tuple[str | None, str]] = {
        "communicationItems": ("type", "company/communicationTypes"),
        "types": (None, f"{resource.path}/types"),
    }
    return {name: where for name, where in known.items() if name in resource.fields}


def parse(body: bytes, blank: bytes = b"[]") -> Any:
    """The answer as objects, without its addresses."""
    return orjson.loads(body.replace(BASE, b"").replace(BLANK, blank))


def finish(bodies: bytes, base: bytes, blank: bytes) -> bytes:
    """Bodies as they go out: `base` is the address up to the `//` that the provider doubles (spec 13.25)."""
    return bodies.replace(BLANK, blank).replace(BASE, base)


def _stamp(stored: Stored) -> str:
    return str((stored.get("_info") or {}).get("lastUpdated", ""))


def _bare(reference: Mapping[str, Any], target: str) -> Stored:
    if target and "id" in reference:
        return {"id": reference["id"]}
    return {key: value for key, value in reference.items() if key != "_info"}

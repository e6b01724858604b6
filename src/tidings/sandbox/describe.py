"""What is a resource made of? Fields, references and rights as data, read from one line of text each.

A line is `name kind option option …`. Kinds: `int`, `num`, `str`, `str:30` (longest length), `bool`, `date`, `list`,
`enum:A|B`, `ref` (any object with an id) and `ref:company/companies` (a record that must exist). Options: `=value`
(JSON, the default at create), `required`, `required-on-put`, `create-only` (ignored by PUT and PATCH), `write-only`
(never returned), `read-only` (set by the server), `within:board` (the referenced record must belong to the same one
as this record's `board`), `empty` (returned as `{}` or `[]` when there is nothing) and `unfilterable`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

Stored = dict[str, Any]

BILLING = "Billable|DoNotBill|NoCharge|NoDefault"
"""The members of the enum that says who pays."""

USER_FIELDS = "\n".join(f"userDefinedField{n} str:50" for n in range(1, 11))
"""The lines of the ten free texts that contacts and companies have."""

_FILTER_KINDS = {"str": "string", "num": "decimal", "date": "datetime", "ref": "reference", "list": "array"}


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a record."""

    name: str
    kind: str
    length: int | None = None
    values: tuple[str, ...] = ()
    target: str | None = None
    within: str | None = None
    default: Any = None
    options: frozenset[str] = frozenset()

    def has(self, option: str) -> bool:
        return option in self.options


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection: where it is, how its records are named in messages, what they hold and who may write them."""

    path: str
    name: str
    fields: Mapping[str, Field]
    verbs: str = "CUD"
    parent_field: str = ""
    label: Mapping[str, str] = field(default_factory=lambda: {"name": "name"})
    links: tuple[tuple[str, str], ...] = ()
    stamps: tuple[str, ...] = ("lastUpdated", "updatedBy")
    audit: str = ""
    callback: str = ""
    unique: str = ""
    soft_delete: bool = False
    pod: str = ""
    object_name: str = ""
    virtual: bool = False
    """Made up from other resources when it is asked for; it has no records of its own."""

    @property
    def camel(self) -> str:
        """The type as errors name it (`contact object is invalid`)."""
        return self.object_name or self.name[0].lower() + self.name[1:]

    @property
    def parent(self) -> str:
        """The path of the resource this one lies under, or an empty text."""
        return self.path.rpartition("/{}/")[0]

    def references(self) -> Iterator[Field]:
        """The members that point at another resource."""
        return (each for each in self.fields.values() if each.kind == "ref" and each.target)


def fields(text: str) -> dict[str, Field]:
    """Read a table of fields; the order of the lines is the order of members in an answer.

    >>> fields("firstName str:30 required")["firstName"].length
    30
    """
    lines = (line.split() for line in text.strip().splitlines())
    return {words[0]: _field(words[0], words[1], words[2:]) for words in lines if words}


def _field(name: str, kind: str, options: list[str]) -> Field:
    kind, _, detail = kind.partition(":")
    default = next((orjson.loads(option[1:]) for option in options if option.startswith("=")), None)
    within = next((option.partition(":")[2] for option in options if option.startswith("within:")), None)
    return Field(
        name=name,
        kind=kind,
        length=int(detail) if kind == "str" and detail else None,
        values=tuple(detail.split("|")) if kind == "enum" else (),
        target=detail if kind == "ref" and detail else None,
        within=within,
        default=default,
        options=frozenset(option for option in options if option[0] != "=" and not option.startswith("within:")),
    )


def filter_kinds(resource: Resource, labels: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The names usable in conditions and the type of each, in their real spelling (spec connectwise.md 3.2).

    `labels` gives, for every resource path, the members that a reference to it shows beside its id.
    """
    found = {"id": "int"}
    for each in resource.fields.values():
        if each.has("write-only"):
            continue
        found[each.name] = _FILTER_KINDS.get(each.kind, each.kind)
        if each.kind == "ref":
            found[f"{each.name}/id"] = "int"
            for member in labels.get(each.target or "", {"name": ""}):
                found[f"{each.name}/{member}"] = "int" if member in ("sort", "level") else "string"
    for name, kind in ARRAY_MEMBERS.items():
        if name.partition("/")[0] in resource.fields:
            found[name] = kind
    for stamp in resource.stamps:
        found[f"_info/{stamp}"] = "datetime" if stamp in ("lastUpdated", "dateEntered") else "string"
    return found


ARRAY_MEMBERS: Mapping[str, str] = {
    "communicationItems/id": "int",
    "communicationItems/type/id": "int",
    "communicationItems/type/name": "string",
    "communicationItems/value": "string",
    "communicationItems/extension": "string",
    "communicationItems/defaultFlag": "bool",
    "communicationItems/domain": "string",
    "communicationItems/communicationType": "enum",
    "types/id": "int",
    "types/name": "string",
}

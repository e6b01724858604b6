"""Is a record that a client wants to write acceptable? The checks in the order of spec connectwise.md 13.18."""

from collections.abc import Iterable
from typing import Any

from tidings.sandbox.answers import Problem, invalid
from tidings.sandbox.describe import Field, Resource, Stored
from tidings.sandbox.tenant import Tenant


def refuse_if(resource: Resource, problems: Iterable[Problem]) -> None:
    """Raise the 400 that lists the problems, if there are any."""
    found = list(problems)
    if found:
        raise invalid(resource.camel, found)


def missing(resource: Resource, record: Stored, given: Iterable[str], *, replacing: bool) -> list[Problem]:
    """The required members that the record lacks; some are required only of the body of a PUT (`given`)."""
    named = set(given)
    lacking = [
        each.name
        for each in resource.fields.values()
        if (each.has("required") and record.get(each.name) in (None, ""))
        or (replacing and each.has("required-on-put") and each.name not in named)
    ]
    return [Problem("MissingRequiredField", f"The {name} field is required.", name) for name in lacking]


def too_long(resource: Resource, record: Stored, given: Iterable[str]) -> list[Problem]:
    """The given members that are longer than their column."""
    fields = [resource.fields[name] for name in given]
    return [
        Problem(
            "InvalidField",
            f"The field {each.name} must be a string with a maximum length of {each.length}.",
            each.name,
        )
        for each in fields
        if each.length is not None and len(record.get(each.name) or "") > each.length
    ]


def resolve(tenant: Tenant, resource: Resource, record: Stored, given: Iterable[str], *, within: bool) -> None:
    """Replace the given references by `{"id": n}`: those that must lie within another one, or all others.

    Raises Refusal 400 for one that points nowhere.
    """
    problems = []
    for name in given:
        each = resource.fields[name]
        value = record.get(name)
        if each.kind != "ref" or not each.target or value is None or bool(each.within) is not within:
            continue
        number = find(tenant, each, value, _owner(record, each))
        if number is None:
            problems.append(Problem("InvalidReference", f"The {name} reference is invalid.", name))
        else:
            record[name] = {"id": number}
    refuse_if(resource, problems)


def misplaced(tenant: Tenant, resource: Resource, record: Stored) -> list[Problem]:
    """The references that do not belong to the board or company of the record (spec connectwise.md 13.16)."""
    found = []
    for each in resource.references():
        value = record.get(each.name)
        if each.within is None or value is None:
            continue
        target = tenant.newest(each.target or "", value["id"])
        if target is None or tenant.tables[each.target or ""].parent(target) != _owner(record, each):
            message = f"The {each.name} does not belong to the {each.within}."
            found.append(Problem("InvalidField", message, each.name))
    return found


def find(tenant: Tenant, each: Field, value: Stored, owner: int | None) -> int | None:
    """The id of the record that a reference names by id, identifier, name or summary."""
    target = each.target or ""
    if "id" in value:
        number: int = value["id"]
        return number if tenant.newest(target, number) is not None else None
    for member, text in value.items():
        numbers = tenant.references.find(target, member, str(text))
        if each.within is not None:
            table = tenant.tables[target]
            numbers = [number for number in numbers if table.parent(table.stored(number)) == owner]
        if numbers:
            return numbers[0]
    return None


def taken(tenant: Tenant, resource: Resource, record: Stored) -> list[Problem]:
    """Whether another record has the value that must be unique."""
    name = resource.unique
    if not name:
        return []
    others = tenant.references.find(resource.path, name, str(record[name]))
    if all(number == record["id"] for number in others):
        return []
    return [Problem("ObjectExists", f"{_TITLES.get(name, name)} already in use.", name)]


_TITLES = {"identifier": "Company ID"}


def _owner(record: Stored, each: Field) -> int | None:
    value: Any = record.get(each.within or "")
    return value.get("id") if isinstance(value, dict) else None

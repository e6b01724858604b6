"""How is a record created, replaced, patched or deleted?"""

from collections.abc import Collection
from copy import deepcopy
from typing import Any

from tidings.sandbox.answers import Problem, in_use, method_not_allowed, not_found
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.changes import Action
from tidings.sandbox.convert import convert, is_writable, members
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.desk import Desk
from tidings.sandbox.patch import apply
from tidings.sandbox.rules import RULES, Rules
from tidings.sandbox.tenant import Tenant
from tidings.sandbox.validation import misplaced, missing, refuse_if, resolve, taken, too_long


class Writer:
    """Writes to one tenant, each time as one of its members. Every method raises Refusal and then changes nothing."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def create(self, path: str, body: Any, *, parent: int | None = None, member: str | None = None) -> Stored:
        """A new record, under `parent` where the resource lies under another."""
        resource = self._writable(path, "C")
        given = members(resource, body, creating=True)
        record = {**_defaults(resource), **_present(given)}
        record["id"] = 0
        if parent is not None:
            record[resource.parent_field] = _pointer(resource, parent)
        return self._store(resource, record, None, given, body, member)

    def replace(self, path: str, number: int, body: Any, *, member: str | None = None) -> Stored:
        """PUT: members that the body lacks fall back to their default or go; custom fields not named stay."""
        resource = self._writable(path, "U")
        old = self._existing(resource, number)
        given = members(resource, body, creating=False)
        kept = {
            name: value
            for name, value in old.items()
            if name not in resource.fields
            or not is_writable(resource.fields[name], creating=False)
            or name == "customFields"
        }
        record = {**_defaults(resource), **kept, **_present(given)}
        refuse_if(resource, missing(resource, record, given, replacing=True))
        return self._store(resource, record, old, given, body, member)

    def patch(self, path: str, number: int, operations: Any, *, member: str | None = None) -> Stored:
        """PATCH: the record with what the operations change. One that changes nothing moves the stamp all the same."""
        resource = self._writable(path, "U")
        old = self._existing(resource, number)
        order = list(self._tenant.custom_fields(resource.pod))
        changed = apply(resource, old, operations, order)
        given = {name: convert(resource.fields[name], value) for name, value in changed.items()}
        record = {name: value for name, value in old.items() if name not in given or name == "customFields"}
        defaults = {name: value for name, value in _defaults(resource).items() if name in given}
        named = {each["path"].strip("/").split("/")[0]: each.get("value") for each in operations}
        return self._store(resource, {**record, **defaults, **_present(given)}, old, given, named, member)

    def delete(self, path: str, number: int, *, member: str | None = None) -> None:
        """DELETE: the record goes, or is flagged where the provider deletes softly."""
        resource = self._writable(path, "D")
        old = self._existing(resource, number)
        desk = self._desk(member)
        rules = RULES.get(path, Rules())
        if rules.in_use(desk, old):
            raise in_use(resource.name, number)
        if resource.soft_delete:
            if old.get("deletedFlag"):
                raise not_found(resource.name, number)
            flagged = {**old, "deletedFlag": True, "dateDeleted": desk.now, "deletedBy": desk.member}
            self._commit(desk, resource, desk.stamped(resource, flagged, old), old, "deleted")
            return
        self._commit(desk, resource, None, old, "deleted")
        rules.after_delete(desk, old, old, ())

    def _store(
        self, resource: Resource, record: Stored, old: Stored | None, given: Stored, body: Any, member: str | None
    ) -> Stored:
        tenant = self._tenant
        desk = self._desk(member, quiet=body.get("skipCallback") in (True, "true"))
        rules = RULES.get(resource.path, Rules())
        refuse_if(resource, missing(resource, record, given, replacing=False))
        refuse_if(resource, too_long(resource, record, given))
        resolve(tenant, resource, record, given, within=False)
        refuse_if(resource, rules.check(desk, record, old, given))
        refuse_if(resource, taken(tenant, resource, record))
        refuse_if(resource, self._put_custom_fields(resource, record, old, given))
        if old is None:
            record["id"] = tenant.next_id(resource.path)
            if "mobileGuid" in resource.fields:
                record["mobileGuid"] = desk.guid()
        rules.complete(desk, record, old, given)
        resolve(tenant, resource, record, given, within=True)
        refuse_if(resource, misplaced(tenant, resource, record))
        rules.settle(desk, record, old, given)
        stored = desk.stamped(resource, _kept(resource, record), old)
        self._commit(desk, resource, stored, old, _action(record, old))
        rules.after(desk, record, old, given)
        return stored

    def _commit(
        self, desk: Desk, resource: Resource, record: Stored | None, old: Stored | None, action: Action
    ) -> None:
        shown = record or old or {}
        self._tenant.commit(resource, shown["id"], record, action, member=desk.member, quiet=desk.quiet)
        trail, at = self._tenant.audit, {"at": desk.now, "by": desk.member}
        if old is None:
            trail.created(resource.audit, shown["id"], **at)
        elif record is None:
            trail.deleted(resource.audit, shown["id"], **at)
        else:
            trail.updated(resource.audit, shown["id"], self._named(resource, old), self._named(resource, record), **at)
            if action == "deleted":
                trail.deleted(resource.audit, shown["id"], **at)

    def _named(self, resource: Resource, record: Stored) -> Stored:
        """The record with the names of what it refers to, for people to read."""
        label = self._tenant.references.label
        names = {
            each.name: {**record[each.name], **label(each.target or "", record[each.name]["id"])}
            for each in resource.references()
            if record.get(each.name)
        }
        return {**record, **names}

    def _put_custom_fields(
        self, resource: Resource, record: Stored, old: Stored | None, given: Collection[str]
    ) -> list[Problem]:
        """Merge the values sent into those there are, by id; a new record takes the defaults of its lists."""
        if "customFields" not in resource.fields or not resource.pod:
            return []
        known = self._tenant.custom_fields(resource.pod)
        values = {each["id"]: each["value"] for each in (old or {}).get("customFields") or ()}
        if old is None:
            values = dict(known.defaults)
        sent = record.get("customFields") or [] if "customFields" in given else []
        for each in sent:
            number = each.get("id") if isinstance(each, dict) else None
            number = int(number) if isinstance(number, str) and number.isdigit() else number
            if number not in known:
                return [Problem("InvalidField", f"The custom field {number} does not exist.", "customFields")]
            values[number] = each.get("value")
        record["customFields"] = [
            {"id": number, "value": values[number]} for number in known if values.get(number) is not None
        ]
        return []

    def _writable(self, path: str, verb: str) -> Resource:
        resource = RESOURCES[path]
        if verb not in resource.verbs:
            raise method_not_allowed()
        return resource

    def _existing(self, resource: Resource, number: int) -> Stored:
        old = self._tenant.newest(resource.path, number)
        if old is None:
            raise not_found(resource.name, number)
        return old

    def _desk(self, member: str | None, *, quiet: bool = False) -> Desk:
        return Desk(self._tenant, member or self._tenant.account.member, self._tenant.stamp(), quiet)


def _defaults(resource: Resource) -> Stored:
    return {each.name: deepcopy(each.default) for each in resource.fields.values() if each.default is not None}


def _present(given: Stored) -> Stored:
    return {name: value for name, value in given.items() if value is not None}


def _kept(resource: Resource, record: Stored) -> Stored:
    """The record as it is stored: without what is empty and without what is never returned."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and not (name in resource.fields and resource.fields[name].has("write-only"))
    }


def _pointer(resource: Resource, parent: int) -> Any:
    return {"id": parent} if resource.fields[resource.parent_field].kind == "ref" else parent


def _action(record: Stored, old: Stored | None) -> Action:
    was, is_gone = bool(old and old.get("deletedFlag")), bool(record.get("deletedFlag"))
    if was != is_gone and old is not None:
        return "deleted" if is_gone else "added"
    return "added" if old is None else "updated"

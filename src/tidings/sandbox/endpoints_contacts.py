"""How are a contact's communications read and written one by one? They live inside the contact (2.4, 13.14)."""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson

from tidings.sandbox.answers import Answer, invalid, not_convertible, not_found
from tidings.sandbox.call import Call, Operation
from tidings.sandbox.catalog import RESOURCES, SCHEMAS
from tidings.sandbox.communications import item, kind_of
from tidings.sandbox.convert import members
from tidings.sandbox.describe import Stored
from tidings.sandbox.desk import Desk
from tidings.sandbox.patch import apply
from tidings.sandbox.projection import project, tree
from tidings.sandbox.reading import check_parent, plain_count, plain_list
from tidings.sandbox.render import finish
from tidings.sandbox.rules_company import CONTACTS, arrange_items, communication_type, is_item, item_problems
from tidings.sandbox.tenant import COMMUNICATIONS
from tidings.sandbox.validation import missing, refuse_if, too_long

RESOURCE = RESOURCES[COMMUNICATIONS]


def _all(call: Call) -> list[Any]:
    contact = _contact(call)
    return [_shown(call, contact, each) for each in _items(contact)]


def _get(call: Call) -> Answer:
    contact = _contact(call)
    return _answer(call, contact, _one(call, contact))


def _create(call: Call) -> Answer:
    contact = _contact(call)
    made, kind = _made(call, members(RESOURCE, call.json(), creating=True))
    new = item(made, call.tenant.next_id(COMMUNICATIONS), kind["id"], kind_of(kind))
    _put(call, contact, [*_items(contact), new], new["id"], "added")
    return _answer(call, contact, new, status=201, headers={"Location": f"{call.address}/{new['id']}"})


def _replace(call: Call) -> Answer:
    return _update(call, members(RESOURCE, call.json(), creating=False), keep=False)


def _patch(call: Call) -> Answer:
    operations = call.json()
    if not isinstance(operations, list):
        raise not_convertible(operations, "Patch")
    return _update(call, apply(RESOURCE, _one(call, _contact(call)), operations, ()), keep=True)


def _delete(call: Call) -> Answer:
    contact = _contact(call)
    gone = _one(call, contact)
    _put(call, contact, [each for each in _items(contact) if each is not gone], gone["id"], "deleted")
    return Answer(204)


def _update(call: Call, given: Stored, *, keep: bool) -> Answer:
    contact = _contact(call)
    old = _one(call, contact)
    made, kind = _made(call, {**old, **given} if keep else given)
    new = item(made, old["id"], kind["id"], kind_of(kind))
    _put(call, contact, [new if each is old else each for each in _items(contact)], new["id"], "updated")
    return _answer(call, contact, new)


def _made(call: Call, given: Stored) -> tuple[Stored, Stored]:
    """The members of an item and its type. Raises Refusal 400."""
    desk = _desk(call)
    refuse_if(RESOURCE, missing(RESOURCE, given, given, replacing=False))
    refuse_if(RESOURCE, too_long(RESOURCE, given, [name for name in given if name in RESOURCE.fields]))
    kind = communication_type(desk, given) if is_item(given) else None
    if kind is None:
        raise invalid(RESOURCE.camel, item_problems(desk, given))
    return given, kind


def _put(call: Call, contact: Stored, items: list[Stored], number: int, action: Any) -> None:
    """The contact with other items: a write through this endpoint does not move its stamp."""
    changed = dict(contact)
    arrange_items(_desk(call), changed, items, {each["id"]: each for each in _items(contact)})
    changed = {name: value for name, value in changed.items() if value is not None}
    seen = call.tenant.amend(CONTACTS, contact["id"], changed)
    member = call.tenant.account.member
    call.tenant.announce(RESOURCE, number, action, member=member, seen=seen, parent=contact["id"])
    contact["communicationItems"] = changed["communicationItems"]


def _contact(call: Call) -> Stored:
    check_parent(call, RESOURCE)
    found = call.tenant.newest(CONTACTS, call.numbers[0])
    if found is None:
        raise not_found("Contact", call.numbers[0])
    return dict(found)


def _items(contact: Stored) -> list[Stored]:
    return list(contact.get("communicationItems") or ())


def _one(call: Call, contact: Stored) -> Stored:
    for each in _items(contact):
        if each["id"] == call.numbers[1]:
            return each
    raise not_found(RESOURCE.name, call.numbers[1])


def _shown(call: Call, contact: Stored, each: Stored) -> Any:
    kind = call.tenant.references.fragment("type", "company/communicationTypes", each["type"]["id"])
    guid = str(uuid5(NAMESPACE_OID, f"communication {each['id']}"))
    info = {name: contact["_info"][name] for name in RESOURCE.stamps if name in contact["_info"]}
    shown = {"id": each["id"], "contactId": contact["id"], "type": kind, **_rest(each), "mobileGuid": guid}
    return orjson.loads(finish(orjson.dumps({**shown, "_info": info}), call.base, b"[]"))


def _rest(each: Stored) -> Stored:
    return {name: value for name, value in each.items() if name not in ("id", "type")}


def _answer(
    call: Call, contact: Stored, each: Stored, *, status: int = 200, headers: dict[str, str] | None = None
) -> Answer:
    now = next((item for item in _items(contact) if item["id"] == each["id"]), each)
    shown = _shown(call, contact, now)
    wanted = tree(call.parameters.text("fields"))
    return Answer(status, orjson.dumps(project(shown, wanted) if wanted else shown), headers or {})


def _desk(call: Call) -> Desk:
    return Desk(call.tenant, call.tenant.account.member, call.tenant.stamp())


CONTACT_ROUTES: dict[str, dict[str, Operation]] = {
    "company/contacts/{}/communications": {"GET": plain_list(_all, SCHEMAS[COMMUNICATIONS]), "POST": _create},
    "company/contacts/{}/communications/count": {"GET": plain_count(_all, SCHEMAS[COMMUNICATIONS])},
    "company/contacts/{}/communications/{}": {"GET": _get, "PUT": _replace, "PATCH": _patch, "DELETE": _delete},
}

"""What does the provider check and add when callbacks, members and custom fields are written?"""

from collections.abc import Collection
from urllib.parse import urlsplit

from tidings.sandbox.answers import Problem
from tidings.sandbox.callbacks import TYPES
from tidings.sandbox.describe import Stored
from tidings.sandbox.desk import Desk

CALLBACKS = "system/callbacks"
_PODS = {4: "Contact Overview", 5: "Contact Details"}


def complete_callback(desk: Desk, callback: Stored, old: Stored | None, given: Collection[str]) -> None:
    """An owner's object is 1 whatever was sent; the record belongs to the API member (spec connectwise.md 6.1)."""
    callback["objectId"] = _object_id(callback)
    if old is None:
        callback["memberId"] = (desk.member_reference() or {}).get("id")
        callback["connectWiseID"] = desk.guid()


def check_callback(desk: Desk, callback: Stored, old: Stored | None, given: Collection[str]) -> list[Problem]:
    """An absolute URL and a level that the type has."""
    problems = []
    address = urlsplit(callback["url"])
    if address.scheme not in ("http", "https") or not address.hostname:
        problems.append(Problem("InvalidField", "Invalid URL", "url"))
    if callback["level"].lower() not in TYPES.get(callback["type"].lower(), frozenset()):
        text = "Unrecognized level for type, see documentation for supported levels for each type"
        problems.append(Problem("InvalidObject", text, "level"))
    return problems or _existing(desk, callback)


def _existing(desk: Desk, callback: Stored) -> list[Problem]:
    same = {name: callback.get(name) for name in ("type", "level", "url")} | {"objectId": _object_id(callback)}
    for other in desk.tenant.tables[CALLBACKS]:
        if other["id"] != callback["id"] and other.items() >= same.items():
            return [Problem("ObjectExists", "A matching callback entry already exists", "objectId")]
    return []


def _object_id(callback: Stored) -> int:
    given: int = callback["objectId"]
    return given or (1 if callback["level"].lower() == "owner" else 0)


def complete_definition(desk: Desk, definition: Stored, old: Stored | None, given: Collection[str]) -> None:
    """Custom fields of the contact pods know what their pod is called; the options get ids."""
    definition.setdefault("podDescription", _PODS.get(definition["podId"], f"Pod {definition['podId']}"))
    if old is None:
        definition |= {"connectWiseID": desk.guid(), "dateCreated": desk.now}
    options = [each for each in definition.get("options") or () if isinstance(each, dict)]
    if options:
        definition["options"] = [{"id": place, **each} for place, each in enumerate(options, 1)]

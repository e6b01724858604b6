"""How do the phone numbers and addresses inside a contact behave? (spec connectwise.md 2.4)"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tidings.sandbox.describe import Stored

KINDS = (("emailFlag", "Email"), ("phoneFlag", "Phone"), ("faxFlag", "Fax"))

_KEPT = ("id", "type", "value", "extension", "defaultFlag", "domain", "communicationType")


def kind_of(communication_type: Mapping[str, Any]) -> str:
    """What a record of /company/communicationTypes implies: Email, Phone or Fax."""
    return next((kind for flag, kind in KINDS if communication_type.get(flag)), "Phone")


def item(given: Mapping[str, Any], number: int, type_id: int, kind: str) -> Stored:
    """An item in stored form."""
    value = str(given["value"])
    made: Stored = {
        "id": number,
        "type": {"id": type_id},
        "value": value,
        "extension": given.get("extension") or None,
        "defaultFlag": given.get("defaultFlag") in (True, "true", "True"),
        "domain": "@" + value.partition("@")[2] if kind == "Email" and "@" in value else None,
        "communicationType": kind,
    }
    return {key: made[key] for key in _KEPT if made[key] is not None}


def one_default(items: list[Stored], old: Mapping[int, Stored]) -> list[Stored]:
    """The items with one default of each kind: the one that became it last; `old` are the former items by id.

    A default that is removed is not replaced.
    """
    winners: dict[str, Stored] = {}
    for each in items:
        before = old.get(each["id"])
        if each["defaultFlag"] and not (before and before["defaultFlag"]):
            winners[each["communicationType"]] = each
    return [
        {**each, "defaultFlag": False} if winners.get(each["communicationType"], each) is not each else each
        for each in items
    ]


def default_phone(items: Iterable[Stored], type_name: Callable[[int], str]) -> Stored:
    """The members of a contact that repeat its default phone; None for what there is not."""
    phone = next((each for each in items if each["defaultFlag"] and each["communicationType"] == "Phone"), None)
    if phone is None:
        return dict.fromkeys(("defaultPhoneType", "defaultPhoneNbr", "defaultPhoneExtension"))
    return {
        "defaultPhoneType": type_name(phone["type"]["id"]),
        "defaultPhoneNbr": phone["value"],
        "defaultPhoneExtension": phone.get("extension"),
    }

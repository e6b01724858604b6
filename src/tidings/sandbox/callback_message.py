"""What does a callback say, to whom, and how is it signed? (spec connectwise.md 6.2 to 6.4)"""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import orjson

Record: TypeAlias = Mapping[str, Any]

_LEVELS = """
    activity: owner status type company activity
    agreement: owner type company agreement
    company: owner status type territory company integratortag
    configuration: owner type status configuration
    contact: owner type territory company contact
    expense: owner chargetotype type class company expense
    invoice: owner status company invoice
    member: owner location securityrole member
    opportunity: owner statusid company opportunity
    productcatalog: owner
    project: owner status board project
    purchaseorder: owner status vendor company purchaseorder
    schedule: owner status type location member schedule
    site: owner
    ticket: owner board project phase status ticket integratortag
    time: owner company time
"""

TYPES: Mapping[str, frozenset[str]] = {
    kind.strip(): frozenset(levels.split())
    for kind, levels in (line.split(":") for line in _LEVELS.strip().splitlines())
}
"""The types that a callback may have and the levels of each (spec connectwise.md 6.2)."""

_UNSHOWN = ("communicationItems", "customFields", "types")
_HREF_BASE = re.compile(r"^https?://.*?/apis/3\.0/+")


@dataclass(frozen=True, slots=True)
class CallbackChange:
    """A change as callbacks tell of it.

    `entity` is the record as an answer shows it, None when it was deleted; `member` the login of who changed it,
    `company` the tenant, `origin` scheme and host of the server, `codebase` its concrete release.
    """

    type: str
    id: int
    action: Literal["added", "updated", "deleted"]
    entity: Record | None
    member: str
    company: str
    origin: str
    codebase: str = "v2025_1"


def concerns(callback: Record, kind: str, record: Record) -> bool:
    """Whether an active callback wants to hear of a record of this type (the record as it was, when deleted).

    >>> concerns({"type": "ticket", "level": "board", "objectId": 3}, "ticket", {"id": 9, "board": {"id": 3}})
    True
    """
    level = callback["level"].lower()
    if callback.get("inactiveFlag") or callback["type"].lower() != kind:
        return False
    if level == "owner":
        return True
    if level == kind:
        return bool(record["id"] == callback["objectId"])
    if level == "integratortag":
        return bool(record.get("integratorTags"))
    value = record.get({"statusid": "status"}.get(level, level))
    pointers = [value] if value is not None else record.get(level + "s") or ()
    return any(isinstance(each, Mapping) and each.get("id") == callback["objectId"] for each in pointers)


def entity_text(change: CallbackChange) -> str | None:
    """The record as callbacks show it, a JSON text: without arrays of its own and without what is empty."""
    if change.entity is None:
        return None
    base = f"{change.origin}/{change.codebase}//apis/3.0/"
    shown = {}
    for name, value in change.entity.items():
        if name == "inactiveFlag" and change.type == "contact" and not change.entity.get("relationship"):
            shown["relationship"] = {"_info": {"relationship_href": base + "company/contacts/relationships/"}}
        if name == "portalSecurityLevel" and change.action == "updated":
            continue
        if name not in _UNSHOWN and value not in (None, "", [], {}):
            shown[name] = _rebased(value, base)
    return orjson.dumps(shown).decode()


def _rebased(value: Any, base: str) -> Any:
    """The value with its links on the concrete release, where answers have them on the alias."""
    if isinstance(value, Mapping):
        return {
            key: _HREF_BASE.sub(lambda _: base, inner, count=1) if key.endswith("_href") else _rebased(inner, base)
            for key, inner in value.items()
        }
    return value


def signing_key(company: str, key_id: str) -> str:
    """The text that the `key_url` of a callback answers with; `key_id` is the callback's `connectWiseID`."""
    return sha256(f"callback key of {company}/{key_id}".encode()).hexdigest()


def signature(key: str, body: bytes) -> str:
    """The `x-content-signature` of a body (spec connectwise.md 6.4)."""
    return b64encode(hmac.digest(sha256(key.encode()).digest(), body, "sha256")).decode()


def message(callback: Record, change: CallbackChange, message_id: str) -> bytes:
    """The body of one callback, keys in alphabetical order as captured (spec connectwise.md 6.3)."""
    key_id = callback["connectWiseID"]
    key_url = (
        f"{change.origin}/{change.codebase}//system/callbackkey/index.rails?companyName={change.company}&id={key_id}"
    )
    return orjson.dumps(
        {
            "Action": change.action,
            "CallbackObjectRecId": callback["id"],
            "CompanyId": change.company,
            "Entity": entity_text(change),
            "FromUrl": urlsplit(change.origin).netloc,
            "ID": change.id,
            "MemberId": change.member,
            "MessageId": message_id,
            "Metadata": {"key_url": key_url},
            "PartnerId": sha256(b"partner " + change.company.encode()).hexdigest()[:24],
            "ProductInstanceId": sha256(b"product " + change.company.encode()).hexdigest()[:24],
            "Type": callback["type"],
        }
    )

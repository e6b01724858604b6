"""What does the audit trail say of a record? (spec connectwise.md 7.1 and 13.22)"""

from collections.abc import Mapping
from typing import Any

from tidings.sandbox.describe import Stored

_KEPT = 200
_GROUPS = {"status": "Status", "owner": "Resource", "resources": "Resource", "member": "Resource"}

Entry = dict[str, Any]


class AuditTrail:
    """The trails of one tenant, by type and id; they stay readable when the record is gone."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int], list[Entry]] = {}

    def read(self, kind: str, number: int) -> list[Entry]:
        """The entries about a record, newest first; the type in any letter case."""
        return self._entries.get((kind.lower(), number), [])[::-1]

    def created(self, kind: str, number: int, *, at: str, by: str) -> None:
        self._add(kind, number, at, by, f"{kind} {number} has been created.", "Record", "Create")

    def deleted(self, kind: str, number: int, *, at: str, by: str) -> None:
        self._add(kind, number, at, by, f"{kind} {number} has been deleted.", "Record", "Delete")

    def updated(self, kind: str, number: int, old: Stored, new: Stored, *, at: str, by: str) -> None:
        """One entry for each member that differs."""
        for name in sorted((old.keys() | new.keys()) - {"_info"}):
            before, after = old.get(name), new.get(name)
            if before != after:
                title = name[0].upper() + name[1:]
                text = f'{title} was changed from "{_shown(before)}" to "{_shown(after)}".'
                self._add(kind, number, at, by, text, _GROUPS.get(name, "Record"), title)

    def _add(self, kind: str, number: int, at: str, by: str, text: str, group: str, detail: str) -> None:
        if not kind:
            return
        trail = self._entries.setdefault((kind.lower(), number), [])
        trail.append(
            {
                "text": text,
                "enteredDate": at,
                "enteredBy": by,
                "auditType": group,
                "auditSubType": detail,
                "auditSource": "API",
            }
        )
        del trail[:-_KEPT]


def _shown(value: Any) -> str:
    """A value as a person reads it; of a reference its name, of a list how many it holds."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return str(value.get("name") or value.get("identifier") or value.get("summary") or value.get("id", ""))
    return f"{len(value)} entries" if isinstance(value, list) else str(value)

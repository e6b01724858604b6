"""What did the provider really do? Asked of the sandbox itself, past everything that is being shown."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp
import orjson

from tidings.cli.reconcile import RecordKey, Write

RESOURCES = {"company/contacts": "contacts", "company/companies": "organizations", "service/tickets": "incidents"}
"""Where the sandbox keeps what an instance polls by default, and the name it has in events."""

ANNOUNCES_TOUCHES = frozenset({"incidents"})
IDS_AT_ONCE = 150  #: in one address, which must stay short


class Witness:
    """One tenant of a sandbox, by what `tidings sandbox --json` printed."""

    def __init__(self, printed: Mapping[str, Any], session: aiohttp.ClientSession) -> None:
        self.printed = printed
        self._session = session
        self._seen = 0
        keys = f"{printed['company']}+{printed['publicKey']}:{printed['privateKey']}"
        self._headers = {"Authorization": f"Basic {b64encode(keys.encode()).decode()}", "clientId": printed["clientId"]}

    async def new_writes(self) -> list[Write]:
        """The writes to polled resources since the last call."""
        writes: list[Write] = []
        while True:
            found = await self._get(f"{self.printed['admin']}/changes", {"since": str(self._seen)})
            changes = found["changes"]
            if not changes:
                return writes
            self._seen = changes[-1]["sequence"]
            writes += [
                Write(
                    RESOURCES[change["resource"]],
                    str(change["id"]),
                    change["action"],
                    change["stamp"],
                    max(change["at"], change["visible_at"]),
                )
                for change in changes
                if change["resource"] in RESOURCES
            ]

    async def set_activity(self, rate: float) -> None:
        """Let people make `rate` changes a second; 0 stops them at once."""
        async with self._session.post(f"{self.printed['admin']}/activity", json={"rate": rate}) as answer:
            answer.raise_for_status()

    async def records(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Mapping[str, Any]]:
        """Those of the records that are there now."""
        wanted: dict[str, list[str]] = defaultdict(list)
        for resource, record_id in keys:
            wanted[resource].append(record_id)
        found: dict[RecordKey, Mapping[str, Any]] = {}
        for path, resource in RESOURCES.items():
            ids = wanted[resource]
            for start in range(0, len(ids), IDS_AT_ONCE):
                conditions = f"id in ({','.join(ids[start : start + IDS_AT_ONCE])})"
                query = {"conditions": conditions, "pageSize": "1000"}
                for record in await self._get(f"{self.printed['baseUrl']}/{path}", query):
                    found[resource, str(record["id"])] = record
        return found

    async def _get(self, url: str, query: Mapping[str, str]) -> Any:
        async with self._session.get(url, params=query, headers=self._headers) as answer:
            answer.raise_for_status()
            return orjson.loads(await answer.read())

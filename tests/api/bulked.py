"""Bulk jobs over the hub of `hubbed`: what works them, and a receiver for their callbacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from tests.api.client import Answer
from tests.api.conftest import World
from tests.api.hubbed import Hub
from tidings.api.inside import Inside
from tidings.api.routes import BASE
from tidings.core.bulk import BulkStatus, Direction, Part, Wanted
from tidings.core.model import Lane, LaneKind, Outcome
from tidings.engine.bulk import BulkRunner
from tidings.engine.errands import ErrandRunner
from tidings.hub.bulk import BulkOpening
from tidings.store.bulk import NewBulk

MINUTE = 60_000
BOUNDARY = "----boundary"


@dataclass
class Bulk:
    """An instance's bulk calls, and its worker; `status` is what the receiver answers."""

    world: World
    hub: Hub
    status: int = 200
    posted: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    @property
    def log(self) -> Any:
        return structlog.get_logger()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.posted.append((url, headers, body))
        ok = 200 <= self.status < 300
        return Outcome(self.status, None if ok else f"answered {self.status}", None, "", 0.01)

    def runner(self, **changes: Any) -> BulkRunner:
        inside = Inside(self.hub.client._app, BASE, self.world.store)
        parts: dict[str, Any] = {
            "store": self.world.store,
            "files": self.world.parts.files,
            "opening": BulkOpening(self.world.parts.catalog, self.hub.connect),
            "send": self.send,
            "make": inside.make,
            "clock": lambda: self.world.clock[0],
            "dice": lambda: 0.0,
            "log": structlog.get_logger(),
            "lease_for": MINUTE,
        }
        return BulkRunner(**(parts | changes))

    async def claim(self, kind: LaneKind = LaneKind.BULK) -> Lane | None:
        now = self.world.clock[0]
        lanes = await self.world.store.claim(kind, "w", now, now + MINUTE, 1)
        return lanes[0] if lanes else None

    async def work(self) -> int:
        """All that is due now; says how much that was."""
        worked = 0
        while (lane := await self.claim()) is not None:
            await self.runner().run(lane)
            worked += 1
        return worked

    async def make_scheduled(self) -> None:
        """The calls of schedules that are due now."""
        inside = Inside(self.hub.client._app, BASE, self.world.store)
        runner = ErrandRunner(
            self.world.store,
            inside.make,
            self.send,
            clock=lambda: self.world.clock[0],
            log=structlog.get_logger(),
            lease_for=MINUTE,
        )
        while (lane := await self.claim(LaneKind.ERRAND)) is not None:
            await runner.run(lane)

    async def start(self, q: str, more: str = "", **headers: Any) -> str:
        """The id of a job that was started."""
        answer = await self.hub.hub("POST", f"/hubs/crm/bulk/query?q={q}{more}", **headers)
        assert answer.status == 200, answer.body
        assert answer.json["status"] == "CREATED"
        return str(answer.json["id"])

    async def done(self, q: str, more: str = "") -> str:
        """The id of a job that has been worked."""
        made = await self.start(q, more)
        await self.work()
        return made

    async def of(self, bulk_id: str) -> dict[str, Any]:
        """A job's status."""
        found: dict[str, Any] = await self.hub.get(f"/hubs/crm/bulk/{bulk_id}/status")
        return found

    async def rows(self, bulk_id: str, name: str = "contacts") -> list[dict[str, Any]]:
        answer = await self.file(bulk_id, name)
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.split(b"\n") if line]

    async def file(self, bulk_id: str, name: str = "contacts", accept: str = "application/json") -> Answer:
        return await self.hub.hub("GET", f"/hubs/crm/bulk/{bulk_id}/{name}", Accept=accept)

    async def upload(
        self, name: str, content: bytes, meta: object = None, file_name: str = "rows.csv", kind: str = "text/csv"
    ) -> Answer:
        raw = form(content, meta, file_name, kind)
        said = f"multipart/form-data; boundary={BOUNDARY}"
        return await self.hub.hub("POST", f"/hubs/crm/bulk/{name}", raw=raw, Content_Type=said)


async def finished(world: World, instance_id: int, row: bytes) -> str:
    """The id of a download of contacts that has read one row."""
    files, file = world.parts.files, "0" * 24
    part = files.append(file, Part(1, 0, 0), row, 1)
    of: dict[str, Any] = {"account_id": world.user.account_id, "user_id": world.user.id, "instance_id": instance_id}
    new = NewBulk(
        **of, object_name="contacts", direction=Direction.DOWNLOAD, wanted=Wanted(), file=file, request_id="0" * 24
    )
    job = await world.store.create_bulk(new, world.clock[0])
    (lane,) = await world.store.claim(LaneKind.BULK, "w", world.clock[0], world.clock[0] + MINUTE, 1)
    over = replace(job, status=BulkStatus.COMPLETED, parts=(part,), records=1)
    await world.store.commit_bulk(lane, over, release=False)
    await world.store.end_bulk(lane)
    return str(job.id)


def form(content: bytes, meta: object = None, file_name: str = "rows.csv", kind: str = "text/csv") -> bytes:
    """A form with a file, and a metaData."""
    of = f'name="file"; filename="{file_name}"\r\nContent-Type: {kind}'
    parts = [f"--{BOUNDARY}\r\nContent-Disposition: form-data; {of}\r\n\r\n".encode() + content]
    if meta is not None:
        said = json.dumps(meta)
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="metaData"\r\n\r\n{said}'.encode())
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])

"""A log with something to deliver, a receiver that is a function, a clock that is a number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tidings.core.model import Change, EventType, FieldChange, Lane, LaneKind, LanePlan, Moment, Outcome
from tidings.core.notify import NotifyContext, cut
from tidings.engine.deliver import Deliverer
from tidings.store.base import NewInstance, PageCommit, Store
from tidings.store.secrets import load_vault
from tidings.store.sqlite import open_sqlite

NOW = 1_790_000_000_000
KEY = "canary-signature-key"
URL = "https://receiver.example/hook?token=canary-token"
LEASE = 30.0

Answer = Callable[["Post"], Outcome]


def answered(status: int | None = 200, *, error: str | None = None, retry_after: float | None = None) -> Outcome:
    return Outcome(status, error, retry_after, "{}", 0.01)


@dataclass(frozen=True)
class Post:
    """One POST as the receiver got it."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["Elements-Webhook-Id"]

    @property
    def records(self) -> list[str]:
        return [event["objectId"] for event in json.loads(self.body)["message"]["events"]]

    @property
    def sequence(self) -> int:
        return int(json.loads(self.body)["message"]["events"][0]["sequence"])


class Receiver:
    """Answers by `answer`, and keeps every POST and every one that it accepted."""

    def __init__(self, answer: Answer = lambda post: answered()) -> None:
        self.answer = answer
        self.posts: list[Post] = []
        self.accepted: list[Post] = []
        self.hung: dict[str, asyncio.Event] = {}
        self.cancelled: list[Post] = []

    def hang(self, record: str) -> asyncio.Event:
        """Notifications of this record get no answer until the event is set."""
        return self.hung.setdefault(record, asyncio.Event())

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Outcome:
        post = Post(url, headers, body)
        self.posts.append(post)
        try:
            await asyncio.sleep(0)
            for record in post.records:
                if record in self.hung:
                    await self.hung[record].wait()
        except asyncio.CancelledError:
            self.cancelled.append(post)
            raise
        outcome = self.answer(post)
        if outcome.ok:
            self.accepted.append(post)
        return outcome


class Lines:
    """A log that is a list."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def line(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    debug = info = warning = exception = line


@dataclass
class Scene:
    """One instance with one subscription."""

    store: Store
    receiver: Receiver
    instance_id: int
    path: Path
    now: Moment = NOW
    lines: Lines = field(default_factory=Lines)
    revision: int = 0

    async def log(self, *notifications: str, changed: str | None = None) -> None:
        """Append one notification for each text; its letters are the records that it speaks of, `changed` a pointer to
        what differs in each."""
        differs = (FieldChange(changed, 0, 1),) if changed else ()
        [lane] = await self.store.claim(LaneKind.POLL, "poller", self.now, self.now + 60_000, 1)
        for records in notifications:
            self.revision += 1
            changes = [
                Change(EventType.UPDATED, record, self.revision, None, b'{"id":"%s"}' % record.encode(), differs)
                for record in records
            ]
            context = NotifyContext(
                instance_id=self.instance_id,
                instance_created_at=NOW,
                instance_name="Acme",
                tags=(),
                element_key="connectwisecrmrest",
                hub="crm",
                account_id=1,
                company_id=1,
                user_id=1,
                resource="contacts",
                poll_at=self.now,
                created_at=self.now,
            )
            page = PageCommit(
                cursor=b"{}",
                now=self.now,
                changes=changes,
                cut=partial(cut, context=context),
                release=False,
                lease_until=self.now + 60_000,
            )
            await self.store.commit_page(lane, page)
        await self.store.release(lane, due_at=self.now)

    def deliverer(self, store: Store | None = None, **options: Any) -> Deliverer:
        settings: dict[str, Any] = {"clock": lambda: self.now, "log": self.lines, "lease_for": LEASE} | options
        return Deliverer(store or self.store, self.receiver, **settings)

    async def claim(self, owner: str = "worker") -> list[Lane]:
        until = self.now + round(LEASE * 1000)
        return list(await self.store.claim(LaneKind.DELIVER, owner, self.now, until, 10))

    async def turn(self, deliverer: Deliverer | None = None) -> int:
        """Claim what is due and work it; returns how many lanes that were."""
        lanes = await self.claim()
        for lane in lanes:
            await (deliverer or self.deliverer()).run(lane)
        return len(lanes)

    async def lane(self) -> Lane:
        [lane] = await self.store.lanes(LaneKind.DELIVER)
        return lane

    async def a_while(self) -> None:
        """Long enough for whatever is under way to come to rest: many round trips to the store."""
        for _ in range(60):
            await self.store.log_after(self.instance_id, 0, 1)

    def sent(self) -> list[str]:
        """The records of each POST, in order."""
        return ["".join(post.records) for post in self.receiver.posts]

    async def statuses(self) -> dict[str, tuple[str, list[int | None]]]:
        """What the API would show: by notification its state and the status of every attempt."""
        return {
            "".join(event.record_id for event in summary.notification.events): (
                summary.state.value,
                [attempt.outcome.status for attempt in summary.attempts],
            )
            for summary in await self.store.events(self.instance_id, limit=10_000)
        }


async def open_scene(folder: Path, receiver: Receiver | None = None, *, synchronous: str = "off") -> Scene:
    path = folder / "tidings.sqlite3"
    store = await open_sqlite(path, load_vault(folder / "master.key"), synchronous=synchronous)
    new = NewInstance(
        account_id=1,
        user_id=1,
        element_key="connectwisecrmrest",
        name="Acme",
        tags=(),
        configuration={},
        token="canary-instance-token",
    )
    made = await store.create_instance(new, LanePlan(("contacts",), {"contacts": "g"}, URL, KEY), NOW)
    return Scene(store, receiver or Receiver(), made.id, path)


class Watched:
    """A store that tells before and after each call of the methods a test names; all others go through."""

    def __init__(self, store: Store, **hooks: Callable[[bool], Any]) -> None:
        self._store, self._hooks = store, hooks

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in self._hooks:
            return method
        hook = self._hooks[name]

        async def watched(*args: Any, **kwargs: Any) -> Any:
            await hook(False)
            result = await method(*args, **kwargs)
            await hook(True)
            return result

        return watched

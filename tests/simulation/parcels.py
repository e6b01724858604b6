"""What was logged, what of it should a subscription get, and what does a POST say?

Knows nothing of Tidings but its formats (docs/events.md).
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from typing import Any

CLOUDEVENTS = "cloudevents"


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as it was logged. `changes` are (pointer, old, new)."""

    sequence: int
    resource: str
    record: str
    kind: str
    changes: tuple[tuple[str, Any, Any], ...]
    content: Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter and a format; an empty part of the filter says nothing."""

    resources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    format: str = "platform"

    def passes(self, event: Happened) -> bool:
        return (
            (not self.resources or event.resource in self.resources)
            and (not self.kinds or event.kind in self.kinds)
            and (not self.changed or any(is_other(pointer, each) for pointer in self.changed for each in event.changes))
        )


def is_other(pointer: str, change: tuple[str, Any, Any]) -> bool:
    """Whether a change makes another value stand at the pointer."""
    path, old, new = change
    if f"{path}/".startswith(f"{pointer}/"):
        return True
    if not pointer.startswith(f"{path}/"):
        return False
    for name in pointer.removeprefix(f"{path}/").split("/"):
        old, new = ((each or {}).get(name) if isinstance(each, dict) else None for each in (old, new))
    return old != new


Key = tuple[int, ...]
"""Which of a log's events a POST carries: its sequences."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one POST says: the events, as (sequence, resource, record, kind, content)."""

    id: str
    events: tuple[tuple[int, str, str, str, Any], ...]
    format: str

    @property
    def key(self) -> Key:
        return tuple(event[0] for event in self.events)

    @classmethod
    def read(cls, headers: Mapping[str, str], body: bytes) -> Parcel:
        told, name = json.loads(body), headers["webhook-id"]
        assert headers["Elements-Webhook-Id"] == name
        if headers["Content-Type"] == "application/json":
            return cls(name, tuple(_platform(told, name)), "platform")
        assert headers["Content-Type"] == f"application/cloudevents{'-batch' * isinstance(told, list)}+json"
        return cls(name, tuple(map(_cloud, told if isinstance(told, list) else [told])), CLOUDEVENTS)


def _platform(told: Mapping[str, Any], name: str) -> Any:
    message = told["message"]
    if isinstance(message, str):  # somebody has posted it, and says in it what its sequence is
        yield (int(message), told["topic"], told["id"], "CREATED", message)
        return
    assert message["eventId"] == name
    for event, content in zip(message["events"], message["raw"][message["raw"]["objectType"]], strict=True):
        yield event["sequence"], event["objectType"], event["objectId"], event["eventType"], content


def _cloud(told: Mapping[str, Any]) -> tuple[int, str, str, str, Any]:
    resource, _, record = told["subject"].partition("/")
    if told["type"] == "tidings.notification":
        return int(told["sequence"]), resource, told["data"]["id"], "CREATED", told["data"]["message"]
    return int(told["sequence"]), resource, record, told["type"].rpartition(".")[2].upper(), told["data"]["record"]


@dataclass(slots=True)
class SigningKey:
    """A signing key, and until when it signs; milliseconds."""

    key: str
    until: int | None = None


@dataclass(slots=True)
class Subscriber:
    """A subscription as the outside knows it: what it wanted since which sequence, its keys, and whether it rests."""

    id: int
    log: int
    after: int
    cuts: list[tuple[int, Wanted]]
    keys: list[SigningKey] = field(default_factory=list)
    schedule: int = 9  #: retries
    policy: str | None = None  #: its own

    def wanted(self, first: int) -> Wanted:
        """What held for the notification that begins with this sequence."""
        return next((wanted for after, wanted in reversed(self.cuts) if after < first), self.cuts[0][1])

    def change(self, last: int, wanted: Wanted) -> None:
        """Another filter or format for what comes after the log's sequence `last`, and for whatever is sent again of
        before it began where nothing was logged since."""
        if self.cuts[-1][1] != wanted:
            self.cuts = [each for each in self.cuts if each[0] < last] + [(last, wanted)]

    def rotate(self, key: str, now: int, overlap_for: int) -> None:
        for each in self.keys:
            each.until = now + overlap_for if each.until is None else each.until
        self.keys.append(SigningKey(key))

    def keys_at(self, now: int) -> set[str]:
        return {each.key for each in self.keys if each.until is None or each.until > now}

    def selects(self, events: Sequence[Happened]) -> Key:
        """Of one notification's events those that it should get."""
        wanted = self.wanted(events[0].sequence)
        return tuple(event.sequence for event in events if wanted.passes(event))


def signatures(key: str, headers: Mapping[str, str], body: bytes) -> set[str]:
    """What the key says of a POST: the platform's signature and that of Standard Webhooks."""
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    platform, standard = (b64encode(digest(key.encode(), each, sha256)).decode() for each in (body, said))
    return {f"sha256={platform}", f"v1,{standard}"}

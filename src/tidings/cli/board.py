"""What has happened so far? Kept for the eye, which looks while it happens, and for the verdict at the end."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tidings.cli.receiver import Received, Signature
from tidings.cli.reconcile import Arrival, Write, percentile

RECENT = 200
LATENCIES = 2000


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    sequence: int
    event_type: str
    object_type: str
    object_id: str


class _Message(msgspec.Struct, frozen=True):
    events: tuple[_Event, ...]
    raw: dict[str, Any]


class _Envelope(msgspec.Struct, frozen=True):
    message: _Message


_envelope = msgspec.json.Decoder(_Envelope)


def arrivals_in(received: Received) -> list[Arrival]:
    """The events of a notification, each with its record. Raises `msgspec.DecodeError` when it is none."""
    message = _envelope.decode(received.body).message
    arrivals = []
    for nth, event in enumerate(message.events):
        records = message.raw.get(event.object_type, ())
        content = records[nth] if nth < len(records) else {}
        arrivals.append(
            Arrival(
                received.at, event.id, event.sequence, event.event_type, event.object_type, event.object_id, content
            )
        )
    return arrivals


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from a write at the provider to its arrival at the receiver; None while nothing arrived."""

    p50: float | None
    p95: float | None
    max: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        return cls(percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds, default=None))

    def rounded(self) -> dict[str, float | None]:
        shown = {"p50": self.p50, "p95": self.p95, "max": self.max}
        return {name: None if value is None else round(value, 3) for name, value in shown.items()}


@dataclass(slots=True)
class Board:
    """Filled by whoever sees something; read by the live view and by the verdict."""

    writes: list[Write] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)  #: of accepted POSTs, in the order in which they came
    posts: int = 0
    bad_signatures: int = 0
    unreadable: int = 0
    polls: int = 0
    recent_posts: deque[tuple[Received, int]] = field(default_factory=lambda: deque(maxlen=RECENT))
    _made: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def wrote(self, writes: Iterable[Write]) -> None:
        for write in writes:
            self.writes.append(write)
            self._made[write.resource, write.record_id, _when(write.action == "deleted", write.stamp)] = write.at

    def heard(self, received: Received) -> None:
        self.posts += 1
        arrivals: list[Arrival] = []
        try:
            arrivals = arrivals_in(received)
        except msgspec.DecodeError:
            self.unreadable += 1
        if received.signature is not Signature.OK:
            self.bad_signatures += 1
        if received.status == 200:
            self.arrivals += arrivals
        self.recent_posts.append((received, len(arrivals)))

    def events_by_type(self) -> Mapping[str, int]:
        return Counter(arrival.type for arrival in self.arrivals)

    def latency(self) -> Latency:
        """Of the latest events whose write is known by now."""
        spans = []
        for arrival in self.arrivals[-LATENCIES:]:
            key = arrival.resource, arrival.record_id, _when(arrival.type == "DELETED", arrival.stamp)
            at = self._made.get(key)
            if at is not None:
                spans.append(arrival.at - at)
        return Latency.of(spans)


def _when(deleted: bool, stamp: str) -> str:
    # A deleted record comes with its last content, which has another stamp.
    return "deleted" if deleted else stamp

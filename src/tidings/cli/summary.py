"""What did a run of the demo come to, in figures and in sentences?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tidings.cli.board import Board, Latency
from tidings.cli.reconcile import Arrival, Verdict, Write, count_types

MOST_PROBLEMS = 20


def is_right(verdict: Verdict, board: Board, *, expects_changes: bool) -> bool:
    """Every change was delivered, once, with a right signature and the right type; and there were some."""
    return (
        verdict.right
        and not board.bad_signatures
        and not board.unreadable
        and (bool(board.writes) or not expects_changes)
    )


def figures(verdict: Verdict, board: Board, seconds: float, *, expects_changes: bool) -> dict[str, Any]:
    """The summary as one JSON object.

    `changes` = `announced` + `invisible` + `missing`; `expected` = `changes` - `invisible`; `merged` of the announced
    ones share their event with a later change of the record; `events` add up to `delivered`.
    """
    by_type: dict[str, list[float]] = {}
    for write, event in verdict.announced:
        by_type.setdefault(event.type, []).append(event.at - write.at)
    changes = len(verdict.announced) + len(verdict.invisible) + len(verdict.missing)
    return {
        "right": is_right(verdict, board, expects_changes=expects_changes),
        "seconds": round(seconds, 1),
        "changes": changes,
        "expected": changes - len(verdict.invisible),
        "announced": len(verdict.announced),
        "merged": len(verdict.announced) - (len(verdict.events) - len(verdict.unfounded)),
        "invisible": len(verdict.invisible),
        "delivered": len(verdict.events),
        "events": count_types(verdict.events),
        "missing": len(verdict.missing),
        "repeated": len(verdict.repeated),
        "wrongType": len(verdict.wrong_type),
        "unfounded": len(verdict.unfounded),
        "outOfOrder": len(verdict.out_of_order),
        "gaps": verdict.gaps,
        "badSignature": board.bad_signatures,
        "unreadable": board.unreadable,
        "notifications": board.posts,
        "polls": board.polls,
        "latencySeconds": Latency.of([span for spans in by_type.values() for span in spans]).rounded(),
        "latencySecondsByType": {kind: Latency.of(spans).rounded() for kind, spans in sorted(by_type.items())},
        "problems": list(_some(problems(verdict, board, expects_changes=expects_changes))),
    }


def problems(verdict: Verdict, board: Board, *, expects_changes: bool) -> Iterator[str]:
    """A sentence for each thing that is not right."""
    if expects_changes and not board.writes:
        yield "Nothing was changed at the provider, so nothing was shown"
    if board.bad_signatures:
        yield f"{board.bad_signatures} notifications had no right signature"
    if board.unreadable:
        yield f"{board.unreadable} POSTs were no notifications"
    if verdict.gaps:
        yield f"{verdict.gaps} sequence numbers never came"
    for write in verdict.missing:
        yield f"{_of(write)} was not delivered"
    told: Mapping[str, tuple[Arrival, ...]] = {
        "came again": verdict.repeated,
        "has the wrong type": verdict.wrong_type,
        "tells of no change": verdict.unfounded,
        "came after a later event of the same record": verdict.out_of_order,
    }
    for what, arrivals in told.items():
        for arrival in arrivals:
            yield f"#{arrival.sequence}, {arrival.type} of {arrival.name} stamped {arrival.stamp}, {what}"


def sentences(shown: Mapping[str, Any]) -> Iterator[str]:
    """The figures for people."""
    latency = shown["latencySeconds"]
    yield (
        f"{shown['changes']} changes at the provider: {shown['delivered']} events delivered "
        f"({', '.join(f'{count} {kind}' for kind, count in shown['events'].items())}) "
        f"in {shown['notifications']} signed notifications"
    )
    if shown["merged"] or shown["invisible"]:
        yield (
            f"{shown['merged']} changes share the event of a later change of their record; "
            f"{shown['invisible']} no poll could see"
        )
    if latency["p50"] is not None:
        yield f"From change to arrival: {latency['p50']} s median, {latency['p95']} s p95, {latency['max']} s at most"
    yield from shown["problems"]
    yield (
        "Every change was delivered, once, with a right signature and the right type."
        if shown["right"]
        else "NOT everything is right."
    )


def _of(write: Write) -> str:
    return f"{write.resource}/{write.record_id} {write.action} at {write.stamp}"


def _some(found: Iterable[str]) -> Iterator[str]:
    listed = list(found)
    yield from listed[:MOST_PROBLEMS]
    if len(listed) > MOST_PROBLEMS:
        yield f"and {len(listed) - MOST_PROBLEMS} more"

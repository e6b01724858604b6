"""Is what the demo keeps, shows and sums up what has really happened?"""

import asyncio
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from rich.console import Console

from tests.cli.test_eventline import CONTEXT
from tidings.cli.board import Board, Latency, arrivals_in
from tidings.cli.liveview import view
from tidings.cli.receiver import Received, Signature
from tidings.cli.reconcile import Verdict, Write, reconcile
from tidings.cli.stage import Stage
from tidings.cli.summary import figures, is_right, sentences
from tidings.core.model import Change, EventType
from tidings.core.notify import cut

STAMP = "2026-01-01T00:00:01Z"


def record(number: int) -> bytes:
    return orjson.dumps({"id": number, "_info": {"lastUpdated": STAMP}})


def received(*kinds: EventType, first: int = 1, signature: Signature = Signature.OK, status: int = 200) -> Received:
    changes = [Change(kind, 6 + nth, 1, None, record(6 + nth)) for nth, kind in enumerate(kinds, first)]
    [notification] = cut(changes, first, first, CONTEXT)
    return Received(3.5, notification.id, signature, status, notification.body)


def board_of(*posts: Received, writes: tuple[Write, ...] = ()) -> Board:
    board = Board()
    board.wrote(writes)
    for post in posts:
        board.heard(post)
    return board


def verdict_of(board: Board, final: dict[tuple[str, str], Any] | None = None) -> Verdict:
    return reconcile(board.writes, board.arrivals, final or {})


def test_each_event_arrives_with_its_own_record():
    first, second = arrivals_in(received(EventType.CREATED, EventType.DELETED))
    assert (first.type, first.name, first.sequence, first.stamp) == ("CREATED", "contacts/7", 1, STAMP)
    assert (second.type, second.name, second.content["id"]) == ("DELETED", "contacts/8", 8)


def test_what_was_refused_has_not_arrived():
    board = board_of(received(EventType.CREATED, signature=Signature.BAD, status=401))
    assert (board.posts, board.bad_signatures, board.arrivals) == (1, 1, [])


def test_what_is_no_notification_is_counted():
    assert board_of(Received(0.0, "", Signature.OK, 200, b"hello")).unreadable == 1


def test_latency_is_from_the_write_to_the_arrival_deletes_included():
    board = board_of(
        received(EventType.UPDATED, EventType.DELETED),
        writes=(
            Write("contacts", "7", "updated", STAMP, 3.0),
            Write("contacts", "8", "deleted", "2026-01-01T00:00:02Z", 1.5),
        ),
    )
    assert board.latency() == Latency(0.5, 2.0, 2.0)
    assert Board().latency() == Latency(None, None, None)


def test_the_figures_add_up():
    writes = (
        Write("contacts", "7", "added", "2026-01-01T00:00:00Z", 0.5),
        Write("contacts", "7", "updated", STAMP, 1.0),
        Write("contacts", "9", "added", STAMP, 1.0),
        Write("contacts", "9", "deleted", STAMP, 1.5),
        Write("organizations", "1", "updated", STAMP, 1.5),
    )
    board = board_of(received(EventType.CREATED), writes=writes)
    shown = figures(verdict_of(board, {("contacts", "7"): orjson.loads(record(7))}), board, 2.0, expects_changes=True)
    assert shown["changes"] == shown["announced"] + shown["invisible"] + shown["missing"] == 5
    assert shown["expected"] == shown["changes"] - shown["invisible"] == 3
    assert shown["delivered"] == sum(shown["events"].values()) == shown["announced"] - shown["merged"] == 1
    assert shown["problems"] == [f"organizations/1 updated at {STAMP} was not delivered"]
    assert not shown["right"]
    assert list(sentences(shown))[-1] == "NOT everything is right."


def test_a_run_is_right_only_with_right_signatures_and_some_changes():
    writes = (Write("contacts", "7", "added", STAMP, 1.0),)
    good = board_of(received(EventType.CREATED), writes=writes)
    verdict = verdict_of(good, {("contacts", "7"): orjson.loads(record(7))})
    assert is_right(verdict, good, expects_changes=True)
    assert "right signature and the right type" in list(sentences(figures(verdict, good, 1, expects_changes=True)))[-1]
    bad = board_of(received(EventType.CREATED), received(EventType.CREATED, signature=Signature.BAD), writes=writes)
    assert not is_right(verdict, bad, expects_changes=True)
    assert not is_right(verdict_of(Board()), Board(), expects_changes=True)
    assert is_right(verdict_of(Board()), Board(), expects_changes=False)


@pytest.mark.parametrize("height", [14, 40])
async def test_the_live_view_has_all_three_columns_and_the_way_to_the_api(height: int):
    failed: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
    witness: Any = SimpleNamespace(printed={"baseUrl": "http://127.0.0.1:1/apis/3.0"})
    stage = Stage(witness, "http://127.0.0.1:2", "http://127.0.0.1:3/", "hunter", failed)
    board = board_of(
        received(EventType.CREATED),
        replace(received(EventType.UPDATED, first=2), signature=Signature.BAD),
        writes=(Write("contacts", "7", "added", STAMP, 1.0),),
    )
    console = Console(width=150, height=height, record=True, file=StringIO())
    console.print(view(board, stage, height, 5.0))
    shown = console.export_text()
    for part in (
        "contacts/7",
        "CREATED",
        "signature BAD",
        "http://127.0.0.1:2/elements/api-v2",
        "1 changes",
        "5 s left",
    ):
        assert part in shown
    assert len(shown.splitlines()) <= height
    await failed

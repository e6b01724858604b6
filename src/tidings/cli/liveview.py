"""What does the demo show while it runs? Changes, events and deliveries side by side, with their totals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tidings.cli.board import Board, Latency
from tidings.cli.receiver import Signature
from tidings.cli.stage import ADMIN, Stage

HEADER, FOOTER, FRAME = 5, 4, 2
_COLOURS = {"added": "green", "CREATED": "green", "updated": "yellow", "UPDATED": "yellow"}


def view(board: Board, stage: Stage, height: int, left: float) -> RenderableType:
    """The whole screen of `height` lines; `left` is how many seconds the run goes on, which may be without end."""
    rows = max(height - HEADER - FOOTER - FRAME, 3)
    layout = Layout()
    layout.split_column(
        Layout(_header(stage, left), size=HEADER), Layout(name="columns"), Layout(_footer(board), size=FOOTER)
    )
    layout["columns"].split_row(
        Layout(_column("Changes at the provider", _writes(board, rows))),
        Layout(_column("Events", _events(board, rows))),
        Layout(_column("Deliveries", _deliveries(board, rows))),
    )
    return layout


def _header(stage: Stage, left: float) -> RenderableType:
    lines = Table.grid(padding=(0, 2))
    lines.add_row("API", stage.api, f"login {ADMIN}, password {stage.password}")
    lines.add_row("Provider", stage.witness.printed["baseUrl"], "a ConnectWise sandbox whose people are at work")
    lines.add_row("Receiver", stage.callback, "checks every signature")
    title = "Tidings demo" if math.isinf(left) else f"Tidings demo, {left:.0f} s left"
    return Panel(lines, title=title, subtitle="Ctrl-C stops it", border_style="blue")


def _column(title: str, rows: Iterable[Text]) -> RenderableType:
    return Panel(Group(*rows), title=title, title_align="left", border_style="dim")


def _writes(board: Board, rows: int) -> Iterable[Text]:
    for write in reversed(board.writes[-rows:]):
        yield _row(write.at, f"{write.action:<7}", f"{write.resource}/{write.record_id}", write.action)


def _events(board: Board, rows: int) -> Iterable[Text]:
    for arrival in reversed(board.arrivals[-rows:]):
        yield _row(arrival.at, f"{arrival.type:<7}", f"{arrival.name} #{arrival.sequence}", arrival.type)


def _deliveries(board: Board, rows: int) -> Iterable[Text]:
    for received, events in list(board.recent_posts)[: -rows - 1 : -1]:
        good = received.signature is Signature.OK
        what = f"{events} {'event' if events == 1 else 'events'}, {len(received.body) / 1000:.0f} kB"
        line = _row(received.at, f"{received.status}", f"{what}, signature ", "added" if received.status == 200 else "")
        yield line.append(received.signature.value, "green" if good else "bold red")


def _row(at: float, kind: str, what: str, colour: str) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(datetime.fromtimestamp(at).strftime("%H:%M:%S "), "dim")
    line.append(kind, _COLOURS.get(colour, "red"))
    return line.append(f" {what}")


def _footer(board: Board) -> RenderableType:
    figures = Table.grid(padding=(0, 3))
    kinds = board.events_by_type()
    counted = ", ".join(f"{kinds.get(kind, 0)} {kind.lower()}" for kind in ("CREATED", "UPDATED", "DELETED"))
    figures.add_row(
        f"{len(board.writes)} changes",
        f"{len(board.arrivals)} events ({counted})",
        f"{board.posts} deliveries",
        f"{board.polls} readings",
        Text(f"{board.bad_signatures} bad signatures", "bold red" if board.bad_signatures else ""),
    )
    return Panel(Group(figures, _latency(board.latency())), border_style="blue")


def _latency(latency: Latency) -> Text:
    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f} s"

    return Text(
        f"from change to arrival: {shown(latency.p50)} median, {shown(latency.p95)} p95, {shown(latency.max)} at most"
    )

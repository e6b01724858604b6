"""What is a figure, when is its bar met, and how does the table look?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.measure import Speed, cpu_ratio, ratio


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure should come to. Only a gate fails the run: machines differ, and are busy.

    What is right or wrong and not fast or slow is `exact`: a gate that small numbers can tell as well.
    """

    text: str
    met: bool
    gate: bool = False
    exact: bool = False

    @property
    def verdict(self) -> str:
        if self.met:
            return "ok"
        return "MISSED" if self.gate or self.exact else "missed (reported, no gate)"


@dataclass(frozen=True, slots=True)
class Figure:
    """One entry of the table; `limit` and `ratio` are empty where there is nothing to compare with.

    `rows` are what the figure is made of, shown before it.
    """

    name: str
    measured: str
    limit: str = ""
    ratio: str = ""
    bars: tuple[Bar, ...] = ()
    rows: tuple[str, ...] = ()


def beside(
    name: str,
    ours: Speed,
    limit: Speed,
    things: str,
    *,
    least: float | None = None,
    least_ratio: float | None = None,
    gate: bool = False,
) -> Figure:
    """A speed beside its limit. `gate` is about the ratio."""
    share = ratio(ours, limit)
    bars = []
    if least_ratio is not None:
        bars.append(Bar(f">= {least_ratio:.0%} of the limit", share >= least_ratio, gate))
    if least is not None:
        bars.append(Bar(f">= {least:,.0f} {things}/s", ours.median >= least))
    return Figure(
        name,
        _speed(ours, things),
        _speed(limit, things),
        f"{share:.0%}, by CPU {cpu_ratio(ours, limit):.0%}",
        tuple(bars),
    )


def alone(name: str, ours: Speed, things: str, *, least: float | None = None) -> Figure:
    """A speed that is a limit itself."""
    bars = () if least is None else (Bar(f">= {least:,.0f} {things}/s", ours.median >= least),)
    return Figure(name, _speed(ours, things), bars=bars)


def _speed(speed: Speed, things: str) -> str:
    return f"{speed.median:,.0f} {things}/s (best {speed.best:,.0f}, a CPU second {speed.cpu_rate:,.0f})"


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """The figures as lines of text: a name, and below it what was measured, what is possible, and the verdicts."""
    for figure in figures:
        yield figure.name
        yield from (f"    {row}" for row in figure.rows)
        yield f"    measured  {figure.measured}"
        if figure.limit:
            yield f"    limit     {figure.limit}"
        if figure.ratio:
            yield f"    ratio     {figure.ratio}"
        for bar in figure.bars:
            yield f"    bar       {bar.text:32} {bar.verdict}"


def aligned(lines: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Cells of equal width in each column."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ((cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return tuple("  ".join(line).rstrip() for line in padded)


def failed(figures: Iterable[Figure], *, quick: bool = False) -> bool:
    """Whether some gate was missed; of a quick run, whose speeds mean nothing, only the exact ones count."""
    return any((bar.exact or (bar.gate and not quick)) and not bar.met for figure in figures for bar in figure.bars)


def summary(figures: Iterable[Figure]) -> str:
    """How many bars were met, as the last line of a run."""
    bars = [bar for figure in figures for bar in figure.bars]
    missed = [bar for bar in bars if not bar.met]
    gates = sum(bar.gate or bar.exact for bar in missed)
    return f"{len(bars) - len(missed)} of {len(bars)} bars met, {gates} of the missed are gates"

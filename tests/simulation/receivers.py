"""What does a receiver answer, well or in one of the ways in which receivers go wrong?

Knows nothing of Tidings; spans are seconds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: After how long the sender gives up.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None when no answer comes; `arrives` whether the receiver has the body, whatever it answers."""

    status: int | None
    takes_for: float = 0.0
    retry_after: float | None = None
    arrives: bool = True

    @property
    def accepts(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def hang(dice: random.Random) -> Answer:
    return Answer(None, PATIENCE)


def drop(dice: random.Random) -> Answer:
    """It has read the body, and the connection breaks before its answer."""
    return Answer(None, dice.choice((0.0, 0.0, 3.0)))


def fail(dice: random.Random) -> Answer:
    return Answer(dice.choice((400, 401, 403, 404, 408, 413, 422, 500, 502, 503, 504)))


def redirect(dice: random.Random) -> Answer:
    return Answer(dice.choice((301, 302, 303, 307, 308)))


def unreachable(dice: random.Random) -> Answer:
    return Answer(None, dice.choice((0.0, 10.0)), arrives=False)


def throttle(dice: random.Random) -> Answer:
    return Answer(429, retry_after=dice.choice((None, None, 2.0, 90.0, 7200.0)))


def busy(dice: random.Random) -> Answer:
    return Answer(503, retry_after=dice.choice((5.0, 120.0, 1e9)))


def slow(dice: random.Random) -> Answer:
    return Answer(200, dice.choice((0.5, 5.0, 29.0)))


def endless(dice: random.Random) -> Answer:
    """The status is there at once, and then an answer that never ends is cut off."""
    return Answer(200, dice.choice((0.0, 10.0)))


def drip(dice: random.Random) -> Answer:
    """One byte a second: of the status, which takes too long, or of what follows it."""
    return dice.choice((Answer(None, PATIENCE), Answer(200, PATIENCE)))


def accept(dice: random.Random) -> Answer:
    return Answer(dice.choice((200, 201, 202, 204)))


def gone(dice: random.Random) -> Answer:
    return Answer(410)


FAILURES = (hang, drop, fail, redirect, unreachable, throttle, busy, drip)


def anyhow(dice: random.Random) -> Answer:
    return dice.choice((accept, accept, accept, slow, endless, *FAILURES))(dice)


#: By name, how a receiver is until its mood changes.
MOODS: Mapping[str, Callable[[random.Random], Answer]] = {
    "well": accept,
    "hanging": hang,
    "dropping": drop,
    "failing": fail,
    "redirecting": redirect,
    "unreachable": unreachable,
    "throttling": throttle,
    "busy": busy,
    "slow": slow,
    "endless": endless,
    "dripping": drip,
    "anyhow": anyhow,
}


class Receiver:
    """Answers by its mood; first what its script says, one after the other, and for good what concerns a record that it
    cannot take."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.mood = "well"
        self.script: list[Callable[[random.Random], Answer]] = []
        self.refused: str | None = None

    def answer(self, body: bytes) -> Answer:
        if self.script:
            return self.script.pop(0)(self._dice)
        if self.refused is not None and json.dumps(self.refused).encode() in body:
            return Answer(422)
        return MOODS[self.mood](self._dice)

    def change(self) -> str:
        """Another mood, script or dislike than before; returns which."""
        dice = self._dice
        what = dice.random()
        if what < 0.55:
            self.mood = dice.choice(sorted(MOODS))
        elif what < 0.8:
            some = (accept, *FAILURES, slow, endless, *(dice.random() < 0.5) * (gone,))
            self.script = [dice.choice(some) for _ in range(dice.randint(1, 12))]
        elif what < 0.9:
            self.refused = str(dice.randint(1, 5))
        else:
            self.get_well()
        return f"{self.mood} script {[each.__name__ for each in self.script]} refuses {self.refused}"

    def get_well(self) -> None:
        self.mood, self.script, self.refused = "well", [], None

"""What goes wrong at the provider? Failures of every kind, and pages that are not what was asked for."""

from __future__ import annotations

import random

from tests.simulation.provider import HONEST, Manners, Reply, Request, Slip, said
from tests.simulation.world import World

HOUR = 3_600_000

FAILURES = (
    Reply(0, b""),  # the connection breaks
    Reply(500, b"A timeout has occured. Please try again.", {"Content-Type": "text/plain"}),
    Reply(502, b"<html><title>Bad Gateway</title></html>"),
    Reply(503, b"", {"Retry-After": "30"}),
    Reply(429, b'{"message":"Too many requests"}', {"Retry-After": "7"}),
    Reply(429, b""),
    Reply(408, b""),
    Reply(404, b"<html>IIS</html>"),
    Reply(400, b'{"code":"InvalidObject","message":"conditions"}'),
    Reply(302, b"", {"Location": "https://status.test/"}),
    Reply(200, b"<html>maintenance</html>"),
    Reply(200, b'[{"id":1,"zip":"0","_info":{"lastUp'),
    Reply(200, b"{}"),
    Reply(200, b""),
)

#: What is said while nothing works.
OUTAGE = (FAILURES[0], FAILURES[2], FAILURES[3], FAILURES[6])


class Faults:
    """Answers `Provider.trouble`; which faults are on changes with the history, `manners` are for good.

    An `honest` provider fails and cuts its pages as it likes, and never lies about what it has. `down_until` ends an
    outage; with the keys `revoked` everything is refused until a person corrects them.
    """

    def __init__(self, world: World, dice: random.Random, *, numbered: bool, honest: bool) -> None:
        self.world, self.dice, self.honest = world, dice, honest
        self.failing = self.slipping = self.lying = self.refusing = 0.0
        self.down_until = 0
        self.revoked = False
        self._lied: set[str] = set()
        world.provider.trouble = self.trouble
        world.provider.manners = Manners(
            shift=0 if honest or world.zone else dice.choice((0, 0, 0, 0, 0, 1, -5, 12)) * HOUR,
            page_cap=dice.choice((7, 1000) if numbered else (1, 2, 3, 7, 1000)),
            links=dice.random() < 0.8,
            numbered=numbered,
            zone=world.zone,
            compared=dice.choice(("text", "first", "second")),
            hollow=not numbered and dice.random() < 0.2,
        )

    def change(self) -> str:
        """Other faults than before; returns which."""
        dice = self.dice
        self.failing = dice.choice((0.0, 0.0, 0.1, 0.3, 1.0))
        self.slipping = dice.choice((0.0, 0.2, 0.5))
        self.lying = 0.0 if self.honest else dice.choice((0.0, 0.1))
        self.refusing = dice.choice((0.0, 0.0, 0.0, 0.02))
        if dice.random() < 0.3:
            table = dice.choice([table for _, table in sorted(self.world.account.tables.items())])
            if keys := table.alive():
                table.poison(dice.choice(keys))
        return f"faults: {self.failing=} {self.slipping=} {self.lying=} {self.refusing=}"

    def move_zone(self) -> None:
        """The provider's filter reads dates in another time zone from now on."""
        self.world.provider.manners.shift = self.dice.choice((0, 1, -5, 12)) * HOUR

    def end(self) -> None:
        self.failing = self.slipping = self.lying = self.refusing = 0.0
        self.down_until = 0

    def trouble(self, request: Request) -> Reply | Slip:
        dice = self.dice
        if self.revoked:
            return said({"code": "Unauthorized", "message": "The keys were revoked."}, 401)
        if self.world.true_at < self.down_until:
            return dice.choice(OUTAGE)
        if dice.random() < self.failing:
            return dice.choice(FAILURES)
        if dice.random() < self.refusing:
            return said({"code": "Unauthorized", "message": "UserNotAuthenticated"}, dice.choice((401, 403)))
        if not request.is_list or "orderBy" in request.query:
            return HONEST
        if self._once(f"empty {request}", self.lying):
            return said([])
        if dice.random() >= self.slipping:
            return HONEST
        return Slip(
            unfiltered=not self.honest and dice.random() < 0.2,
            short_by=dice.randint(0, 2),
            repeats=dice.choice((0, 0, 1, 2)),
            doubled=dice.choice((0, 0, 0, 1)),
            no_link=dice.random() < 0.3,
            hollow=dice.random() < 0.1,
            stuck=not self.honest and self._once(f"stuck {request}", 0.05),
        )

    def _once(self, lie: str, chance: float) -> bool:
        """Whether to tell this lie now; never twice in a row."""
        if lie in self._lied or self.dice.random() >= chance:
            self._lied.discard(lie)
            return False
        self._lied.add(lie)
        return True

"""What a store promises about the tokens of accounts that are opened by OAuth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidings.core.model import Grant, Moment, Tokens


@dataclass(frozen=True, slots=True)
class NewGrant:
    """The tokens that somebody has authenticated for; `external` says that the user brought them along."""

    tokens: Tokens
    external: bool = False


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whose turn it is to renew a grant.

    `fence` is what the caller's turn is written with, None when it is somebody else's turn, or nobody's since the grant
    is newer than the caller knew or refused. `open_since` is when an earlier renewal began of which nothing is known:
    whoever made it died, or its answer did not arrive, so the refresh token may be used up.
    """

    grant: Grant
    fence: int | None
    open_since: Moment | None = None


class GrantStore(Protocol):
    """The part of the store that keeps grants, their tokens sealed: one for an instance, written with it, and renewed
    without it, so that neither undoes the other.

    One renews at a time, for as long as a lease says, also among processes. What is written with a fence that has moved
    raises `LeaseLost` and changes nothing: somebody has authenticated again, or taken over after the lease had run out.
    """

    def derive(self, purpose: str) -> bytes:
        """What nobody knows who has not the master key: 32 bytes, always the same for a purpose."""

    async def begin_renewal(
        self, instance_id: int, serial: int, owner: str, now: Moment, lease_until: Moment
    ) -> Renewal | None:
        """Take the turn to renew the grant of this serial, which is written before anybody is asked; None when there
        is no such instance, or it has no grant."""

    async def keep_tokens(self, instance_id: int, fence: int, tokens: Tokens) -> Grant:
        """The renewal brought these tokens; the turn ends. Durable when it returns, as everything is."""

    async def end_renewal(self, instance_id: int, fence: int, *, settled: bool) -> None:
        """It brought none; the turn ends. `settled` says that the refresh token counts still, as far as anybody
        knows."""

    async def refuse_grant(self, instance_id: int, fence: int, reason: str) -> None:
        """The provider gives no token any more, until somebody authenticates again; the turn ends."""

    async def renewals_due(self, now: Moment, limit: int) -> Sequence[tuple[int, int]]:
        """Instance and serial of up to `limit` grants that are to be renewed by now, the longest due first."""

"""Where does an account's API stand now? Its provider moves it with an upgrade, and says where to when asked.

The address that an instance has is used as it was written until the provider answers that nothing is there.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable

import msgspec

from tidings.elements.element import Discovery

#: The root as it was written, and whose account.
Account = tuple[str, str]

_CODEBASE = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)


class Moves:
    """What is known of moved accounts; one for the process, forgotten with it."""

    def __init__(self) -> None:
        self._roots: dict[Account, str] = {}
        self._said: dict[Account, str | None] = {}
        self._asked: defaultdict[Account, int] = defaultdict(int)
        self._locks: defaultdict[Account, asyncio.Lock] = defaultdict(asyncio.Lock)

    def root(self, account: Account) -> str:
        """The root to ask at."""
        return self._roots.get(account, account[0])

    def remember(self, account: Account, root: str) -> None:
        """The account has answered there."""
        self._roots[account] = root

    async def find(self, account: Account, gone: str, ask: Callable[[], Awaitable[str | None]]) -> str | None:
        """Another root to try after nothing was found below `gone`; None when there is none.

        `ask` asks the provider, once for all who want to know at the same time; what it raises is raised.
        """
        if (root := self.root(account)) != gone:
            return root
        asked = self._asked[account]
        async with self._locks[account]:
            if self._asked[account] == asked:
                self._said[account] = await ask()
                self._asked[account] += 1
        said = self._said[account]
        return None if said is None or said.lower() == gone.lower() else said


def host_of(root: str, discovery: Discovery) -> str | None:
    """What stands in front of the codebase in a root, or None when the root is not of that form.

    >>> host_of("https://h/v2025_1/apis/3.0", Discovery("/login/companyinfo/{company}", "Codebase", "apis/3.0"))
    'https://h'
    """
    found = re.fullmatch(rf"(https?://.+?)(/+[^/]+)?/+{re.escape(discovery.below)}", root, re.IGNORECASE)
    return found[1] if found else None


def moved_root(host: str, discovery: Discovery, body: bytes) -> str | None:
    """The root that an answer to the discovery names; None when it names none.

    >>> discovery = Discovery("/login/companyinfo/{company}", "Codebase", "apis/3.0")
    >>> moved_root("https://h", discovery, b'{"Codebase":"v2026_1/"}')
    'https://h/v2026_1/apis/3.0'
    """
    try:
        codebase = msgspec.json.decode(body, type=dict[str, object]).get(discovery.member)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    named = codebase.strip("/") if isinstance(codebase, str) else ""
    # Part of an address from now on: it must not lead anywhere else.
    return f"{host}/{named}/{discovery.below}" if _CODEBASE.fullmatch(named) else None

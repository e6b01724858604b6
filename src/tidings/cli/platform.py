"""How does a command call a running server? The platform API over HTTP, with its refusals as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import aiohttp
import msgspec

from tidings.core.errors import InvalidInput, TidingsError

BASE = "/elements/api-v2"
PATIENCE = 15.0  #: seconds without an answer after which a server counts as away
LONGEST_WAIT = 25.0

Secrets = Mapping[str, str]


class Away(TidingsError):
    """The server does not answer, or answers that it cannot just now; the same call may work later."""


class Refusal(TidingsError):
    """The server understood the call and said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FeedPage(msgspec.Struct, frozen=True):
    """Event objects as they stand in the log, and the sequence to ask after next."""

    events: tuple[msgspec.Raw, ...]
    next: int


_feed_page = msgspec.json.Decoder(FeedPage)
_anything = msgspec.json.Decoder()


class Platform:
    """The API of one server, as one user; `async with` it. Calls raise `Away` or `Refusal`."""

    def __init__(self, url: str, secrets: Secrets | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput("--url", f"{url!r} is no http address; write one such as http://127.0.0.1:8080")
        self._url = url.rstrip("/").removesuffix(BASE)
        self._headers = authorization(secrets) if secrets else {}
        self._session = aiohttp.ClientSession()

    async def log_in(self, user: str, password: str) -> None:
        """Use the secrets of this login from now on."""
        token = (await self._json("POST", "/authentication", body={"username": user, "password": password}))["token"]
        found = await self._json("GET", "/authentication/secrets", headers={"Authorization": f"Bearer {token}"})
        self._headers = authorization(found)

    async def create_instance(self, body: Mapping[str, Any]) -> dict[str, Any]:
        created: dict[str, Any] = await self._json("POST", "/instances", body=body)
        return created

    async def instance_ids(self) -> Sequence[int]:
        """The instances of the account, which may have none."""
        try:
            return [instance["id"] for instance in await self._json("GET", "/instances", query={"hydrate": "false"})]
        except Refusal as refusal:
            if refusal.status == 404:
                return []
            raise

    async def last_sequence(self, instance_id: int) -> int:
        """The sequence of the newest event; 0 when there is none."""
        newest = await self._json("GET", f"/instances/{instance_id}/events", query={"pageSize": "1"})
        return int(newest[0]["sequence"]["last"]) if newest else 0

    async def feed(self, instance_id: int, after: int, wait: float = LONGEST_WAIT) -> FeedPage:
        """The events after a sequence; waits for the first one up to `wait` seconds."""
        query = {"after": str(after), "wait": str(wait)}
        return _feed_page.decode(
            await self._call("GET", f"/instances/{instance_id}/events/feed", query=query, wait=wait)
        )

    async def explain(self, instance_id: int, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of what became of a record; its `nextPage` asks for the next one."""
        found: dict[str, Any] = await self._json("GET", f"/instances/{instance_id}/explain", query=query)
        return found

    async def create_replay(self, instance_id: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a replay, or how much it would be (`dryRun`)."""
        made: dict[str, Any] = await self._json("POST", f"/instances/{instance_id}/events/replay", body=body)
        return made

    async def replay(self, instance_id: int, replay_id: int) -> dict[str, Any]:
        """How far a replay is."""
        found: dict[str, Any] = await self._json("GET", f"/instances/{instance_id}/events/replay/{replay_id}")
        return found

    async def _json(self, method: str, path: str, **how: Any) -> Any:
        return _anything.decode(await self._call(method, path, **how))

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        wait: float = 0,
    ) -> bytes:
        try:
            async with self._session.request(
                method,
                f"{self._url}{BASE}{path}",
                params=query,
                json=body,
                headers=headers or self._headers,
                timeout=aiohttp.ClientTimeout(total=PATIENCE + wait),
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Away(f"{self._url} does not answer ({error or type(error).__name__})") from None
        if answer.status in (200, 202):
            return content
        message = _message(content)
        if answer.status >= 500 and answer.status != 502:
            raise Away(f"{self._url} answered {answer.status}: {message}")
        raise Refusal(answer.status, message)

    async def __aenter__(self) -> Platform:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()


def authorization(secrets: Secrets) -> dict[str, str]:
    """The header of every call (spec platform.md 1.2)."""
    return {"Authorization": f"User {secrets['userSecret']}, Organization {secrets['organizationSecret']}"}


def _message(content: bytes) -> str:
    try:
        said = _anything.decode(content)
        return f"{said['message']} ({said['providerMessage']})" if said.get("providerMessage") else str(said["message"])
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return content[:200].decode(errors="replace") or "nothing"

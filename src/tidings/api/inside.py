"""How does the server call its own API for a user? Through the same layers as any caller, with the user's secrets."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson
from starlette.types import ASGIApp, Message

from tidings.core.errands import Answered, Errand
from tidings.core.model import JSON
from tidings.store.base import Store

LONGEST_FOR: Final = 300.0
"""Seconds that such a call may take; one that goes on, such as a stream, is ended."""
LARGEST: Final = 10 * 1024 * 1024
"""Bytes of an answer that are kept."""


class _TooLarge(Exception):
    """More has come than is kept."""


class Inside:
    """Makes errands' calls. What the API asks of a caller (rights, rates, usage) holds for them too."""

    def __init__(self, app: ASGIApp, base: str, store: Store, *, longest_for: float = LONGEST_FOR) -> None:
        self._app, self._base, self._store, self._longest_for = app, base, store, longest_for

    async def make(self, errand: Errand) -> Answered:
        """The answer; a refusal of ours when there was none."""
        authorization = await self._authorization(errand)
        if authorization is None:
            return _refused(401, "The user or the instance that this call is made for is not there any more")
        answer = _Answer()
        try:
            async with asyncio.timeout(self._longest_for):
                await self._app(self._scope(errand, authorization), _Body(errand.asked.body).receive, answer.send)
        except TimeoutError:
            return _refused(504, f"The call was ended after {self._longest_for:g} s; ask for less at once")
        except _TooLarge:
            return _refused(500, f"The answer is larger than {LARGEST} bytes; ask for less at once")
        except Exception:
            # The envelope has logged it; what was begun to be answered cannot be told otherwise any more.
            return _refused(500, "The answer broke off; the log has the details")
        return answer.answered()

    async def _authorization(self, errand: Errand) -> str | None:
        user = await self._store.user(errand.user_id)
        if user is None:
            return None
        parts = f"User {user.secret}, Organization {user.organization_secret}"
        if errand.instance_id is None:
            return parts
        instance = await self._store.instance(errand.instance_id)
        return None if instance is None else f"{parts}, Element {instance.token}"

    def _scope(self, errand: Errand, authorization: str) -> dict[str, Any]:
        asked = errand.asked
        path, _, query = asked.path.partition("?")
        headers = {name.lower(): value for name, value in asked.headers.items()} | {"authorization": authorization}
        if asked.body is not None:
            headers = {"content-type": JSON} | headers | {"content-length": str(len(asked.body))}
        plain = unquote(self._base + path)
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": asked.method,
            "scheme": "http",
            "path": plain,
            "raw_path": quote(plain).encode(),
            "root_path": "",
            "query_string": quote("&".join(filter(None, (query, asked.query))), safe="%&=+,;:/?@!$'()*[]~").encode(),
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
            "client": None,
            "server": None,
        }


class _Body:
    """A request's body, and afterwards a caller who waits for the answer."""

    def __init__(self, body: bytes | None) -> None:
        self._body: bytes | None = body or b""

    async def receive(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()  # until the call is over, and this with it
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Answer:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self._status, self._headers, self._body = 500, dict[str, str](), bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        self._body += message.get("body", b"")
        if len(self._body) > LARGEST:
            raise _TooLarge

    def answered(self) -> Answered:
        request_id, kind = self._headers.get("elements-request-id", ""), self._headers.get("content-type", "")
        return Answered(self._status, request_id, kind, bytes(self._body))


def _refused(status: int, said: str) -> Answered:
    return Answered(status, "", JSON, orjson.dumps({"requestId": "", "message": said}))

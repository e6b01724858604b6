"""A caller of the API in the same process: no socket, no network, the whole ASGI stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.api.documented import check
from tidings.api.routes import BASE


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["message"])


class Client:
    """Calls with the Authorization it was made with."""

    def __init__(self, app: Any, authorization: str | None = None) -> None:
        self._app = app
        self.authorization = authorization

    def with_element(self, token: str) -> Client:
        return Client(self._app, f"{self.authorization}, Element {token}")

    def saying(self, authorization: str | None) -> Client:
        return Client(self._app, authorization)

    async def __call__(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> Answer:
        """`path` stands below the base path unless it begins with two slashes; query text is quoted here."""
        path, _, query = (path[1:] if path.startswith("//") else BASE + path).partition("?")
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        if self.authorization is not None:
            sent.setdefault("authorization", self.authorization)
        if content:
            sent = {"content-type": "application/json", "content-length": str(len(content))} | sent
        return await self.send(method, path, quote(query, safe="=&%+[]"), sent, content)

    async def send(self, method: str, path: str, query: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Exactly this; the path is the whole one, without percent signs that stand for others."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},  # whose streams do not wait for a caller who goes
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        messages: list[dict[str, Any]] = []
        incoming = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await self._app(scope, receive, send)
        start = messages[0]
        answer = Answer(
            start["status"],
            {name.decode().lower(): value.decode() for name, value in start["headers"]},
            b"".join(message.get("body", b"") for message in messages[1:]),
        )
        check(scope, answer.status, answer.headers, answer.body)
        return answer

"""How does an answer in pieces go out? In one go, without a copy of the whole."""

from collections.abc import Mapping, Sequence

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class InPieces(web.StreamResponse):
    """A response whose body is some pieces, one after the other; there is at least one."""

    def __init__(self, pieces: Sequence[bytes], *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status=status, headers=headers)
        self.content_length = sum(map(len, pieces))
        self._pieces = pieces
        self._request: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._request = request
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        pieces, self._pieces = self._pieces, ()
        if not pieces:
            return
        # aiohttp's own writer takes one piece at a time, and copies it once more together with the headers.
        if self._request is not None and self._request.transport is not None:
            self._request.transport.writelines(pieces[:-1])
        await super().write_eof(pieces[-1])

"""Which request does an answer belong to? HTTP/1.1 numbers neither, so a kept connection is used with care.

Whatever a provider's server writes unasked (a second answer, a late 408 of a proxy) would else be taken for the answer
to the next request on that connection. Here it ends the connection. Receivers have a transport of their own
(outbound/transport.py).
"""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.client_reqrep import ConnectionKey


class OneAnswerEach(aiohttp.TCPConnector):
    """A connector that gives out no kept connection on which something has come since its last answer."""

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Any:
        while (kept := await super()._get(key, traces)) is not None:
            if kept.protocol is not None and not kept.protocol.should_close:
                return kept
            kept.close()
        return None

"""What has been asked? One request, taken apart before anything looks at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from tidings.sandbox.answers import Answer, not_convertible
from tidings.sandbox.paging import Parameters
from tidings.sandbox.tenant import Tenant, base_at


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a tenant: `numbers` are the ids in the path, `origin` is scheme and host as the client used them.

    `address` is the absolute address of the path without its query and without a closing slash. Header names are in
    lower case.
    """

    tenant: Tenant
    method: str
    origin: str
    address: str
    numbers: tuple[int, ...]
    parameters: Parameters
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def base(self) -> bytes:
        """Where the addresses in records begin."""
        return base_at(self.origin)

    @property
    def forward_only(self) -> bool:
        return self.headers.get("pagination-type", "").strip().lower() == "forward-only"

    def json(self) -> Any:
        """The body as objects. Raises Refusal when it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise not_convertible(self.body[:80].decode(errors="replace"), "Newtonsoft.Json.Linq.JToken") from error


Operation: TypeAlias = Callable[[Call], Answer]

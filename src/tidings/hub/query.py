"""What does a hub list ask for? Its parameters (spec platform.md 6.2), and the token of its next page."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec

from tidings.core.errors import InvalidInput
from tidings.elements.element import Resource

PAGE_SIZE: Final = 200
LARGEST_PAGE: Final = 5000  #: of the platform; a provider may have less
LARGEST_PAGE_NUMBER: Final = 2**31
LONGEST_WHERE: Final = 6000  #: characters; the token of the next page has it, and still fits into a header

#: The parameters that are the hub's own; all others go to the provider as they are.
OWN: Final = ("where", "fields", "orderBy", "page", "pageSize", "nextPage", "returnCount")
CHILD_CONDITIONS: Final = "childConditions"  #: the provider's, for what no `where` can say
_SPELLED: Final = {name.lower(): name for name in (*OWN, CHILD_CONDITIONS)}

_NAME: Final = re.compile(r"`?([A-Za-z_]\w*(?:[./][A-Za-z_]\w*)*)`?", re.ASCII)
_CHECK: Final = 8
_LONGEST_TOKEN: Final = 16_384


class Token(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where the next page of a list begins: its number, and the id before it where the list goes by ids.

    It carries what the list was asked with, so that every page is of the same list.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)]
    pageSize: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)]
    page: Annotated[int, msgspec.Meta(ge=2, le=LARGEST_PAGE_NUMBER)]
    after: int | None = None
    where: str | None = None
    fields: str | None = None
    orderBy: str | None = None

    def text(self) -> str:
        """The token as it is given out: base64 of JSON, opaque to whoever gets it."""
        body = msgspec.json.encode(self)
        return b64encode(body[:-1] + b',"check":"%s"}' % _check(body)).decode()

    @classmethod
    def read(cls, text: str) -> Token:
        """The token that was given out; raises InvalidInput for anything else."""
        try:
            if len(text) > _LONGEST_TOKEN:
                raise ValueError("is too long")
            given = urlsafe_b64decode(text.strip().replace("+", "-").replace("/", "_").replace(" ", "-"))
            body, mark, check = given.rpartition(b',"check":"')
            body += b"}"
            if not mark or check != _check(body) + b'"}':
                raise ValueError("is changed")
            return msgspec.json.decode(body, type=cls)
        except ValueError:
            raise InvalidInput(
                "nextPage", "is no token of this list; write the Elements-Next-Page-Token of the page before"
            ) from None


@dataclass(frozen=True, slots=True)
class Query:
    """One page of a list as it is asked for; `size` as it was written, however large."""

    where: str | None = None
    fields: str | None = None
    order_by: str | None = None
    page: int = 1
    size: int = PAGE_SIZE
    after: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def at(self, token: Token) -> Query:
        """The page that a token stands for: what it says counts, and not what is written beside it."""
        return Query(
            token.where, token.fields, token.orderBy, token.page, token.pageSize, token.after, extra=self.extra
        )

    def next(self, size: int, after: int | None) -> str:
        """The token of the page behind this one, of `size` rows, which ends with the id `after`."""
        return Token(size, size, self.page + 1, after, self.where, self.fields, self.order_by).text()


def provider_fields(text: str | None, resource: Resource) -> str | None:
    """`fields` in the provider's words (`id,address.countryCode` is `id,address/countryCode`); None asks for all.

    Raises InvalidInput.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not names or "*" in names:
        return None
    return ",".join(_path(name, "fields", resource) for name in names)


def provider_order(text: str | None, resource: Resource) -> str:
    """`orderBy` in the provider's words, the id last, so that equal ones always come in the same order.

    Raises InvalidInput.
    """
    terms = [term.split() for term in (text or "").split(",") if term.strip()]
    said: list[str] = []
    for words in terms:
        direction = words[1].lower() if len(words) == 2 else "asc"
        if len(words) > 2 or direction not in ("asc", "desc"):
            raise InvalidInput("orderBy", f"is {' '.join(words)!r}; write a field with asc or desc, such as name asc")
        said.append(f"{_name(words[0], 'orderBy')} {direction}")
    own = resource.id.replace(".", "/")
    if own and not any(term.split()[0].lower() == own.lower() for term in said):
        said.append(f"{own} asc")
    return ",".join(said)


def _path(name: str, parameter: str, resource: Resource) -> str:
    said = _name(name, parameter)
    return resource.aliases.get(said.replace("/", "."), said).replace(".", "/")


def _name(written: str, parameter: str) -> str:
    match = _NAME.fullmatch(written)
    if match is None:
        raise InvalidInput(parameter, f"has {written[:100]!r}, which is no field's name; write one such as company.id")
    return match[1].replace(".", "/")


def extra(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What goes to the provider as it was written: a parameter that is none of ours.

    Raises InvalidInput for what would select nothing because nobody reads it: one of ours in another spelling, and the
    provider's `conditions`, which are what `where` becomes.
    """
    found: dict[str, str] = {}
    for name, value in parameters:
        if name.lower() == "conditions":
            raise InvalidInput(name, "is not taken here; write a where")
        spelled = _SPELLED.get(name.lower(), name)
        if name != spelled:
            raise InvalidInput(name, f"is not read; write {spelled}")
        if name not in OWN:
            found[name] = value
    return found


def _check(body: bytes) -> bytes:
    """Not a secret: nobody gains anything by a token of their own. It tells a broken one from one of ours."""
    return hashlib.sha256(body).hexdigest()[:_CHECK].encode()

"""Which request the `url` of a polled resource stands for: path, where and other parameters, macros in place."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from tidings.core.macros import MACRO

_MACRO: Final = r"\$\{(?:[^{}]|\{[^{}]*\})*\}"
# An ampersand inside quotes belongs to the text; quotes inside a macro belong to its pattern.
_PIECE: Final = re.compile(rf"{_MACRO}|'(?:{_MACRO}|[^'])*+'|&|.", re.DOTALL)
_PREFIX: Final = re.compile(r"(?:/?elements/api-v2)?/?hubs/[^/]+/|/")


@dataclass(frozen=True, slots=True)
class Query:
    """A read of the instance's own hub: `path` below the hub (`contacts`), the condition, the other parameters."""

    path: str
    where: str | None
    parameters: tuple[tuple[str, str], ...]


def split(url: str) -> Query:
    """The parts of a poller URL, which is written unescaped (one that is escaped throughout is unescaped).

    Raises ValueError with what to write instead.
    """
    location, _, query = url.strip().partition("?")
    bare = MACRO.sub("", location)
    if "://" in bare:
        raise ValueError(f"`{location}` is an absolute address: write a path such as /hubs/crm/contacts")
    placeholder = re.search(r"\{[^}]*\}", bare)
    if placeholder is not None:
        raise ValueError(f"`{placeholder[0]}` in `{location}` is a placeholder: write what it stands for")
    prefix = _PREFIX.match(location)
    path = location[prefix.end() if prefix else 0 :].strip("/")
    if not path:
        raise ValueError(f"`{url.strip()}` names no resource: write a path such as /hubs/crm/contacts")
    where: str | None = None
    parameters: list[tuple[str, str]] = []
    for name, value in _parameters(query):
        if name.lower() != "where":
            parameters.append((name, value))
        elif where is not None:
            raise ValueError("has two where parameters: join the conditions with AND")
        else:
            where = value
    return Query(path, where if where and where.strip() else None, tuple(parameters))


def _parameters(query: str) -> list[tuple[str, str]]:
    pairs = [""]
    for piece in _PIECE.findall(query):
        if piece == "&":
            pairs.append("")
        else:
            pairs[-1] += piece
    escaped = "%" in query and not re.search(r"[\s<>'\"]", MACRO.sub("", query))
    split = (pair.partition("=") for pair in pairs if pair.strip())
    return [(_plain(name, escaped).strip(), _plain(value, escaped)) for name, _, value in split]


def _plain(text: str, escaped: bool) -> str:
    if not escaped:
        return text
    ends = 0
    plain = ""
    for macro in MACRO.finditer(text):
        plain += unquote_plus(text[ends : macro.start()]) + macro[0]
        ends = macro.end()
    return plain + unquote_plus(text[ends:])

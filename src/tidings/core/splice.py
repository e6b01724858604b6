"""How is JSON taken apart and put together again without touching the bytes of its parts?

Numbers keep their digits and texts their escapes: read and written again, they could come out differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import msgspec
import orjson

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
# The numbers are not looked at, and there is no length that a number of a provider cannot have.
_reader = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACE = " \t\r\n"


def members(document: bytes) -> dict[str, bytes]:
    """An object's members in order, each value as its exact bytes. Raises ValueError when it is no object."""
    try:
        return {name: bytes(value) for name, value in _members.decode(document).items()}
    except msgspec.DecodeError:
        # Half a surrogate pair (a text that the provider cut in the middle of a sign) is read by the standard library.
        return _members_of(document.decode())


def elements(document: bytes) -> list[bytes]:
    """An array's elements, each as its exact bytes. Raises ValueError when it is no array."""
    try:
        return [bytes(value) for value in _elements.decode(document)]
    except msgspec.DecodeError:
        return _elements_of(document.decode())


def joined(parts: Mapping[str, bytes]) -> bytes:
    """An object of these members."""
    return b"{" + b",".join(orjson.dumps(name) + b":" + value for name, value in parts.items()) + b"}"


def listed(parts: Iterable[bytes]) -> bytes:
    """An array of these elements."""
    return b"[" + b",".join(parts) + b"]"


def _members_of(text: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    position = _after(text, 0, "{")
    while text[position] != "}":
        name, end = _reader.raw_decode(text, position)
        start = _after(text, end, ":")
        _, end = _reader.raw_decode(text, start)
        found[name] = text[start:end].encode()
        position = _next(text, end)
    return found


def _elements_of(text: str) -> list[bytes]:
    found: list[bytes] = []
    position = _after(text, 0, "[")
    while text[position] != "]":
        _, end = _reader.raw_decode(text, position)
        found.append(text[position:end].encode())
        position = _next(text, end)
    return found


def _after(text: str, position: int, sign: str) -> int:
    """Where something begins that follows `sign`."""
    position = _skip(text, position)
    if text[position] != sign:
        raise ValueError(f"{sign} is missing at {position}")
    return _skip(text, position + 1)


def _next(text: str, position: int) -> int:
    position = _skip(text, position)
    return _skip(text, position + 1) if text[position] == "," else position


def _skip(text: str, position: int) -> int:
    while text[position] in _SPACE:
        position += 1
    return position

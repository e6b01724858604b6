"""Where in a notification's body do its records and its events stand?

They are cut out as they were sent, byte for byte: read and written again, they could come out differently.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

_RAW, _EVENTS = ',"raw":', '"events":['


class _Message(msgspec.Struct):
    raw: msgspec.Raw
    events: list[msgspec.Raw]


class _Envelope(msgspec.Struct):
    message: _Message


_envelope = msgspec.json.Decoder(_Envelope)
# The numbers are not looked at, and there is no length that a number of a provider cannot have.
_reader = json.JSONDecoder(parse_int=str, parse_float=str)


def cut_out(body: bytes) -> tuple[bytes, Sequence[bytes]]:
    """The exact bytes of `message.raw` and of each of `message.events` in a body that `core.notify.cut` has made."""
    try:
        message = _envelope.decode(body).message
    except msgspec.DecodeError:
        # Half a surrogate pair (a text that the provider cut in the middle of a sign) is read by the standard library.
        return _cut_out(body.decode())
    return bytes(message.raw), [bytes(event) for event in message.events]


def _cut_out(text: str) -> tuple[bytes, Sequence[bytes]]:
    # Before the records stand numbers and texts only, and a quote inside a text has a backslash in front.
    start = text.index(_RAW) + len(_RAW)
    _, end = _reader.raw_decode(text, start)
    position = text.index(_EVENTS, end) + len(_EVENTS)
    events: list[bytes] = []
    while text[position] != "]":
        _, after = _reader.raw_decode(text, position)
        events.append(text[position:after].encode())
        position = after + (text[after] == ",")
    return text[start:end].encode(), events

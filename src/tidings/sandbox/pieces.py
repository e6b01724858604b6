"""How does a row wait for the next reader, so that it goes out as it is?

A list is asked for again and again at the same address. A row that has been asked for is therefore kept with the
reader's address already in it, cut where the custom fields of a record without any belong (render.py's BLANK): a page
is then nothing but the pieces of its rows, one after the other, and no byte of it is copied before it is sent.
"""

from collections.abc import Iterable
from typing import TypeAlias

from tidings.sandbox.render import BASE, BLANK

Pieces: TypeAlias = tuple[bytes, bytes, bytes | None]
"""The address that is filled in, a comma and the text up to the blank, and the text after it; None without a blank."""


def cut(body: bytes, base: bytes) -> Pieces:
    """A body (render.py) in pieces for readers at this address."""
    head, blank, tail = body.partition(BLANK)
    return base, b"," + head.replace(BASE, base), tail.replace(BASE, base) if blank else None


def is_reversible(body: bytes, base: bytes) -> bool:
    """Whether `whole` finds this body again: its own text does not hold the address, nor can it begin or end one."""
    return base not in body and b'"' not in base


def whole(pieces: Pieces) -> bytes:
    """The body that was cut."""
    base, head, tail = pieces
    body = head[1:].replace(base, BASE)
    return body if tail is None else body + BLANK + tail.replace(base, BASE)


def array(rows: Iterable[Pieces], blank: bytes) -> list[bytes]:
    """The JSON array of these rows, in the pieces that it goes out in; the brackets stand alone."""
    sent = [b"["]
    add = sent.append
    for _, head, tail in rows:
        add(head)
        if tail is not None:
            add(blank)
            add(tail)
    if len(sent) > 1:
        sent[1] = sent[1][1:]
    add(b"]")
    return sent

"""How do members that are null leave a document whose other bytes stay as they are? (spec platform.md 6.3)

A page of a thousand records is megabytes, and a few members of it are null: those are cut out where they stand, and
nothing is read that does not have to be.
"""

from __future__ import annotations

from typing import Final

_BLANK: Final = b" \t\r\n"
_BEFORE_TEXT: Final = b",:[{ \t\r\n"


def without_nulls(document: bytes) -> bytes:
    """The same valid JSON without members that are null, at any depth; nulls in arrays stay, as do all other bytes."""
    if document.rfind(b"null") < 0:  # from the end, because that is looked for twice as fast
        return document
    at = document.find(b"null")
    marks = _only_real_quotes(document)
    kept: list[bytes] = []
    done = 0
    while at >= 0:
        # As most are: nothing blank, and a key that ends in what cannot stand before a text.
        if marks[at - 2 : at] == b'":' and marks[at - 3] not in _BEFORE_TEXT:
            begin = marks.rfind(b'"', 0, at - 2)
        else:
            begin = _key_of(marks, at)
        if begin >= 0:
            end = _skip(marks, at + 4)
            kept.append(document[done:begin])
            if marks[end : end + 1] == b",":
                end += 1
            else:
                _take_back_comma(kept)
            done = end
        at = document.find(b"null", at + 4)
    kept.append(document[done:])
    return b"".join(kept)


def _only_real_quotes(document: bytes) -> bytes:
    """The document with something else for every escape, at the same places: a quote that is left begins or ends a
    text."""
    if b"\\" not in document:
        return document
    return document.replace(b"\\\\", b"__").replace(b'\\"', b"__")


def _key_of(marks: bytes, at: int) -> int:
    """Where the key of the value at this place begins; below 0 when that is no member's value."""
    colon = _back(marks, at)
    if marks[colon : colon + 1] != b":":
        return -1
    closing = _back(marks, colon)
    if marks[closing : closing + 1] != b'"':
        return -1
    # Behind one of these a quote may as well open a text that begins with ":null"; then it is an even one.
    if marks[closing - 1] in _BEFORE_TEXT and marks.count(b'"', 0, closing) % 2 == 0:
        return -1
    return marks.rfind(b'"', 0, closing)


def _take_back_comma(kept: list[bytes]) -> None:
    """What was the last but one member is the last now."""
    while kept and not (last := kept.pop().rstrip(_BLANK)):
        pass
    if last:
        kept.append(last.removesuffix(b","))


def _back(marks: bytes, at: int) -> int:
    """The place of the last sign before this one that is not blank."""
    at -= 1
    while at >= 0 and marks[at] in _BLANK:
        at -= 1
    return at


def _skip(marks: bytes, at: int) -> int:
    while marks[at : at + 1] and marks[at] in _BLANK:
        at += 1
    return at

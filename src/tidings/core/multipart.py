"""Which parts does a body of the type `multipart/form-data` have? (RFC 7578)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final

from tidings.core.errors import InvalidInput

MULTIPART: Final = "multipart/form-data"
_MOST_PARTS: Final = 20
_LONGEST_HEAD: Final = 8192
_BOUNDARY: Final = re.compile(r"[\x20-\x7e]{1,70}")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of the form; a file has the name that it was sent under."""

    content: bytes
    file_name: str | None = None
    content_type: str = "text/plain"


def read_parts(content_type: str, body: bytes) -> Mapping[str, FormPart]:
    """The parts by their names; of several with one name, the first. Raises InvalidInput."""
    boundary = _parameter("Content-Type", content_type, "boundary")
    if boundary is None or not _BOUNDARY.fullmatch(boundary):
        raise InvalidInput("Content-Type", "has no boundary that can be read; write multipart/form-data; boundary=…")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), _MOST_PARTS + 2)
    found: dict[str, FormPart] = {}
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return found
        head, mark, content = piece.partition(b"\r\n\r\n")
        if not mark or len(head) > _LONGEST_HEAD:
            raise InvalidInput("body", "has a part without headers; send each with a Content-Disposition")
        headers = _headers(head)
        told = headers.get("content-disposition", "")
        name, file_name = (_parameter("Content-Disposition", told, each) for each in ("name", "filename"))
        if name is None:
            raise InvalidInput("body", 'has a part without a name; write Content-Disposition: form-data; name="file"')
        found.setdefault(name, FormPart(content, file_name, headers.get("content-type", "text/plain")))
    raise InvalidInput("body", f"does not end with --{boundary}--, or has more than {_MOST_PARTS} parts")


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode(errors="replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _parameter(header: str, value: str, name: str) -> str | None:
    """A parameter of a header's value; None when it has none. Raises InvalidInput where it cannot be read."""
    message = Message()
    try:
        message[header] = value
        found = message.get_param(name, header=header)
        return None if found is None else collapse_rfc2231_value(found)
    except (ValueError, LookupError, TypeError):
        raise InvalidInput(header, "cannot be read") from None

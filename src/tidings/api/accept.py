"""Does the caller take an answer of this type? The Accept header of RFC 9110, as far as 406 needs it."""

from __future__ import annotations

import re

JSON = "application/json"
_RANGE = re.compile(r"\s*([\w.+*-]+)/([\w.+*-]+)\s*(?:;(.*))?", re.ASCII)
_NOTHING = re.compile(r"(?:^|;)\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)", re.IGNORECASE)


def takes(accept: str | None, type: str) -> bool:
    """Whether a header accepts the type: the most specific range that names it decides. One that cannot be read, and
    none at all, accepts everything.

    >>> takes("text/csv, application/*;q=0.1", "application/json"), takes("text/html", "application/json")
    (True, False)
    """
    ranges = [_RANGE.fullmatch(part) for part in (accept or "").split(",") if part.strip()]
    if not ranges or not all(ranges):
        return True
    family, _, kind = type.partition("/")
    best, taken = 0, False
    for found in filter(None, ranges):
        fits = {(family, kind): 3, (family, "*"): 2, ("*", "*"): 1}.get((found[1].lower(), found[2].lower()), 0)
        if fits > best or (fits and fits == best):
            best, taken = fits, not _NOTHING.search(found[3] or "")
    return taken

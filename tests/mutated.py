"""Texts that are nearly right: a good one with a few things done to it, as by a typo, a script or an attacker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

Made = TypeVar("Made")
Refusal = TypeVar("Refusal", bound=Exception)

#: What is worth trying anywhere.
ODD = (
    *(
        "",
        " ",
        "'",
        "''",
        "`",
        '"',
        "(",
        ")",
        "((",
        "{",
        "}",
        "${",
        "%",
        "%00",
        "\\",
        "/",
        "..",
        ",",
        ";",
        ":",
        "-",
        "+",
    ),
    *("\0", "\n", "\r\n", "\t", "\x7f", "\u200b", "\u2028", "é", "İ", "ß", "٣", "²", "𝟗", "\U0001f600", "Ω" * 40),
    *(
        "0",
        "-1",
        "00",
        "1e400",
        "9" * 19,
        "9" * 400,
        "9223372036854775807",
        "9223372036854775808",
        "NaN",
        "null",
        "true",
    ),
    *(" and ", " OR ", "not ", " in (", " like ", " is null", "=", "!=", "<>", ">="),
    *("2026-02-30", "0000-00-00", "9999-12-31T23:59:59Z", "10000-01-01", "T", "Z", "+99:99", "yyyy", "XXX", "S" * 30),
)


def mutated(*seeds: str) -> st.SearchStrategy[str]:
    """One of the seeds after up to four changes, or any text at all. No halves of surrogate pairs: no URL has them."""
    return st.builds(_changed, st.sampled_from(seeds), st.lists(_CHANGES, max_size=4)) | ANY


ANY = st.text(st.characters(codec="utf-8"), max_size=40)
_CHANGES = st.tuples(
    st.floats(0, 1), st.integers(0, 6), st.sampled_from(ODD) | st.text(st.characters(codec="utf-8"), max_size=3)
)


def _changed(seed: str, changes: Sequence[tuple[float, int, str]]) -> str:
    """Each change puts something in the place of some characters.

    >>> _changed("id = 5", [(0.5, 2, "x")])
    'id x5'
    """
    for place, length, text in changes:
        at = round(place * len(seed))
        seed = seed[:at] + text + seed[at + length :]
    return seed


def tried(refusal: type[Refusal], make: Callable[..., Made], *of: object) -> tuple[Made | None, Refusal | None]:
    """What is made of it, or the refusal; any other error is nobody's intention, and raised."""
    try:
        return make(*of), None
    except refusal as error:
        return None, error

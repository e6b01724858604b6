"""What the macros in a poller's URL stand for: `${gmtDate:…}`, `${epoch}` and the others (spec platform.md 4.4)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from whenever import Instant

from tidings.core import javadate, zones
from tidings.core.javadate import JavaPattern, PatternError
from tidings.core.zones import ZoneError

# A placeholder such as {TimeZone} may stand inside, so that the refusal can name the whole macro.
MACRO: Final = re.compile(r"\$\{((?:[^{}]|\{[^{}]*\})*)\}")
_BROKEN: Final = re.compile(
    r"\$\{[^}]{0,40}|\$(?:gmtdate|date|epoch|milliseconds|nowtimezone|y{2,4})[^{}$]*\}", re.IGNORECASE
)
_OFFSET_AND_REST: Final = re.compile(r"((?:GMT|UTC)?[+-]\d{1,2}(?::\d{2}|\d{2})?):(.+)", re.IGNORECASE | re.DOTALL)
# `epoch:0` is in use and undocumented; milliseconds are what the word alone means.
_EPOCHS: Final = {"": 1_000_000, "ms": 1_000_000, "0": 1_000_000, "s": 1_000_000_000, "us": 1_000}
_FORMS: Final = (
    "write ${gmtDate:<pattern>}, ${date:<pattern>}, ${dateTimeZone:<zone>:<pattern>}, ${nowTimeZone:<zone>:<pattern>}, "
    "${epoch}, ${epoch:s}, ${epoch:ms}, ${epoch:us} or ${milliseconds}"
)


class MacroError(ValueError):
    """A macro cannot be read; the message names it and says what can be written."""


@dataclass(frozen=True, slots=True)
class Macro:
    """One macro: a pattern on the clock of a zone, or, without a pattern, a count of units since 1970.

    `now` macros stand for the present as an upper bound, all others for the last poll as a lower one.
    """

    pattern: JavaPattern | None
    zone: str
    now: bool = False
    nanoseconds: int = 1_000_000

    def render(self, bound: Instant, now: Instant) -> str:
        """The text: one unit before `bound`, for filters that say `>`; for a `now` macro one unit after `now`."""
        if self.pattern is None:
            return str(bound.timestamp(unit="nanosecond") // self.nanoseconds - 1)
        return self.pattern.after(now, self.zone) if self.now else self.pattern.before(bound, self.zone)

    def earliest(self, bound: Instant) -> Instant:
        """The earliest instant that the text rendered for `bound` can stand for."""
        text = self.render(bound, bound)
        if self.pattern is None:
            return Instant.from_timestamp(int(text) * self.nanoseconds, unit="nanosecond")
        return self.pattern.parse(text, self.zone)


def expand(url: str, *, bound: Instant, now: Instant, zone: str = "UTC", date_format: str | None = None) -> str:
    """`url` with every macro rendered; what is no macro stays as it is. Raises MacroError.

    `bound` is where the poll asks from, `pollDelay` and overlap taken off. `zone` is that of `${date:…}`. Bare
    `${date}` is written as `date_format` says (the resource's updated format), in epoch milliseconds without one.
    Nothing is escaped: the URL is not a URL's text yet.
    """
    return MACRO.sub(lambda match: _read(match, zone, date_format).render(bound, now), url)


def earliest(url: str, *, bound: Instant, zone: str = "UTC", date_format: str | None = None) -> Instant | None:
    """The earliest instant that a last-poll macro, rendered for `bound`, stands for; None where there is none.

    A row from before it does not satisfy the filter that was sent. Raises MacroError.
    """
    macros = (_read(match, zone, date_format) for match in MACRO.finditer(url))
    return min((macro.earliest(bound) for macro in macros if not macro.now), default=None)


def validate(url: str) -> None:
    """Raises MacroError for the first macro that cannot be read, among them one without its `{` or `}`."""
    for match in MACRO.finditer(url):
        _read(match, "UTC", None)
    broken = _BROKEN.search(MACRO.sub("", url))
    if broken is not None:
        raise MacroError(f"`{broken[0]}` is a broken macro: {_FORMS}")


def _read(match: re.Match[str], zone: str, date_format: str | None) -> Macro:
    name, _, rest = match[1].partition(":")
    try:
        return _READERS[name.strip().lower()](rest, zone, date_format)
    except KeyError:
        raise MacroError(f"`{match[0]}` is not a macro: {_FORMS}") from None
    except (PatternError, ZoneError) as error:
        raise MacroError(f"`{match[0]}` cannot be read: {error}") from None


def _gmt(rest: str, zone: str, date_format: str | None) -> Macro:
    return Macro(javadate.compile(rest), "GMT")


def _date(rest: str, zone: str, date_format: str | None) -> Macro:
    return Macro(javadate.compile(rest or date_format or "milliseconds"), zone)


def _in_zone(rest: str, zone: str, date_format: str | None) -> Macro:
    offset = _OFFSET_AND_REST.fullmatch(rest)
    name, pattern = (offset[1], offset[2]) if offset else rest.partition(":")[::2]
    zones.zone(name)
    return Macro(javadate.compile(pattern), name)


def _now(rest: str, zone: str, date_format: str | None) -> Macro:
    macro = _in_zone(rest, zone, date_format)
    return Macro(macro.pattern, macro.zone, now=True)


def _epoch(rest: str, zone: str, date_format: str | None) -> Macro:
    return Macro(None, "GMT", nanoseconds=_EPOCHS[rest.strip().lower()])


_READERS: Final[dict[str, Callable[[str, str, str | None], Macro]]] = {
    "gmtdate": _gmt,
    "date": _date,
    "datetimezone": _in_zone,
    "nowtimezone": _now,
    "epoch": _epoch,
    "milliseconds": lambda rest, zone, date_format: _epoch("x" + rest if rest else "", zone, date_format),
}

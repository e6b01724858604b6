"""How a Java date pattern (SimpleDateFormat) writes and reads an instant."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from whenever import Instant, PlainDateTime

from tidings.core import dateletters, zones
from tidings.core.dateletters import EPOCH, LETTERS, STATED, Unit

__all__ = ["JavaPattern", "PatternError", "Unit", "compile", "parse_iso"]

_ISO_SECONDS: Final = "yyyy-MM-dd'T'HH:mm:ss"
_ISO_ANY_ZONE: Final = frozenset({_ISO_SECONDS + "X", _ISO_SECONDS + "XXX", _ISO_SECONDS + "Z"})
_ISO: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?\s*([A-Za-z]+|[+-][\d:]+)?)?"
)
_QUOTED: Final = re.compile(r"'((?:[^']|'')+)'")
_PROBES: Final = (
    (Instant.from_utc(2026, 11, 22, 13, 14, 15, nanosecond=123_456_789), "America/New_York"),
    (Instant.from_utc(2003, 5, 4, 3, 2, 1), "GMT"),
)
_ONE_OR_TWO: Final = "MdHhms"  #: as many digits as it has, when it is written alone
_OFFSET_AT_END: Final = re.compile(r"[+-](?:\d{1,2}:\d{2}|\d{4})$")


class PatternError(ValueError):
    """A date pattern cannot be read; the message names the letter, its position and what to write instead."""


@dataclass(frozen=True, slots=True)
class Field:
    """A run of one letter; `stated` is the text of an offset that the pattern itself writes out."""

    letter: str
    run: int
    stated: str = ""


@dataclass(frozen=True, slots=True)
class JavaPattern:
    """A compiled pattern.

    `unit` is the smallest whole unit that it renders; `zoned` says whether its text names its own zone, so that it
    stands for one instant only.
    """

    source: str
    tokens: tuple[Field | str, ...]
    unit: Unit
    zoned: bool
    regex: re.Pattern[str]

    def format(self, instant: Instant, zone: str = "UTC") -> str:
        """The text for `instant`, on the clock of `zone`. Raises zones.ZoneError."""
        return self._render(self._place(zone).at(instant))

    def before(self, instant: Instant, zone: str = "UTC") -> str:
        """One unit earlier than `instant`: all that happens from `instant` on is written greater than this.

        Where the clock is about to be set back, that is earlier than all it will show again.
        """
        return self._render(self._moved(instant, zone, -1))

    def after(self, instant: Instant, zone: str = "UTC") -> str:
        """One unit later than `instant`: all that happened until `instant` is written less than this."""
        return self._render(self._moved(instant, zone, +1))

    def parse(self, text: str, default_zone: str = "UTC") -> Instant:
        """The instant that `text` stands for, read in `default_zone` where it names none; of two, the earlier.

        Parts that the pattern leaves out are those of 1970-01-01T00:00; the day's name is not compared with the
        date. Raises ValueError.
        """
        if len(text) == 20 and text[19] == "Z" and self._reads_iso(default_zone):
            with suppress(ValueError):
                return Instant.parse_iso(text)
        match = self.regex.fullmatch(text)
        if match is None:
            raise ValueError(f"`{text}` is not a date of the form {self.source}")
        letters = [token.letter for token in self.tokens if isinstance(token, Field)]
        parts = dict(zip(letters, match.groups(), strict=True))
        try:
            return dateletters.instant(parts, self._place(default_zone))
        except ValueError as error:
            raise ValueError(f"`{text}` is not a date of the form {self.source}: {error}") from None

    def parse_lenient(self, text: str, default_zone: str = "UTC") -> Instant:
        """As `parse`, else as ISO-8601: providers mix Z, +00:00 and fractions on one page. Raises ValueError."""
        try:
            return self.parse(text, default_zone)
        except ValueError as refusal:
            with suppress(ValueError):
                return parse_iso(text, default_zone)
            raise refusal from None

    def _reads_iso(self, default_zone: str) -> bool:
        if self.source == _ISO_SECONDS + "'Z'":
            return default_zone in zones.UTC_NAMES
        return self.source in _ISO_ANY_ZONE

    def _place(self, zone: str) -> zones.Zone:
        last = self.tokens[-1]
        return zones.zone(last.stated if isinstance(last, Field) and last.stated else zone)

    def _moved(self, instant: Instant, zone: str, count: int) -> zones.Reading:
        place = self._place(zone)
        here = place.at(instant)
        if not self.zoned:
            clock = place.least_from(instant) if count < 0 else place.greatest_until(instant)
            return zones.Reading(self.unit.shift(clock, count), here.offset, here.abbreviation)
        if self.unit <= Unit.DAY:
            return place.at(place.instant(self.unit.shift(here.clock, count)))
        utc = zones.zone("UTC")
        return place.at(utc.instant(self.unit.shift(utc.at(instant).clock, count)))

    def _render(self, reading: zones.Reading) -> str:
        return "".join(
            token if isinstance(token, str) else token.stated or LETTERS[token.letter].writes(reading, token.run)
            for token in self.tokens
        )


@lru_cache(maxsize=512)
def compile(pattern: str) -> JavaPattern:
    """The pattern, ready for use: letters `y M d E a H h m s S z Z X`, `'literal'`, `''`, or the word `milliseconds`.

    A run of n S is the first n digits of the fraction (Java agrees for SSS). An offset written out at the end
    (`yyyy-MM-dd HH:mm:ss -0800`) overrules the zone, as the text says what it means. Raises PatternError.
    """
    # Configurations were copied out of shell commands, where '\'' is one quote, and with a quote too many at the end.
    source = pattern.replace("'\\''", "'")
    if source.rstrip("'") == EPOCH:
        tokens: tuple[Field | str, ...] = (Field(EPOCH, 1),)
    else:
        tokens = tuple(_with_stated_offset(_joined(_tokens(source))))
    fields = [token for token in tokens if isinstance(token, Field)]
    letters = {field.letter for field in fields}
    if not letters & {*"yMdHhms", EPOCH}:
        raise PatternError(f"`{pattern}` renders no date: write a pattern such as yyyy-MM-dd'T'HH:mm:ss'Z'")
    if "m" in letters and not letters & {"H", "h"}:
        raise PatternError(f"`{pattern}` has minutes (mm) but no hour: write MM for the month")
    if "h" in letters and "a" not in letters:
        raise PatternError(f"`{pattern}` has a 12-hour clock (hh) without AM or PM (a): write HH")
    units = [unit for field in fields if (unit := dateletters.unit(field.letter, field.run)) is not None]
    zoned = not letters.isdisjoint({*"XZz", STATED, EPOCH})
    regex = re.compile(rf"\s*{''.join(_expressions(tokens))}\s*", re.IGNORECASE)
    made = JavaPattern(source, tokens, max(units), zoned, regex)
    for probe, zone in _PROBES:
        try:
            made.parse(text := made.format(probe, zone), zone)
        except ValueError:
            raise PatternError(
                f"`{pattern}` writes `{text}`, which cannot be read again: set its parts apart"
            ) from None
    return made


def parse_iso(text: str, default_zone: str = "UTC") -> Instant:
    """An ISO-8601 date or date-time, with or without fraction and zone; a date alone is its midnight.

    Raises ValueError.
    """
    with suppress(ValueError):
        return Instant.parse_iso(text)
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not an ISO-8601 date")
    *numbers, fraction, stated = match.groups("")
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    clock = PlainDateTime(year, month, day, hour, minute, second, nanosecond=dateletters.nanosecond(fraction))
    place = zones.zone(default_zone)
    return zones.instant_in(stated, clock, place) if stated else place.instant(clock)


def _tokens(source: str) -> Iterator[Field | str]:
    position = 0
    while position < len(source):
        letter = source[position]
        if source.startswith("''", position):
            yield "'"
            position += 2
        elif letter == "'":
            match = _QUOTED.match(source, position)
            if match is None and position < len(source) - 1:
                raise PatternError(f"`{source}`: the quote at position {position + 1} is never closed")
            if match is not None:
                yield match[1].replace("''", "'")
            position = match.end() if match else len(source)
        elif letter.isascii() and letter.isalpha():
            run = len(source) - position - len(source[position:].lstrip(letter))
            yield _field(source, position, run)
            position += run
        else:
            yield letter
            position += 1


def _field(source: str, position: int, run: int) -> Field:
    letter = source[position]
    where = f"`{source}`: `{letter * run}` at position {position + 1}"
    if letter not in LETTERS or letter == STATED:
        instead = dateletters.INSTEAD.get(letter, "is no part of a date: write literal text in single quotes")
        raise PatternError(f"{where} {instead}")
    if run > LETTERS[letter].longest:
        raise PatternError(f"{where} is too long: write {letter * LETTERS[letter].longest}")
    if run == 1 and letter in _ONE_OR_TWO and _begins_number(source, position + 1):
        raise PatternError(f"{where} runs into the number behind it: write {letter * 2}")
    if letter in "ZXz" and _begins_number(source, position + run):
        raise PatternError(f"{where} runs into the number behind it: set them apart")
    return Field(letter, run)


def _begins_number(source: str, position: int) -> bool:
    letter = source[position : position + 1]
    run = len(source) - position - len(source[position:].lstrip(letter)) if letter else 0
    return letter != STATED and letter in LETTERS and _is_number(Field(letter, run))


def _joined(tokens: Iterator[Field | str]) -> list[Field | str]:
    joined: list[Field | str] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if isinstance(token, str) and isinstance(last, str):
            joined[-1] = last + token
        else:
            joined.append(token)
    return joined


def _with_stated_offset(tokens: list[Field | str]) -> list[Field | str]:
    last = tokens[-1] if tokens else ""
    if not isinstance(last, str) or any(isinstance(token, Field) and token.letter in "XZz" for token in tokens):
        return tokens
    match = _OFFSET_AT_END.search(last)
    if match is None or zones.parse_offset(match[0]) is None:
        return tokens
    literal = [last[: match.start()]] if match.start() else []
    return [*tokens[:-1], *literal, Field(STATED, 1, match[0])]


def _expressions(tokens: tuple[Field | str, ...]) -> Iterator[str]:
    for token, following in zip(tokens, (*tokens[1:], ""), strict=True):
        if isinstance(token, str):
            yield "".join(r"\s++" if part.isspace() else re.escape(part) for part in re.split(r"(\s+)", token))
        elif _is_number(token) and isinstance(following, Field) and _is_number(following):
            width = 4 if token.letter == "y" and token.run != 2 else token.run
            yield rf"(\d{{{width}}})"
        else:
            yield f"({LETTERS[token.letter].reads(token.run)})"


def _is_number(field: Field) -> bool:
    return LETTERS[field.letter].numeric and not (field.letter == "M" and field.run > 2)

"""How does one number become many choices and a history? Cheap, repeatable draws with random access.

Every record is a function of the seed, its resource and its position, so records of different resources agree on
each other without one being kept for the other.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from zlib import crc32

_MASK = (1 << 64) - 1
_MINUTES = tuple(f"{minute // 60:02}:{minute % 60:02}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02}Z" for second in range(60))
_EPOCH = date(1970, 1, 1).toordinal()


def mix(number: int) -> int:
    """64 well-mixed bits of a number: the finaliser of SplitMix64."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def salt(seed: int, name: str) -> int:
    """Where the draws of one resource begin."""
    return mix((seed & _MASK) ^ (crc32(name.encode()) << 32))


@cache
def _day(number: int) -> str:
    return date.fromordinal(_EPOCH + number).isoformat() + "T"


def stamp(second: int) -> str:
    """A second since 1970 as the provider writes it.

    >>> stamp(86399)
    '1970-01-01T23:59:59Z'
    """
    day, rest = divmod(second, 86400)
    minute, rest = divmod(rest, 60)
    return _day(day) + _MINUTES[minute] + _SECONDS[rest]


def guid(first: int, second: int) -> str:
    """A version 4 UUID of two draws."""
    digits = f"{first:016x}{second:016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


YEARS = 8
QUIET_FOR = 2 * 3600


@dataclass(frozen=True, slots=True)
class History:
    """When the records of a resource were made and last changed: over the past years, until two hours ago.

    Seconds since 1970. Records are made in the order of their ids.
    """

    start: int
    until: int

    @classmethod
    def before(cls, now: datetime) -> "History":
        """The history that a tenant has at `now` (an aware datetime)."""
        second = int(now.astimezone(UTC).timestamp())
        return cls(second - YEARS * 365 * 86400, second - QUIET_FOR)

    def entered(self, position: int, count: int, draw: int) -> int:
        """When the record at a position of `count` was made."""
        return self.start + ((position * 1024 + (draw & 1023)) * (self.until - self.start)) // (count * 1024)

    def updated(self, entered: int, draw: int) -> int:
        """When it was last changed; a quarter never were, most soon after they were made."""
        part = draw & 1023
        return entered if part < 256 else entered + (self.until - entered) * part**4 // 1024**4

    def within(self, second: int) -> int:
        """The second, or the end of the history if that is earlier."""
        return min(second, self.until)

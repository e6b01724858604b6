"""Which Quartz cron expression says "every so often"? (spec platform.md 5.6)"""

from __future__ import annotations

MINUTE, HOUR, DAY = 60, 3600, 86400


def every(seconds: float) -> str | None:
    """The expression, or None where cron cannot say it evenly, as with every 7 minutes.

    >>> every(900), every(3), every(3600), every(420)
    ('0 0/15 * 1/1 * ? *', '0/3 * * 1/1 * ? *', '0 0 * 1/1 * ? *', None)
    """
    if seconds < 1 or seconds != int(seconds):
        return None
    whole = int(seconds)
    if whole < MINUTE and MINUTE % whole == 0:
        return f"{_step(whole)} * * 1/1 * ? *"
    if whole < HOUR and whole % MINUTE == 0 and HOUR % whole == 0:
        return f"0 {_step(whole // MINUTE)} * 1/1 * ? *"
    if whole < DAY and whole % HOUR == 0 and DAY % whole == 0:
        return f"0 0 {_step(whole // HOUR)} 1/1 * ? *"
    return "0 0 0 1/1 * ? *" if whole == DAY else None


def in_words(seconds: float) -> str:
    """The interval for people, in the largest unit that fits evenly.

    >>> in_words(900), in_words(60), in_words(3), in_words(1.5), in_words(5400)
    ('15 minutes', '1 minute', '3 seconds', '1.5 seconds', '90 minutes')
    """
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds % size == 0:
            return _counted(seconds / size, unit)
    return _counted(seconds, "second")


def _step(size: int) -> str:
    return "*" if size == 1 else f"0/{size}"


def _counted(count: float, unit: str) -> str:
    return f"{count:g} {unit}" + ("" if count == 1 else "s")

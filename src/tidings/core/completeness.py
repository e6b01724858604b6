"""What does an audit prove, and how much may a reading find before a person is asked?"""

from __future__ import annotations

from dataclasses import dataclass

from tidings.core.cursor import PollCursor
from tidings.core.model import Moment

HELD_AT = 10  #: more deletes, or changes with unmoved stamps, than this many …
HELD_SHARE = 0.1  #: … and than this share of the known records wait for a person
SHOWN = 100  #: ids of what is held that a person is shown


@dataclass(frozen=True, slots=True)
class Completeness:
    """The last audit of one resource: "n compared, m missed, p phantom".

    `audited_at` is when it ended, by our clock. `compared` counts the records it read, `missed` the changes it
    announced that no poll had. `phantom` counts records that we held as existing and that the provider listed neither
    in the audit nor when asked for by their ids; None where that could not be told. `held` changes with unmoved stamps
    wait for a person. `counted` is the provider's own count where that was more than was compared, or how many records
    are known where nothing was, else None.
    """

    audited_at: Moment
    compared: int
    missed: int
    phantom: int | None
    held: int
    counted: int | None

    @property
    def complete(self) -> bool:
        """Whether everything that the provider counts was compared, and not nothing where records are known."""
        return self.counted is None


def completeness(cursor: PollCursor) -> Completeness | None:
    """What the last audit of the lane proved; None before the first has ended."""
    if not cursor.audited_at:
        return None
    return Completeness(
        audited_at=cursor.audited_at,
        compared=cursor.audited,
        missed=cursor.audit_missed,
        phantom=cursor.audit_phantom,
        held=cursor.unmoved,
        counted=cursor.audit_counted,
    )


def is_flood(found: int, known: int) -> bool:
    """Whether so many of the `known` records were found missing, or changed with unmoved stamps, that a person should
    look first.

    >>> is_flood(10, 20), is_flood(11, 109), is_flood(11, 110)
    (False, True, False)
    """
    return found > HELD_AT and found > HELD_SHARE * known

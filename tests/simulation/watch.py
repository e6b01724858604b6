"""What is known from outside of how one resource was watched? Since when, under which settings, how far polls came.

Knows nothing of Tidings; moments are the provider's, in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.account import SECOND, Table, Version


@dataclass(frozen=True, slots=True)
class Poll:
    """One whole poll: it began after `after` and had ended at `until`; it had to bring what is stamped `from_at` or
    later, and the next one what is stamped `next_from_at` or later. `sequence` is that of the last event in the log
    when it ended."""

    after: int
    until: int
    from_at: int
    next_from_at: int
    sequence: int


@dataclass(slots=True)
class Watch:
    table: Table
    touches: list[tuple[int, bool]]  #: since when touches are announced, or not
    city: str | None  #: the only city that the user's filter lets through
    window: int = 3_600_000  #: how late a version may be shown and still be found by a settle pass
    numbered: bool = False  #: its pages were counted: rows that move to an earlier page are passed over by a reading
    asked_at: int | None = None  #: when the account was first looked at
    began_at: int | None = None  #: when what was there had been learned of the second in which watching begins
    baselined_at: int | None = None  #: when everything that was there had been learned
    reset_until: list[int] = field(default_factory=list)  #: until when records were learned anew under another filter
    polls: list[Poll] = field(default_factory=list)
    distrusted: bool = False  #: its filter is taken not to mean what was sent

    def meets(self, version: Version) -> bool:
        return self.city is None or (version.content or {}).get("city") == self.city

    def may_tell_touch(self, version: Version) -> bool:
        """Whether touches were announced at any time since the version was made."""
        return any(self._touches_since(version.made_at))

    def must_tell_touch(self, version: Version) -> bool:
        """Whether they were announced all the time since then."""
        return all(self._touches_since(version.made_at))

    def _touches_since(self, at: int) -> list[bool]:
        now = [on for since, on in self.touches if since <= at][-1:]
        return now + [on for since, on in self.touches if since > at]

    def is_plain(self, key: int) -> bool:
        """Whether every version of a record was shown at once, and always."""
        shown = all(each.shown_from <= each.made_at for each in self.table.versions[key])
        return shown and key not in self.table.veiled

    def is_quiet(self, version: Version) -> bool:
        """Whether a version may have been learned silently: it was there when watching began, or says so itself,
        or came into view when nobody could tell any more, or does not meet the user's filter and came with a page that
        the provider had not filtered."""
        if self.began_at is None or self.baselined_at is None:
            return True
        if version.made_at <= self.began_at or version.stamp_at <= self.began_at // SECOND * SECOND - SECOND:
            return True
        if version.shown_from - version.stamp_at > self.window and self.reset_until:
            return True
        if not self.meets(version) and self.reset_until:
            return True
        learning_until = max([self.baselined_at, *self.reset_until])
        return version.stamp_at > version.made_at and version.made_at <= learning_until

    def is_absorbed(self, last: Version, version: Version) -> bool:
        """Whether a version may have been taken over silently: what is compared was changed, and its stamp is that of
        the version known before, which may be a touch that nobody was told of."""
        if not any(until >= version.made_at for until in self.reset_until):
            return False
        between = (each for each in self.table.versions[version.key] if last.number <= each.number < version.number)
        return any(each.facts == last.facts and each.stamp_at == version.stamp_at for each in between)

    def is_due(self, version: Version, sequence: int) -> bool:
        """Whether the next poll must bring a version, as it stood at the event of this sequence."""
        ended = [poll for poll in self.polls if poll.sequence < sequence]
        return bool(ended) and version.stamp_at >= ended[-1].next_from_at

    def was_passed_over(self, version: Version, sequence: int) -> bool:
        """Whether a whole poll must have seen a version that was in plain view, and was the last one, all the while;
        only polls that had ended before the event of this sequence."""
        later = [each for each in self.table.versions[version.key] if each.number > version.number]
        gone_at = later[0].made_at if later else None
        return self.is_plain(version.key) and any(
            version.shown_from <= poll.after
            and (gone_at is None or poll.until < gone_at)
            and version.stamp_at >= poll.from_at
            and poll.sequence < sequence
            for poll in self.polls
        )

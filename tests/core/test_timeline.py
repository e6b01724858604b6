"""A trail is told as sightings, failures, and readings that did not bring the record."""

from __future__ import annotations

from tidings.core.timeline import Failure, Sighting, Silence, Timeline
from tidings.core.trail import Entry, Verdict, encode


def page(reading="poll", *ids, number=1, ended=True, at=0, since=100, date=1, verdict=Verdict.UNCHANGED):
    return Entry(reading, since, date, number, len(ids), 0, encode(ids, {}, verdict), at=at, ended=ended)


def told(*entries: Entry) -> Timeline:
    timeline = Timeline("7")
    timeline.put(entries)
    return timeline


def test_readings_that_did_not_bring_it_are_told_together():
    entries = [page(at=1), page("settle", 8, at=2, since=50), page(at=3, since=120), page("audit", at=4, since=None)]
    (silence,) = told(*entries).items
    assert isinstance(silence, Silence)
    assert (silence.at, silence.until, dict(silence.readings)) == (1, 4, {"poll": 2, "settle": 1, "audit": 1})
    assert (silence.since_at, silence.since_until, silence.everything) == (50, 120, True)


def test_a_sighting_or_a_failure_parts_them():
    timeline = told(page(at=1), page("poll", 7, at=2), page(at=3), Entry("poll", failure="down", at=4), page(at=5))
    assert [type(item) for item in timeline.items] == [Silence, Sighting, Silence, Failure, Silence]


def test_a_reading_that_had_it_on_another_page_is_not_silent():
    pages = [
        page("audit", 1, number=1, ended=False),
        page("poll", at=1),
        page("audit", 7, number=2, ended=False),
        page("audit", 9, number=3),
    ]
    assert [type(item) for item in told(*pages).items] == [Silence, Sighting]


def test_a_reading_is_silent_only_when_all_of_it_is_known():
    assert told(page("audit", number=2)).items == []
    assert told(page("audit", ended=False)).items == []
    assert told(Entry("poll", failure="down"), page("audit", number=5)).items[1:] == []


def test_a_look_by_id_belongs_to_the_sweep_that_listed_the_record():
    pages = [page("sweep", 7, ended=False, verdict=Verdict.LISTED), page("sweep", 9, date=None)]
    assert [type(item) for item in told(*pages).items] == [Sighting]
    pages = [page("sweep", 8, ended=False), page("sweep", 9, date=None)]
    assert [type(item) for item in told(*pages).items] == [Silence]


def test_what_is_known_has_not_changed_since_the_last_sighting_that_wrote_it():
    updated = page("poll", 7, verdict=Verdict.UPDATED)
    assert told(page(), updated, page(), page("poll", 7), page()).since_written() == 1
    assert told(page(), page("poll", 7)).since_written() == 0

"""Is what was announced what happened? Compares the log of notifications with the account's own list of versions.

Imports nothing of Tidings: it knows the promises (design.md section 2), not how they are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.account import SECOND, Table, Version


@dataclass(slots=True)
class Watch:
    """What is known from outside of how one resource was watched; moments are the provider's."""

    table: Table
    announces_touches: bool
    city: str | None  #: the only city that the user's filter lets through
    numbered: bool = False  #: its pages were counted: rows that move to an earlier page are passed over by a reading
    asked_at: int | None = None  #: when the account was first looked at
    began_at: int | None = None  #: when what was there had been learned of the second in which watching begins
    baselined_at: int | None = None  #: when everything that was there had been learned
    window: int = 3_600_000  #: how late a version may be shown, in milliseconds, and still be found by a settle pass
    reset_until: list[int] = field(default_factory=list)  #: until when records were learned anew under another filter

    def meets(self, version: Version) -> bool:
        return self.city is None or (version.content or {}).get("city") == self.city


@dataclass(slots=True)
class _State:
    """What a receiver knows of one record."""

    version: Version | None = None
    gone: bool = False


class Oracle:
    """Hears every notification once it is in the log; `hear` checks the log, `judge` what is missing from it.

    `events` are those heard so far, as (resource, record, type, version).
    """

    def __init__(self, watches: Mapping[str, Watch]) -> None:
        self.watches = watches
        self._bytes: dict[str, bytes] = {}
        self._sequence = 0
        self._event_ids: set[str] = set()
        self.events: list[tuple[str, str, str, int]] = []
        self._states: dict[tuple[str, int], _State] = {}

    def hear(self, log: Sequence[tuple[str, bytes]]) -> None:
        """The whole log so far, as (id, body): what was in it before is as it was, what is new fits what happened."""
        assert [name for name, _ in log][: len(self._bytes)] == list(self._bytes), "the log was rewritten"
        for name, body in log:
            if name in self._bytes:
                assert body == self._bytes[name], f"notification {name} was changed after it was written"
                continue
            self._bytes[name] = body
            message = json.loads(body)["message"]
            resource = message["raw"]["objectType"]
            assert len(message["events"]) <= 10
            for event, record in zip(message["events"], message["raw"][resource], strict=True):
                self._sequence += 1
                assert event["sequence"] == self._sequence, f"sequence {event['sequence']} after {self._sequence - 1}"
                assert event["id"] not in self._event_ids, f"event id {event['id']} is used twice"
                self._event_ids.add(event["id"])
                self._follow(resource, event, record)

    def _follow(self, resource: str, event: Mapping[str, Any], record: dict[str, Any]) -> None:
        watch, key, kind = self.watches[resource], int(event["objectId"]), event["eventType"]
        state = self._states.setdefault((resource, key), _State())
        version = watch.table.by_number[record["_info"]["version"]]
        self.events.append((resource, event["objectId"], kind, version.number))
        what = f"{resource} {key}: {kind} with version {version.number} after {state}"
        assert record == version.record(), f"{what}: the record is not as the provider had it"
        if kind == "DELETED":
            self._deleted(watch, state, version, what)
        else:
            later = state.version is None or version.number > state.version.number
            assert later, f"{what}: nothing has changed"
            if kind == "CREATED":
                self._created(watch, state, version, what)
            else:
                self._updated(watch, state, version, event, what)
        state.version, state.gone = version, kind == "DELETED"

    def _created(self, watch: Watch, state: _State, version: Version, what: str) -> None:
        if state.version is not None:
            assert state.gone, f"{what}: it was there already"
            return
        history = watch.table.versions[version.key]
        assert watch.asked_at is not None
        old = history[0].made_at < watch.asked_at // SECOND * SECOND and self._is_plain(watch, version.key)
        # A record that was never changed, and one that was deleted meanwhile, look like a new one.
        looks_new = version is history[0] or any(each.content is None or each.flagged for each in history)
        assert looks_new or not old, f"{what}: it was there before watching began"

    def _updated(self, watch: Watch, state: _State, version: Version, event: Mapping[str, Any], what: str) -> None:
        assert not state.gone, f"{what}: it was deleted"
        if event.get("firstSeen"):
            assert state.version is None, f"{what}: it was seen before"
            assert event["changes"] == []
            first = watch.table.versions[version.key][0]
            assert watch.began_at is None or first.made_at <= watch.began_at, f"{what}: it is new"
            return
        before = self._befores(watch, version.key, state, version.number)
        if event.get("touched"):
            assert watch.announces_touches, f"{what}: touches are not announced"
            assert event["changes"] == []
            fits = any(o.content == version.content and o.stamp_at != version.stamp_at for o in before)
        else:
            assert event["changes"], f"{what}: nothing has changed"
            old = undone(version.content, event["changes"])
            fits = any(each.content == old for each in before) and old != version.content
        assert fits, f"{what}: {event['changes']} does not lead there from any version that was known"

    def _deleted(self, watch: Watch, state: _State, version: Version, what: str) -> None:
        assert not state.gone, f"{what}: twice"
        if version.flagged:
            assert state.version is None or version.number > state.version.number, what
            return
        known = [v for v in self._befores(watch, version.key, state) if v.content == version.content]
        assert known, f"{what}: that is not the last version that was known"
        later = watch.table.versions[version.key]
        gone = any(each.content is None and each.number > version.number for each in later)
        assert gone, f"{what}: it was never deleted"

    def _befores(self, watch: Watch, key: int, state: _State, number: int | None = None) -> list[Version]:
        """The versions that may have been known before version `number`: the one announced last, or one that was
        learned silently."""
        history = [
            version
            for version in watch.table.versions[key]
            if version.content is not None and (number is None or version.number < number)
        ]
        known = [each for each in history if self._is_quiet(watch, each)] if state.version is None else [state.version]
        return known + [
            each
            for each in history
            if any(each.number > one.number and self._absorbed(watch, one, each) for one in known)
        ]

    def _is_quiet(self, watch: Watch, version: Version) -> bool:
        """Whether a version may have been learned silently: it was there when watching began, or says so itself,
        or came into view when nobody could tell any more."""
        if watch.began_at is None or watch.baselined_at is None:
            return True
        if version.made_at <= watch.began_at or version.stamp_at <= watch.began_at // SECOND * SECOND - SECOND:
            return True
        if version.shown_from - version.stamp_at > watch.window and watch.reset_until:
            return True
        learning_until = max([watch.baselined_at, *watch.reset_until])
        return version.stamp_at > version.made_at and version.made_at <= learning_until

    def _absorbed(self, watch: Watch, last: Version, version: Version) -> bool:
        """Whether a version may have been taken over silently: what is compared was changed, and its stamp is that of
        the version known before, which may be a touch that nobody was told of."""
        if not any(until >= version.made_at for until in watch.reset_until):
            return False
        between = (each for each in watch.table.versions[version.key] if last.number <= each.number < version.number)
        return any(each.content == last.content and each.stamp_at == version.stamp_at for each in between)

    def knows(self, resource: str, version: Version) -> bool:
        """Whether a version has surely been read: it was announced, or learned with what was there."""
        watch = self.watches[resource]
        told = self._states.get((resource, version.key), _State()).version
        if told is not None:
            return told is version
        began = watch.asked_at is not None and watch.baselined_at is not None
        return began and version.made_at < (watch.asked_at or 0) and watch.meets(version)

    def judge(self) -> None:
        """After a long quiet time: everything that the provider shows has been announced."""
        for resource, watch in self.watches.items():
            for key, history in watch.table.versions.items():
                self._judge(resource, watch, key, history)

    def _judge(self, resource: str, watch: Watch, key: int, history: Sequence[Version]) -> None:
        state = self._states.get((resource, key), _State())
        final = history[-1]
        what = f"{resource} {key}: in the end {final}, announced last {state}"
        quiet = [each for each in history if each.content is not None and self._is_quiet(watch, each)]
        if final.content is None:
            lived = [each for each in history if each.content is not None][-1]
            was_known = state.version is not None or (bool(quiet) and quiet[-1] is lived and not lived.flagged)
            # What left the list for another reason than a delete is out of view, and nobody looks for it any more.
            stayed = all(each.content is None or watch.meets(each) for each in history)
            in_view = stayed and key not in watch.table.left
            if was_known and in_view and self._was_learned(watch, lived, state):
                assert state.gone, f"{what}: its delete is missing"
        elif final.flagged:
            was_told = state.version is not None or not quiet
            assert state.gone or not was_told or not watch.meets(final), f"{what}: its delete is missing"
        elif watch.meets(final):
            assert not state.gone, f"{what}: that it is back is missing"
            known = self._befores(watch, key, state)
            assert any(self._same(watch, each, final) for each in known), f"{what}: its last change is missing"

    def _was_learned(self, watch: Watch, lived: Version, state: _State) -> bool:
        """Whether the record was surely known: announced, or in plain view from before the account was first looked
        at until everything had been read."""
        if state.version is not None:
            return True
        assert watch.asked_at is not None
        assert watch.baselined_at is not None
        history = watch.table.versions[lived.key]
        return (
            not watch.numbered
            and self._is_plain(watch, lived.key)
            and history[0].made_at < watch.asked_at
            and history[-1].made_at > watch.baselined_at
        )

    def _is_plain(self, watch: Watch, key: int) -> bool:
        """Whether every version of a record was shown at once, and always."""
        shown = all(each.shown_from <= each.made_at for each in watch.table.versions[key])
        return shown and key not in watch.table.veiled

    def _same(self, watch: Watch, one: Version, other: Version) -> bool:
        moved = watch.announces_touches and one.stamp_at != other.stamp_at
        return one.content == other.content and not moved


def undone(content: Mapping[str, Any] | None, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content before `changes`, which are of members at the top."""
    before = dict(content or {})
    for change in changes:
        name = change["path"].removeprefix("/")
        assert before.get(name) == change["new"], f"{change} is not what {content} shows"
        before[name] = change["old"]
    return {name: value for name, value in before.items() if value is not None}

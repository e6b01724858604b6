"""Is what was announced what happened? Compares the log of notifications with the account's own list of versions.

Imports nothing of Tidings: it knows the promises (design.md section 2), not how they are kept. Each promise is a
function of its name here, and fails with what was seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulation.account import SECOND, Version, without_nulls
from tests.simulation.watch import Watch


@dataclass(slots=True)
class _State:
    """What a receiver knows of one record."""

    version: Version | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """One event, as it was heard: `version` is the one that its record is, `state` what was known before."""

    watch: Watch
    state: _State
    event: Mapping[str, Any]
    version: Version
    what: str

    @property
    def is_first_sight(self) -> bool:
        return bool(self.event.get("firstSeen"))


class Oracle:
    """Hears every notification once it is in the log (`hear`), sees what is known of each record then (`see`), and in
    the end judges what is missing (`judge`).

    `events` are those heard so far, as (resource, record, type, version). With `audited` audits are made; `honest`
    providers have filters that mean what was sent, and show in lists what can be read by id.
    """

    def __init__(self, watches: Mapping[str, Watch], *, audited: bool = True, honest: bool = False) -> None:
        self.watches, self.audited, self.honest = watches, audited, honest
        self._bytes: dict[str, bytes] = {}
        self._sequence = 0
        self._event_ids: set[str] = set()
        self.events: list[tuple[str, str, str, int]] = []
        self._states: dict[tuple[str, int], _State] = {}

    def hear(self, log: Sequence[tuple[str, bytes]]) -> None:
        """The whole log so far, as (id, body)."""
        self.a_notification_once_written_is_never_changed(log)
        for name, body in log[len(self._bytes) :]:
            self._bytes[name] = body
            message = json.loads(body)["message"]
            resource = message["raw"]["objectType"]
            assert len(message["events"]) <= 10
            for event, record in zip(message["events"], message["raw"][resource], strict=True):
                self.sequences_have_no_gap_and_ids_are_used_once(event)
                self._follow(resource, event, record)

    def see(self, known: Mapping[tuple[str, int], int]) -> None:
        """The number of the version that is known of each record, by resource and id, with all that was announced."""
        for (resource, key), number in known.items():
            watch = self.watches[resource]
            state = self._states.get((resource, key), _State())
            self.a_cursor_moves_only_with_the_changes_it_passed(resource, watch, state, watch.table.by_number[number])

    def judge(self) -> None:
        """After a long quiet time."""
        for resource, watch in self.watches.items():
            self.an_honest_filter_is_trusted(resource, watch)
            for key, history in watch.table.versions.items():
                state = self._states.get((resource, key), _State())
                self.every_change_is_announced(watch, state, history, f"{resource} {key}: in the end {history[-1]}")

    # Invariant 1

    def a_cursor_moves_only_with_the_changes_it_passed(
        self, resource: str, watch: Watch, state: _State, version: Version
    ) -> None:
        """What is known of a record was announced, or is nothing to announce."""
        before = self._befores(watch, version.key, state)
        silent = any(self._same(watch, each, version) or (each.flagged and version.flagged) for each in before)
        silent = silent or (version.flagged and state.version is None)  # nobody has heard of it
        assert state.version is version or silent, (
            f"{resource} {version.key}: {version} is known and was never announced, after {state}"
        )

    # Invariant 2

    def a_notification_once_written_is_never_changed(self, log: Sequence[tuple[str, bytes]]) -> None:
        assert [name for name, _ in log][: len(self._bytes)] == list(self._bytes), "the log was rewritten"
        for name, body in log:
            assert body == self._bytes.get(name, body), f"notification {name} was changed after it was written"

    def sequences_have_no_gap_and_ids_are_used_once(self, event: Mapping[str, Any]) -> None:
        self._sequence += 1
        assert event["sequence"] == self._sequence, f"sequence {event['sequence']} after {self._sequence - 1}"
        assert event["id"] not in self._event_ids, f"event id {event['id']} is used twice"
        self._event_ids.add(event["id"])

    # Invariant 3

    def nobody_writes_to_a_lane_that_another_has_taken(self, who: str, what: str, fence: int, newest: int) -> None:
        """`newest` is the fence of the last claim when a write under `fence` has succeeded."""
        assert fence >= newest, f"{who} wrote to a lane that another worker had taken ({what})"

    # Invariant 4

    def _follow(self, resource: str, event: Mapping[str, Any], record: dict[str, Any]) -> None:
        watch, key, kind = self.watches[resource], int(event["objectId"]), event["eventType"]
        state = self._states.setdefault((resource, key), _State())
        version = watch.table.by_number[record["_info"]["version"]]
        self.events.append((resource, event["objectId"], kind, version.number))
        seen = _Seen(watch, state, event, version, f"{resource} {key}: {kind} with version {version.number}, {state}")
        self.a_record_is_shown_as_the_provider_had_it(seen, record)
        self.an_unchanged_record_is_never_announced(seen)
        self.an_audit_finds_what_no_poll_could(seen)
        match kind:
            case "CREATED":
                self.what_is_created_was_not_there(seen)
            case "DELETED":
                self.what_is_deleted_is_gone(seen)
            case _ if seen.is_first_sight:
                self.what_is_seen_first_was_there_before(seen)
            case _:
                self.changes_lead_from_the_last_version_to_this_one(seen)
        state.version, state.gone = version, kind == "DELETED"

    def a_record_is_shown_as_the_provider_had_it(self, seen: _Seen, record: dict[str, Any]) -> None:
        whole = seen.version.record()
        assert record in (whole, without_nulls(whole)), f"{seen.what}: the record is not as the provider had it"

    def an_unchanged_record_is_never_announced(self, seen: _Seen) -> None:
        """Every event is of a later version than the one before; a delete that left no trace, of the same."""
        last, version = seen.state.version, seen.version
        untold = seen.event["eventType"] == "DELETED" and not version.flagged
        assert last is None or version.number > last.number or untold, f"{seen.what}: nothing has changed"

    def an_audit_finds_what_no_poll_could(self, seen: _Seen) -> None:
        cause, watch = seen.event.get("cause"), seen.watch
        if cause is None:
            return
        assert cause == "audit", seen.what
        assert self.audited, f"{seen.what}: nobody has made an audit"
        assert not watch.is_due(seen.version, self._sequence), f"{seen.what}: the next poll would have brought it"
        missed = self.honest and watch.was_passed_over(seen.version, self._sequence)
        assert not missed, f"{seen.what}: a poll had passed over it"

    def what_is_created_was_not_there(self, seen: _Seen) -> None:
        watch, state, version = seen.watch, seen.state, seen.version
        if state.version is not None:
            assert state.gone, f"{seen.what}: it was there already"
            return
        history = watch.table.versions[version.key]
        assert watch.asked_at is not None
        old = history[0].made_at < watch.asked_at // SECOND * SECOND and watch.is_plain(version.key)
        # A record that was never changed, and one that was deleted meanwhile, look like a new one.
        looks_new = version is history[0] or any(each.content is None or each.flagged for each in history)
        assert looks_new or not old, f"{seen.what}: it was there before watching began"

    def what_is_seen_first_was_there_before(self, seen: _Seen) -> None:
        watch = seen.watch
        assert seen.state.version is None, f"{seen.what}: it was seen before"
        assert seen.event["changes"] == []
        first = watch.table.versions[seen.version.key][0]
        assert watch.began_at is None or first.made_at <= watch.began_at, f"{seen.what}: it is new"

    def changes_lead_from_the_last_version_to_this_one(self, seen: _Seen) -> None:
        watch, version, changes = seen.watch, seen.version, seen.event["changes"]
        assert not seen.state.gone, f"{seen.what}: it was deleted"
        before = self._befores(watch, version.key, seen.state, version.number)
        if seen.event.get("touched"):
            assert watch.may_tell_touch(version), f"{seen.what}: touches are not announced"
            assert changes == []
            fits = any(old.facts == version.facts and old.stamp_at != version.stamp_at for old in before)
        else:
            assert changes, f"{seen.what}: nothing has changed"
            old = undone(version.facts, changes)
            fits = any(each.facts == old for each in before) and old != version.facts
        assert fits, f"{seen.what}: {changes} does not lead there from any version that was known"

    def what_is_deleted_is_gone(self, seen: _Seen) -> None:
        watch, state, version = seen.watch, seen.state, seen.version
        assert not state.gone, f"{seen.what}: twice"
        if version.flagged:
            before = self._befores(watch, version.key, state, version.number)
            assert any(not each.flagged for each in before), f"{seen.what}: nobody has heard of it"
            return
        known = [each for each in self._befores(watch, version.key, state) if each.facts == version.facts]
        assert known, f"{seen.what}: that is not the last version that was known"
        later = watch.table.versions[version.key]
        gone = any(each.content is None and each.number > version.number for each in later)
        assert gone, f"{seen.what}: it was never deleted"

    def every_change_is_announced(self, watch: Watch, state: _State, history: Sequence[Version], final: str) -> None:
        what, last, key = f"{final}, announced last {state}", history[-1], history[-1].key
        quiet = [each for each in history if each.content is not None and watch.is_quiet(each)]
        if last.content is None:
            lived = [each for each in history if each.content is not None][-1]
            was_known = state.version is not None or (bool(quiet) and quiet[-1] is lived and not lived.flagged)
            # What left the list for another reason than a delete is out of view, and nobody looks for it any more.
            stayed = all(each.content is None or watch.meets(each) for each in history)
            in_view = stayed and key not in watch.table.left
            if was_known and in_view and self._was_learned(watch, lived, state):
                assert state.gone, f"{what}: its delete is missing"
        elif last.flagged:
            alive = all(each.content is not None and not each.flagged and watch.meets(each) for each in history[:-1])
            was_told = state.version is not None or (alive and self._was_learned(watch, last, state))
            assert state.gone or not was_told or not watch.meets(last), f"{what}: its delete is missing"
        elif watch.meets(last):
            assert not state.gone, f"{what}: that it is back is missing"
            known = self._befores(watch, key, state)
            assert any(self._same(watch, each, last) for each in known), f"{what}: its last change is missing"

    def an_honest_filter_is_trusted(self, resource: str, watch: Watch) -> None:
        """Nobody is warned of a filter that means what was sent, nor is more read because of it."""
        assert not (self.honest and watch.distrusted), f"{resource}: an honest filter is taken for a wrong one"

    # What may be known

    def knows(self, resource: str, version: Version) -> bool:
        """Whether a version has surely been read: it was announced, or learned with what was there."""
        watch = self.watches[resource]
        told = self._states.get((resource, version.key), _State()).version
        if told is not None:
            return told is version
        began = watch.asked_at is not None and watch.baselined_at is not None
        return began and version.made_at < (watch.asked_at or 0) and watch.meets(version)

    def _befores(self, watch: Watch, key: int, state: _State, number: int | None = None) -> list[Version]:
        """The versions that may have been known before version `number`: the one announced last, or one that was
        learned silently."""
        history = [
            version
            for version in watch.table.versions[key]
            if version.content is not None and (number is None or version.number < number)
        ]
        known = [each for each in history if watch.is_quiet(each)] if state.version is None else [state.version]
        return known + [
            each for each in history if any(each.number > one.number and watch.is_absorbed(one, each) for one in known)
        ]

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
            and watch.is_plain(lived.key)
            and history[0].made_at < watch.asked_at
            and history[-1].made_at > watch.baselined_at
        )

    def _same(self, watch: Watch, one: Version, other: Version) -> bool:
        """Whether there is nothing to tell between two versions of one record."""
        moved = one.stamp_at != other.stamp_at and watch.must_tell_touch(other)
        return one.facts == other.facts and not moved


def undone(facts: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts before `changes`, which are of members at the top."""
    before = dict(facts)
    for change in changes:
        name = change["path"].removeprefix("/")
        assert before.get(name) == change["new"], f"{change} is not what {facts} shows"
        before[name] = change["old"]
    return without_nulls(before)

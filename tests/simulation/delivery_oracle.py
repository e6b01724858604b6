"""Did every subscription get what it should, once, whole, signed and in order? Judges POSTs by what was logged.

Imports nothing of Tidings: it knows the promises (docs/promises.md), not how they are kept. Each promise is a function
of its name here, and fails with what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

from tests.simulation.parcels import Happened, Key, Parcel, SigningKey, Subscriber, signatures
from tests.simulation.receivers import Answer

MINUTE = 60_000
AT_ONCE = 8  #: how many POSTs of a line are in flight at the most
LONGEST_REQUEST = 3600.0  #: seconds of a `Retry-After` that are respected

Line = tuple[str, int]
"""First deliveries to a subscription, or a replay: `("deliver", subscription)` or `("replay", replay)`."""

Hold = tuple[Line, int]
"""One holding of a line by a worker: the how-manieth it is."""


@dataclass(slots=True)
class Holding:
    """A worker's holding of a line. `sure_at` is when it was last told by the store that it holds it, `keys` were those
    of its subscription then; what was `answered` is not stored yet, of which the store is about to be told `told`."""

    claimed_at: int
    sure_at: int
    keys: list[SigningKey]
    answered: list[tuple[Key, Answer, int]] = field(default_factory=list)
    told: int = 0
    over: bool = False
    late: int = 0  #: how much it has sent since


@dataclass(slots=True)
class Standing:
    """How one line stands. `accepted` are what the receiver has accepted, `stored` those of which the store knows it
    and since when, `failures` those in a row of which it knows, `tries` those of each parcel since it last went on."""

    subscriber: Subscriber
    begun: set[Key] = field(default_factory=set)
    accepted: set[Key] = field(default_factory=set)
    stored: dict[Key, int] = field(default_factory=dict)
    rests_since: int | None = None
    queues: bool = False
    failures: int = 0
    failing_since: int = 0
    down: bool = False
    tries: dict[Key, int] = field(default_factory=dict)
    gone: bool = False
    asked_until: int = 0


class DeliveryOracle:
    """Is told of everything that is logged, of every POST as it begins and as it is answered, and of each access by
    which a worker learns that it holds a line; in the end `judge` says what is missing."""

    def __init__(self) -> None:
        self.logs: dict[int, list[tuple[Happened, ...]]] = {}
        self.standings: dict[Line, Standing] = {}
        self.spans: dict[int, tuple[int, int, tuple[int, ...] | None]] = {}  #: of a replay: from, to, or which alone
        self.ever_rested: set[int] = set()
        self.policy = "retry"
        self.posts = self.repeats = 0
        self._holdings: dict[Hold, Holding] = {}
        self._bytes: dict[tuple[int, Key], tuple[str, bytes]] = {}
        self._ids: dict[str, bytes] = {}
        self._before: dict[int, dict[Key, list[Key]]] = {}
        self._indexed: dict[int, tuple[int, dict[tuple[str, str], Key]]] = {}
        self._ticks = count(1)

    # What it is told

    def subscribed(self, subscriber: Subscriber) -> None:
        self.standings["deliver", subscriber.id] = Standing(subscriber)

    def replayed(self, replay: int, subscription: int, span: tuple[int, int, tuple[int, ...] | None]) -> None:
        self.spans[replay] = span
        self.standings["replay", replay] = Standing(self.standings["deliver", subscription].subscriber)

    def rests(self, subscription: int) -> None:
        """It is stopped, by a person or by its receiver's fault."""
        standing = self.standings["deliver", subscription]
        standing.rests_since, standing.queues = next(self._ticks), False
        self.ever_rested.add(subscription)

    def goes_on(self, subscription: int) -> None:
        """A person lets it go on; its schedules begin anew."""
        standing = self.standings["deliver", subscription]
        standing.rests_since, standing.queues, standing.gone, standing.down = None, False, False, False
        standing.failures = 0
        standing.tries.clear()

    def change_policy(self, subscription: int | None, policy: str | None) -> None:
        """Of a subscription (None: the account's) or of the account: where failures no longer wait for a person, those
        that do are tried again."""
        before = {line: self._policy_of(each) for line, each in self.standings.items()}
        if subscription is None:
            self.policy = policy or "retry"
        else:
            self.standings["deliver", subscription].subscriber.policy = policy
        for line, each in self.standings.items():
            if line[0] == "deliver" and each.queues and (before[line], self._policy_of(each)) == ("queue", "retry"):
                self.goes_on(line[1])

    def _policy_of(self, standing: Standing) -> str:
        return standing.subscriber.policy or self.policy

    def claimed(self, hold: Hold) -> None:
        self._holdings[hold] = Holding(at := next(self._ticks), at, deepcopy(self.standings[hold[0]].subscriber.keys))

    def is_told(self, hold: Hold) -> None:
        """The worker hands in what its tries have come to so far."""
        holding = self._holdings[hold]
        holding.told = len(holding.answered)

    def held(self, hold: Hold, *, told: bool, ends: bool = False) -> None:
        """The store has accepted a write of whoever holds the line; with what was `told`, if that was one. It `ends`
        when that one is given up."""
        line, _ = hold
        holding, standing = self._holdings[hold], self.standings[line]
        holding.sure_at, holding.keys = next(self._ticks), deepcopy(standing.subscriber.keys)
        if told:
            for key, answer, now in holding.answered[: holding.told]:
                self.a_receiver_that_is_gone_is_given_up(line, answer, ends)
                self._learn(line, standing, holding.sure_at, key, answer, now)
            del holding.answered[: holding.told]
            holding.told = 0

    def lost(self, hold: Hold) -> None:
        """The store has told the worker that it does not hold the line."""
        self._holdings[hold].over = True

    def _learn(self, line: Line, standing: Standing, at: int, key: Key, answer: Answer, now: int) -> None:
        if answer.accepts:
            standing.stored[key] = at
            standing.failures, standing.down = 0, False
            return
        queues = line[0] == "deliver" and self._policy_of(standing) == "queue"
        if queues and standing.rests_since is None:
            standing.queues, standing.rests_since = True, at
        if answer.status == 429:
            return
        standing.failing_since = standing.failing_since if standing.failures else now
        standing.failures += 1
        long_enough = standing.failures >= 10 and now - standing.failing_since >= MINUTE
        standing.down = standing.down or (long_enough and standing.tries[key] >= 5)

    # A POST

    def begins(self, hold: Hold, subscription: int, headers: Mapping[str, str], body: bytes, now: int) -> Key:
        """A worker sends this; returns which events it carries."""
        line, nth = hold
        standing, holding = self.standings[line], self._holdings[hold]
        parcel = Parcel.read(headers, body)
        what = f"holding {nth} of {line} sends {parcel.key}"
        self.posts += 1
        assert standing.subscriber.id == subscription, f"{what} to subscription {subscription}"
        self.what_is_sent_again_is_marked(line, headers, what)
        self.nobody_sends_for_a_line_that_it_has_lost(holding, what)
        self.who_is_stopped_is_sent_nothing(line, holding, what)
        self.what_is_sent_was_logged_and_passes_the_filter(line, standing, parcel, what)
        self.a_repeat_is_the_same_to_the_byte(standing.subscriber, parcel, body, what)
        self.whoever_has_the_key_can_verify_it(standing.subscriber, holding, headers, body, now, what)
        self.what_was_acknowledged_is_not_sent_again(standing, holding, parcel.key, what)
        self.the_events_of_one_record_arrive_in_order(line, standing, parcel.key, what)
        self.repeats += parcel.key in standing.begun
        standing.begun.add(parcel.key)
        return parcel.key

    def arrives(self, line: Line, key: Key, answer: Answer) -> None:
        if answer.accepts:
            self.standings[line].accepted.add(key)

    def answered(self, hold: Hold, key: Key, answer: Answer, now: int) -> None:
        """The answer, or that there is none, has come to the worker."""
        standing = self.standings[hold[0]]
        self._holdings[hold].answered.append((key, answer, now))
        standing.gone = standing.gone or answer.status == 410
        if not answer.accepts:
            standing.tries[key] = standing.tries.get(key, 0) + 1
            asked = min(answer.retry_after or 0.0, LONGEST_REQUEST)
            standing.asked_until = max(standing.asked_until, now + round(1000 * asked))

    # Promises

    def what_is_sent_again_is_marked(self, line: Line, headers: Mapping[str, str], what: str) -> None:
        mark = headers.get("Tidings-Replay")
        assert mark == (str(line[1]) if line[0] == "replay" else None), f"{what}, marked as of replay {mark}"

    def nobody_sends_for_a_line_that_it_has_lost(self, holding: Holding, what: str) -> None:
        """What was taken up before may still leave: no more than is in flight at once."""
        holding.late += holding.over
        assert holding.late <= AT_ONCE, f"{what}, which another worker or a person has taken from it"

    def who_is_stopped_is_sent_nothing(self, line: Line, holding: Holding, what: str) -> None:
        """Neither by a worker that has begun since, nor by one that has been at the store since."""
        own = self.standings["deliver", self.standings[line].subscriber.id]
        if own.rests_since is not None and (line[0] == "deliver" or not own.queues):
            # What was begun before something failed is finished where failures wait for a person.
            begun = holding.claimed_at if own.queues else holding.sure_at
            assert begun <= own.rests_since, f"{what}, which rests"

    def what_is_sent_was_logged_and_passes_the_filter(
        self, line: Line, standing: Standing, parcel: Parcel, what: str
    ) -> None:
        subscriber, first = standing.subscriber, parcel.key[0]
        entry = next((each for each in self.logs[subscriber.log] if each[0].sequence <= first <= each[-1].sequence), ())
        assert entry, f"{what}, of which nothing was logged"
        assert parcel.format == subscriber.wanted(entry[0].sequence).format, f"{what} as {parcel.format}"
        wanted = subscriber.selects(entry)
        assert parcel.key == wanted, f"{what} where it should get {wanted}"
        said = {e.sequence: (e.sequence, e.resource, e.record, e.kind, e.content) for e in entry}
        assert all(event == said[event[0]] for event in parcel.events), f"{what}: {parcel.events} of {said}"
        assert self._is_asked_for(line, entry), f"{what}, which nobody has asked for"

    def a_repeat_is_the_same_to_the_byte(self, subscriber: Subscriber, parcel: Parcel, body: bytes, what: str) -> None:
        before = self._bytes.setdefault((subscriber.id, parcel.key), (parcel.id, body))
        assert before == (parcel.id, body), f"{what} as {parcel.id}, and before as {before[0]}"
        assert self._ids.setdefault(parcel.id, body) == body, f"{what}: its id {parcel.id} was another one's"

    def whoever_has_the_key_can_verify_it(
        self, subscriber: Subscriber, holding: Holding, headers: Mapping[str, str], body: bytes, now: int, what: str
    ) -> None:
        """By one signature of each key in force, now or when the worker was last sure."""
        signed = {headers["Elements-Webhook-Signature"], *headers["webhook-signature"].split()}
        assert abs(int(headers["webhook-timestamp"]) - now // 1000) <= 1, f"{what}, stamped with another time"
        possible = [deepcopy(subscriber), deepcopy(subscriber)]
        possible[0].keys = holding.keys
        for each in possible:
            keys = each.keys_at(now)
            expected = [signatures(key, headers, body) for key in keys]
            if all(signed & one for one in expected) and signed <= set().union(*expected):
                return
        raise AssertionError(f"{what}, signed with none of its keys, or not with all")

    def what_was_acknowledged_is_not_sent_again(
        self, standing: Standing, holding: Holding, key: Key, what: str
    ) -> None:
        """Once that was stored, and the worker was at the store since then."""
        stored_at = standing.stored.get(key)
        assert stored_at is None or stored_at > holding.sure_at, f"{what}, which has acknowledged it"

    def the_events_of_one_record_arrive_in_order(self, line: Line, standing: Standing, key: Key, what: str) -> None:
        """What is sent for the first time comes after everything before it of the same records was accepted."""
        if key in standing.begun:
            return
        entries = {each[0].sequence: each for each in self.logs[standing.subscriber.log]}
        for before in self._before_of(standing.subscriber, key):
            start = max(first for first in entries if first <= before[0])
            if self._is_asked_for(line, entries[start]):
                assert before in standing.accepted, f"{what} before {before}, which shares a record with it"

    def a_subscription_is_stopped_for_a_reason_only(self, subscription: int) -> None:
        """The engine gives it up."""
        standing = self.standings["deliver", subscription]
        most = max(standing.tries.values(), default=0)
        given_up = standing.gone or most > standing.subscriber.schedule
        assert given_up, f"subscription {subscription} is given up after {most} tries, and no 410"

    def a_receiver_that_is_gone_is_given_up(self, line: Line, answer: Answer, ends: bool) -> None:
        assert ends or answer.status != 410, f"{line} goes on after a 410"

    def nobody_writes_to_a_lane_that_another_has_taken(self, who: str, what: str, fence: int, newest: int) -> None:
        assert fence >= newest, f"{who} wrote to a lane that another worker had taken ({what})"

    def a_receiver_that_is_back_has_everything(self, subscriptions: Sequence[int], since: str) -> None:
        for subscription in subscriptions:
            self.everything_is_accepted(("deliver", subscription), since)

    def everything_is_accepted(self, line: Line, since: str) -> None:
        standing = self.standings[line]
        for entry in self.logs[standing.subscriber.log]:
            key = standing.subscriber.selects(entry)
            if key and self._is_asked_for(line, entry):
                assert key in standing.accepted, f"{line} has not got {key}, {since}"

    def a_replay_ends_and_has_sent_everything(self, replay: int, state: str, stopped: bool) -> None:
        standing = self.standings["replay", replay]
        if state == "done":
            self.everything_is_accepted(("replay", replay), "though the replay is done")
        elif state == "failed":
            gave_up = standing.gone or max(standing.tries.values(), default=0) > standing.subscriber.schedule
            assert gave_up or standing.subscriber.id in self.ever_rested, f"replay {replay} failed for no reason"
        else:
            assert state == "stopped", f"replay {replay} is {state} in the end"
            assert stopped, f"replay {replay} was stopped by nobody"

    # Parts

    def _is_asked_for(self, line: Line, entry: Sequence[Happened]) -> bool:
        """Whether a line is to carry what it selects of one notification."""
        first = entry[0].sequence
        if line[0] == "deliver":
            return first > self.standings[line].subscriber.after
        begin, end, alone = self.spans[line[1]]
        return begin <= first <= end and (alone is None or first in alone)

    def _before_of(self, subscriber: Subscriber, key: Key) -> list[Key]:
        """Of each record that a parcel speaks of the parcel before, which a subscription should get or have got."""
        known = self._before.setdefault(subscriber.id, {})
        done, last = self._indexed.get(subscriber.id, (0, {}))
        log = self.logs[subscriber.log]
        for entry in log[done:]:
            chosen = subscriber.selects(entry)
            records = {(each.resource, each.record) for each in entry if each.sequence in chosen}
            known[chosen] = [last[record] for record in sorted(records) if record in last]
            last |= dict.fromkeys(records, chosen)
        self._indexed[subscriber.id] = len(log), last
        return known[key]

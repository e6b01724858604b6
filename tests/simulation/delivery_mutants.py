"""Which mutants break a promise of deliveries? Histories of deliveries have to notice each of them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.mutants import Edit

DELIVERY_MUTANTS: Mapping[str, tuple[Edit, ...]] = {
    "pass the offset without a row": (
        Edit("engine/window.py", "            if not held.has_row:\n", "            if False:\n"),
    ),
    "forget what is in flight": (
        Edit(
            "engine/window.py",
            "            if not held.has_row:\n",
            "            if not held.has_row and not self._order.is_in_flight(held.notification.number):\n",
        ),
    ),
    "hold up only what follows at once": (
        Edit("core/order.py", "if before is not None:", "if before is not None and not before.blockers:"),
    ),
    "take no answer for an acknowledgement": (
        Edit("engine/window.py", "    if outcome.ok:\n", "    if outcome.ok or outcome.status is None:\n"),
    ),
    "take a redirect for an acknowledgement": (
        Edit("core/model.py", "200 <= self.status < 300", "200 <= self.status < 400"),
    ),
    "a new id for each try": (
        Edit(
            "engine/attempts.py",
            "        ours = headers(notification_id, ",
            "        ours = headers((str(now) + notification_id)[:20], ",
        ),
    ),
    "never probe": (
        Edit("engine/deliver.py", "        if breaker.is_open and (tried :=", "        if False and (tried :="),
    ),
    "leave who is back to the schedule": (
        Edit("engine/receiver.py", "return self.breaker.back and not before.back", "return False"),
        Edit("engine/deliver.py", "if cursor.breaker.back:", "if False:"),
    ),
    "replay without a mark": (Edit("engine/attempts.py", "if replay_id is not None:", "if False:"),),
    "send what the filter leaves out": (
        Edit(
            "engine/window.py",
            "cut = cut_for(self._subscription, notification)\n",
            "cut = cut_for(self._subscription, notification) or notification\n",
        ),
    ),
    "cut what was logged before by the new filter": (
        Edit("core/subscription.py", "            if cut.after < sequence:\n", "            if cut.after >= 0:\n"),
    ),
    "give the former key no overlap": (
        Edit(
            "core/subscription.py",
            "[each.key for each in self.keys if each.until is None or each.until > now]",
            "[each.key for each in self.keys if each.until is None]",
        ),
    ),
    "send on while failures wait for a person": (
        Edit(
            "engine/deliver.py", "if self._subscription.policy is FailurePolicy.QUEUE and await", "if False and await"
        ),
    ),
    "let later ones pass what waited for a person": (
        Edit("store/sqlite/subscriptions.py", "(before.policy, after.policy) == (QUEUE, RETRY)", "False"),
    ),
    "go on after a 410": (Edit("engine/window.py", "if outcome.status == GONE:", "if outcome.status == 0:"),),
    "work for who was stopped": (
        Edit(
            "store/sqlite/subscriptions.py",
            'run(db, "stop_lane", instance_id=found.instance_id, key=str(found.id), reason=reason)',
            "pass",
        ),
        Edit("engine/deliver.py", "if subscription is None or not subscription.active:", "if subscription is None:"),
    ),
    "replay for who was stopped meanwhile": (
        Edit("store/sqlite/subscriptions.py", 'run(db, "rouse_replays", subscription_id=found.id, now=now)', "pass"),
        Edit("engine/replay.py", "reason = why_not(subscription)", "reason = None"),
    ),
    "store under a fence that has moved": (
        Edit("store/sql/queries.sql", "where id = :id and fence = :fence and state", "where id = :id and state"),
    ),
}

"""Instances with their lanes and subscriptions, which are written together."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tidings.core.errors import LeaseLost
from tidings.core.model import Instance, LaneKind, LanePlan, Moment
from tidings.core.subscription import Basic, Source, Subscription, rotated
from tidings.store import rows
from tidings.store.base import NewInstance
from tidings.store.oauth import NewGrant
from tidings.store.sqlite.clones import row_of
from tidings.store.sqlite.database import SQL, Database, one, run
from tidings.store.sqlite.grants import write_grant
from tidings.store.sqlite.lanes import lane_rows
from tidings.store.sqlite.subscriptions import add_subscription, subscription_rows
from tidings.store.subscribing import NewSubscription

HINT_LANE = "hints"


class Instances(Database):
    """The store's part about instances."""

    async def create_instance(self, new: NewInstance, plan: LanePlan, now: Moment) -> Instance:
        def work(db: sqlite3.Connection) -> Instance:
            row = one(
                db,
                "add_instance",
                account_id=new.account_id,
                user_id=new.user_id,
                token=self._vault.seal(new.token.encode(), rows.TOKEN),
                token_lookup=self._vault.lookup(new.token),
                now=now,
                **self._instance_values(db, new),
            )
            if new.grant is not None:
                write_grant(db, self._vault, row["id"], new.grant)
            made = self._instance(db, row["id"])
            self._reconcile(db, made, plan, now)
            return made

        return await self._writer.run(work)

    async def update_instance(
        self, instance: Instance, plan: LanePlan, now: Moment, grant: NewGrant | None = None
    ) -> Instance:
        def work(db: sqlite3.Connection) -> Instance:
            changed = run(
                db,
                "change_instance",
                id=instance.id,
                revision=instance.revision,
                now=now,
                **self._instance_values(db, instance),
            )
            if not changed:
                raise LeaseLost(f"instance {instance.id} was changed or deleted by somebody else meanwhile")
            if grant is not None:
                write_grant(db, self._vault, instance.id, grant)
            made = self._instance(db, instance.id)
            self._reconcile(db, made, plan, now)
            return made

        return await self._writer.run(work)

    def _instance_values(self, db: sqlite3.Connection, value: Instance | NewInstance) -> dict[str, Any]:
        return {
            "clone_id": row_of(db, value.clone),
            "element_key": value.element_key,
            "name": value.name,
            "tags": json.dumps(list(value.tags)),
            "configuration": json.dumps(dict(value.configuration)),
            "secrets": self._vault.seal(json.dumps(dict(value.secrets)).encode(), rows.SECRETS),
            "disabled": int(value.disabled),
        }

    def _reconcile(self, db: sqlite3.Connection, instance: Instance, plan: LanePlan, now: Moment) -> None:
        """Bring lanes and subscription in line with the plan."""
        # Lanes of other subscriptions and of replays are not the configuration's.
        own = self._own_subscription(db, instance)
        ours = (LaneKind.DELIVER, None if own is None else str(own.id))
        lanes = {
            (row["kind"], row["key"]): row
            for row in lane_rows(db, None, instance.id)
            if row["kind"] in (LaneKind.POLL, LaneKind.HINT) or (row["kind"], row["key"]) == ours
        }
        have = {name: row["id"] for name, row in lanes.items()}
        want = {(LaneKind.POLL.value, name): plan.generations.get(name, "") for name in plan.resources}
        if own is not None and plan.callback_url:
            followed = _followed(own, plan, now)
            lane = lanes.get(ours)
            if followed == own and own.active and own.stopped_at is None and lane is not None and lane["owner"]:
                del have[ours]  # what is on its way, and would be sent in the same way, is left alone
            else:
                self._follow(db, followed, now)
                want[(LaneKind.DELIVER.value, str(own.id))] = ""
        elif own is not None:
            run(db, "rest_subscription", id=own.id, now=now)
            run(db, "rouse_replays", subscription_id=own.id, now=now)
        hints = (LaneKind.HINT.value, HINT_LANE)
        if plan.hints or hints in have:
            want[hints] = ""
        for (kind, key), generation in want.items():
            if (kind, key) in have:
                run(db, "ready_lane", id=have[kind, key], due_at=now, generation=generation)
            else:
                values = {"instance_id": instance.id, "key": key, "due_at": now, "generation": generation}
                run(db, "add_lane", kind=kind, **values)
        if own is None and plan.callback_url:
            self._subscribe(db, instance, plan, now)
        for name, lane_id in have.items():
            if name not in want:
                run(db, "switch_lane_off", id=lane_id)

    def _own_subscription(self, db: sqlite3.Connection, instance: Instance) -> Subscription | None:
        """The one that the instance's configuration has made."""
        found = subscription_rows(db, self._vault, instance_id=instance.id)
        return next((each for each in found if each.source is Source.INSTANCE), None)

    def _subscribe(self, db: sqlite3.Connection, instance: Instance, plan: LanePlan, now: Moment) -> None:
        new = NewSubscription(
            account_id=instance.account_id,
            instance_id=instance.id,
            topics=(f"instance-{instance.id}-{instance.element_key}-events",),
            url=plan.callback_url or "",
            source=Source.INSTANCE,
            keys=rotated((), plan.signature_key, now),
            headers=plan.callback_headers,
            basic=plan.callback_login and Basic(*plan.callback_login),
        )
        add_subscription(db, self._vault, new, now)

    def _follow(self, db: sqlite3.Connection, own: Subscription, now: Moment) -> None:
        """Write the instance's own subscription, and let it go on."""
        run(db, "change_subscription", id=own.id, **rows.subscription_values(own, self._vault))
        run(db, "start_subscription", id=own.id)
        run(db, "unqueue_deliveries", subscription_id=own.id, now=now)
        run(db, "rouse_replays", subscription_id=own.id, now=now)

    async def delete_instance(self, instance_id: int, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            gone = run(db, "delete_instance", id=instance_id, now=now)
            for row in lane_rows(db, None, instance_id):
                run(db, "switch_lane_off", id=row["id"])
            return bool(gone)

        return await self._writer.run(work)

    def _instance(self, db: sqlite3.Connection, instance_id: int) -> Instance:
        return rows.instance(self._instance_rows(db, instance_id=instance_id)[0], self._vault)

    def _instance_rows(
        self,
        db: sqlite3.Connection,
        *,
        instance_id: int | None = None,
        lookup: bytes | None = None,
        account_id: int | None = None,
    ) -> list[sqlite3.Row]:
        return db.execute(
            SQL["instance_by"], {"id": instance_id, "token_lookup": lookup, "account_id": account_id}
        ).fetchall()

    async def instance(self, instance_id: int) -> Instance | None:
        def work(db: sqlite3.Connection) -> Instance | None:
            found = self._instance_rows(db, instance_id=instance_id)
            return rows.instance(found[0], self._vault) if found else None

        return await self._read(work)

    async def instance_by_token(self, token: str) -> Instance | None:
        def work(db: sqlite3.Connection) -> Instance | None:
            found = self._instance_rows(db, lookup=self._vault.lookup(token))
            return rows.instance(found[0], self._vault) if found else None

        return await self._read(work)

    async def instances(self, account_id: int | None = None) -> Sequence[Instance]:
        return await self._read(
            lambda db: [rows.instance(row, self._vault) for row in self._instance_rows(db, account_id=account_id)]
        )

    async def purge(self, limit: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            for row in db.execute(SQL["deleted_instances"]).fetchall():
                # Snapshots and records find their lane by its row, so lanes go after them, and the instance last.
                for step in (
                    "purge_snapshots",
                    "purge_records",
                    "purge_attempts",
                    "purge_deliveries",
                    "purge_notifications",
                    "purge_dictionaries",
                    "purge_trail",
                    "purge_notices",
                    "purge_replays",
                    "purge_lanes",
                    "purge_subscriptions",
                ):
                    removed = run(db, step, instance_id=row["id"], limit=limit)
                    if removed:
                        return removed
                run(db, "purge_grant", instance_id=row["id"])
                run(db, "purge_instance", instance_id=row["id"])
                return 1
            for row in db.execute(SQL["purgeable_subscriptions"]).fetchall():
                for step in ("purge_attempts_of", "purge_deliveries_of"):
                    removed = run(db, step, id=row["id"], limit=limit)
                    if removed:
                        return removed
                run(db, "purge_lane_of", instance_id=row["instance_id"], key=str(row["id"]))
                run(db, "purge_subscription", id=row["id"])
                return 1
            return 0

        return await self._writer.run(work)


def _followed(own: Subscription, plan: LanePlan, now: Moment) -> Subscription:
    """The instance's own subscription as its configuration wants it."""
    return replace(
        own,
        url=plan.callback_url or "",
        keys=rotated(own.keys, plan.signature_key, now, plan.key_overlap_for),
        headers=plan.callback_headers,
        basic=plan.callback_login and Basic(*plan.callback_login),
    )

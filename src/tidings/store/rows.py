"""From database rows to the nouns of the core, and back."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from typing import Any

import orjson
import zstandard

from tidings.core.model import (
    Attempt,
    Event,
    EventType,
    Instance,
    Lane,
    LaneKind,
    LaneState,
    Notification,
    Outcome,
    Outline,
    Subscription,
    User,
)
from tidings.core.notices import Notice
from tidings.store.secrets import Vault

SECRETS, TOKEN, USER, ORGANIZATION, SIGNATURE = (
    "instance.secrets",
    "instance.token",
    "user",
    "organization",
    "signature",
)


def lane(row: sqlite3.Row) -> Lane:
    return Lane(
        id=row["id"],
        kind=LaneKind(row["kind"]),
        instance_id=row["instance_id"],
        key=row["key"],
        state=LaneState(row["state"]),
        due_at=row["due_at"],
        fence=row["fence"],
        owner=row["owner"],
        lease_until=row["lease_until"],
        attempt=row["attempt"],
        parked_reason=row["parked_reason"],
        generation=row["generation"],
        cursor=row["cursor"],
    )


def instance(row: sqlite3.Row, vault: Vault) -> Instance:
    return Instance(
        id=row["id"],
        account_id=row["account_id"],
        user_id=row["user_id"],
        element_key=row["element_key"],
        name=row["name"],
        tags=tuple(json.loads(row["tags"])),
        configuration=json.loads(row["configuration"]),
        disabled=bool(row["disabled"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        revision=row["revision"],
        last_sequence=row["last_sequence"],
        token=vault.open(row["token"], TOKEN).decode(),
        secrets=json.loads(vault.open(row["secrets"], SECRETS)),
    )


def user(row: sqlite3.Row, vault: Vault) -> User:
    return User(
        id=row["id"],
        organization_id=row["organization_id"],
        account_id=row["account_id"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        password_hash=row["password_hash"],
        secret=vault.open(row["secret"], USER).decode(),
        organization_secret=vault.open(row["organization_secret"], ORGANIZATION).decode(),
    )


def subscription(row: sqlite3.Row, vault: Vault) -> Subscription:
    sealed = row["signature_key"]
    return Subscription(
        id=row["id"],
        account_id=row["account_id"],
        instance_id=row["instance_id"],
        topic=row["topic"],
        url=row["url"],
        active=bool(row["active"]),
        reason=row["reason"],
        created_at=row["created_at"],
        signature_key=vault.open(sealed, SIGNATURE).decode() if sealed else None,
    )


def notification(row: sqlite3.Row) -> Notification:
    return Notification(
        number=row["number"],
        id=row["id"],
        instance_id=row["instance_id"],
        resource=row["resource"],
        created_at=row["created_at"],
        events=tuple(
            Event(id=id_, sequence=sequence, type=EventType(type_), record_id=record_id)
            for id_, sequence, type_, record_id in orjson.loads(row["events"])
        ),
        body=expanded(row["body"]),
    )


def outline(row: sqlite3.Row) -> Outline:
    records = {(row["resource"], event[3]): None for event in orjson.loads(row["events"])}
    return Outline(
        number=row["number"],
        id=row["id"],
        resource=row["resource"],
        first_sequence=row["first_sequence"],
        last_sequence=row["last_sequence"],
        records=tuple(records),
    )


class _Expander(threading.local):
    """One a thread: to make one for each body takes longer than to use it."""

    def __init__(self) -> None:
        self.decompress = zstandard.ZstdDecompressor().decompress


_expander = _Expander()


def expanded(body: bytes) -> bytes:
    """A body as it is sent, from how it is stored."""
    return _expander.decompress(body)


def notification_values(value: Notification) -> dict[str, Any]:
    return {
        "number": value.number,
        "id": value.id,
        "instance_id": value.instance_id,
        "resource": value.resource,
        "first_sequence": value.first_sequence,
        "last_sequence": value.last_sequence,
        "created_at": value.created_at,
        "events": orjson.dumps([(e.id, e.sequence, e.type, e.record_id) for e in value.events]).decode(),
        "body": zstandard.compress(value.body, level=3),
    }


def notice(row: sqlite3.Row) -> Notice:
    return Notice(
        id=row["id"],
        account_id=row["account_id"],
        instance_id=row["instance_id"],
        kind=row["kind"],
        subject=row["subject"],
        reason=row["reason"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )


def attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(
        number=row["try"],
        at=row["at"],
        outcome=Outcome(
            status=row["status"],
            error=row["error"],
            retry_after=row["retry_after"],
            answer=row["answer"],
            took_for=row["took_for"],
        ),
    )


def attempt_values(subscription_id: int, number: int, value: Attempt) -> tuple[object, ...]:
    said = value.outcome
    return (subscription_id, number, value.at, said.status, said.error, said.retry_after, said.answer, said.took_for)


def numbers(values: Iterable[int]) -> str:
    return json.dumps(list(values))

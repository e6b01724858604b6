"""From database rows to the nouns of the core, and back."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson
import zstandard

from tidings.core.model import (
    Attempt,
    ElementClone,
    Event,
    EventType,
    FailurePolicy,
    Grant,
    Instance,
    Lane,
    LaneKind,
    LaneState,
    Notification,
    Outcome,
    Outline,
    Tokens,
    User,
)
from tidings.core.notices import Notice
from tidings.core.passwordpolicy import policy_of
from tidings.core.people import Account, Organization
from tidings.core.retry import SCHEDULE
from tidings.core.subscription import (
    Basic,
    Channel,
    Cut,
    Filter,
    Format,
    SigningKey,
    Source,
    Subscription,
)
from tidings.store.secrets import Vault

SECRETS, TOKEN, USER, ORGANIZATION = "instance.secrets", "instance.token", "user", "organization"
GRANT = "oauth_grant.tokens"
KEYS, HEADERS, BASIC = "subscription.keys", "subscription.headers", "subscription.basic"
SETTING = "account.setting"

#: Ids of clones begin above those of the catalog's elements.
FIRST_CLONE = 1_000_000


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
        dropped_sequence=row["dropped_sequence"],
        token=vault.open(row["token"], TOKEN).decode(),
        secrets=json.loads(vault.open(row["secrets"], SECRETS)),
        clone=clone(row, "clone_") if row["clone_id"] is not None else None,
        grant=grant(row, vault) if row["grant_tokens"] is not None else None,
    )


def grant(row: sqlite3.Row, vault: Vault) -> Grant:
    tokens = Tokens(**json.loads(vault.open(row["grant_tokens"], GRANT)))
    return Grant(tokens, row["grant_serial"], bool(row["grant_external"]), row["grant_refused"])


def clone(row: sqlite3.Row, prefix: str = "") -> ElementClone:
    return ElementClone(
        id=FIRST_CLONE + row[f"{prefix}id"],
        account_id=row["account_id"],
        element_key=row["element_key"],
        key=row[f"{prefix}key"],
        name=row[f"{prefix}name"],
        description=row[f"{prefix}description"],
        active=bool(row[f"{prefix}active"]),
        created_at=row[f"{prefix}created_at"],
    )


def clone_row(clone_id: int) -> int:
    """The row of the clone with this id."""
    return clone_id - FIRST_CLONE


def organization(row: sqlite3.Row, vault: Vault) -> Organization:
    return Organization(
        id=row["id"],
        name=row["name"],
        created_at=row["created_at"],
        policy=policy_of(json.loads(row["policy"] or "{}")),
        secret=vault.open(row["secret"], ORGANIZATION).decode(),
    )


def account(row: sqlite3.Row, roles: tuple[str, ...]) -> Account:
    return Account(
        id=row["id"],
        organization_id=row["organization_id"],
        name=row["name"],
        description=row["description"],
        external_id=row["external_id"],
        active=bool(row["active"]),
        is_default=bool(row["is_default"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        roles=roles,
    )


def user(row: sqlite3.Row, own: tuple[str, ...], of_account: tuple[str, ...], vault: Vault) -> User:
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
        active=bool(row["active"]),
        account_active=bool(row["account_active"]),
        in_default_account=bool(row["in_default_account"]),
        roles=own,
        account_roles=of_account,
        created_at=row["created_at"],
        password_at=row["password_at"],
        last_login_at=row["last_login_at"],
    )


def subscription(row: sqlite3.Row, vault: Vault) -> Subscription:
    def opened(column: str, purpose: str) -> Any:
        sealed = row[column]
        return json.loads(vault.open(sealed, purpose)) if sealed else None

    basic = opened("basic", BASIC)
    return Subscription(
        id=row["id"],
        account_id=row["account_id"],
        instance_id=row["instance_id"],
        topics=tuple(json.loads(row["topics"])),
        url=row["url"],
        active=bool(row["active"]),
        reason=row["reason"],
        created_at=row["created_at"],
        stopped_at=row["stopped_at"],
        channel=Channel(row["channel"]),
        source=Source(row["source"]),
        keys=tuple(SigningKey(key, until) for key, until in opened("keys", KEYS) or ()),
        headers=opened("headers", HEADERS) or {},
        basic=Basic(*basic) if basic else None,
        cuts=tuple(
            Cut(after, Format(form), Filter(tuple(resources), tuple(map(EventType, types)), tuple(changed)))
            for after, form, resources, types, changed in json.loads(row["cuts"])
        ),
        own_policy=FailurePolicy(row["policy"]) if row["policy"] else None,
        policy=FailurePolicy(row["policy_in_force"] or FailurePolicy.RETRY),
        schedule=SCHEDULE if row["schedule"] is None else tuple(json.loads(row["schedule"])),
        jitter=row["jitter"],
        rate=row["rate"],
        concurrency=row["concurrency"],
        dropped_events=row["dropped_events"],
    )


def subscription_values(value: Subscription, vault: Vault) -> dict[str, Any]:
    """What of a subscription can be changed, sealed where it is secret."""

    def sealed(what: object, purpose: str) -> bytes | None:
        return vault.seal(json.dumps(what).encode(), purpose) if what else None

    return {
        "topics": json.dumps(value.topics),
        "url": value.url,
        "keys": sealed([(each.key, each.until) for each in value.keys], KEYS),
        "headers": sealed(dict(value.headers), HEADERS),
        "basic": sealed(value.basic and (value.basic.username, value.basic.password), BASIC),
        "cuts": json.dumps(
            [(cut.after, cut.format, cut.filter.resources, cut.filter.types, cut.filter.changed) for cut in value.cuts]
        ),
        "schedule": None if value.schedule == SCHEDULE else json.dumps(value.schedule),
        "policy": value.own_policy,
        "rate": value.rate,
        "concurrency": value.concurrency,
        "jitter": value.jitter,
    }


_events = msgspec.json.Decoder(tuple[Event, ...]).decode


def notification(row: sqlite3.Row) -> Notification:
    return Notification(
        number=row["number"],
        id=row["id"],
        instance_id=row["instance_id"],
        resource=row["resource"],
        created_at=row["created_at"],
        events=_events(row["events"]),
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


class _Codec(threading.local):
    """One a thread: to make one for each body takes longer than to use it."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_codec = _Codec()


def expanded(body: bytes) -> bytes:
    """A body as it is sent, from how it is stored."""
    return _codec.decompress(body)


def notification_values(value: Notification) -> dict[str, Any]:
    return {
        "number": value.number,
        "id": value.id,
        "instance_id": value.instance_id,
        "resource": value.resource,
        "first_sequence": value.first_sequence,
        "last_sequence": value.last_sequence,
        "created_at": value.created_at,
        "events": msgspec.json.encode(value.events).decode(),
        "body": _codec.compress(value.body),
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
        replay_id=row["replay_id"],
    )


def attempt_values(subscription_id: int, number: int, value: Attempt) -> tuple[object, ...]:
    said = value.outcome
    tried = (said.status, said.error, said.retry_after, said.answer, said.took_for)
    return (subscription_id, number, value.at, *tried, value.replay_id)


def numbers(values: Iterable[int]) -> str:
    return json.dumps(list(values))

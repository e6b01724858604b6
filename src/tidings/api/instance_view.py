"""How an instance is shown (spec platform.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidings.api.answers import iso
from tidings.api.poll_lanes import parked_because, show_completeness, show_freshness, show_hints
from tidings.core.instanceconfig import Configuration, completed, shown
from tidings.core.instancerules import CALLBACK_URL
from tidings.core.model import Instance, Lane, Moment, User
from tidings.core.oauth import granted
from tidings.core.plan import ENABLED, HINTS, is_on
from tidings.elements.element import Element

SHORT = (
    *("id", "name", "createdDate", "token", "elementId", "tags", "valid", "validMessage", "disabled"),
    *("eventsEnabled", "user"),
)


def configuration_of(instance: Instance) -> Configuration:
    """What is configured, with what the instance's grant says where it has one."""
    return granted(Configuration(instance.configuration, instance.secrets), instance.grant)


def show(
    instance: Instance,
    element: Element,
    user: User | None,
    lanes: Sequence[Lane],
    now: Moment,
    hints: Lane | None = None,
    retention_days: float = 0,
) -> dict[str, object]:
    """The whole instance; secrets masked, `providerData` never echoed.

    `lanes` are its poll lanes: while one is parked, or its provider gives no more tokens, the instance is not valid,
    and `validMessage` says why. `hints` is its hint lane: what its provider was asked for is shown while hints are on.
    Its events are kept for `retention_days`.
    """
    grant = instance.grant
    reason = (grant.refused if grant is not None else None) or parked_because(lanes)
    configuration = configuration_of(instance)
    values = completed(configuration, element.configuration)
    return {
        "id": instance.id,
        "name": instance.name,
        "createdDate": iso(instance.created_at),
        "token": instance.token,
        "element": element.abridged(),
        "elementId": element.id,
        "tags": instance.tags,
        "provisionInteractions": [],
        "valid": reason is None,
        **({} if reason is None else {"validMessage": reason}),
        "disabled": instance.disabled,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "configuration": shown(configuration, element.configuration),
        "eventsEnabled": is_on(values.get(ENABLED), ENABLED),
        "eventsNotificationCallbackUrl": values.get(CALLBACK_URL) or "false",
        "traceLoggingEnabled": False,
        "cachingEnabled": False,
        "externalAuthentication": "initial" if grant is not None and grant.external else "none",
        "user": _user(instance, user),
        "freshness": [{"resource": lane.key, **show_freshness(lane, now)} for lane in lanes],
        "completeness": [{"resource": lane.key, **show_completeness(lane)} for lane in lanes],
        "oldestSequence": instance.dropped_sequence + 1,
        "retentionDays": retention_days,
        **({"hints": show_hints(hints)} if hints is not None and is_on(values.get(HINTS), HINTS) else {}),
    }


def show_short(
    instance: Instance,
    element: Element,
    user: User | None,
    lanes: Sequence[Lane],
    now: Moment,
    hints: Lane | None = None,
    retention_days: float = 0,
) -> dict[str, object]:
    """What a list with `hydrate=false` shows: everything but the configuration and the element's details."""
    whole: Mapping[str, object] = show(instance, element, user, lanes, now, hints, retention_days)
    return {name: whole[name] for name in SHORT if name in whole} | {
        "element": {"id": element.id, "key": element.key, "name": element.name}
    }


def _user(instance: Instance, user: User | None) -> dict[str, object]:
    if user is None:
        return {"id": instance.user_id}
    return {
        "id": user.id,
        "emailAddress": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
    }

"""Which lanes should an instance have? Follows from its configuration alone."""

from __future__ import annotations

from hashlib import blake2b

import orjson

from tidings.core.configvalues import boolean, decimal
from tidings.core.instanceconfig import FIELD, Configuration, completed
from tidings.core.instancerules import (
    CALLBACK_HEADERS,
    CALLBACK_URL,
    SIGNATURE_KEY,
    PolledElement,
    basic_of,
    polled,
)
from tidings.core.model import LanePlan
from tidings.core.pollerconfig import PolledResource
from tidings.core.receiver import read_headers

ENABLED = "event.notification.enabled"
KEY_OVERLAP = "event.notification.signature.overlap"
FILTER_NULLS = "filter.response.nulls"
HINTS = "event.poller.hints"

#: Grows when the same record would get another fingerprint (design.md section 6).
FINGERPRINT_VERSION = 1


def plan(configuration: Configuration, element: PolledElement, *, disabled: bool) -> LanePlan:
    """The resources to poll and where to deliver; nothing at all while events are off or the instance is disabled.

    Raises InvalidInput for a configuration that `instancerules.check` refuses.
    """
    values = completed(configuration, element.configuration)
    if disabled or not is_on(values.get(ENABLED), ENABLED):
        return LanePlan()
    filter_nulls = is_on(values.get(FILTER_NULLS), FILTER_NULLS)
    resources = polled(configuration, element)
    headers = read_headers(values.get(CALLBACK_HEADERS), FIELD + CALLBACK_HEADERS)
    basic = basic_of(values, headers)
    return LanePlan(
        resources=[resource.name for resource in resources],
        generations={resource.name: generation(resource, filter_nulls, element.version) for resource in resources},
        callback_url=values.get(CALLBACK_URL),
        signature_key=values.get(SIGNATURE_KEY),
        hints=is_on(values.get(HINTS), HINTS),
        key_overlap_for=60 * decimal(values.get(KEY_OVERLAP) or 0, FIELD + KEY_OVERLAP, "minutes"),
        callback_headers=headers,
        callback_login=None if basic is None else (basic.username, basic.password),
    )


def generation(resource: PolledResource, filter_nulls: bool, element_version: int) -> str:
    """The hash of what a resource's records are compared under: another one, and known rows are rebased silently.

    The url holds the condition and the fields asked for; dates and spans change when we look, not what we compare.
    """
    basis = [resource.url, resource.id_field, filter_nulls, element_version, FINGERPRINT_VERSION]
    return blake2b(orjson.dumps(basis), digest_size=8).hexdigest()


def is_on(value: str | None, key: str) -> bool:
    """A switch of the configuration; one that is not set is off."""
    return value is not None and boolean(value, FIELD + key)

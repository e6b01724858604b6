"""May an instance be configured like this? Every rule that needs no provider to answer.

Raises InvalidInput naming the key the user wrote and saying what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from whenever import Instant

from tidings.core import finder, firstrun
from tidings.core.ceql import parse
from tidings.core.conditions import translate
from tidings.core.configvalues import boolean, decimal, interval, whole
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import FIELD, Configuration, ConfigurationKey, completed
from tidings.core.model import Moment
from tidings.core.notify import MAX_EVENTS
from tidings.core.pollerconfig import PolledResource, read
from tidings.core.receiver import check_basic, read_headers
from tidings.core.signing import check_key
from tidings.core.subscription import Basic

CALLBACK_URL = "event.notification.callback.url"
INTERVAL = "event.poller.refresh_interval"
SIGNATURE_KEY = "event.notification.signature.key"
CALLBACK_HEADERS = "event.notification.callback.headers"
BASIC = "event.notification.basic."  #: and `username` or `password`

# Any moment does: rendered macros differ in digits only.
_SAMPLE = Instant.from_utc(2026, 1, 2, 3, 4, 5)

_SPANS = {
    "event.notification.signature.overlap": "minutes",
    "event.poller.overlap": "seconds",
    "event.poller.settle_interval": "minutes",
    "event.poller.settle_window": "minutes",
    "event.poller.sweep_interval": "minutes",
    "event.poller.audit_interval": "minutes",
}


class Choice(Protocol):
    @property
    def value(self) -> str: ...


class Collection(Protocol):
    """What the rules ask of a resource: the types of its fields, for its conditions."""

    @property
    def field_types(self) -> Mapping[str, str]: ...


class RuledKey(ConfigurationKey, Protocol):
    """A key that may have a list of its values."""

    @property
    def options(self) -> Sequence[Choice]: ...


class PolledElement(Protocol):
    """What the rules and the plan ask of an element."""

    @property
    def version(self) -> int: ...
    @property
    def configuration(self) -> Sequence[RuledKey]: ...

    def resource(self, path: str, /) -> Collection | None:
        """The resource at a platform path, None when there is none."""


def check(
    configuration: Configuration,
    element: PolledElement,
    *,
    root: str,
    floor: float,
    refuse_url: Callable[[str], str | None],
) -> None:
    """All rules, in the order of the element's keys, then those of the polling configuration.

    `root` is the key of the provider's address, `floor` the shortest poll interval in seconds, and `refuse_url` says
    what is wrong with an address, None when nothing is.
    """
    values = completed(configuration, element.configuration)
    for key in element.configuration:
        value = values[key.key]
        if value is not None:
            _check_value(key, value, floor)
            reason = refuse_url(value) if key.key in (root, CALLBACK_URL) else None
            if reason is not None:
                raise InvalidInput(FIELD + key.key, reason)
    headers = read_headers(values.get(CALLBACK_HEADERS), FIELD + CALLBACK_HEADERS)
    basic_of(values, headers)
    if found := values.get(finder.FINDER):
        finder.check(found, FIELD + finder.FINDER, element.configuration)
    for resource in polled(configuration, element):
        _check_where(resource, element)


def basic_of(values: Mapping[str, str | None], headers: Mapping[str, str]) -> Basic | None:
    """The login that the receiver wants. Raises InvalidInput naming the key."""
    return check_basic(values.get(BASIC + "username"), values.get(BASIC + "password"), FIELD + BASIC, headers)


def polled(configuration: Configuration, element: PolledElement) -> tuple[PolledResource, ...]:
    """What the instance would poll when its events are on."""
    try:
        resources = read(configuration.values, {key.key: key.default for key in element.configuration})
    except InvalidInput as error:
        raise InvalidInput(FIELD + error.field, error.message) from None
    for resource in resources:
        if element.resource(resource.path) is None:
            raise InvalidInput(
                _url_of(resource),
                f"reads {resource.path!r}, which is no resource of this element; write the path of one it has",
            )
    return resources


def refuse_future(configuration: Configuration, element: PolledElement, now: Moment) -> None:
    """Raises InvalidInput naming the first run that begins at a date which has not come yet."""
    for resource in polled(configuration, element):
        try:
            firstrun.refuse_future(resource.first_run, now)
        except InvalidInput as error:
            raise InvalidInput(FIELD + error.field, error.message) from None


def _check_where(resource: PolledResource, element: PolledElement) -> None:
    where = resource.query(bound=_SAMPLE, now=_SAMPLE).where
    collection = element.resource(resource.path)
    if where is None or collection is None:
        return
    try:
        translate(parse(where), collection.field_types)
    except ValueError as error:
        raise InvalidInput(_url_of(resource), f"has a where that the provider cannot be asked: {error}") from None


def _url_of(resource: PolledResource) -> str:
    return f"{FIELD}event.poller.configuration.{resource.name}.url"


def _check_value(key: RuledKey, value: str, floor: float) -> None:
    name = FIELD + key.key
    if key.key == INTERVAL:
        interval(value, floor, name)
    elif key.key in _SPANS:
        decimal(value, name, _SPANS[key.key])
    elif key.key == SIGNATURE_KEY:
        check_key(name, value)
    elif key.key == "event.notification.max_events":
        if whole(value, name, "events", least=1) > MAX_EVENTS:
            raise InvalidInput(name, f"is {value}: write a whole number from 1 to {MAX_EVENTS}")
    elif key.type == "BOOLEAN":
        boolean(value, name)
    elif key.options and value not in _values(key.options):
        raise InvalidInput(name, f"is {value!r}: write one of {', '.join(_values(key.options))}")


def _values(options: Iterable[Choice]) -> list[str]:
    return [option.value for option in options]

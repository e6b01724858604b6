"""Which resources an instance polls, by its configuration keys (spec platform.md 4.2 to 4.6)."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from tidings.core import pollerentry
from tidings.core.configvalues import ConfigError, boolean, interval, is_blank
from tidings.core.pollerentry import PolledResource, name_list
from tidings.core.pollerurl import Query

__all__ = ["ConfigError", "PolledResource", "Query", "boolean", "interval", "read"]

CONFIGURATION: Final = "event.poller.configuration"
URLS: Final = "event.poller.urls"
OBJECTS: Final = "event.objects"

_EXAMPLE: Final = '{"contacts": {"url": "/hubs/crm/contacts?where=…", "idField": "id"}}'
_LEGACY_URL: Final = re.compile(r"/|.*\?|.*\$\{")
_LEGACY_DATES: Final = ("updatedDateField", "updatedDateFormat", "updatedDateTimezone",
                        "createdDateField", "createdDateFormat", "createdDateTimezone")  # fmt: skip


def read(configuration: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> tuple[PolledResource, ...]:
    """The resources that an instance polls, in their order.

    `configuration` holds the instance's keys, `defaults` the element's values for those that are absent or blank;
    a resource that only the defaults describe is polled when `event.objects` or `event.poller.urls` names it.
    Raises ConfigError naming the key, such as `event.poller.configuration.contacts.url`.
    """
    fallback = {key: value for key, value in (defaults or {}).items() if not is_blank(value)}
    settings = fallback | {key: value for key, value in configuration.items() if not is_blank(value)}
    entries = _entries(settings.get(CONFIGURATION, {}))
    known = _entries(fallback.get(CONFIGURATION, {})) | entries
    legacy = _migrated(settings.get(URLS), known)
    return tuple(
        _resource(name, legacy.get(name, known.get(name)), URLS if name in legacy else CONFIGURATION, settings)
        for name in _selected(settings, entries, known, legacy)
    )


def _selected(
    settings: Mapping[str, Any], entries: Mapping[str, Any], known: Mapping[str, Any], legacy: Mapping[str, Any]
) -> tuple[str, ...]:
    key = OBJECTS if OBJECTS in settings else URLS
    if key not in settings:
        return tuple(entries)
    if key == URLS and legacy:
        return tuple(legacy)
    names = name_list(settings[key], key)
    for name in names:
        if name not in known and name not in legacy:
            configured = ", ".join({**known, **legacy}) or f"none; add it to {CONFIGURATION}"
            raise ConfigError(key, f"`{name}` is not configured for polling; configured are: {configured}")
    return names


def _resource(name: str, entry: Any, key: str, settings: Mapping[str, Any]) -> PolledResource:
    field = f"{key}.{name}"
    entry = _decoded(entry, field)
    if not isinstance(entry, Mapping):
        raise ConfigError(field, 'is not an object: write {"url": "…", "idField": "…"}')
    dates = entry.get("datesConfiguration")
    if not is_blank(dates):
        entry = {**entry, "datesConfiguration": _decoded(dates, f"{field}.datesConfiguration")}
    return pollerentry.read(name, entry, field, settings)


def _entries(value: Any) -> dict[str, Any]:
    entries = _decoded(value, CONFIGURATION)
    if not isinstance(entries, Mapping):
        raise ConfigError(CONFIGURATION, f"is not an object: write one such as {_EXAMPLE}")
    if any(is_blank(name) for name in entries):
        raise ConfigError(CONFIGURATION, f"has an entry without a name: write one such as {_EXAMPLE}")
    return dict(entries)


def _decoded(value: Any, field: str) -> Any:
    """The value, however often it was encoded as JSON text."""
    while isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ConfigError(
                field, f"is not JSON ({error.msg}, {place}): write an object such as {_EXAMPLE}"
            ) from None
    return value


def _migrated(urls: Any, known: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries that lines of the old format stand for (spec platform.md 4.6); none for a list of names.

    The old format names no id field: it is that of the resource's entry, or `id`.
    """
    lines = [line for line in urls.splitlines() if line.strip()] if isinstance(urls, str) else []
    rows = [[part.strip() for part in line.split("|")] for line in lines]
    if not any(len(row) > 1 and _LEGACY_URL.match(row[1]) for row in rows):
        return {}
    entries = {}
    for number, row in enumerate(rows, 1):
        if not row[0] or not 2 <= len(row) <= 9 or not _LEGACY_URL.match(row[1]):
            raise ConfigError(URLS, f"line {number} is not `resource|url|…`: write, say, contacts|/hubs/crm/contacts")
        name, url, _, *dates = row + [""] * (9 - len(row))
        base = _decoded(known.get(name, {}), f"{CONFIGURATION}.{name}")
        id_field = base.get("idField", "id") if isinstance(base, Mapping) else "id"
        entries[name] = {
            "url": url,
            "idField": id_field,
            "datesConfiguration": dict(zip(_LEGACY_DATES, dates, strict=True)),
        }
    return entries

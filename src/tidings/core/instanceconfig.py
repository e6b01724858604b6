"""How an instance's configuration is written, completed and shown (spec platform.md 3.2 to 3.5).

A configuration is kept as text by the element's keys; what the element calls secret is kept apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from tidings.core.errors import InvalidInput
from tidings.core.naming import writable

MASK = "********"
FIELD = "configuration."
STRUCTURED = "event."  #: only these keys take objects and lists (spec platform.md 4.2)


class ConfigurationKey(Protocol):
    """What an element says of one of its keys (spec platform.md 2.3)."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def default(self) -> str | None: ...
    @property
    def required(self) -> bool: ...
    @property
    def secret(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the user wrote, by key; a key that was not written is absent."""

    values: Mapping[str, str | None] = field(default_factory=dict)
    secrets: Mapping[str, str | None] = field(default_factory=dict, repr=False)

    def get(self, key: str) -> str | None:
        return self.values.get(key, self.secrets.get(key))


def write(
    given: Mapping[str, object], keys: Sequence[ConfigurationKey], stored: Configuration, *, merge: bool
) -> Configuration:
    """The configuration after `given` was written over `stored` (merge) or in its place.

    Keys are matched exactly or, failing that, in any case; unknown ones are tolerated and dropped. None and blank
    text unset a key. The mask stands for the secret that is stored. Raises InvalidInput naming the key.
    """
    values = dict(stored.values) if merge else {}
    secrets = dict(stored.secrets) if merge else {}
    for key, value in _by_key(given, keys):
        name = FIELD + key.key
        if isinstance(value, dict | list) and not key.key.startswith(STRUCTURED):
            raise InvalidInput(name, "takes text, not an object or a list; write it in quotes")
        text = as_text(value, name)
        kept = secrets if key.secret else values
        if key.secret and text == MASK:
            text = stored.secrets.get(key.key)
            if text is None:
                raise InvalidInput(name, f"{MASK} stands for a stored value and there is none; write the real one")
        if text is None or not text.strip():
            kept.pop(key.key, None)
        else:
            kept[key.key] = text
    written = Configuration(values, secrets)
    _refuse_missing(written, keys)
    return written


def completed(configuration: Configuration, keys: Iterable[ConfigurationKey]) -> dict[str, str | None]:
    """Every key of the element with what was written or its default; secrets in clear, for the engine."""
    return {key.key: configuration.get(key.key) or key.default for key in keys}


def shown(configuration: Configuration, keys: Iterable[ConfigurationKey]) -> dict[str, str | None]:
    """Every key of the element with what was written or its default; a secret that is set shows the mask."""
    return {key.key: shown_value(configuration, key) for key in keys}


def shown_value(configuration: Configuration, key: ConfigurationKey) -> str | None:
    """One key as the API shows it."""
    value = configuration.get(key.key) or key.default
    return MASK if key.secret and value else value


def as_text(value: object, name: str) -> str | None:
    """A configuration value as it is kept: booleans and numbers as JSON writes them, objects as JSON text.

    >>> as_text(True, "x"), as_text(15, "x"), as_text(15.0, "x"), as_text(["a", "b"], "x"), as_text({"a": 1}, "x")
    ('true', '15', '15', 'a,b', '{"a":1}')
    """
    match value:
        case None:
            return None
        case str():
            text = value
        case bool():
            text = "true" if value else "false"
        case float() if not math.isfinite(value):
            raise InvalidInput(name, "is not a finite number; write one such as 15")
        case float() if value.is_integer() and abs(value) < 1e15:
            text = str(int(value))
        case int() | float():
            text = str(value)
        case list() if all(isinstance(item, str) for item in value):
            text = ",".join(value)
        case _:
            text = _json(value, name)
    if not writable(text):
        raise InvalidInput(name, "contains half of a surrogate pair; write whole characters")
    return text


def _json(value: object, name: str) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise InvalidInput(name, f"cannot be kept as JSON ({error}); write plain JSON") from None


def _by_key(given: Mapping[str, object], keys: Sequence[ConfigurationKey]) -> Iterator[tuple[ConfigurationKey, object]]:
    folded = {name.casefold(): value for name, value in given.items()}
    for key in keys:
        if key.key in given:
            yield key, given[key.key]
        elif key.key.casefold() in folded:
            yield key, folded[key.key.casefold()]


def _refuse_missing(configuration: Configuration, keys: Iterable[ConfigurationKey]) -> None:
    missing = [key for key in keys if key.required and not configuration.get(key.key) and not key.default]
    if not missing:
        return
    others = ", ".join(key.key for key in missing[1:])
    raise InvalidInput(
        FIELD + missing[0].key,
        f"is missing or blank; write the {missing[0].name}" + (f" (and also: {others})" if others else ""),
    )

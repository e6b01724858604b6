"""What is different between two versions of a record?

Content is what a receiver could act on: members that are null count as absent, and the element's volatile paths
(stamps, links, counters that move by themselves) do not count at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from tidings.core.model import FieldChange

Volatile: TypeAlias = "Mapping[str, Volatile | None]"
NOTHING = object()


def volatile(paths: Iterable[str]) -> Volatile:
    """A tree of the paths: `/`-separated members, `*` for any one member; array items are passed through.

    >>> volatile(["_info", "*/_info"])
    {'_info': None, '*': {'_info': None}}
    """
    tree: dict[str, Any] = {}
    for path in paths:
        *parents, last = path.split("/")
        branch: dict[str, Any] | None = tree
        for part in parents:
            branch = branch.setdefault(part, {}) if branch is not None else None
        if branch is not None:  # None: all of it is volatile already
            branch[last] = None
    return tree


def parse(raw: bytes) -> Any:
    """The value of one record's bytes; integers of any size stay exact. Raises ValueError when it is no JSON."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        # Half a surrogate pair (a text that the provider cut in the middle of a sign) is read, not refused.
        return json.loads(raw)


def content(value: Any, tree: Volatile) -> Any:
    """A copy of `value` without null members and without the tree's paths."""
    if isinstance(value, dict):
        every = tree.get("*", {})
        if every is None:
            return {}
        kept = {}
        for name, member in value.items():
            branch = tree.get(name, {})
            if member is not None and branch is not None:
                kept[name] = content(member, {**every, **branch} if branch else every)
        return kept
    if isinstance(value, list):
        return [content(item, tree) for item in value]
    return value


def diff(old: Any, new: Any) -> tuple[FieldChange, ...]:
    """The fields that differ, by JSON pointer, in the order of the new version; empty when the content is equal.

    `1`, `1.0` and `true` are three values. Two arrays of one length are compared item by item, others as a whole.
    """
    return tuple(_diff("", old, new))


def _diff(path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    if type(old) is not type(new):
        yield FieldChange(path, None if old is NOTHING else old, None if new is NOTHING else new)
    elif isinstance(new, dict):
        for name, member in new.items():
            yield from _diff(f"{path}/{_escape(name)}", old.get(name, NOTHING), member)
        for name, member in old.items():
            if name not in new:
                yield FieldChange(f"{path}/{_escape(name)}", member, None)
    elif isinstance(new, list):
        if len(old) != len(new):
            yield FieldChange(path, old, new)
        else:
            for position, (before, after) in enumerate(zip(old, new, strict=True)):
                yield from _diff(f"{path}/{position}", before, after)
    elif old != new:
        yield FieldChange(path, old, new)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name

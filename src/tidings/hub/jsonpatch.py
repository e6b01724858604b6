"""How does a change that was written as a plain object become a JSON Patch? (RFC 6902, spec connectwise.md 4.2)"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from tidings.core.splice import listed


def patch_of(change: Mapping[str, bytes], *, emptied: Collection[str] = ()) -> bytes:
    """The operations that give a record the members of `change`, each as its JSON; null takes a member away.

    A member is replaced as a whole, whether or not the record has it: providers leave out what is empty, and take a
    reference by any of its keys but nothing below it. Of the lists in `emptied` the provider keeps the entries that
    are not named, so that an empty one says nothing; it stands first, where the change has no such member.
    """
    before = [_operation("replace", name, b"[]") for name in emptied if name not in change]
    return listed([*before, *_operations(change)])


def _operations(change: Mapping[str, bytes]) -> Iterable[bytes]:
    for name, value in change.items():
        if value == b"null":
            yield _operation("remove", name)
        else:
            yield _operation("replace", name, value)


def _operation(op: str, name: str, value: bytes | None = None) -> bytes:
    # The standard library writes any name that can be read, half a surrogate pair too.
    path = json.dumps("/" + name.replace("~", "~0").replace("/", "~1")).encode()
    said = b"" if value is None else b',"value":' + value
    return b'{"op":"' + op.encode() + b'","path":' + path + said + b"}"

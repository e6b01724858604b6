"""Which members of a record does `fields` leave? (spec connectwise.md 3.4 and 13.7)"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Tree: TypeAlias = dict[str, "Tree | None"]


def tree(text: str) -> Tree:
    """Read `fields`; names are lower-cased, a member asked for whole hides the paths below it.

    >>> tree("id,status/id")
    {'id': None, 'status': {'id': None}}
    """
    root: Tree = {}
    for path in filter(None, (part.strip().lower() for part in text.split(","))):
        node = root
        names = [name for name in path.split("/") if name]
        for at, name in enumerate(names):
            below = node.setdefault(name, None if at == len(names) - 1 else {})
            if at == len(names) - 1:
                node[name] = None
            if below is None:
                break
            node = below
    if "*" in root:  # since 2018.4 that is the id alone (spec connectwise.md 3.4)
        root = {"id": None}
    return root


def project(value: Any, wanted: Tree) -> Any:
    """The part of a record that was asked for; unknown names are dropped, arrays are cut element by element."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [project(element, wanted) for element in value]
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for name, member in value.items():
        low = name.lower()
        if low in wanted:
            below = wanted[low]
            kept[name] = member if below is None else project(member, below)
    return kept

"""Which path leads to which operation? The table of everything below `/apis/3.0`."""

from collections.abc import Mapping

from tidings.sandbox.call import Operation
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.describe import Resource
from tidings.sandbox.reading import count_of, list_of, record_of, search_of

Methods = dict[str, Operation]


def _of_resource(resource: Resource) -> dict[str, Methods]:
    return {
        resource.path: {"GET": list_of(resource)},
        f"{resource.path}/count": {"GET": count_of(resource)},
        f"{resource.path}/{{}}": {"GET": record_of(resource)},
    }


def _table() -> dict[str, Methods]:
    table: dict[str, Methods] = {}
    for resource in RESOURCES.values():
        for path, methods in _of_resource(resource).items():
            table[path.lower()] = methods
    for path in ("service/tickets", "project/tickets"):
        table[f"{path}/search"] = {"POST": search_of(RESOURCES[path])}
    return table


ROUTES: Mapping[str, Methods] = _table()
"""Path in lower case with `{}` for every id, to operation by method."""

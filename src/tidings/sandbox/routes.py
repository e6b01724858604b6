"""Which path leads to which operation? The table of everything below `/apis/3.0`."""

from collections.abc import Mapping

from tidings.sandbox.call import Operation
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.describe import Resource
from tidings.sandbox.endpoints_contacts import CONTACT_ROUTES
from tidings.sandbox.endpoints_system import SYSTEM_ROUTES
from tidings.sandbox.endpoints_tickets import TICKET_ROUTES
from tidings.sandbox.reading import count_of, list_of, record_of, search_of
from tidings.sandbox.writing import bulk_in, create_in, delete_in, patch_in, replace_in

Methods = dict[str, Operation]

_SEARCHABLE = ("service/tickets", "project/tickets")
_BULK = "company/configurations"


def _of_resource(resource: Resource) -> dict[str, Methods]:
    listed: Methods = {"GET": list_of(resource)}
    single: Methods = {"GET": record_of(resource)}
    if "C" in resource.verbs:
        listed["POST"] = create_in(resource)
    if "U" in resource.verbs:
        single |= {"PUT": replace_in(resource), "PATCH": patch_in(resource)}
    if "D" in resource.verbs:
        single["DELETE"] = delete_in(resource)
    return {
        resource.path: listed,
        f"{resource.path}/count": {"GET": count_of(resource)},
        f"{resource.path}/{{}}": single,
    }


def _routes() -> dict[str, Methods]:
    table: dict[str, Methods] = {}
    for resource in RESOURCES.values():
        if not resource.virtual:
            table |= _of_resource(resource)
    for path in _SEARCHABLE:
        table[f"{path}/search"] = {"POST": search_of(RESOURCES[path])}
    bulk = bulk_in(RESOURCES[_BULK])
    table[f"{_BULK}/bulk"] = {"POST": bulk, "PUT": bulk, "DELETE": bulk}
    for special in (CONTACT_ROUTES, TICKET_ROUTES, SYSTEM_ROUTES):
        for path, methods in special.items():
            table[path] = {**table.get(path, {}), **methods}
    return {path.lower(): methods for path, methods in table.items()}


ROUTES: Mapping[str, Methods] = _routes()
"""Path in lower case with `{}` for every id, to operation by method."""

"""What can an element do? Its metadata, for people who choose one (spec platform.md 2.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tidings.core.model import EventType
from tidings.elements.element import Element, Resource, Verb

#: What the platform calls the verbs.
_OPERATIONS: Final[dict[Verb, str]] = {
    "list": "SEARCH",
    "create": "CREATE",
    "attach": "ATTACH",
    "read": "RETRIEVE",
    "update": "UPDATE",
    "replace": "REPLACE",
    "delete": "DELETE",
}
#: What polling finds.
_POLLED: Final = (EventType.CREATED, EventType.UPDATED, EventType.DELETED)


@dataclass(frozen=True, slots=True)
class Usage:
    """How an element is used in one account: its instances, whose they are, and the events they have logged."""

    instances: int
    users: int
    events: int


def metadata(element: Element) -> dict[str, Any]:
    """The short form, ready for JSON; `events.polling` is what an instance polls unless it says otherwise."""
    return {
        "id": element.id,
        "key": element.key,
        "name": element.name,
        "description": element.description,
        "events": {"supported": bool(element.polling), "methods": _methods(element), "polling": element.polling},
    }


def expanded(element: Element, usage: Usage, display_order: int) -> dict[str, Any]:
    """The long form."""
    short = element.abridged()
    return metadata(element) | {
        "image": element.image,
        "displayOrder": display_order,
        "active": element.active,
        "beta": short["beta"],
        "transformations": short["transformationsEnabled"],
        "elementType": "clone" if element.private else "system",
        "churros": False,
        "normalizedPaging": True,
        "swaggerValidated": True,
        "cloneable": short["cloneable"],
        "authenticationType": element.authentication.type,
        "discovery": {
            "customFields": any("customFields" in each.fields.array for each in element.resources),
            "customObjects": element.generic is not None,
            "endpointCustomFields": any("customFields" in each.fields.array for each in element.resources),
            "endpointCustomObjects": element.generic is not None,
        },
        "bulk": {"upload": short["bulkUploadEnabled"], "download": short["bulkDownloadEnabled"]},
        "usage": {"instanceCount": usage.instances, "customerCount": usage.users, "traffic": usage.events},
        "api": {"type": "rest", "contentType": "application/json"},
        "resources": [_resource(element, each) for each in element.resources],
        "hub": element.hub,
    }


def _methods(element: Element) -> list[str]:
    return ["polling"] if element.polling else []


def _resource(element: Element, resource: Resource) -> dict[str, Any]:
    short = element.abridged()
    whole = "{id}" not in resource.path
    polled = whole and "list" in resource.verbs
    uploads = whole and short["bulkUploadEnabled"] and "create" in resource.verbs
    custom = "customFields" in resource.fields.array and "list" in resource.verbs
    return {
        "canonicalName": resource.path,
        "operations": [_OPERATIONS[verb] for verb in resource.verbs],
        "events": {
            "supported": polled,
            "methods": ["polling"] if polled else [],
            "eventTypes": list(_POLLED) if polled else [],
        },
        "bulk": {
            "upload": {"supported": uploads, "native": False},
            "download": {"supported": polled and short["bulkDownloadEnabled"], "native": False},
        },
        "customField": {
            "get": custom,
            "create": custom and "create" in resource.verbs,
            "update": custom and "update" in resource.verbs,
            "delete": False,
        },
    }

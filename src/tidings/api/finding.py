"""Which route does a path lead to? The platform's own come first; what is left may be an object of an element."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import Match

from tidings.api.routes import BASE, is_objects
from tidings.elements.element import Element
from tidings.hub.target import find

OBJECT = "{object:path}"  #: how the path of a route of objects ends


class FoundRoute(APIRoute):
    """A route of the table. One of objects is no route for what no element of the catalog has, unless somebody says
    with a token whose object it is."""

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        # A path is looked for among all routes, one after the other: most can be told by how they begin.
        path: str = scope["path"]
        if not path.startswith(self._begins) or (self._is_objects and not self._may_be_object(path, scope)):
            return Match.NONE, {}
        return super().matches(scope)

    def _may_be_object(self, path: str, scope: Mapping[str, Any]) -> bool:
        state = scope["app"].state
        if not is_objects(path, state.object_names):
            return False
        if any(name == b"authorization" and b"lement " in value for name, value in scope["headers"]):
            return True
        return any(find(each, path.removeprefix(BASE)) is not None for each in state.parts.catalog.values())

    @cached_property
    def _begins(self) -> str:
        return self.path.partition("{")[0]

    @cached_property
    def _is_objects(self) -> bool:
        return self.path.endswith(OBJECT)


def object_names(catalog: Mapping[str, Element]) -> frozenset[str]:
    """What an object's path may begin with."""
    elements = catalog.values()
    named = {each.path.partition("/")[0] for element in elements for each in element.resources}
    return frozenset(named.union(*(element.generic.modules for element in elements if element.generic)))

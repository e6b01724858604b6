"""What is the platform's OpenAPI document, and how is it written into the tree?"""

from __future__ import annotations

import json
import re
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from tests.docs.pages import ROOT
from tidings.api.application import build_api
from tidings.api.parts import ApiParts
from tidings.api.routes import Route

FILE = ROOT / "docs/openapi.json"


@cache
def made() -> dict[str, Any]:
    """As the program makes it; it depends on the table of routes alone."""
    none = SimpleNamespace(catalog={}, clock=None, dice=None)
    return build_api(cast(ApiParts, none)).openapi()


def operation(route: Route) -> dict[str, Any]:
    """What it says of a route."""
    found: dict[str, Any] = made()["paths"][path_of(route)][route.method.lower()]
    return found


def path_of(route: Route) -> str:
    """A route's path as it stands there: without types."""
    return re.sub(r":[a-z]+}", "}", route.path)


def written() -> str:
    """One line a value, so that what has changed can be read in a diff."""
    return json.dumps(made(), indent=1, ensure_ascii=False) + "\n"

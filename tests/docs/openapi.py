"""What is the platform's OpenAPI document, and how is it written into the tree?"""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from tests.docs.pages import ROOT
from tidings.api.application import build_api
from tidings.api.parts import ApiParts

FILE = ROOT / "docs/openapi.json"


@cache
def made() -> dict[str, Any]:
    """As the program makes it; it depends on the table of routes alone."""
    none = SimpleNamespace(catalog={}, clock=None, dice=None)
    return build_api(cast(ApiParts, none)).openapi()


def written() -> str:
    """One line a value, so that what has changed can be read in a diff."""
    return json.dumps(made(), indent=1, ensure_ascii=False) + "\n"

"""Is the OpenAPI document in the tree the program's own, and does it say everything?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.docs import openapi
from tests.docs.generate import path_of
from tidings.api.documented import said_of
from tidings.api.routes import ROUTES


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in openapi.made()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_document_in_the_tree_is_what_the_program_makes():
    behind = "docs/openapi.json is behind: run python -m tests.docs.generate, and look at what it changes"
    assert openapi.FILE.read_text() == openapi.written(), behind


def test_every_route_stands_there_once():
    table = sorted(f"{route.method} {openapi.path_of(route)}" for route in ROUTES)
    assert sorted(name for name, _ in operations()) == table
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))


def test_every_handler_says_what_it_answers():
    assert [f"{route.method} {path_of(route.path)}" for route in ROUTES if said_of(route.handler) is None] == []


def test_every_operation_says_what_it_does_takes_and_answers():
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert {"200", "406", "500"} <= operation["responses"].keys(), name
        assert not {"422", "default"} & operation["responses"].keys(), name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']}"


def test_who_may_call_is_said_of_every_route_that_is_not_open():
    schemes = openapi.made()["components"]["securitySchemes"].keys()
    for name, operation in operations():
        wanted = [scheme for each in operation["security"] for scheme in each]
        assert set(wanted) <= schemes, name
        assert bool(wanted) == ("401" in operation["responses"] and operation["x-scope"] != "open"), name

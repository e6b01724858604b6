"""Does ARCHITECTURE.md name a test for each invariant, and do those hold that are guarded nowhere else?"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.docs.pages import ROOT
from tidings.api.application import build_api
from tidings.api.parts import ApiParts
from tidings.api.routes import BASE, ROUTES

SECTION = "## What must always be true"


def test_every_invariant_names_its_test():
    page = (ROOT / "ARCHITECTURE.md").read_text().partition(SECTION)[2]
    invariants = re.split(r"^\d\. ", page, flags=re.MULTILINE)[1:]
    assert len(invariants) == 8
    assert [text.split("\n")[0] for text in invariants if not re.search(r"`tests/[\w/]+\.py::test_\w+`", text)] == []


def test_the_core_asks_nobody_the_time_reads_nothing_and_waits_for_nothing():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))",
    ]
    linted = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    assert "The core touches nothing outside itself KEPT" in linted.stdout
    files = (ROOT / "src/tidings/core").glob("*.py")
    assert {file.name: found for file in files if (found := list(impure(file.read_text())))} == {}


@pytest.mark.parametrize(
    "line", ["x = datetime.now(UTC)", "open('f')", "async def f(): ...", "print(1)", "Path('f').read_text()"]
)
def test_what_is_impure_is_found(line: str):
    assert list(impure(line)) != []


def impure(source: str) -> Iterator[str]:
    """What in a file asks the time, reads or writes, or waits, by builtin or by method; imports are the contract's."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield type(node).__name__
            case ast.Call(func=ast.Name(id="open" | "input" | "print" as name)):
                yield name
            case ast.Call(func=ast.Attribute(attr="now" | "utcnow" | "today" | "read_text" | "read_bytes" as name)):
                yield name


def test_the_table_of_routes_is_the_only_door():
    nothing: dict[str, Any] = dict.fromkeys(ApiParts.__dataclass_fields__) | {"catalog": {}}
    routes = build_api(ApiParts(**nothing)).routes
    served = {(method, r.path) for r in routes if isinstance(r, APIRoute) for method in r.methods or ()}
    assert served == {(route.method, route.path) for route in ROUTES}
    others = {getattr(r, "path", None) for r in routes if not isinstance(r, APIRoute)}
    assert others == {f"{BASE}/openapi.json"}

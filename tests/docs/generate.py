"""Which tables of the documents are made from the program? `python -m tests.docs.generate` rewrites them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.docs import openapi
from tests.docs.pages import ROOT
from tests.docs.platform_routes import PLATFORM
from tidings.api.authorization import Scope
from tidings.api.meter import COUNTED
from tidings.api.metrics import GAUGES
from tidings.api.privileges import privilege_for
from tidings.api.routes import BASE, ROUTES
from tidings.cli.serve import serve
from tidings.core.roles import ROLES, Privilege
from tidings.elements.describe import catalog
from tidings.settings import rows

SHARED = ("event.", "filter.")
ASKS_FOR = {
    Scope.OPEN: "nothing",
    Scope.BEARER: "a token",
    Scope.USER: "a user",
    Scope.ELEMENT: "an element",
    Scope.HUB: "a hub call",
}


def settings() -> str:
    options = inspect.signature(serve).parameters
    return table(
        ("Environment", "Option", "Default", "What it is"),
        (
            (code(row.env), code(row.option) if row.name in options else "", code(row.default), row.sentence)
            for row in rows()
        ),
    )


def routes() -> str:
    return table(
        ("", "Path", "Asks for", "Privilege", "What it does"),
        (
            (
                route.method,
                code(path_of(route.path)),
                ASKS_FOR[route.scope],
                code(privilege_for(route.method, route.path.removeprefix(BASE), route.scope) or ""),
                " ".join((inspect.getdoc(route.handler) or "").split()),
            )
            for route in ROUTES
        ),
    )


def roles() -> str:
    return table(
        ("Privilege", *(code(role.key) for role in ROLES.values())),
        ((code(each), *("yes" if each in role.privileges else "" for role in ROLES.values())) for each in Privilege),
    )


def metrics() -> str:
    return table(
        ("Series", "Type", "Labels", "What it is"),
        (
            (code(each.name), each.type, ", ".join(code(label) for label in each.labels), each.sentence)
            for each in (*GAUGES, *COUNTED)
        ),
    )


def path_of(path: str) -> str:
    """A route's path as the documents write it: below the base path, without types."""
    return path.removeprefix(BASE).replace("{instance_id:int}", "{id}").replace(":int}", "}").replace(":path}", "}")


def keys() -> str:
    entries = catalog()["connectwisecrmrest"].configuration
    return table(
        ("Key", "Default", "What it is"),
        (
            (
                code(entry.key),
                "of the element" if entry.key == "event.poller.configuration" else code(entry.default or ""),
                entry.description,
            )
            for entry in entries
            if entry.key.startswith(SHARED)
        ),
    )


def platform() -> str:
    """The platform's routes of elements, instances and objects, one line a path."""
    return table(
        ("Path", "There", "Not there", "Why, or how"),
        ((code(each.path), each.there, each.missing, each.why) for each in PLATFORM),
    )


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in cells)


TABLES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "settings": ("docs/settings.md", settings),
    "routes": ("docs/api.md", routes),
    "roles": ("docs/api.md", roles),
    "platform": ("docs/api.md", platform),
    "keys": ("docs/polling.md", keys),
    "metrics": ("docs/operations.md", metrics),
}


def rewritten(page: str, name: str, made: str) -> str:
    """The page with the table `name` made anew. Raises ValueError when the page has no place for it."""
    begin, end = f"<!-- made by `python -m tests.docs.generate`: {name} -->\n", f"<!-- end: {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no {begin.strip()} … {end}")
    place = re.escape(begin) + ".*?" + re.escape(end)
    return re.sub(place, lambda _: f"{begin}\n{made}\n{end}", page, flags=re.DOTALL)


def main(root: Path = ROOT) -> None:
    for name, (path, make) in TABLES.items():
        page = root / path
        page.write_text(rewritten(page.read_text(), name, make()))
    openapi.FILE.write_text(openapi.written())


if __name__ == "__main__":
    main()

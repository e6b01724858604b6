"""Is one word used for one thing, where others rely on it: in routes and in tables? (docs/words.md)"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT
from tidings.api.routes import BASE, ROUTES

AVOIDED = {
    *("bookmark", "checkpoint", "connection", "connector", "endpoint", "entity", "integration", "item", "job", "lock"),
    *("message", "object", "queue", "result", "stream", "sync", "task", "tenant", "trigger", "webhook"),
}
#: The platform's own routes and words, and what browsers call server-sent events.
STREAMS = {"/instances/events/stream", "/instances/{instance_id:int}/events/stream"}
GIVEN = frozenset(
    {"/jobs", "/bulk/jobs", "/hubs/{hub}/bulk/jobs", "/jobs/polling-disabled", "/jobs/{job_id}", *STREAMS}
)


#: "object" is the platform's word for what an instance has, and what users define of it.
OBJECTS = {route.path.removeprefix(BASE) for route in ROUTES if re.search(r"/objects(?:/|$)|{object", route.path)}


def words(name: str) -> set[str]:
    """The words of a name, in the singular."""
    return {word.removesuffix("s") for word in re.findall(r"[a-z]+", name.lower())}


def tables() -> Iterator[str]:
    """Every table and column that a migration makes."""
    for file in (ROOT / "src/tidings/store/migrations/versions").glob("*.py"):
        for table, columns in re.findall(
            r"create table (\w+) \((.*?)\)(?: without rowid)?;", file.read_text(), re.DOTALL
        ):
            yield table
            yield from (f"{table}.{name}" for name in re.findall(r"(?:^|,)\s*(\w+) (?!key)", columns))


def test_no_route_says_another_word():
    paths = {route.path.removeprefix(BASE) for route in ROUTES} - GIVEN - OBJECTS
    assert {path: words(path) & AVOIDED for path in paths if words(path) & AVOIDED} == {}


def test_no_table_or_column_says_another_word():
    names = set(tables())
    assert {"lane", "lane.fence", "record.raw_hash", "notification.body", "attempt.took_for"} <= names
    assert {name: words(name) & AVOIDED for name in names if words(name) & AVOIDED} == {}


def test_moments_bounds_and_spans_are_called_so():
    spans = {name for name in tables() if re.search(r"_(time|date|timeout|seconds|ms)$", name)}
    assert spans == set()


@pytest.mark.parametrize(("name", "found"), [("/connectors/{id}", {"connector"}), ("lane.due_at", set())])
def test_an_avoided_word_is_found_in_the_plural_too(name: str, found: set[str]):
    assert words(name) & AVOIDED == found

"""Is what is said of the platform's routes true, and is nothing of the catalog left out of it?"""

from __future__ import annotations

from tests.docs.platform_routes import PLATFORM, built

#: What Tidings has there of its own: objects by way of an instance.
OURS = {("GET", f"/instances{of}/objects{part}") for of in ("", "/{}") for part in ("", "/{}/metadata")}


def test_every_route_that_is_said_to_be_there_is():
    there = {route for asked in PLATFORM for route in asked.routes(asked.there)}
    assert len(there) > 60
    assert sorted(there - built()) == []


def test_every_route_that_is_said_to_be_missing_is_and_has_a_reason():
    missing = {route for asked in PLATFORM for route in asked.routes(asked.missing)}
    assert sorted(missing & built()) == []
    assert [asked for asked in PLATFORM if asked.missing and not asked.why] == []


def test_every_route_of_the_catalog_and_of_objects_is_told():
    told = {route for asked in PLATFORM for route in asked.routes(asked.there)}
    theirs = ("/elements", "/hubs", "/catalog-properties", "/objects", "/ping")
    of_them = {(method, path) for method, path in built() if path.startswith(theirs) or "/objects" in path}
    assert sorted(of_them - told - OURS) == []

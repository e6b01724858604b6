"""Which of the platform's routes about elements and instances are there, and why not the others? (platform.md 2, 3)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tidings.api.routes import BASE, ROUTES

FILES = "elements are files on this server ([ADR 7](adr/0007-element-is-a-file.md))"
SCRIPTS = "elements run no scripts here"
DEFINED = "users cannot define objects yet"
PROXIES = "a provider's answer goes to the callback URL of your own application"
APPLICATION = "the server has no application of its own at a provider; bring yours"
OAUTH1 = "OAuth 2 only"


class Asked(NamedTuple):
    """A path of the platform with its verbs: those that are there, and those that are not with the reason."""

    path: str
    there: str
    missing: str = ""
    why: str = ""

    def routes(self, verbs: str) -> Iterator[tuple[str, str]]:
        for verb in verbs.split():
            yield verb, anonymous(self.path)


PLATFORM = (
    Asked("/elements", "GET"),
    Asked("/elements", "POST", "", "answers 403: " + FILES),
    Asked("/elements/keys", "GET"),
    Asked("/elements/{k}", "GET PUT DELETE", "", "PUT and DELETE of clones; 403 for others, since " + FILES),
    Asked("/elements/{k}/active", "PUT DELETE", "", "of clones; other elements are always active"),
    Asked("/elements/{k}/export", "GET"),
    Asked("/elements/{k}/clone", "POST"),
    Asked("/elements/metadata", "GET"),
    Asked("/elements/{k}/metadata", "GET"),
    Asked("/elements/{k}/docs", "GET"),
    Asked("/elements/{k}/lbdocs", "GET", "", "the same as `/docs`"),
    Asked("/elements/{k}/transformations", "GET", "", "`{}`: " + DEFINED),
    Asked("/elements/{k}/configuration", "GET", "POST", FILES),
    Asked("/elements/{k}/configuration/{key}", "GET", "PUT DELETE", FILES),
    Asked("/elements/{k}/parameters", "GET", "POST", FILES),
    Asked("/elements/{k}/parameters/{id}", "", "GET PUT DELETE", "an element has none"),
    Asked("/elements/{k}/hooks", "GET", "POST", SCRIPTS),
    Asked("/elements/{k}/hooks/{id}", "", "GET PUT DELETE", SCRIPTS),
    Asked("/elements/{k}/resources", "GET", "POST", FILES),
    Asked("/elements/{k}/resources/{id}", "GET", "PUT DELETE", FILES),
    Asked("/elements/{k}/resources/{id}/parameters", "GET", "POST", FILES),
    Asked("/elements/{k}/resources/{id}/hooks", "GET", "POST", SCRIPTS),
    Asked("/elements/{k}/resources/{id}/models", "", "GET POST PUT DELETE", "an element has none"),
    Asked("/elements/{k}/models", "GET", "POST PUT", "an element has none"),
    Asked("/elements/{k}/models/{id}", "", "GET PUT", "an element has none"),
    Asked("/elements/{k}/accounts", "", "GET", "every account may use the catalog; a clone is its account's alone"),
    Asked("/elements/{k}/accounts/{id}", "", "PUT DELETE", "a clone is its account's alone"),
    Asked("/elements/oauthProxies", "", "POST", PROXIES),
    Asked("/elements/oauthProxies/{id}", "", "DELETE", PROXIES),
    Asked("/elements/oauthProxies/{id}/applicationUrl", "", "POST DELETE", PROXIES),
    Asked("/elements/{k}/oauth/url", "GET POST", "", "400 for an element that is authenticated with keys"),
    Asked("/elements/{k}/oauth/url/default", "", "GET", APPLICATION),
    Asked("/elements/{k}/oauth/token", "", "GET", OAUTH1),
    Asked("/elements/{k}/instances", "GET POST"),
    Asked("/elements/{k}/instances/{id}", "GET PUT PATCH DELETE"),
    Asked("/hubs", "GET", "POST", "hubs follow from the elements"),
    Asked("/hubs/keys", "GET"),
    Asked("/hubs/{key}", "GET", "DELETE", "hubs follow from the elements"),
    Asked("/hubs/{key}/elements", "GET"),
    Asked("/docs/{hub}", "GET"),
    Asked("/catalog-properties", "GET", "PUT", "the order is the catalog's"),
    Asked("/instances", "GET POST PUT PATCH DELETE", "", "PUT, PATCH and DELETE with an Element token"),
    Asked("/instances/count", "GET"),
    Asked("/instances/{id}", "GET PUT PATCH DELETE"),
    Asked("/instances/enabled", "PUT DELETE"),
    Asked("/instances/{id}/enabled", "PUT DELETE"),
    Asked("/instances/configuration", "GET"),
    Asked("/instances/configuration/{id}", "GET PATCH"),
    Asked("/instances/{id}/configuration", "GET"),
    Asked("/instances/{id}/configuration/{id}", "GET PATCH"),
    *(
        Asked(f"/instances{one}/docs{path}", "GET")
        for one in ("", "/{id}")
        for path in ("", "/{operation}", "/{operation}/definitions")
    ),
    *(
        asked
        for level in ("/organizations", "/accounts", "/accounts/{id}", "/instances", "/instances/{id}")
        for asked in (
            Asked(f"{level}/objects/definitions", "GET", "POST DELETE", "404: " + DEFINED),
            Asked(f"{level}/objects/{{name}}/definitions", "GET", "POST PUT DELETE", "404: " + DEFINED),
            Asked(f"{level}/objects/{{name}}", "", "PATCH", DEFINED),
        )
    ),
    *(
        Asked(f"{level}/transformations/{{name}}", "GET", "POST PUT DELETE", "404: " + DEFINED)
        for level in (
            *("/organizations/elements/{k}", "/accounts/{id}/elements/{k}"),
            *("/instances", "/instances/{id}"),
        )
    ),
    Asked("/organizations/elements/{k}/transformations", "GET", "", "`{}`: " + DEFINED),
    Asked("/organizations/objects/{name}/transformations", "GET", "", "`[]`: " + DEFINED),
    Asked("/instances/{id}/transformations", "GET", "DELETE", "`{}`: " + DEFINED),
    Asked("/common-resources", "", "GET", DEFINED),
    Asked("/common-resources/{name}", "", "GET PUT DELETE", DEFINED),
    Asked("/transformations", "", "PUT", DEFINED),
    Asked("/objects", "GET"),
    Asked("/objects/{name}/metadata", "GET"),
    Asked("/objects/{name}/docs", "GET"),
    Asked("/hubs/{hub}/objects/{name}/docs", "GET"),
    Asked("/hubs/{hub}/objects", "GET"),
    Asked("/hubs/{hub}/objects/{name}/metadata", "GET"),
    Asked("/hubs/{hub}/ping", "GET"),
    Asked("/ping", "GET"),
    *(
        Asked(prefix + path, verb)
        for prefix in ("", "/hubs/{hub}")
        for path, verb in (
            ("/bulk/query", "POST"),
            ("/bulk/download", "POST"),
            ("/bulk/workflows", "POST"),
            ("/bulk/jobs", "GET"),
            ("/bulkloader", "GET"),
            ("/bulk/{id}/status", "GET"),
            ("/bulk/{id}/errors", "GET"),
            ("/bulk/{id}/cancel", "PUT"),
            ("/bulk/{id}/{objectName}", "GET"),
            ("/bulk/{id}/{objectName}/data", "GET"),
            ("/bulk/{objectName}", "POST"),
        )
    ),
)


def anonymous(path: str) -> str:
    """A path with its parameters unnamed.

    >>> anonymous("/elements/{element}/resources/{resource_id:int}")
    '/elements/{}/resources/{}'
    """
    return re.sub(r"{[^}]*}", "{}", path)


def built() -> set[tuple[str, str]]:
    """What the table of routes has, but for the paths that lead to a provider's records."""
    return {
        (route.method, anonymous(route.path.removeprefix(BASE)))
        for route in ROUTES
        if not route.path.endswith("{object:path}")
    }

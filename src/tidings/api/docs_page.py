"""Where can a person try the API? On a page of this server, with the secrets that they type into it.

The page is static: it runs no script and shows no style but those that are served here, and asks nobody else anything.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Final, NamedTuple

from fastapi import Path
from starlette.responses import Response

from tidings.api.call import CallIn
from tidings.api.documented import answers
from tidings.api.problems import Refused

OWN: Final = "tidings.api.page"
SWAGGER_UI: Final = "fastapi_swagger.resources"


class Asset(NamedTuple):
    """A file of a package, and its type."""

    package: str
    kind: str


ASSETS: Final = {
    "page.js": Asset(OWN, "text/javascript"),
    "page.css": Asset(OWN, "text/css"),
    "swagger-ui-bundle.js": Asset(SWAGGER_UI, "text/javascript"),
    "swagger-ui.css": Asset(SWAGGER_UI, "text/css"),
    "favicon-32x32.png": Asset(SWAGGER_UI, "image/png"),
}
#: Pictures of Swagger UI stand in its style sheet.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@answers(str, kinds=("text/html",))
async def show(call: CallIn) -> Response:
    """A page for people: it shows what an instance can be asked, or the whole API, and makes the calls that they try.
    Whoever opens it types their secrets there; they are sent in headers alone."""
    return Response(_read(OWN, "index.html"), headers=HEADERS | {"Cache-Control": "no-cache"}, media_type="text/html")


@answers(str, 404, kinds=("text/javascript", "text/css", "image/png"))
async def read_asset(call: CallIn, asset: Annotated[str, Path(description="A file of the page.")]) -> Response:
    """What the page consists of."""
    found = ASSETS.get(asset)
    if found is None:
        raise Refused(404, f"The page has no file {asset[:100]!r}")
    headers = HEADERS | {"Cache-Control": "public, max-age=3600"}
    return Response(_read(found.package, asset), headers=headers, media_type=found.kind)


@cache
def _read(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()

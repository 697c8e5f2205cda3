"""The page at `/` and the few files it is made of, which travel with the package.

Owns how they are served: unchanged, under a content security policy that lets nothing in from elsewhere. Knows nothing of
conversions; the page itself talks to the same API as every other client.
"""

import functools
import hashlib
from importlib.resources import files

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from msgspec import Struct

MEDIA_TYPES = {
    "index.html": "text/html",
    "app.js": "text/javascript",
    "card.js": "text/javascript",
    "service.js": "text/javascript",
    "preview.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; frame-src blob:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Asset(Struct, frozen=True):
    """One file of the page and the entity tag of its content."""

    content: bytes
    media_type: str
    etag: str


@functools.cache
def asset(name: str) -> Asset:
    """Return a file of the page.

    Raises:
        NotFoundException: There is no such file.
    """
    if name not in MEDIA_TYPES:
        raise NotFoundException
    content = files("service.conversion").joinpath("page", name).read_bytes()
    return Asset(content, MEDIA_TYPES[name], f'"{hashlib.sha256(content).hexdigest()[:16]}"')


@get("/", include_in_schema=False, sync_to_thread=True)
def page(request: Request[object, object, State]) -> Response[bytes]:
    """Answer with the page."""
    return _answer(request, asset("index.html"))


@get("/page/{name:str}", include_in_schema=False, sync_to_thread=True)
def page_file(request: Request[object, object, State], name: str) -> Response[bytes]:
    """Answer with one of the page's files."""
    return _answer(request, asset(name))


def _answer(request: Request[object, object, State], found: Asset) -> Response[bytes]:
    """Answer 304 when the browser has this very content (RFC 9110 section 13.1.2); it asks every time, for a release changes it."""
    headers = {**SECURITY_HEADERS, "ETag": found.etag, "Cache-Control": "no-cache"}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)


HANDLERS = (page, page_file)

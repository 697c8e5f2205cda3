"""The paths for those who run the service: alive, ready, which version, what it counts."""

from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Response, get
from litestar.enums import OpenAPIMediaType
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from service.conversion.admission import Draining
from service.conversion.documents import failing
from service.conversion.routes import AnyRequest, parts_of


class Alive(Struct, frozen=True):
    """The loop turns."""

    status: str = "ok"


class Ready(Struct, frozen=True):
    """The service takes work. ``engine`` is what the engine says of itself; empty for a vendor, which says nothing."""

    status: str
    engine: msgspec.Raw


class Version(Struct, frozen=True):
    """Which release this is."""

    name: str
    version: str


@get("/livez", tags=["operations"])
async def livez() -> Alive:
    """Answer as long as the loop turns; never depends on load."""
    return Alive()


@get("/readyz", tags=["operations"], responses=failing(503))
async def readyz(request: AnyRequest) -> Ready:
    """Answer when work can be taken: not draining, and the engine has just forked a kernel and got an answer."""
    parts = parts_of(request)
    if parts.conversions.draining:
        raise Draining
    return Ready("ready", msgspec.Raw(await parts.interpreter.ready() or b"{}"))


@get("/version", tags=["operations"])
async def service_version() -> Version:
    """Name the release."""
    return Version("recast", version("recast"))


@get("/metrics", media_type=CONTENT_TYPE_LATEST, tags=["operations"])
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Return the metrics in Prometheus' text format."""
    content = generate_latest(REGISTRY) + generate_latest(parts_of(request).registry)
    return Response(content, media_type=CONTENT_TYPE_LATEST)


@get("/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON, tags=["operations"])
async def openapi(request: AnyRequest) -> dict[str, Any]:
    """Describe this API in OpenAPI 3.1."""
    return request.app.openapi_schema.to_schema()


HANDLERS = (livez, readyz, service_version, metrics, openapi)

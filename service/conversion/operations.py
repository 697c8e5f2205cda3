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


class EngineState(Struct, frozen=True):
    """What the engine says of itself; a vendor says nothing. ``isolation`` is the tier that holds its containers."""

    isolation: str | None = None
    containers: int | None = None


class Ready(Struct, frozen=True):
    """The service takes work."""

    status: str
    engine: EngineState


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
    state = msgspec.json.decode(await parts.interpreter.ready(), type=EngineState)
    if state.isolation:
        parts.isolation.labels(state.isolation).set(1)
    return Ready("ready", state)


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

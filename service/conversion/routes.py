"""The paths about converting: doing it, and what is offered.

Handlers translate HTTP into calls and back; they decide nothing. They find what they work with in the application's state.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any, cast

from litestar import HttpMethod, Request, get, route
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import PathParameter
from litestar.types import ASGIApp, Method, Receive, Scope, Send
from msgspec import Struct
from prometheus_client import CollectorRegistry, Gauge

from service.access import Access
from service.conversion.conversions import Asked, Conversions
from service.conversion.documents import CONVERTING, Converting, Negotiating, failing
from service.conversion.errors import BodyPartial, EncodingUnsupported, FormatUnknown, RecipeUnknown
from service.conversion.interpreter import Interpreter
from service.conversion.media import UnknownFormat, format_named
from service.conversion.offer import Outputs, Pairs, RecipeView, RecipeViews, outputs_of, view_of
from service.conversion.recipes import Catalogue, LiveCatalogue

AnyRequest = Request[Any, Any, Any]
OutputFormat = Annotated[str, PathParameter(description="What to make: a format's name, extension or media type.")]
FileName = Annotated[str, PathParameter(description="The file's name; only its extension matters for its type.")]
InputName = Annotated[str, PathParameter(description="The input: an extension, format name or media type.")]
RecipeName = Annotated[str, PathParameter(description="The recipe's name.")]


class Parts(Struct, frozen=True):
    """What the handlers work with."""

    catalogue: LiveCatalogue
    conversions: Conversions
    interpreter: Interpreter
    access: Access
    registry: CollectorRegistry
    isolation: Gauge


async def require_key(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Let only callers with a key in, where there are keys, and count them; a guard of Litestar's."""
    admission = parts_of(connection).access.admit(
        authorization=connection.headers.get("authorization"),
        address=connection.client.host if connection.client else "",
        now=time.monotonic(),
    )
    connection.state["caller"] = admission.caller


def _operation_id(handler: HTTPRouteHandler, method: Method, _: object) -> str:
    first, *rest = (*handler.handler_name.split("_"), *(["put"] if method == HttpMethod.PUT else []))
    return first + "".join(map(str.capitalize, rest))


_CONVERTS: Mapping[str, Any] = {
    "http_method": [HttpMethod.POST, HttpMethod.PUT],  # `curl -T FILE` sends PUT
    "operation_id": _operation_id,
    "guards": [require_key],
    "status_code": 200,
    "responses": failing(*CONVERTING),
    "tags": ["convert"],
}


@route("/convert", operation_class=Negotiating, **_CONVERTS)
async def convert(request: AnyRequest) -> ASGIApp:
    """Convert to the format that ``Accept`` asks for."""
    return _answer(request, None, None)


@route("/convert/{output_format:str}", operation_class=Converting, **_CONVERTS)
async def convert_to(request: AnyRequest, output_format: OutputFormat) -> ASGIApp:
    """Convert to this format."""
    return _answer(request, output_format, None)


@route("/convert/{output_format:str}/{name:path}", operation_class=Converting, **_CONVERTS)
async def convert_named(request: AnyRequest, output_format: OutputFormat, name: FileName) -> ASGIApp:
    """Convert the file of this name to this format: ``curl -T FILE URL/``, which appends the name.

    A format may be a media type, whose two halves are then the first two parts of the path.
    """
    return _answer(request, output_format, name.strip("/"))


@get("/formats", tags=["offered"])
async def formats(request: AnyRequest) -> Pairs:
    """List every conversion that is offered."""
    return Pairs(_catalogue(request).pairs())


@get("/formats/{name:path}", tags=["offered"], responses=failing(404))
async def formats_of(request: AnyRequest, name: InputName) -> Outputs:
    """List what one input can become; it is named by extension, format or media type."""
    word = name.strip("/")
    try:
        input_type = format_named(word).media_type
    except UnknownFormat:
        raise FormatUnknown(word) from None
    return outputs_of(_catalogue(request), input_type)


@get("/recipes", tags=["offered"])
async def recipes(request: AnyRequest) -> RecipeViews:
    """List all recipes."""
    return RecipeViews(tuple(view_of(recipe) for recipe in _catalogue(request).recipes()))


@get("/recipes/{name:str}", tags=["offered"], responses=failing(404))
async def recipe(request: AnyRequest, name: RecipeName) -> RecipeView:
    """Describe one recipe."""
    found = _catalogue(request).recipe(name)
    if found is None:
        raise RecipeUnknown(name)
    return view_of(found)


def parts_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Parts:
    """Return what the application was made of."""
    return cast("Parts", connection.app.state.parts)


def _catalogue(request: AnyRequest) -> Catalogue:
    return parts_of(request).catalogue.current(time.monotonic())


def _answer(request: AnyRequest, output_format: str | None, name: str | None) -> ASGIApp:
    """Return the conversion as an ASGI application: it needs the connection itself, to read, to send, and to see the client go."""
    asked, conversions = _asked(request, output_format, name), parts_of(request).conversions

    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        await conversions.answer(asked, receive, send)

    return cast("ASGIApp", answer)


def _asked(request: AnyRequest, output_format: str | None, name: str | None) -> Asked:
    headers = request.headers
    encoding = headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise EncodingUnsupported(encoding)
    if "content-range" in headers:  # RFC 9110 section 14.5
        raise BodyPartial
    if output_format and name:
        half, _, rest = name.partition("/")
        if _is_media_type(f"{output_format}/{half}"):
            output_format, name = f"{output_format}/{half}", rest
    return Asked(
        caller=request.state.caller,
        request_id=request.state.request_id,
        output=output_format,
        accept=headers.get("accept", "*/*"),
        query=tuple(request.query_params.multi_items()),
        content_type=headers.get("content-type"),
        content_length=request.content_length,
        disposition=headers.get("content-disposition"),
        name=name or None,
    )


def _is_media_type(word: str) -> bool:
    try:
        return bool(format_named(word))
    except UnknownFormat:
        return False


HANDLERS = (
    convert,
    convert_to,
    convert_named,
    formats,
    formats_of,
    recipes,
    recipe,
)

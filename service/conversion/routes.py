"""The paths about converting: doing it, and what is offered.

Handlers translate HTTP into calls and back; they decide nothing. They find what they work with in the application's state.
"""

import time
from collections.abc import Mapping
from typing import Any, cast

from litestar import Request, get, post, put
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct
from prometheus_client import CollectorRegistry

from service.access import Access
from service.conversion.conversions import Asked, Conversions
from service.conversion.documents import CONVERTING, Converting, Negotiating, failing
from service.conversion.errors import EncodingUnsupported, FormatUnknown, RecipeUnknown
from service.conversion.interpreter import Interpreter
from service.conversion.media import UnknownFormat, format_named
from service.conversion.options import Option
from service.conversion.recipe import Converts, Recipe, applicable_options
from service.conversion.recipes import Catalogue, LiveCatalogue, Pair

AnyRequest = Request[Any, Any, Any]


class Parts(Struct, frozen=True):
    """What the handlers work with."""

    catalogue: LiveCatalogue
    conversions: Conversions
    interpreter: Interpreter
    access: Access
    registry: CollectorRegistry


class Pairs(Struct, frozen=True):
    """Everything that is offered."""

    pairs: tuple[Pair, ...]


class Become(Struct, frozen=True):
    """One format that an input can become, with the options that apply."""

    output_format: str
    output_type: str
    recipe: str
    requires_model: bool
    fidelity: str
    options: dict[str, Option]


class Outputs(Struct, frozen=True):
    """What one input can become."""

    input_type: str
    outputs: tuple[Become, ...]


class RecipeView(Struct, frozen=True):
    """A recipe as callers see it: what it accepts and produces, its options, its prompt."""

    name: str
    version: str
    title: str
    description: str
    fidelity: str
    drops: str
    requires_model: bool
    accepts: tuple[str, ...]
    produces: tuple[str, ...]
    converts: tuple[Converts, ...]
    options: dict[str, Option]
    prompt: str


class RecipeViews(Struct, frozen=True):
    """All recipes."""

    recipes: tuple[RecipeView, ...]


async def require_key(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Let only callers with a key in, where there are keys, and count them; a guard of Litestar's."""
    admission = parts_of(connection).access.admit(
        authorization=connection.headers.get("authorization"),
        address=connection.client.host if connection.client else "",
        now=time.monotonic(),
    )
    connection.state["caller"] = admission.caller


_CONVERTS: Mapping[str, Any] = {
    "guards": [require_key],
    "status_code": 200,
    "responses": failing(*CONVERTING),
    "tags": ["convert"],
}


@post("/convert", operation_class=Negotiating, **_CONVERTS)
async def convert(request: AnyRequest) -> ASGIApp:
    """Convert to the format that ``Accept`` asks for."""
    return _answer(request, None, None)


@post("/convert/{output_format:str}", operation_class=Converting, **_CONVERTS)
async def convert_to(request: AnyRequest, output_format: str) -> ASGIApp:
    """Convert to this format."""
    return _answer(request, output_format, None)


@put("/convert/{output_format:str}", operation_class=Converting, **_CONVERTS)
async def convert_put(request: AnyRequest, output_format: str) -> ASGIApp:
    """Convert to this format: ``curl -T FILE``, which sends PUT."""
    return _answer(request, output_format, None)


@post("/convert/{output_format:str}/{name:str}", operation_class=Converting, **_CONVERTS)
async def convert_named(request: AnyRequest, output_format: str, name: str) -> ASGIApp:
    """Convert the file of this name to this format; or to a media type, whose two halves these are."""
    return _answer(request, output_format, name)


@put("/convert/{output_format:str}/{name:str}", operation_class=Converting, **_CONVERTS)
async def convert_put_named(request: AnyRequest, output_format: str, name: str) -> ASGIApp:
    """Convert the file of this name to this format: ``curl -T FILE URL/``, which appends the name."""
    return _answer(request, output_format, name)


@get("/formats", tags=["offered"])
async def formats(request: AnyRequest) -> Pairs:
    """List every conversion that is offered."""
    return Pairs(_catalogue(request).pairs())


@get("/formats/{name:path}", tags=["offered"], responses=failing(404))
async def formats_of(request: AnyRequest, name: str) -> Outputs:
    """List what one input can become; it is named by extension, format or media type."""
    word = name.strip("/")
    try:
        input_type = format_named(word).media_type
    except UnknownFormat:
        raise FormatUnknown(word) from None
    catalogue = _catalogue(request)
    return Outputs(input_type, tuple(_become(catalogue, pair) for pair in catalogue.outputs_of(input_type)))


@get("/recipes", tags=["offered"])
async def recipes(request: AnyRequest) -> RecipeViews:
    """List all recipes."""
    return RecipeViews(tuple(_view(recipe) for recipe in _catalogue(request).recipes()))


@get("/recipes/{name:str}", tags=["offered"], responses=failing(404))
async def recipe(request: AnyRequest, name: str) -> RecipeView:
    """Describe one recipe."""
    found = _catalogue(request).recipe(name)
    if found is None:
        raise RecipeUnknown(name)
    return _view(found)


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
    if output_format and name and _is_media_type(f"{output_format}/{name}"):
        output_format, name = f"{output_format}/{name}", None
    return Asked(
        caller=request.state.caller,
        request_id=request.state.request_id,
        output=output_format,
        accept=headers.get("accept", "*/*"),
        query=tuple(request.query_params.multi_items()),
        content_type=headers.get("content-type"),
        content_length=request.content_length,
        disposition=headers.get("content-disposition"),
        name=name,
    )


def _is_media_type(word: str) -> bool:
    try:
        return bool(format_named(word))
    except UnknownFormat:
        return False


def _become(catalogue: Catalogue, pair: Pair) -> Become:
    maker = catalogue.recipe_for(pair.input_type, pair.output_format)
    return Become(
        output_format=pair.output_format,
        output_type=pair.output_type,
        recipe=pair.recipe,
        requires_model=pair.requires_model,
        fidelity=pair.fidelity,
        options=applicable_options(maker, pair.input_type, pair.output_format) if maker else {},
    )


def _view(recipe: Recipe) -> RecipeView:
    return RecipeView(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title,
        description=recipe.description,
        fidelity=recipe.fidelity,
        drops=recipe.drops,
        requires_model=recipe.requires_model,
        accepts=tuple(sorted({each for converts in recipe.converts for each in converts.inputs})),
        produces=tuple(sorted({each for converts in recipe.converts for each in converts.outputs})),
        converts=recipe.converts,
        options=recipe.options,
        prompt=recipe.prompt,
    )


HANDLERS = (
    convert,
    convert_to,
    convert_put,
    convert_named,
    convert_put_named,
    formats,
    formats_of,
    recipes,
    recipe,
)

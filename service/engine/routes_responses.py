"""``/v1/responses``: create (answered at once, streamed, or in the background), retrieve, replay, cancel, delete, input items."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK
from litestar.types import Receive

from service.engine import request as wanted
from service.engine.assembly import Engine
from service.engine.counting import InputTokens
from service.engine.documents import Described, body
from service.engine.response import Response
from service.engine.responses import ItemPage, Running
from service.engine.shape import fit, fit_text, parse_json
from service.engine.wire import Deleted, PageQuery
from service.spool import ClientGone

_STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class ResponseRoutes(Controller):
    """Responses."""

    path = "/v1/responses"

    @post(
        status_code=HTTP_200_OK,
        operation_id="createResponse",
        operation_class=Described,
        responses=body(wanted.CreateResponse),
    )
    async def create(self, request: Request[Any, Any, Any], engine: NamedDependency[Engine]) -> Response | Stream:
        """Make a response; a client that hangs up on one that is not in the background ends it."""
        running = await engine.responses.start(wanted.parse(parse_json(await request.body())))
        if running.request.stream:
            return Stream(_told(running, engine.keep_alive_seconds), headers=_STREAM_HEADERS)
        if not running.request.background:
            await _finished(running, request.receive)
        return running.response

    @post(
        "/input_tokens",
        status_code=HTTP_200_OK,
        operation_id="countInputTokens",
        operation_class=Described,
        responses=body(wanted.CountTokens),
    )
    async def count(self, request: Request[Any, Any, Any], engine: NamedDependency[Engine]) -> InputTokens:
        """Estimate how many tokens a request's first turn would read."""
        return engine.counting.count(parse_json(await request.body()))

    @get("/{response_id:str}", operation_id="getResponse", operation_class=Described)
    async def retrieve(
        self, response_id: FromPath[str], request: Request[Any, Any, Any], engine: NamedDependency[Engine]
    ) -> Response | Stream:
        """Show a stored response, or replay its events from ``starting_after``."""
        query = fit_text(
            {name: value for name, value in request.query_params.items() if "include" not in name}, Retrieval
        )
        if query.stream:
            transcript = engine.responses.replay(response_id)
            after = -1 if query.starting_after is None else query.starting_after
            return Stream(
                transcript.frames(after=after, keep_alive_seconds=engine.keep_alive_seconds), headers=_STREAM_HEADERS
            )
        return engine.responses.get(response_id, include_outputs=wanted.OUTPUTS in _included(request))

    @delete("/{response_id:str}", status_code=HTTP_200_OK, operation_id="deleteResponse", operation_class=Described)
    async def remove(self, response_id: FromPath[str], engine: NamedDependency[Engine]) -> Deleted:
        """Forget a response."""
        await engine.responses.delete(response_id)
        return Deleted(id=response_id, object="response")

    @post(
        "/{response_id:str}/cancel", status_code=HTTP_200_OK, operation_id="cancelResponse", operation_class=Described
    )
    async def cancel(self, response_id: FromPath[str], engine: NamedDependency[Engine]) -> Response:
        """Stop a background response."""
        return await engine.responses.cancel(response_id)

    @get("/{response_id:str}/input_items", operation_id="listInputItems", operation_class=Described)
    async def input_items(
        self, response_id: FromPath[str], request: Request[Any, Any, Any], engine: NamedDependency[Engine]
    ) -> ItemPage:
        """List what a response was made from."""
        query = {name: value for name, value in request.query_params.items() if "include" not in name}
        _included(request)
        return engine.responses.input_items(response_id, fit_text(query, PageQuery))


class Retrieval(PageQuery, frozen=True):
    """The query of ``GET /responses/{id}``."""

    stream: bool = False
    starting_after: int | None = None


class Included(msgspec.Struct):
    """The query's ``include``, repeated or with brackets."""

    include: list[wanted.Include]


def _included(request: Request[Any, Any, Any]) -> list[wanted.Include]:
    values = [value for name in ("include", "include[]") for value in request.query_params.getall(name, [])]
    return fit({"include": values}, Included).include


async def _told(running: Running, keep_alive_seconds: float) -> AsyncIterator[bytes]:
    try:
        async for chunk in running.transcript.frames(keep_alive_seconds=keep_alive_seconds):
            yield chunk
    finally:
        if not running.request.background:
            with anyio.CancelScope(shield=True):
                await running.end()


async def _finished(running: Running, receive: Receive) -> None:
    """Wait for the run, or for its client to leave, which ends it.

    Raises:
        ApiError: The run failed.
        ClientGone: Nobody waits for the answer any more.
    """
    gone = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({gone, *([running.task] if running.task else [])}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise ClientGone
    finally:
        gone.cancel()
        with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError):
            await running.end()
    if running.failure is not None:
        raise running.failure


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

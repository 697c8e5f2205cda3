"""Responses as the API has them: created, read along, retrieved, cancelled, deleted; each run is a task that is owned here.

Every task ends in this module: with its client, by cancel, by its own end, or when the engine closes.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import msgspec
import structlog

from service.engine.containers import Containers
from service.engine.context import Context, Contexts
from service.engine.errors import (
    ApiError,
    ContainerNotFound,
    CursorNotFound,
    InvalidRequest,
    ResponseNotFound,
    ServerError,
)
from service.engine.items import CodeInterpreterCall, InputItem, InputMessage, InputText
from service.engine.memory import Memory, Stored
from service.engine.models import Models
from service.engine.request import CreateResponse
from service.engine.response import Ended, Response, begin
from service.engine.transcript import Transcript
from service.engine.turns import Run
from service.engine.wire import Page, PageQuery

UNREAD_SECONDS = 5.0
POLL_SECONDS = 600.0  # how long the end of an unstored background response can be asked for
_REPLAYS_KEPT = 100
_log = structlog.get_logger("recast.engine")


class ItemPage(Page[InputItem]):
    """A page of a response's input."""


class Running:
    """A run and the task that performs it."""

    def __init__(self, request: CreateResponse, context: Context, run: Run) -> None:
        self.request = request
        self.context = context
        self.run = run
        self.task: asyncio.Task[None] | None = None

    @property
    def response(self) -> Response:
        """The response in its present state."""
        return self.run.response

    @property
    def transcript(self) -> Transcript:
        """The events so far and to come."""
        return self.run.transcript

    @property
    def failure(self) -> ApiError | None:
        """Why the run failed, if it did."""
        return self.run.failure

    def stored(self) -> Stored:
        """The response as memory keeps it."""
        return Stored(self.response, self.context.input, self.context.seen, self.run.outputs)

    def end_if_unread(self) -> None:
        """Cancel a streamed run whose client was gone before the stream began, so that nothing else would end it."""
        if self.task is not None and not self.transcript.was_read:
            self.task.cancel()

    async def end(self) -> None:
        """Cancel the run and wait until it has let go of its container."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])


class Responses:
    """All responses of the engine.

    Args:
        run_seconds: Budget of one response.
        call_seconds: Budget of one execution of code.
        packages: Names of what code can import.
        tell: Called with the numbers of every run that has ended.
    """

    def __init__(
        self,
        *,
        memory: Memory,
        contexts: Contexts,
        containers: Containers,
        models: Models,
        run_seconds: float,
        call_seconds: float,
        packages: list[str],
        tell: Callable[[Ended], None],
    ) -> None:
        self._memory = memory
        self._contexts = contexts
        self._containers = containers
        self._models = models
        self._run_seconds = run_seconds
        self._call_seconds = call_seconds
        self._packages = packages
        self._tell = tell
        self._running: dict[str, Running] = {}
        self._replays: OrderedDict[str, Transcript] = OrderedDict()
        for stored in memory.unfinished():
            stored.response.status = "failed"
            stored.response.error = ServerError("The engine stopped during the run.").for_response()
            memory.keep(stored)

    async def start(self, request: CreateResponse) -> Running:
        """Begin a run. Whatever is wrong with the request is raised here, before anything runs.

        Raises:
            ApiError: Of any kind.
        """
        model = self._models.get(request.model)
        context = await self._contexts.of(request)
        response = begin(request)
        run = Run(
            request=request,
            response=response,
            transcript=Transcript(framed=bool(request.stream)),
            history=context.history,
            model=model,
            container=context.container,
            run_seconds=self._run_seconds,
            call_seconds=self._call_seconds,
            packages=self._packages,
        )
        running = Running(request, context, run)
        self._running[response.id] = running
        if request.background:
            self._memory.keep(running.stored())
        if request.background and request.stream:
            self._replays[response.id] = run.transcript
            if len(self._replays) > _REPLAYS_KEPT:
                self._replays.popitem(last=False)
        running.task = asyncio.create_task(self._perform(running), name=response.id)
        if request.stream and not request.background:
            unread = asyncio.get_running_loop().call_later(UNREAD_SECONDS, running.end_if_unread)
            running.task.add_done_callback(lambda _: unread.cancel())  # else every run's events live on until then
        return running

    async def _perform(self, running: Running) -> None:
        try:
            await running.run()
        except asyncio.CancelledError:
            running.run.cancelled()
            await self._clear(running)
            raise
        except Exception:  # noqa: BLE001 - the edge of a task: a bug must reach the client as a failed response
            _log.exception("a run broke", response=running.response.id)
            running.run.fail(ServerError())
        finally:
            self._running.pop(running.response.id)
            is_stored, is_polled = running.response.store, bool(running.request.background)
            if is_stored or is_polled:
                self._memory.keep(running.stored())
            if is_polled and not is_stored:
                asyncio.get_running_loop().call_later(POLL_SECONDS, self._memory.forget, running.response.id)
            self._tell(running.run.ended())

    async def _clear(self, running: Running) -> None:
        """Nobody will ever learn of the container that was made for a run whose client is gone."""
        context = running.context
        if context.container and context.is_fresh and not running.response.store:
            try:
                await self._containers.delete(context.container.id)
            except ContainerNotFound:
                _log.debug("the container was deleted already", container=context.container.id)

    def get(self, identifier: str, *, include_outputs: bool = False) -> Response:
        """A stored response, or one that runs in the background.

        Raises:
            ResponseNotFound: It never was, is not stored, or was deleted.
        """
        stored = self._stored(identifier)
        if include_outputs:
            output = [
                msgspec.structs.replace(item, outputs=stored.outputs.get(item.id, []))
                if isinstance(item, CodeInterpreterCall)
                else item
                for item in stored.response.output
            ]
            return msgspec.structs.replace(stored.response, output=output)
        return stored.response

    def _stored(self, identifier: str) -> Stored:
        running = self._running.get(identifier)
        if running is not None and running.request.background:
            return running.stored()
        stored = self._memory.get(identifier)
        if stored is None:
            raise ResponseNotFound(identifier)
        return stored

    def replay(self, identifier: str) -> Transcript:
        """The events of a response that was made with both ``stream`` and ``background``.

        Raises:
            ResponseNotFound: There is no such response.
            InvalidRequest: It was made otherwise, or its events are forgotten.
        """
        self._stored(identifier)
        if identifier not in self._replays:
            raise InvalidRequest(
                "This response cannot be streamed: only background responses that were created with stream=true can, "
                "while the engine remembers their events.",
                param="stream",
                code="invalid_value",
            )
        return self._replays[identifier]

    async def cancel(self, identifier: str) -> Response:
        """Stop a background response; one that has ended stays as it is.

        Raises:
            ResponseNotFound: There is no such response.
            InvalidRequest: It is not a background response.
        """
        stored = self._stored(identifier)
        if not stored.response.background:
            raise InvalidRequest("Cannot cancel a synchronous response.", param=None, code=None)
        running = self._running.get(identifier)
        if running is not None:
            await running.end()
        return self.get(identifier)

    async def delete(self, identifier: str) -> None:
        """Forget a response, stopping it first if it runs; its container lives on.

        Raises:
            ResponseNotFound: There is no such response.
        """
        self._stored(identifier)
        running = self._running.get(identifier)
        if running is not None:
            await running.end()
        self._replays.pop(identifier, None)
        self._memory.forget(identifier)

    def input_items(self, identifier: str, query: PageQuery) -> ItemPage:
        """One page of a response's own input.

        Raises:
            ResponseNotFound: There is no such response.
            CursorNotFound: ``after`` names no item of it.
        """
        items = [_listed(item) for item in self._stored(identifier).input]
        ordered = items if query.order == "asc" else items[::-1]
        start = 0
        if query.after is not None:
            start = next((index + 1 for index, item in enumerate(ordered) if item.id == query.after), -1)
            if start < 0:
                raise CursorNotFound(query.after)
        data = ordered[start : start + query.limit]
        return ItemPage(
            data, data[0].id if data else None, data[-1].id if data else None, len(ordered) > start + query.limit
        )

    def sweep(self) -> None:
        """Forget what is too old or too much to remember."""
        self._memory.sweep()

    def count(self) -> int:
        """How many runs there are now."""
        return len(self._running)

    async def close(self) -> None:
        """End every run, all together: each gets time to let go of its container."""
        await asyncio.gather(*(running.end() for running in self._running.values()))


def _listed(item: InputItem) -> InputItem:
    """A message has a status, and its content is a list, where items are listed."""
    if isinstance(item, InputMessage):
        content = [InputText(text=item.content)] if isinstance(item.content, str) else item.content
        return msgspec.structs.replace(item, content=content, status=item.status or "completed")
    return item

"""A Code Interpreter as a conversion needs it: upload, run, list, fetch, and delete everything again.

Owns the OpenAI wire as seen from a client: events into a `Transcript`, faults into the exceptions below, ids into the list of what must
be deleted. It is the same for our engine and for the hosted vendor; it knows nothing of recipes, formats or HTTP towards the caller.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

import anyio
import httpx2
import msgspec
import openai
from msgspec import Struct
from openai import AsyncOpenAI, AsyncStream

from service.conversion.events import Event, events
from service.conversion.faults import InterpreterDown, InterpreterFailed, translated
from service.conversion.task import Task, Uploaded, request
from service.conversion.transcript import ContainerFile, Transcript

T = TypeVar("T")

CLEANUP_SECONDS = 5.0
SETTLE_SECONDS = 0.5  # a call that makes something is given so long to name it, after its caller has gone
UPLOAD_EXPIRES_SECONDS = 3600  # the backstop of an upload that could not be deleted; the least the wire allows
FETCH_SECONDS = 30.0  # between two chunks of a file
FETCH_RETRY_SECONDS = (0.3, 0.9, 1.8)  # the vendor answers 404 or 5xx for a moment after a run
HEAD_BYTES = 64 * 1024  # enough of a file to see what it is


class Interpreter:
    """A client of one base URL: our engine, or the vendor.

    Args:
        base_url: Ends with ``/v1``.
        api_key: Its bearer key.
        http: The connection pool; closed with the interpreter.
    """

    def __init__(self, *, base_url: str, api_key: str, http: httpx2.AsyncClient) -> None:
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key, http_client=http, timeout=httpx2.Timeout(None, connect=5)
        )
        self._once = self._client.with_options(max_retries=0)
        self._http = http
        self._offers: dict[str, bool] = {}
        self._to_delete: list[Made] = []

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def offers(self, model: str) -> bool:
        """Return whether the base URL serves this model; asked once, then remembered.

        Raises:
            InterpreterError: It did not answer.
        """
        if model not in self._offers:
            try:
                with translated():
                    await self._client.models.retrieve(model)
                self._offers[model] = True
            except InterpreterFailed as failure:
                if failure.status != httpx2.codes.NOT_FOUND:
                    raise
                self._offers[model] = False
        return self._offers[model]

    async def ready(self) -> bytes:
        """Return the engine's own readiness answer (JSON), or an empty object for a vendor, which has none; and sweep.

        Raises:
            InterpreterDown: It cannot be reached, or says that it is not ready.
        """
        try:
            answer = await self._http.get(self._client.base_url.join("../readyz"), timeout=5)
        except httpx2.HTTPError:
            raise InterpreterDown from None
        if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            raise InterpreterDown
        if self._to_delete:
            await self.sweep()
        is_json = answer.is_success and answer.headers.get("content-type", "").startswith("application/json")
        return answer.content if is_json else b"{}"

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """Give a place for one conversion; at its end every container and upload it made is deleted, whatever happened."""
        session = Session(self._client, self._once)
        try:
            yield session
        finally:
            with anyio.CancelScope(shield=True):
                self._to_delete += session.made
                try:
                    await session.close()
                finally:
                    await self.sweep()

    async def sweep(self) -> None:
        """Delete what sessions made. What cannot be deleted now is tried again at the next sweep, and expires by itself."""
        made, self._to_delete = self._to_delete, []
        with anyio.move_on_after(CLEANUP_SECONDS):
            while made:
                each = made[0]
                try:
                    await (self._client.containers if each.kind == "container" else self._client.files).delete(each.id)
                except openai.NotFoundError:
                    pass
                except openai.APIError:
                    self._to_delete.append(each)
                del made[0]
        self._to_delete += made


class Made(Struct, frozen=True):
    """Something that must be deleted again."""

    kind: Literal["container", "file"]
    id: str


class Download(Struct):
    """An open container file: its first chunk, what follows, and its length if the sender told."""

    first: bytes
    rest: AsyncIterator[bytes]
    length: int | None


class Session:
    """One conversion's uploads and containers.

    Args:
        client: Repeats calls that fail.
        once: Does not.
    """

    def __init__(self, client: AsyncOpenAI, once: AsyncOpenAI) -> None:
        self._client = client
        self._once = once
        self._file_ids: list[str] = []
        self._transcripts: list[Transcript] = []
        self._streams = AsyncExitStack()  # streams of runs and downloads, until the end

    async def upload(self, path: Path, name: str) -> Uploaded:
        """Send a file, streamed from disk.

        Raises:
            InterpreterError: It was not taken.
        """
        return await _settled(self._upload(path, name))

    async def _upload(self, path: Path, name: str) -> Uploaded:
        with translated(), path.open("rb") as file:
            uploaded = await self._client.files.create(
                file=(name, file),
                purpose="user_data",
                expires_after={"anchor": "created_at", "seconds": UPLOAD_EXPIRES_SECONDS},
            )
        self._file_ids.append(uploaded.id)
        return Uploaded(uploaded.id)

    async def run(self, task: Task) -> Transcript:
        """Run a task to its end in a fresh container and return what it said.

        A container that is expired, gone or wedged, and a run that ended in an error, get one more try in a new one: nothing else
        mends them, and what fails twice fails a third time. An engine that lacks the memory tier is asked for its smallest.

        Raises:
            InterpreterError: No transcript.
        """
        try:
            return await self._run(task)
        except InterpreterFailed as failure:
            lacks_tier = (failure.param or "").endswith("memory_limit")
            return await self._run(msgspec.structs.replace(task, memory_limit="1g") if lacks_tier else task)

    async def _run(self, task: Task) -> Transcript:
        transcript = Transcript()
        self._transcripts.append(transcript)
        with translated():
            async for event in await _settled(self._begin(task, transcript)):
                transcript.take(event)
        if not transcript.ended:
            raise InterpreterFailed(None, "stream_ended")
        return transcript

    async def _begin(self, task: Task, transcript: Transcript) -> AsyncIterator[Event]:
        """Start the run and read on until its container has an id: one that we never hear of could not be deleted."""
        # A repeated POST would run the work twice, for there is no idempotency key: no retries inside the client. Its own models of
        # parameters and events would cost more than most programs take, so the body is sent and the stream is read as they are.
        stream = await self._once.post(
            "/responses",
            content=msgspec.json.encode(request(task)),
            options={"headers": {"Content-Type": "application/json"}},
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        self._streams.push_async_callback(stream.close)
        told = events(stream.response.aiter_bytes())
        while not transcript.container_ids and (event := await anext(told, None)):
            transcript.take(event)
        return told

    async def files(self, transcript: Transcript) -> list[ContainerFile]:
        """Return every file of the run's containers, all pages.

        Raises:
            InterpreterError: They could not be listed.
        """
        with translated():
            return [
                ContainerFile(container_id, each.id, each.path, each.source, each.created_at)
                for container_id in transcript.container_ids
                async for each in self._client.containers.files.list(container_id, limit=100)
            ]

    async def fetch(self, container_id: str, file_id: str) -> Download:
        """Open a container file with its first chunk read; it stays open until the session's end.

        Raises:
            InterpreterError: It did not come, also after short retries on 404 and 5xx.
        """
        with translated():
            response = await self._open(container_id, file_id)
            chunks = response.iter_bytes()
            first = b""
            while len(first) < HEAD_BYTES and (chunk := await anext(chunks, b"")):
                first += chunk
        length = response.headers.get("content-length", "")
        return Download(first=first, rest=chunks, length=int(length) if length.isdecimal() else None)

    async def _open(self, container_id: str, file_id: str) -> openai.AsyncAPIResponse[bytes]:
        retrieve = self._once.containers.files.content.with_streaming_response.retrieve
        for pause in FETCH_RETRY_SECONDS:
            content = retrieve(file_id, container_id=container_id, timeout=FETCH_SECONDS)
            try:
                return await self._streams.enter_async_context(content)
            except (openai.NotFoundError, openai.InternalServerError):
                await anyio.sleep(pause)
        content = retrieve(file_id, container_id=container_id, timeout=FETCH_SECONDS)
        return await self._streams.enter_async_context(content)

    @property
    def made(self) -> list[Made]:
        """What must be deleted again: containers first, for they hold the uploads."""
        containers = {each for transcript in self._transcripts for each in transcript.container_ids}
        return [*(Made("container", each) for each in containers), *(Made("file", each) for each in self._file_ids)]

    async def close(self) -> None:
        """Close what is open."""
        with suppress(httpx2.HTTPError):
            await self._streams.aclose()


async def _settled(work: Coroutine[Any, Any, T]) -> T:
    """Await the work; when cancelled meanwhile, give it ``SETTLE_SECONDS`` to finish before it is cancelled too."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    finally:
        if not task.done():
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task], timeout=SETTLE_SECONDS)
                task.cancel()
                await asyncio.wait([task])

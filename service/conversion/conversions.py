"""One HTTP exchange that converts: the body in, the file or an archive of files out.

Owns the order of things on a connection: what is refused before a byte is read, that the status goes out only when the first chunk of the
output is in hand, that everything ends when the client goes. How a file is converted is `convert`'s business.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import anyio
import anyio.lowlevel
import msgspec
from litestar.types import Message, Receive, Send
from msgspec import Struct

from service.conversion.admission import Admission
from service.conversion.archive import Archive
from service.conversion.convert import Converter, Output
from service.conversion.errors import FileMissing
from service.conversion.headers import SAFETY, file_headers
from service.conversion.options import given_once
from service.conversion.plan import Wish
from service.conversion.problems import MEDIA_TYPE, problem_of
from service.conversion.record import Record
from service.disposition import attachment, renamed
from service.spool import Body, ClientGone, Spool, SpooledFile

SEND_SECONDS = 60.0  # a reader that takes nothing for so long is gone


class Asked(Struct, frozen=True):
    """The head of a request: everything but its body. ``name`` is the file's, where the path gives one."""

    caller: str
    request_id: str
    output: str | None
    accept: str
    query: tuple[tuple[str, str], ...]
    content_type: str | None
    content_length: int | None
    disposition: str | None
    name: str | None


class Conversions:
    """All conversions of one process.

    Args:
        converter: Does them.
        admission: Its places, asked before a body is read.
        spool: Where bodies are put.
        max_input_bytes: Limit of a request's files together.
        max_files: Limit of their number.
    """

    def __init__(
        self, *, converter: Converter, admission: Admission, spool: Spool, max_input_bytes: int, max_files: int
    ) -> None:
        self._converter = converter
        self._admission = admission
        self._spool = spool
        self._max_input_bytes = max_input_bytes
        self._max_files = max_files
        self.running = 0  # requests that have begun and not ended

    def drain(self) -> None:
        """Be unready from now on and take no new request; those begun go on."""
        self._admission.drain()

    @property
    def draining(self) -> bool:
        """Whether the end has been announced."""
        return self._admission.draining

    async def answer(self, asked: Asked, receive: Receive, send: Send) -> None:
        """Read the body, convert, and send the answer.

        Raises:
            BodyRefused, Busy, Draining, FileMissing: Before anything was converted.
            ConversionError, …: Everything `Converter.convert` raises, if nothing was sent yet.
        """
        self._admission.check()
        answer = Answer(send)
        with self._counted():
            began = time.monotonic()
            async with self._spool.body(
                receive,
                content_type=asked.content_type,
                content_length=asked.content_length,
                disposition=asked.disposition if asked.name is None else attachment(asked.name),
                max_bytes=self._max_input_bytes,
                max_files=self._max_files,
            ) as body:
                if not body.files:
                    raise FileMissing
                wish, seconds = _wish(asked, body), time.monotonic() - began
                async with _while_connected(receive, answer):
                    if len(body.files) == 1:
                        await self._one(body.files[0], wish, seconds, answer)
                    else:
                        await self._many(body.files, wish, seconds, answer, asked.request_id)

    async def _one(self, file: SpooledFile, wish: Wish, receive_seconds: float, answer: "Answer") -> None:
        record = Record.of(file, receive_seconds=receive_seconds)
        async with self._converter.convert(file, wish, record) as output:
            await answer.start(file_headers(output, record, renamed(file.filename, output.plan.target.name)))
            async for chunk in _content(output, record):
                await answer.send(chunk)
            await answer.end()

    async def _many(
        self, files: tuple[SpooledFile, ...], wish: Wish, receive_seconds: float, answer: "Answer", request_id: str
    ) -> None:
        """Convert the files side by side; each goes into the archive when it is ready, a failed one as its problem.

        The archive begins with the first file that is ready. When none was, the answer is the first file's problem.
        """
        archive, turn = Archive(answer.send), anyio.Lock()
        side_by_side = anyio.CapacityLimiter(self._admission.places)
        failures: dict[int, Exception] = {}

        async def begin() -> None:
            if not answer.started:
                zipped = {"Content-Type": "application/zip", "Content-Disposition": attachment("converted.zip")}
                await answer.start({**zipped, **SAFETY})

        async def convert(number: int, file: SpooledFile) -> None:
            record = Record.of(file, receive_seconds=receive_seconds)
            try:
                async with side_by_side, self._converter.convert(file, wish, record) as output, turn:
                    await begin()
                    target = output.plan.target
                    await archive.add(renamed(file.filename, target.name), target.media_type, _content(output, record))
            except Exception as error:  # noqa: BLE001 - the edge of one file: whatever it is, it must not lose the others
                failures[number] = error

        async with anyio.create_task_group() as group:
            for number, file in enumerate(files):
                group.start_soon(convert, number, file)
        if not answer.started:
            raise failures[0]
        for number, error in sorted(failures.items()):
            problem = msgspec.json.encode(problem_of(error, request_id))
            await archive.add(f"{files[number].filename or 'input'}.error.json", MEDIA_TYPE, _chunk(problem))
        await archive.close()
        await answer.end()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


class Answer:
    """The response under way. A client that takes nothing for ``patience_seconds`` is treated as gone.

    Args:
        send: The ASGI channel.
    """

    def __init__(self, send: Send, *, patience_seconds: float = SEND_SECONDS) -> None:
        self._send = send
        self._patience_seconds = patience_seconds
        self.started = False
        self.scope = anyio.CancelScope()  # of all that is done for this client

    async def start(self, headers: Mapping[str, str]) -> None:
        """Send the status and the head."""
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._taken({"type": "http.response.start", "status": 200, "headers": encoded})
        self.started = True

    async def send(self, chunk: bytes) -> None:
        """Send a part of the content."""
        await self._taken({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        """Say that the content is complete; waits until the client has taken nearly all of it."""
        await self._taken({"type": "http.response.body", "body": b"", "more_body": False})

    async def _taken(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._send(message)
        except TimeoutError:
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def _while_connected(receive: Receive, answer: Answer) -> AsyncIterator[None]:
    """Cancel what is inside as soon as the client has gone; the body must have been read."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        answer.scope.cancel()

    with answer.scope:
        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
    if answer.scope.cancelled_caught and not answer.started:
        raise ClientGone


def _wish(asked: Asked, body: Body) -> Wish:
    """Form fields win over the query, for they are closer to the file."""
    given = given_once(asked.query) | given_once(body.fields)
    return Wish(
        caller=asked.caller,
        output=asked.output,
        accept=asked.accept,
        source_type=given.pop("from", "") or None,
        instructions=given.pop("instructions", "").strip() or None,
        options=given,
    )


async def _content(output: Output, record: Record) -> AsyncIterator[bytes]:
    record.output_bytes += len(output.download.first)
    yield output.download.first
    async for chunk in output.download.rest:
        record.output_bytes += len(chunk)
        yield chunk


async def _chunk(content: bytes) -> AsyncIterator[bytes]:
    yield content

"""Multipart bodies and file contents on the wire: what the routes of the Files API and of container files share."""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
from litestar import Request, Response
from litestar.response import Stream

from service.disposition import attachment
from service.engine.errors import InvalidRequest
from service.engine.shape import Json
from service.spool import Body, Spool, SpooledFile

CHUNK_BYTES = 1 << 20
FORM_BYTES = 1 << 20  # what a form may have beside the file
DEFAULT_NAME = "upload"
BINARY = "application/octet-stream"


@asynccontextmanager
async def received(request: Request[Any, Any, Any], spool: Spool, *, max_bytes: int) -> AsyncIterator[Body]:
    """The request's multipart body, on disk until the context ends.

    Raises:
        BodyRefused: It is too large, malformed, or stopped coming.
    """
    content_type = request.headers.get("content-type")
    async with spool.body(request.receive, content_type=content_type, max_bytes=max_bytes + FORM_BYTES) as body:
        yield body


def the_file(body: Body) -> SpooledFile:
    """The one file of a form.

    Raises:
        InvalidRequest: There is none under the name ``file``.
    """
    for file in body.files:
        if file.field == "file":
            return file
    raise InvalidRequest.missing("file")


def nested(fields: tuple[tuple[str, str], ...]) -> dict[str, Json]:
    """Form fields as JSON would have them: ``expires_after[seconds]`` is a member of ``expires_after``.

    Raises:
        InvalidRequest: A field has both a value and members.
    """
    value: dict[str, Json] = {}
    for name, text in fields:
        outer, bracket, inner = name.partition("[")
        if not bracket:
            value[name] = text
        elif isinstance(members := value.setdefault(outer, {}), dict):
            members[inner.removesuffix("]")] = text
        else:
            raise InvalidRequest(f"'{outer}' is given a value and members.", param=outer, code="invalid_type")
    return value


async def download(descriptor: int, name: str) -> Response[bytes] | Stream:
    """The content behind a descriptor, which this closes; more than one chunk is read as the client takes it."""
    size = os.fstat(descriptor).st_size
    headers = {"content-length": str(size), "content-disposition": attachment(name)}
    chunks = _chunks(descriptor, size)
    if size <= CHUNK_BYTES:
        async with aclosing(chunks):
            return Response(b"".join([chunk async for chunk in chunks]), headers=headers, media_type=BINARY)
    # Read before anything is sent: a generator that has begun closes its descriptor, whatever becomes of the client.
    first = await anext(chunks)
    return Stream(_joined(first, chunks), headers=headers, media_type=BINARY)


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


async def _chunks(descriptor: int, size: int) -> AsyncGenerator[bytes]:
    """Yields exactly ``size`` bytes, at most ``CHUNK_BYTES`` a chunk; a file that shrank meanwhile ends the connection."""
    try:
        position = 0
        while position < size:
            chunk = await anyio.to_thread.run_sync(os.pread, descriptor, min(CHUNK_BYTES, size - position), position)
            if not chunk:
                raise EOFError(position, size)
            position += len(chunk)
            yield chunk
    finally:
        os.close(descriptor)

"""Request bodies on disk: raw or multipart, written while they arrive, with every limit enforced while reading.

Owns the spool directory and what is in it. It knows ASGI's ``receive`` and the multipart syntax (RFC 7578) and nothing of what the
files are for; both halves of the service use it. A file lives as long as the ``async with`` that made it; what a killed process
left behind is removed by the next one to start.

Exceptions, each with its fields: ``BodyRefused`` ← ``ClientGone``, ``BodyStalled``, ``BodyTooLarge``, ``BodyMalformed``.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import aiofiles
import anyio
from litestar.types import Receive
from msgspec import Struct
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from service.disposition import as_utf8, filename_of

WRITE_BYTES = 256 * 1024  # one trip to the writer thread for so many bytes
MAX_FIELDS = 100
MAX_FIELD_BYTES = 64 * 1024
MAX_SYNTAX_BYTES = 8 << 20  # what fields, part heads and boundaries may add to the files of a multipart body
LEAST_BYTES_PER_SECOND = 500

_PREFIX = "spool-"
_PLAIN_ENCODINGS = frozenset({"7bit", "8bit", "binary"})  # RFC 7578 section 4.7 leaves no other


class BodyRefused(Exception):
    """A request body that was not taken in whole."""


class ClientGone(BodyRefused):
    """The connection ended before the body, or before the answer."""


class BodyStalled(BodyRefused):
    """Nothing came for too long, or less than ``LEAST_BYTES_PER_SECOND`` on average."""


class BodyTooLarge(BodyRefused):
    """More than ``limit``, counted in ``unit`` (bytes, files or fields)."""

    def __init__(self, limit: int, unit: str = "bytes") -> None:
        super().__init__(limit, unit)
        self.limit = limit
        self.unit = unit


class BodyMalformed(BodyRefused):
    """Not the multipart message that its header says; ``reason`` is the parser's sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SpooledFile(Struct, frozen=True):
    """One file on disk. ``filename`` (plain, or None) and ``declared`` (media type, or None) are the sender's word."""

    path: Path
    bytes: int
    field: str
    filename: str | None
    declared: str | None


class Body(Struct, frozen=True):
    """What one request carried. A form's fields keep their order; a name may come more than once."""

    files: tuple[SpooledFile, ...]
    fields: tuple[tuple[str, str], ...]


class Spool:
    """The directory of request bodies of one process.

    Args:
        parent: Where to make it; created if missing. Its like beside it that no living process holds is removed.
        idle_seconds: A body of which nothing comes for so long is given up.
        grace_seconds: After so long, a body that came with less than ``LEAST_BYTES_PER_SECOND`` on average is given up too.
    """

    def __init__(self, parent: Path, *, idle_seconds: float = 30.0, grace_seconds: float = 30.0) -> None:
        self._idle_seconds = idle_seconds
        self._grace_seconds = grace_seconds
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for each in parent.glob(f"{_PREFIX}*"):
            _remove_if_abandoned(each)
        self.directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = _hold(self.directory)

    def close(self) -> None:
        """Remove the directory and whatever is left in it."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)

    @asynccontextmanager
    async def body(
        self,
        receive: Receive,
        *,
        content_type: str | None,
        content_length: int | None = None,
        disposition: str | None = None,
        max_bytes: int,
        max_files: int = 1,
    ) -> AsyncIterator[Body]:
        """Write the body to disk as it comes, and remove it at the end of the ``async with``.

        Args:
            receive: The ASGI channel; nothing may have been read from it.
            content_type: The request's header; ``multipart/form-data`` is taken apart, anything else is one file.
            content_length: The request's header; a length beyond the limit is refused before anything is read.
            disposition: The request's ``Content-Disposition``, which names a raw body.
            max_bytes: Limit of its files together.
            max_files: Limit of the files in a multipart body.

        Raises:
            BodyRefused: One of its kinds.
            OSError: The disk is full, or worse.
        """
        kind, options = parse_options_header(content_type or "")
        is_multipart = kind == "multipart/form-data"
        if (content_length or 0) > max_bytes + MAX_SYNTAX_BYTES * is_multipart:
            raise BodyTooLarge(max_bytes)
        folder = Path(tempfile.mkdtemp(dir=self.directory))
        try:
            async with aclosing(_arriving(receive, self._idle_seconds, self._grace_seconds)) as chunks:
                disk = _Disk(folder, max_bytes)
                if is_multipart:
                    body = await _multipart(chunks, disk, boundary=options.get("boundary", ""), max_files=max_files)
                else:
                    body = await _raw(chunks, disk, declared=kind or None, filename=filename_of(disposition))
            yield body
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(shutil.rmtree, folder, True)


async def _arriving(receive: Receive, idle_seconds: float, grace_seconds: float) -> AsyncGenerator[bytes]:
    received, started, more = 0, time.monotonic(), True
    while more:
        allowed = started + grace_seconds + received / LEAST_BYTES_PER_SECOND - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(idle_seconds, allowed))):
                message = await receive()
        except TimeoutError:
            raise BodyStalled from None
        if message["type"] != "http.request":
            raise ClientGone
        chunk, more = message.get("body", b""), message.get("more_body", False)
        received += len(chunk)
        if chunk:
            yield chunk


async def _raw(chunks: AsyncIterator[bytes], disk: "_Disk", *, declared: str | None, filename: str | None) -> Body:
    path, size = await disk.write(chunks)
    file = SpooledFile(path=path, bytes=size, field="", filename=filename, declared=declared)
    return Body(files=(file,) if size else (), fields=())


async def _multipart(chunks: AsyncIterator[bytes], disk: "_Disk", *, boundary: str, max_files: int) -> Body:
    files: list[SpooledFile] = []
    fields: list[tuple[str, str]] = []
    try:
        async with aclosing(_events(chunks, boundary)) as events:
            async for event in events:
                if not isinstance(event, MultipartSegment):
                    continue
                if event.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN_ENCODINGS:
                    raise BodyMalformed("A part has a Content-Transfer-Encoding; send the file's own bytes")
                filename, is_file = _filename(event)
                if is_file and len(files) == max_files:
                    raise BodyTooLarge(max_files, "files")
                if not is_file and len(fields) == MAX_FIELDS:
                    raise BodyTooLarge(MAX_FIELDS, "fields")
                if is_file:
                    path, size = await disk.write(_content(events))
                    if size or filename:  # a form's file control left empty sends neither
                        files.append(SpooledFile(path, size, as_utf8(event.name or ""), filename, event.content_type))
                else:
                    fields.append((as_utf8(event.name or ""), await _text(_content(events))))
    except MultipartError as error:
        raise BodyMalformed(str(error)) from error
    return Body(files=tuple(files), fields=tuple(fields))


async def _events(chunks: AsyncIterator[bytes], boundary: str) -> AsyncGenerator[MultipartSegment | bytes | None]:
    # The parser sees header bytes as latin-1, so that no byte of a file name is an error; `_filename` decodes them.
    with PushMultipartParser(boundary, header_charset="latin-1") as parser:
        async for chunk in chunks:
            for event in parser.parse(chunk):
                yield bytes(event) if isinstance(event, bytearray) else event


async def _content(events: AsyncIterator[MultipartSegment | bytes | None]) -> AsyncIterator[bytes]:
    """Yield the bytes of the part whose head was the last event."""
    async for event in events:
        if not isinstance(event, bytes):
            return
        yield event


def _filename(segment: MultipartSegment) -> tuple[str | None, bool]:
    """Return the part's plain file name, and whether it is a file: it has a file name (perhaps empty), or is the field ``file``."""
    header = next((value for name, value in segment.headerlist if name == "Content-Disposition"), "")
    return filename_of(header), "filename" in header.lower() or segment.name == "file"


async def _text(content: AsyncIterator[bytes]) -> str:
    value = bytearray()
    async for piece in content:
        value += piece
        if len(value) > MAX_FIELD_BYTES:
            raise BodyTooLarge(MAX_FIELD_BYTES, "bytes in a field")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BodyMalformed("A form field is not UTF-8") from error


class _Disk:
    """Numbered files in one folder, with one limit for all of them."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._written = 0
        self._files = 0

    async def write(self, content: AsyncIterator[bytes]) -> tuple[Path, int]:
        """Write the chunks to a new file and return where it is and its size in bytes."""
        path, before = self._folder / str(self._files), self._written
        self._files += 1
        blocks = self._blocks(content)
        first, second = await anext(blocks, bytearray()), await anext(blocks, None)
        if second is None:  # most files: one trip to a thread, not three
            await anyio.to_thread.run_sync(path.write_bytes, first)
            return path, len(first)
        async with aiofiles.open(path, "xb", buffering=0) as file:
            await file.write(first)
            await file.write(second)
            async for block in blocks:
                await file.write(block)
        return path, self._written - before

    async def _blocks(self, content: AsyncIterator[bytes]) -> AsyncGenerator[bytearray]:
        """Yield the content in blocks of at least ``WRITE_BYTES``, but the last; counts."""
        pending = bytearray()
        async for piece in content:
            self._written += len(piece)
            if self._written > self._max_bytes:
                raise BodyTooLarge(self._max_bytes)
            pending += piece
            if len(pending) >= WRITE_BYTES:
                yield pending
                pending = bytearray()
        if pending:
            yield pending


def _hold(directory: Path) -> int:
    """Lock the directory for as long as this process lives."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_if_abandoned(directory: Path) -> None:
    with suppress(OSError):  # BlockingIOError: its process lives
        descriptor = _hold(directory)
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)

"""A zip archive that is sent while it is made.

Owns the archive's syntax and the names in it. Files come one after the other, in chunks; nothing is ever held but the chunk at hand and
the archive's directory. The reader's pace is the writer's: a chunk is compressed when the one before it was taken.
"""

import zipfile
from collections.abc import AsyncIterable, Awaitable, Callable
from pathlib import PurePosixPath

import anyio.to_thread

_COMPRESSED = (
    "image/",
    "video/",
    "audio/",
    "application/zip",
    "application/gzip",
    "application/vnd.",
    "application/epub",
    "application/pdf",
)


class Archive:
    """A zip under way.

    Args:
        send: Takes the archive's bytes as they come to be.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._made = _Outbox()
        self._zip = zipfile.ZipFile(self._made, "w", allowZip64=True)
        self._names: set[str] = set()

    async def add(self, name: str, media_type: str, chunks: AsyncIterable[bytes]) -> None:
        """Add a file; a name that is taken gets a number: ``a.csv``, ``a (2).csv``."""
        entry = zipfile.ZipInfo(self._unique(name))
        entry.compress_type = zipfile.ZIP_STORED if media_type.startswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        with self._zip.open(entry, "w", force_zip64=True) as writer:
            async for chunk in chunks:
                await anyio.to_thread.run_sync(writer.write, chunk)
                await self._flush()
        await self._flush()

    async def close(self) -> None:
        """Write the archive's directory."""
        self._zip.close()
        await self._flush()

    async def _flush(self) -> None:
        if made := self._made.take():
            await self._send(made)

    def _unique(self, name: str) -> str:
        path, number, candidate = PurePosixPath(name), 1, name
        while candidate.lower() in self._names:
            number += 1
            candidate = f"{path.stem} ({number}){path.suffix}"
        self._names.add(candidate.lower())
        return candidate


class _Outbox:
    """A file that can only be written: zipfile then needs no seek and no rereading."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, chunk: bytes, /) -> int:
        self._chunks.append(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        made, self._chunks = b"".join(self._chunks), []
        return made

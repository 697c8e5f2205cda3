"""An archive is made while it is sent, and any reader takes it."""

import io
import zipfile
from collections.abc import AsyncIterator

import anyio
from hypothesis import given
from hypothesis import strategies as st

from service.conversion.archive import Archive

names = st.sampled_from(["a.csv", "A.csv", "b.json", "naïve 文件.png", "no-extension"])


async def _archive(files: list[tuple[str, list[bytes]]]) -> bytes:
    sent = bytearray()

    async def send(chunk: bytes) -> None:
        sent.extend(chunk)

    async def chunks(pieces: list[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    archive = Archive(send)
    for name, pieces in files:
        await archive.add(name, "image/png" if name.endswith("png") else "text/csv", chunks(pieces))
    await archive.close()
    return bytes(sent)


@given(st.lists(st.tuples(names, st.lists(st.binary(max_size=300), max_size=4)), max_size=6))
def test_every_file_is_in_it_once(files: list[tuple[str, list[bytes]]]) -> None:
    """All contents, in order, under names that differ on any file system."""
    archive = zipfile.ZipFile(io.BytesIO(anyio.run(_archive, files)))
    assert archive.testzip() is None
    assert [archive.read(name) for name in archive.namelist()] == [b"".join(pieces) for _, pieces in files]
    assert len({name.lower() for name in archive.namelist()}) == len(files)

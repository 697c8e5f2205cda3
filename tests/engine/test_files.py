"""The Files API with the official client."""

import asyncio
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from service.engine.uploads import CHUNK_BYTES, download
from tests.engine.conftest import Served


def test_an_upload_lives_its_life(ai: OpenAI) -> None:
    """Upload, retrieve, content, list by purpose, delete."""
    file = ai.files.create(file=("data.csv", b"a\n1\n"), purpose="user_data")
    assert (file.filename, file.bytes, file.purpose, file.status, file.expires_at) == (
        "data.csv", 4, "user_data", "processed", None,
    )  # fmt: skip
    assert ai.files.content(file.id).read() == b"a\n1\n"
    assert file.id in [each.id for each in ai.files.list(purpose="user_data")]
    assert file.id not in [each.id for each in ai.files.list(purpose="batch")]
    assert ai.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        ai.files.retrieve(file.id)


def test_bytes_without_a_name_are_called_upload(ai: OpenAI) -> None:
    """The client sends a bare stream as ``upload``."""
    assert ai.files.create(file=b"x", purpose="assistants").filename == "upload"


def test_large_uploads_come_back_whole(ai: OpenAI) -> None:
    """Many chunks each way, byte for byte."""
    content = bytes(range(256)) * 40_000
    file = ai.files.create(file=("large.bin", content), purpose="user_data")
    assert ai.files.content(file.id).read() == content


def test_uploads_expire(engine: Served, ai: OpenAI) -> None:
    """After ``expires_after`` an upload is gone, by the clock and not by the sweep."""
    file = ai.files.create(file=b"x", purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.expires_at == file.created_at + 3600
    engine.ahead_seconds += 3601
    with pytest.raises(openai.NotFoundError):
        ai.files.retrieve(file.id)


def test_too_large_an_upload_is_refused_while_it_arrives(start: Callable[..., Served]) -> None:
    """413 in OpenAI's words; nothing of it stays on disk."""
    served = start(max_file_bytes=1000)
    with pytest.raises(openai.APIStatusError) as caught:
        served.client().files.create(file=b"x" * (2 << 20), purpose="user_data")
    assert (caught.value.status_code, caught.value.code) == (413, "file_too_large")
    assert list(served.engine.spool.directory.iterdir()) == []


def test_a_form_without_a_file_is_refused(engine: Served) -> None:
    """The missing part is named."""
    answer = httpx.post(f"{engine.url}/v1/files", files={"purpose": (None, "user_data")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


@pytest.mark.anyio
async def test_a_download_that_nobody_began_to_read_lets_go_of_its_file(tmp_path: Path) -> None:
    """A client may go between the answer's making and its first byte."""
    source = tmp_path / "large"
    source.write_bytes(bytes(CHUNK_BYTES + 1))
    descriptor = os.open(source, os.O_RDONLY)

    answer = await download(descriptor, "large")
    del answer
    gc.collect()
    await asyncio.sleep(0.01)

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.anyio
async def test_a_file_that_shrinks_meanwhile_is_no_short_answer(tmp_path: Path) -> None:
    """The length was promised already: the connection ends, and nobody takes half a file for the whole."""
    source = tmp_path / "shrinking"
    source.write_bytes(bytes(3 * CHUNK_BYTES))

    answer: Any = await download(os.open(source, os.O_RDONLY), "shrinking")
    os.truncate(source, CHUNK_BYTES)
    assert len(await anext(answer.iterator)) == CHUNK_BYTES

    with pytest.raises(EOFError):
        await anext(answer.iterator)

"""Request bodies are spooled whole, whatever pieces they come in, or refused while they come."""

import itertools
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.spool import Body, BodyMalformed, BodyStalled, BodyTooLarge, ClientGone, Spool

Receive = Callable[[], Awaitable[Any]]
BOUNDARY = "b0undary"


def _arriving(body: bytes, cuts: list[int], *, ends: bool = True) -> Receive:
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        + [{"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"}]
    )

    async def receive() -> Any:
        return next(messages)

    return receive


def _form(parts: list[tuple[str, bytes]]) -> bytes:
    heads = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() for head, _ in parts)
    return (
        b"".join(head + content + b"\r\n" for head, (_, content) in zip(heads, parts, strict=True))
        + f"--{BOUNDARY}--".encode()
    )


async def _spooled(
    directory: Path, receive: Receive, *, idle_seconds: float = 5, grace_seconds: float = 5, **limits: Any
) -> tuple[Body, list[bytes]]:
    place = Spool(directory, idle_seconds=idle_seconds, grace_seconds=grace_seconds)
    try:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        async with place.body(
            receive, **{"content_type": kind, "max_bytes": 1 << 20, "max_files": 10, **limits}
        ) as body:
            return body, [file.path.read_bytes() for file in body.files]
    finally:
        assert not [each for each in place.directory.rglob("*") if each.is_file()]
        place.close()


@given(
    content=st.binary(min_size=1, max_size=2000),
    value=st.text(max_size=50),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
)
def test_a_form_is_the_same_however_it_is_cut(content: bytes, value: str, cuts: list[int]) -> None:
    """The pieces in which a body arrives do not show in its files and fields."""
    form = _form([('name="file"; filename="a.csv"', content), ('name="größe"', value.encode())])
    with tempfile.TemporaryDirectory() as directory:
        body, contents = anyio.run(_spooled, Path(directory), _arriving(form, cuts))
    assert contents == [content]
    assert body.fields == (("größe", value),)
    assert body.files[0].filename == "a.csv"


@given(form=st.binary(max_size=500), cuts=st.lists(st.integers(0, 500), max_size=5))
def test_no_bytes_are_more_than_malformed(form: bytes, cuts: list[int]) -> None:
    """Any bytes at all are a body or a refusal."""
    with tempfile.TemporaryDirectory() as directory:
        for content_type in (f"multipart/form-data; boundary={BOUNDARY}", "multipart/form-data", "text/csv"):
            with suppress(BodyMalformed):
                anyio.run(lambda: _spooled(Path(directory), _arriving(form, cuts), content_type=content_type))  # noqa: B023 - called at once


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("head", "filename"),
    [
        ('name="file"; filename="na\u00efve.csv"', "naïve.csv"),
        ("name=\"file\"; filename*=UTF-8''na%C3%AFve.csv", "naïve.csv"),
        ('name="file"; filename="C:\\\\x\\\\a.csv"', "a.csv"),
        ('name="file"', None),
        ('name="upload"; filename="a.csv"', "a.csv"),
    ],
)
async def test_parts_that_are_files(tmp_path: Path, head: str, filename: str | None) -> None:
    """A part is a file when it has a file name, or is called `file`."""
    body, contents = await _spooled(tmp_path, _arriving(_form([(head, b"a,b")]), []))
    assert (body.files[0].filename, contents) == (filename, [b"a,b"])


@pytest.mark.anyio
@pytest.mark.parametrize(("size", "taken"), [(100, True), (101, False)])
async def test_the_limit_is_of_files_and_not_of_syntax(tmp_path: Path, size: int, taken: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Boundaries and heads do not count; the first byte past the limit does."""
    form = _form([('name="file"; filename="a"', b"x" * size)])
    if taken:
        await _spooled(tmp_path, _arriving(form, []), max_bytes=100)
    else:
        with pytest.raises(BodyTooLarge):
            await _spooled(tmp_path, _arriving(form, []), max_bytes=100)


@pytest.mark.anyio
async def test_a_large_announcement_is_refused_unread(tmp_path: Path) -> None:
    """A Content-Length beyond the limit is answered before anything is read."""

    async def receive() -> Any:
        pytest.fail("the body was read")

    with pytest.raises(BodyTooLarge):
        await _spooled(tmp_path, receive, content_length=101, max_bytes=100, content_type="text/csv")


@pytest.mark.anyio
async def test_a_body_that_stops_is_given_up(tmp_path: Path) -> None:
    """A client that sends nothing more does not hold its connection for ever."""
    with pytest.raises(BodyStalled):
        await _spooled(tmp_path, anyio.Event().wait, idle_seconds=0.05)


@pytest.mark.anyio
async def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    """A byte now and then is not enough to go on."""

    async def receive() -> Any:
        await anyio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BodyStalled):
        await _spooled(tmp_path, receive, grace_seconds=0.05)


@pytest.mark.anyio
async def test_a_client_that_goes_leaves_nothing(tmp_path: Path) -> None:
    """Half a body and a closed connection leave no file."""
    with pytest.raises(ClientGone):
        await _spooled(tmp_path, _arriving(b"a,b", [1], ends=False), content_type="text/csv")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """The next process removes directories nobody holds, and only those."""
    alive = Spool(tmp_path)
    abandoned = tmp_path / "spool-abandoned"
    abandoned.mkdir()
    (abandoned / "0").write_bytes(b"content")
    Spool(tmp_path).close()
    assert (alive.directory.exists(), abandoned.exists()) == (True, False)
    alive.close()

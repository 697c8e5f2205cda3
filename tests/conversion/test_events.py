"""The bytes of a stream become events, however they are cut; and small files travel inside the request."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conversion.events import Event, events
from service.conversion.faults import InterpreterError, InterpreterFailed
from service.conversion.transcript import Transcript

LINE_SEPARATOR = "\u2028"  # a line end to str.splitlines, not to server-sent events
STREAM = "".join(
    f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
    for event in (
        {"type": "response.output_item.added", "item": {"type": "code_interpreter_call", "container_id": "cntr_1", "outputs": None}},
        {"type": "response.code_interpreter_call_code.delta", "delta": f"a{LINE_SEPARATOR}b" * 50},
        {"type": "response.output_item.done", "item": {"type": "code_interpreter_call", "container_id": "cntr_1", "outputs": [
            {"type": "logs", "logs": f"é{LINE_SEPARATOR}"}, {"type": "image", "url": "data:"}]}},
        {"type": "response.output_item.done", "item": {"type": "message", "content": [{"type": "output_text", "text": "t", "annotations": [
            {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "filename": "o", "start_index": 0, "end_index": 1},
            {"type": "url_citation", "url": "x"}]}]}},
        {"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 4}, "incomplete_details": None}},
    )
).encode()  # fmt: skip


async def _chunks(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _told(*chunks: bytes) -> list[Event]:
    async def collect() -> list[Event]:
        return [event async for event in events(_chunks(chunks))]

    return asyncio.run(collect())


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_however_the_stream_is_cut(places: list[int]) -> None:
    """Chunks end anywhere: inside a line, a character, an empty line."""
    cuts = [0, *sorted(places), len(STREAM)]
    assert _told(*(STREAM[begin:end] for begin, end in itertools.pairwise(cuts))) == _told(STREAM)


def test_a_run_is_told_by_its_events() -> None:
    """Container, logs, text, citations and tokens, and nothing that is not asked for."""
    transcript = Transcript()
    for event in _told(b": keep-alive\r\n\r\n", STREAM, b"data: [DONE]\n\n"):
        transcript.take(event)
    assert (transcript.container_ids, transcript.logs, transcript.texts) == (["cntr_1"], [f"é{LINE_SEPARATOR}"], ["t"])
    assert [each.file_id for each in transcript.citations] == ["cfile_1"]
    assert (transcript.ended, transcript.input_tokens, transcript.output_tokens) == (True, 3, 4)


@pytest.mark.parametrize(
    "line", ['{"type": "error", "error": {"code": "x"}}', '{"type": "error", "code": "x"}', '{"error": {"code": "x"}}',
             '{"type": "response.failed", "response": {"error": {"code": "x"}}}'],
)  # fmt: skip
def test_every_form_of_an_error(line: str) -> None:
    """Nested, flat, bare, and a failed response."""
    with pytest.raises(InterpreterFailed) as raised:
        Transcript().take(_told(f"data: {line}\n\n".encode())[0])
    assert raised.value.code == "x"


def test_what_is_no_event() -> None:
    """A gateway's page in the middle of a stream is a fault of the other side, not of ours."""
    with pytest.raises(InterpreterError):
        _told(b"data: <html>\n\n")

"""The server-sent events of a run, as much of them as a conversion looks at.

Owns the shapes that are read from the wire (wire fields keep their names) and how a stream of bytes is cut into them. Everything else that
an event carries, the code a model writes above all, is passed over without being built.
"""

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from service.conversion.faults import InterpreterFailed


class Failure(Struct):
    """Why a run failed."""

    code: str | None = None


class Incompleteness(Struct):
    """Why a run ended before its time."""

    reason: str | None = None


class Usage(Struct):
    """Tokens of a run."""

    input_tokens: int = 0
    output_tokens: int = 0


class Response(Struct):
    """A response's state, in the events that carry one."""

    error: Failure | None = None
    incomplete_details: Incompleteness | None = None
    usage: Usage | None = None


class CallOutput(Struct):
    """An output of a code interpreter call: ``logs``, or an image."""

    type: str = ""
    logs: str = ""


class Annotation(Struct):
    """A citation in a text; only ``container_file_citation`` has all of these."""

    type: str = ""
    container_id: str = ""
    file_id: str = ""
    filename: str | None = None
    start_index: int = 0
    end_index: int = 0


class Part(Struct):
    """A part of a message."""

    type: str = ""
    text: str = ""
    annotations: list[Annotation] = []


class Item(Struct):
    """An output item: a ``code_interpreter_call``, a ``message``, or one of the others."""

    type: str = ""
    container_id: str = ""
    outputs: list[CallOutput] | None = None
    content: list[Part] | None = None


class Event(Struct):
    """One event. ``error`` is set in the nested form of an error, ``code`` in the flat one."""

    type: str = ""
    item: Item | None = None
    response: Response | None = None
    error: Failure | None = None
    code: str | None = None


_decoder = msgspec.json.Decoder(Event)


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Yield the events of a stream: one line of JSON each, as this wire sends them, whatever the chunks.

    Raises:
        InterpreterFailed: A line is no event.
    """
    pieces: list[bytes] = []
    async for chunk in chunks:
        if b"\n" not in chunk:
            pieces.append(chunk)
            continue
        *lines, rest = b"".join((*pieces, chunk)).split(b"\n")
        pieces = [rest]
        for line in lines:
            if line.startswith(b"data:") and (content := line[5:].strip()) != b"[DONE]":
                try:
                    yield _decoder.decode(content)
                except msgspec.MsgspecError:
                    raise InterpreterFailed(None, "invalid_event") from None

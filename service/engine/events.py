"""The events of a streamed response (wire-contract §8) and their server-sent frames.

Each event's ``type`` is its Struct's tag. Sequence numbers are given by the transcript that sends the events, not here.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.engine.errors import ErrorBody
from service.engine.items import Annotation, OutputItem, OutputText, ReasoningText, Refusal
from service.engine.response import Response

KEEP_ALIVE = b": keep-alive\n\n"
_encoder = msgspec.json.Encoder()


class Event(msgspec.Struct, tag_field="type", kw_only=True):
    """What every event carries."""

    sequence_number: Annotated[int, Meta(ge=0)] = 0


class _WithResponse(Event, kw_only=True):
    response: Response


class Created(_WithResponse, tag="response.created", kw_only=True):
    """Always first."""


class Queued(_WithResponse, tag="response.queued", kw_only=True):
    """A background response waits for its turn."""


class InProgress(_WithResponse, tag="response.in_progress", kw_only=True):
    """Work begins."""


class Completed(_WithResponse, tag="response.completed", kw_only=True):
    """The last event of a run that went well."""


class Incomplete(_WithResponse, tag="response.incomplete", kw_only=True):
    """The last event of a run that met a limit."""


class Failed(_WithResponse, tag="response.failed", kw_only=True):
    """The last event of a run that failed."""


class Cancelled(_WithResponse, tag="response.cancelled", kw_only=True):
    """The last event of a background run that its owner stopped; our addition, as the vendor's stream then just ends."""


class Error(Event, tag="error", kw_only=True):
    """Nested, as the vendor really sends it (§8.2)."""

    error: ErrorBody


class ItemAdded(Event, tag="response.output_item.added", kw_only=True):
    """An item begins."""

    output_index: int
    item: OutputItem


class ItemDone(Event, tag="response.output_item.done", kw_only=True):
    """An item is whole."""

    output_index: int
    item: OutputItem


class _OfItem(Event, kw_only=True):
    output_index: int
    item_id: str


class CallInProgress(_OfItem, tag="response.code_interpreter_call.in_progress", kw_only=True):
    """The model begins to write code."""


class CodeDelta(_OfItem, tag="response.code_interpreter_call_code.delta", kw_only=True):
    """A piece of code."""

    delta: str


class CodeDone(_OfItem, tag="response.code_interpreter_call_code.done", kw_only=True):
    """All of the code."""

    code: str


class CallInterpreting(_OfItem, tag="response.code_interpreter_call.interpreting", kw_only=True):
    """The code runs."""


class CallCompleted(_OfItem, tag="response.code_interpreter_call.completed", kw_only=True):
    """The code ran."""


class ArgumentsDelta(_OfItem, tag="response.function_call_arguments.delta", kw_only=True):
    """A piece of a function call's arguments."""

    delta: str


class ArgumentsDone(_OfItem, tag="response.function_call_arguments.done", kw_only=True):
    """All of a function call's arguments."""

    name: str
    arguments: str


class _OfContent(_OfItem, kw_only=True):
    content_index: int = 0


class PartAdded(_OfContent, tag="response.content_part.added", kw_only=True):
    """A part of a message or of reasoning begins."""

    part: OutputText | Refusal | ReasoningText


class PartDone(_OfContent, tag="response.content_part.done", kw_only=True):
    """A part is whole."""

    part: OutputText | Refusal | ReasoningText


class TextDelta(_OfContent, tag="response.output_text.delta", kw_only=True):
    """A piece of text."""

    delta: str
    logprobs: list[msgspec.Raw] = []


class TextDone(_OfContent, tag="response.output_text.done", kw_only=True):
    """All of a text."""

    text: str
    logprobs: list[msgspec.Raw] = []


class AnnotationAdded(_OfContent, tag="response.output_text.annotation.added", kw_only=True):
    """A citation; after all deltas, before the text is done."""

    annotation_index: int
    annotation: Annotation


class ReasoningDelta(_OfContent, tag="response.reasoning_text.delta", kw_only=True):
    """A piece of reasoning."""

    delta: str


class ReasoningDone(_OfContent, tag="response.reasoning_text.done", kw_only=True):
    """All of a reasoning text."""

    text: str


def frame(event: Event) -> bytes:
    """The event as it goes over the wire: an ``event:`` line, a ``data:`` line, an empty line."""
    name = type(event).__struct_config__.tag
    return b"event: %b\ndata: %b\n\n" % (str(name).encode(), _encoder.encode(event))

"""Input and output items of a response: messages and their parts, code interpreter calls, function calls, reasoning.

One Struct serves an item on its way out and on its way back in, when a client replays it; messages are two, as the vendor has them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

ItemStatus = Literal["in_progress", "completed", "incomplete"]
CallStatus = Literal["in_progress", "interpreting", "completed", "incomplete", "failed"]
Phase = Literal["commentary", "final_answer"]
Json = Any  # passed on as it came
JsonSchema = dict[str, Json]


class ContainerFileCitation(msgspec.Struct, tag="container_file_citation", kw_only=True):
    """A file of a container named in a text: ``[start_index, end_index)`` in Unicode characters covers the link's target."""

    container_id: str
    file_id: str
    filename: str
    start_index: int
    end_index: int


class UrlCitation(msgspec.Struct, tag="url_citation"):
    """Only ever replayed by a client."""

    url: str
    title: str
    start_index: int
    end_index: int


class FileCitation(msgspec.Struct, tag="file_citation"):
    """Only ever replayed by a client."""

    file_id: str
    filename: str
    index: int


class FilePath(msgspec.Struct, tag="file_path"):
    """Only ever replayed by a client."""

    file_id: str
    index: int


Annotation = ContainerFileCitation | UrlCitation | FileCitation | FilePath


class OutputText(msgspec.Struct, tag="output_text"):
    """Text of the assistant."""

    text: str
    annotations: list[Annotation] = []
    logprobs: list[Json] = []


class Refusal(msgspec.Struct, tag="refusal"):
    """The assistant's no."""

    refusal: str


class InputText(msgspec.Struct, tag="input_text", forbid_unknown_fields=True):
    """Text of the caller."""

    text: str
    prompt_cache_breakpoint: Json = UNSET


class InputFile(msgspec.Struct, tag="input_file", omit_defaults=True, forbid_unknown_fields=True):
    """A file of the caller: an upload's id, or a base64 data URL."""

    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: Literal["auto", "low", "high"] | None = None
    prompt_cache_breakpoint: Json = UNSET


class InputImage(msgspec.Struct, tag="input_image", forbid_unknown_fields=True):
    """An image of the caller: an upload's id, or a base64 data URL."""

    file_id: str | None = None
    image_url: str | None = None
    detail: Literal["low", "high", "auto", "original"] = "auto"
    prompt_cache_breakpoint: Json = UNSET


InputPart = InputText | InputFile | InputImage
Part = InputText | InputFile | InputImage | OutputText | Refusal


class InputMessage(msgspec.Struct, tag="message", omit_defaults=True, forbid_unknown_fields=True):
    """A message of the input, by any role."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Part]
    id: str | None = None
    status: ItemStatus | None = None
    phase: Phase | None = None


class OutputMessage(msgspec.Struct, tag="message", kw_only=True):
    """A message of the assistant in a response's output."""

    id: str
    status: ItemStatus
    role: Literal["assistant"] = "assistant"
    content: list[OutputText | Refusal]


class LogsOutput(msgspec.Struct, tag="logs"):
    """What the code printed, its last value, or its traceback."""

    logs: str


class ImageOutput(msgspec.Struct, tag="image"):
    """A figure the code showed, as a ``data:image/png;base64,…`` URL."""

    url: str


class CodeInterpreterCall(msgspec.Struct, tag="code_interpreter_call", kw_only=True):
    """One execution of code. ``outputs`` is null where the request did not include them."""

    id: str
    container_id: str
    status: CallStatus = "completed"
    code: str | None
    outputs: list[LogsOutput | ImageOutput] | None = None


class FunctionCall(msgspec.Struct, tag="function_call", kw_only=True):
    """The model calls one of the caller's functions; ``arguments`` is JSON text."""

    id: str | None = None
    call_id: str
    name: str
    arguments: str
    status: ItemStatus = "completed"


class FunctionCallOutput(msgspec.Struct, tag="function_call_output", kw_only=True):
    """The caller's answer to a function call."""

    call_id: Annotated[str, Meta(min_length=1, max_length=64)]
    output: str | list[InputPart]
    id: str | None = None
    status: ItemStatus = "completed"


class SummaryText(msgspec.Struct, tag="summary_text"):
    """A summary of reasoning."""

    text: str


class ReasoningText(msgspec.Struct, tag="reasoning_text"):
    """Reasoning as the model wrote it."""

    text: str


class Reasoning(msgspec.Struct, tag="reasoning", kw_only=True):
    """What the model thought before it spoke or called."""

    id: str
    summary: list[SummaryText] = []
    content: list[ReasoningText] | UnsetType = UNSET
    encrypted_content: str | None = None
    status: ItemStatus | UnsetType = UNSET


class ItemReference(msgspec.Struct, tag="item_reference"):
    """An item of an earlier, stored response."""

    id: str


InputItem = InputMessage | CodeInterpreterCall | FunctionCall | FunctionCallOutput | Reasoning | ItemReference
OutputItem = OutputMessage | CodeInterpreterCall | FunctionCall | Reasoning

"""What a run is asked: prompt, model, file and limits, and the request they are on the wire. Pure."""

import base64
from typing import Literal

from msgspec import Struct
from openai.types.responses import ResponseInputContentParam
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from openai.types.responses.tool_param import CodeInterpreterContainerCodeInterpreterToolAuto

MemoryLimit = Literal["1g", "4g", "16g", "64g"]


class Uploaded(Struct, frozen=True):
    """A file that was sent before the run, by its id."""

    file_id: str


class Inline(Struct, frozen=True):
    """A file that goes with the run's request, which saves two calls; our engine puts it into the container."""

    name: str
    content: bytes


class Task(Struct, frozen=True):
    """What a run is asked. ``kernel`` names the family of libraries to have at hand, a hint for our engine; None is no limit."""

    prompt: str
    model: str
    file: Uploaded | Inline
    memory_limit: MemoryLimit
    kernel: str
    max_calls: int | None = None
    max_tokens: int | None = None


def request(task: Task) -> ResponseCreateParamsStreaming:
    """The body of ``POST /responses``."""
    content: list[ResponseInputContentParam] = [{"type": "input_text", "text": task.prompt}]
    file_ids = []
    match task.file:
        case Uploaded(file_id):
            file_ids.append(file_id)
        case Inline(name, data):
            content.append({"type": "input_file", "filename": name, "file_data": base64.b64encode(data).decode()})
    container: CodeInterpreterContainerCodeInterpreterToolAuto = {
        "type": "auto",
        "file_ids": file_ids,
        "memory_limit": task.memory_limit,
    }
    body: ResponseCreateParamsStreaming = {
        "model": task.model,
        "input": [{"role": "user", "content": content}],
        "stream": True,
        "store": False,
        "tool_choice": "required",
        "tools": [{"type": "code_interpreter", "container": container}],
        "include": ["code_interpreter_call.outputs"],
        "metadata": {"kernel": task.kernel},
    }
    if task.max_calls is not None:
        body["max_tool_calls"] = task.max_calls
    if task.max_tokens is not None:
        body["max_output_tokens"] = task.max_tokens
    return body

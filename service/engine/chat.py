"""A turn as the chat completions API asks it: messages, tools and parameters.

Pure. The types are the official client's.
"""

import functools
import string
from collections.abc import Iterator
from importlib import resources
from typing import Any

import msgspec
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from openai.types.chat.chat_completion_content_part_param import ChatCompletionContentPartParam
from openai.types.chat.chat_completion_message_function_tool_call_param import (
    ChatCompletionMessageFunctionToolCallParam,
)

from service.engine.dialects import CALLING, FUNCTIONS, Dialect
from service.engine.items import (
    CodeInterpreterCall,
    FunctionCall,
    FunctionCallOutput,
    ImageOutput,
    InputImage,
    InputMessage,
    InputText,
    LogsOutput,
    OutputText,
    Part,
)
from service.engine.models import Ran, Turn
from service.engine.request import PYTHON, FunctionTool, JsonObjectFormat, JsonSchemaFormat

MAX_LOGS_CHARS = 20_000  # of one call's output, for a model to read; a longer text is cut in its middle
BYTES_OF_A_TOKEN = 4  # of English and of code; other languages and scripts have fewer
MESSAGE_TOKENS = 4
IMAGE_TOKENS = 1000
MAX_CALL_ID_CHARS = 40  # a longer id of a call is refused by the vendor's chat endpoint

_PYTHON_TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": PYTHON,
        "description": "Run Python code in a notebook-like session. Its working directory is /mnt/data.",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string", "description": "Complete Python code."}},
            "required": ["code"],
            "additionalProperties": False,
        },
    },
}


@functools.cache
def _system() -> string.Template:
    return string.Template(resources.files("service.engine").joinpath("system.md").read_text(encoding="utf-8"))


def messages(turn: Turn, *, dialect: Dialect, sees_images: bool) -> list[ChatCompletionMessageParam]:
    """The conversation; calls and their outputs as the dialect writes them."""
    chat = _Chat(dialect, sees_images=sees_images)
    for text in _instructions(turn, dialect):
        chat.say("system", text)
    for item in turn.history:
        match item:
            case InputMessage(role="assistant"):
                chat.say("assistant", _text(item.content))
            case InputMessage():
                chat.say_parts(item.role, item.content)
            case Ran():
                chat.ran(item.call)
            case CodeInterpreterCall():
                chat.ran(item)
            case FunctionCall(status="completed"):  # one that was cut short has no output
                chat.call(item.call_id, item.name, item.arguments)
            case FunctionCallOutput():
                chat.result(item.call_id, _text(item.output))
            case _:  # reasoning is not sent back, and references are resolved before a turn
                pass
    return chat.messages


def _instructions(turn: Turn, dialect: Dialect) -> Iterator[str]:
    """What the engine says of its tools, then what the caller says."""
    if turn.tools.python and turn.tools.force != "none":
        yield _system().substitute(calling=CALLING[dialect], packages=", ".join(turn.packages))
    if turn.tools.functions and turn.tools.force != "none" and dialect == "json":
        yield "\n".join([FUNCTIONS, *(msgspec.json.encode(_described(each)).decode() for each in turn.tools.functions)])
    if turn.instructions:
        yield turn.instructions


def tools(turn: Turn, *, dialect: Dialect) -> list[ChatCompletionFunctionToolParam]:
    """The tools to declare; none when none may be called, or when the dialect speaks of them in words."""
    if turn.tools.force == "none" or dialect != "tools":
        return []
    declared = [_PYTHON_TOOL] if turn.tools.python else []
    declared += [{"type": "function", "function": _described(each)} for each in turn.tools.functions]
    return declared


def _described(function: FunctionTool) -> Any:
    definition: dict[str, Any] = {
        "name": function.name,
        "parameters": function.parameters or {"type": "object", "properties": {}},
    }
    if function.description is not None:
        definition["description"] = function.description
    if function.strict is not None:
        definition["strict"] = function.strict
    return definition


def estimated_tokens(turn: Turn, *, dialect: Dialect, sees_images: bool) -> int:
    """About how many tokens the turn is: a quarter of its bytes, ``MESSAGE_TOKENS`` a message, ``IMAGE_TOKENS`` an image."""
    asked = messages(turn, dialect=dialect, sees_images=sees_images)
    parts = [part for message in asked for part in _parts(message)]
    images = len([part for part in parts if part["type"] == "image_url"])
    texts = [part for part in parts if part["type"] != "image_url"]
    text_bytes = len(msgspec.json.encode([texts, tools(turn, dialect=dialect)]))
    return text_bytes // BYTES_OF_A_TOKEN + MESSAGE_TOKENS * len(asked) + IMAGE_TOKENS * images


def _parts(message: Any) -> list[dict[str, Any]]:
    content = message.get("content") or ""
    calls = [{"type": "call", **call["function"]} for call in message.get("tool_calls", ())]
    return calls + ([{"type": "text", "text": content}] if isinstance(content, str) else content)


def parameters(turn: Turn, *, dialect: Dialect, limit_name: str) -> dict[str, Any]:
    """Everything else of the call; what is unset is left to the server's own default."""
    given: dict[str, Any] = {
        limit_name: turn.tokens_left,
        "temperature": turn.temperature,
        "top_p": turn.top_p,
        "reasoning_effort": turn.effort,
    }
    declared = tools(turn, dialect=dialect)
    if declared:
        given["tools"] = declared
        if turn.tools.only is not None:
            given["tool_choice"] = {"type": "function", "function": {"name": turn.tools.only}}
        elif turn.tools.force == "required":
            given["tool_choice"] = "required"
        if not turn.tools.parallel:
            given["parallel_tool_calls"] = False
    match turn.text.format:
        case JsonSchemaFormat():
            given["response_format"] = {"type": "json_schema", "json_schema": msgspec.to_builtins(turn.text.format)}
            del given["response_format"]["json_schema"]["type"]
        case JsonObjectFormat():
            given["response_format"] = {"type": "json_object"}
    return {name: value for name, value in given.items() if value is not None}


class _Chat:
    def __init__(self, dialect: Dialect, *, sees_images: bool) -> None:
        self._dialect = dialect
        self._sees_images = sees_images
        self.messages: list[Any] = []

    def say(self, role: str, text: str) -> None:
        last = self.messages[-1] if self.messages else None
        if role == "system" and last is not None and last["role"] == "system":  # some templates take one system message
            last["content"] += f"\n\n{text}"
        else:
            self.messages.append({"role": role, "content": text})

    def say_parts(self, role: str, content: str | list[Part]) -> None:
        images = [part for part in content if isinstance(part, InputImage)] if isinstance(content, list) else []
        if not images or not self._sees_images:
            self.say("system" if role == "developer" else role, _text(content))
            return
        parts: list[ChatCompletionContentPartParam] = []
        for part in content:
            if isinstance(part, InputImage) and part.image_url:
                parts.append(_image(part.image_url))
            elif isinstance(part, InputText):
                parts.append({"type": "text", "text": part.text})
        self.messages.append({"role": role, "content": parts})

    def ran(self, call: CodeInterpreterCall) -> None:
        code, outputs = call.code or "", call.outputs or []
        logs = _cut("".join(each.logs for each in outputs if isinstance(each, LogsOutput)))
        images = [each.url for each in outputs if isinstance(each, ImageOutput)]
        shown = logs or ("(the code showed a figure)" if images else "(no output)")
        match self._dialect:
            case "tools":
                call_id = call.id[:MAX_CALL_ID_CHARS]
                self.call(call_id, PYTHON, msgspec.json.encode({"code": code}).decode())
                self.result(call_id, shown)
            case "fenced":
                self.say("assistant", f"```python\n{code}\n```")
                self.say("user", f"Output:\n{shown}")
            case "json":
                written = {"name": PYTHON, "arguments": {"code": code}}
                self.say("assistant", msgspec.json.encode(written).decode())
                self.say("user", f"Output:\n{shown}")
        if images and self._sees_images:  # a tool's message can hold no image
            self.messages.append({"role": "user", "content": [_image(url) for url in images]})

    def call(self, call_id: str, name: str, arguments: str) -> None:
        call: ChatCompletionMessageFunctionToolCallParam = {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        last = self.messages[-1] if self.messages else None
        if last is not None and last["role"] == "assistant":
            last.setdefault("tool_calls", []).append(call)
        else:
            self.messages.append({"role": "assistant", "content": None, "tool_calls": [call]})

    def result(self, call_id: str, text: str) -> None:
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": text})


def _image(url: str) -> ChatCompletionContentPartParam:
    return {"type": "image_url", "image_url": {"url": url}}


def _text(content: str | list[Any]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, InputText | OutputText))


def _cut(logs: str) -> str:
    if len(logs) <= MAX_LOGS_CHARS:
        return logs
    half = MAX_LOGS_CHARS // 2
    return f"{logs[:half]}\n[… {len(logs) - 2 * half} characters left out …]\n{logs[-half:]}"

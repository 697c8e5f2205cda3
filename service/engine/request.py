"""The body of ``POST /responses``, checked: its fields, tools and choices, and the rules between fields.

Fields that only the vendor can act on are accepted and echoed or ignored; parts of the vendor's API that are not served are refused by
name, because code that asked for them would not work.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.engine.errors import InvalidRequest
from service.engine.items import InputItem, InputMessage, JsonSchema
from service.engine.shape import Json, fit
from service.engine.wire import MemoryLimit, NetworkAllowlist, NetworkPolicy

PYTHON = "python"  # what models know the code interpreter as
OUTPUTS = "code_interpreter_call.outputs"
Include = Literal[
    "code_interpreter_call.outputs",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]


NAME = "^[a-zA-Z0-9_-]+$"


class AutoContainer(msgspec.Struct, forbid_unknown_fields=True):
    """A container of the engine's choosing: the one in context, or a new one."""

    type: Literal["auto"]
    file_ids: Annotated[list[str], Meta(max_length=50)] | UnsetType = UNSET
    memory_limit: MemoryLimit | UnsetType | None = UNSET
    network_policy: NetworkPolicy | UnsetType = UNSET


class CodeInterpreterTool(msgspec.Struct, tag="code_interpreter", forbid_unknown_fields=True):
    """The Python tool and where it runs: a container's id, or auto mode."""

    container: str | AutoContainer
    allowed_callers: list[Literal["direct", "programmatic"]] | UnsetType | None = UNSET


class FunctionTool(msgspec.Struct, tag="function", forbid_unknown_fields=True):
    """A function of the caller, answered by the caller."""

    name: Annotated[str, Meta(min_length=1, max_length=128, pattern=NAME)]
    parameters: JsonSchema | None = None
    strict: bool | None = None
    description: str | None = None
    output_schema: JsonSchema | UnsetType | None = UNSET
    defer_loading: bool | UnsetType = UNSET
    allowed_callers: list[Literal["direct", "programmatic"]] | UnsetType | None = UNSET


Tool = CodeInterpreterTool | FunctionTool


class ChooseCode(msgspec.Struct, tag="code_interpreter"):
    """The model must call the Python tool."""


class ChooseFunction(msgspec.Struct, tag="function"):
    """The model must call this function."""

    name: str


class AllowedTools(msgspec.Struct, tag="allowed_tools"):
    """The model may, or must, call one of these and no other."""

    mode: Literal["auto", "required"]
    tools: list[ChooseCode | ChooseFunction]


ToolChoice = Literal["none", "auto", "required"] | ChooseCode | ChooseFunction | AllowedTools


class TextFormat(msgspec.Struct, tag="text"):
    """Plain text."""


class JsonObjectFormat(msgspec.Struct, tag="json_object"):
    """Any JSON object."""


class JsonSchemaFormat(msgspec.Struct, tag="json_schema", omit_defaults=True):
    """JSON that fits a schema."""

    name: Annotated[str, Meta(max_length=64, pattern=NAME)]
    schema: JsonSchema
    strict: bool | None = None
    description: str | None = None


class TextOptions(msgspec.Struct, forbid_unknown_fields=True):
    """How the answer's text should look."""

    format: TextFormat | JsonObjectFormat | JsonSchemaFormat = msgspec.field(default_factory=TextFormat)
    verbosity: Literal["low", "medium", "high"] | None = "medium"


class ReasoningOptions(msgspec.Struct):
    """How much the model should think."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class CreateResponse(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /responses``."""

    model: str
    input: str | list[InputItem] | None = None
    instructions: str | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] = []
    tool_choice: ToolChoice = "auto"
    include: list[Include] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    parallel_tool_calls: bool | None = True
    previous_response_id: str | None = None
    conversation: Any = None
    store: bool | None = True
    stream: bool | None = False
    stream_options: Any = None
    background: bool | None = False
    background_options: Any = None
    metadata: Metadata | None = None
    truncation: Literal["auto", "disabled"] | None = "disabled"
    reasoning: ReasoningOptions | None = None
    text: TextOptions = msgspec.field(default_factory=TextOptions)
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    service_tier: str | None = None
    safety_identifier: Annotated[str, Meta(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: Any = None
    user: str | None = None
    prompt: Any = None
    context_management: Any = None
    moderation: Any = None
    access_programs: Any = None
    image: Any = None

    @property
    def items(self) -> list[InputItem]:
        """The input as items, a string being one message of the user."""
        if isinstance(self.input, str):
            return [InputMessage(role="user", content=self.input)]
        return self.input or []

    @property
    def code_tool(self) -> CodeInterpreterTool | None:
        """The first code interpreter among the tools."""
        return next((tool for tool in self.tools if isinstance(tool, CodeInterpreterTool)), None)


class CountTokens(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /responses/input_tokens``: what of a request a model reads. Without a model the first language model is meant."""

    model: str | None = None
    input: str | list[InputItem] | None = None
    instructions: str | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    truncation: Literal["auto", "disabled"] | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    personality: str | None = None


def parse_count(value: Json, *, model: str) -> CreateResponse:
    """The request whose input tokens are asked for; ``model`` where it names none.

    Raises:
        InvalidRequest: As for `parse`.
    """
    asked = fit(_with_types(value), CountTokens)
    request = CreateResponse(
        model=asked.model or model,
        input=asked.input,
        instructions=asked.instructions,
        tools=asked.tools or [],
        tool_choice=asked.tool_choice or "auto",
        previous_response_id=asked.previous_response_id,
        conversation=asked.conversation,
        text=asked.text or TextOptions(),
    )
    _check_together(request)
    return request


def parse(value: Json) -> CreateResponse:
    """A checked request.

    Raises:
        InvalidRequest: A field is unknown, missing, of the wrong type or past its bounds, or fields contradict each other.
    """
    request = fit(_with_types(value), CreateResponse)
    _check_together(request)
    return request


def _with_types(value: Json) -> Json:
    """An easy message carries no type; the vendor reads one into it."""
    if not isinstance(value, dict) or not isinstance(value.get("input"), list):
        return value
    items = value["input"]
    is_easy = [isinstance(item, dict) and "type" not in item and "role" in item for item in items]
    typed = [{"type": "message", **item} if easy else item for item, easy in zip(items, is_easy, strict=True)]
    return value | {"input": typed}


def _check_together(request: CreateResponse) -> None:
    if request.conversation is not None:
        raise InvalidRequest.not_served("conversation", "The Conversations API", instead="previous_response_id")
    if request.prompt is not None:
        raise InvalidRequest.not_served("prompt", "A stored prompt")
    if request.input is None and request.previous_response_id is None:
        raise InvalidRequest.missing("input")
    seen = False
    for index, tool in enumerate(request.tools):
        if isinstance(tool, FunctionTool):
            if tool.name == PYTHON and request.code_tool is not None:
                raise InvalidRequest(
                    f"The name '{PYTHON}' is taken by the code_interpreter tool.",
                    param=f"tools[{index}].name",
                    code="invalid_value",
                )
            continue
        if seen:
            raise InvalidRequest(
                "Only one code_interpreter tool may be given.", param=f"tools[{index}]", code="invalid_value"
            )
        seen = True
        if isinstance(tool.container, AutoContainer) and isinstance(tool.container.network_policy, NetworkAllowlist):
            raise InvalidRequest.not_served(f"tools[{index}].container.network_policy", "Network access of containers")
    if isinstance(request.tool_choice, ChooseFunction | ChooseCode | AllowedTools) or request.tool_choice == "required":
        _check_choice(request)


def _check_choice(request: CreateResponse) -> None:
    functions = {tool.name for tool in request.tools if isinstance(tool, FunctionTool)}
    choice = request.tool_choice
    if choice == "required":
        if not request.tools:
            raise InvalidRequest(
                "Tool choice 'required' must be specified with 'tools' parameter.",
                param="tool_choice",
                code="invalid_value",
            )
        return
    wanted = choice.tools if isinstance(choice, AllowedTools) else [choice]
    for each in wanted:
        there = each.name in functions if isinstance(each, ChooseFunction) else request.code_tool is not None
        if not there:
            name = each.name if isinstance(each, ChooseFunction) else "code_interpreter"
            raise InvalidRequest(
                f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice", code="invalid_value"
            )

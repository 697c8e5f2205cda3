"""The response object: every key the vendor sends, and how one is begun from a request."""

import time
from typing import Any, Literal

import msgspec

from service.engine.errors import ResponseError
from service.engine.items import OutputItem
from service.engine.request import CreateResponse, ReasoningOptions, TextOptions, Tool, ToolChoice
from service.engine.wire import new_id

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"]


class IncompleteDetails(msgspec.Struct):
    """Which limit a response met: ``max_output_tokens``, ``content_filter``, and ours: ``max_tool_calls``, ``deadline``."""

    reason: str


class LimitMet(Exception):
    """The run stops before the model does; ``reason`` is what ``incomplete_details`` will say."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InputTokensDetails(msgspec.Struct):
    """Of the input tokens."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(msgspec.Struct):
    """Of the output tokens."""

    reasoning_tokens: int = 0


class Usage(msgspec.Struct):
    """Tokens, summed over all turns of the model."""

    input_tokens: int = 0
    input_tokens_details: InputTokensDetails = msgspec.field(default_factory=InputTokensDetails)
    output_tokens: int = 0
    output_tokens_details: OutputTokensDetails = msgspec.field(default_factory=OutputTokensDetails)
    total_tokens: int = 0

    def add(self, read: int, cached: int, written: int, reasoned: int) -> None:
        """Add one turn's tokens: input, of them cached; output, of them reasoning."""
        self.input_tokens += read
        self.input_tokens_details.cached_tokens += cached
        self.output_tokens += written
        self.output_tokens_details.reasoning_tokens += reasoned
        self.total_tokens += read + written


class Billing(msgspec.Struct):
    """Who pays; the vendor says so, and clients copy it."""

    payer: str = "developer"


class Response(msgspec.Struct, kw_only=True):
    """A response as it stands on the wire, in the vendor's key set; unset ones are null."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: Status = "in_progress"
    background: bool = False
    billing: Billing = msgspec.field(default_factory=Billing)
    error: ResponseError | None = None
    frequency_penalty: float = 0.0
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    model: str
    moderation: Any = None
    output: list[OutputItem] = msgspec.field(default_factory=list)
    parallel_tool_calls: bool = True
    presence_penalty: float = 0.0
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning: ReasoningOptions = msgspec.field(default_factory=ReasoningOptions)
    safety_identifier: str | None = None
    service_tier: str = "default"
    store: bool = True
    temperature: float = 1.0
    text: TextOptions = msgspec.field(default_factory=TextOptions)
    tool_choice: ToolChoice = "auto"
    tools: list[Tool] = msgspec.field(default_factory=list)
    top_logprobs: int = 0
    top_p: float = 1.0
    truncation: Literal["auto", "disabled"] = "disabled"
    usage: Usage | None = None
    user: str | None = None


class Ended(msgspec.Struct, frozen=True):
    """The numbers of a run that has ended, for the log and for metrics."""

    response_id: str
    container_id: str | None
    model: str
    status: Status
    calls: int
    seconds: float
    usage: Usage


def begin(request: CreateResponse) -> Response:
    """A new response that echoes its request, with nothing in it yet."""
    background = bool(request.background)
    return Response(
        id=new_id("resp"),
        created_at=int(time.time()),
        status="queued" if background else "in_progress",
        background=background,
        frequency_penalty=request.frequency_penalty or 0.0,
        instructions=request.instructions,
        max_output_tokens=request.max_output_tokens,
        max_tool_calls=request.max_tool_calls,
        metadata=request.metadata or {},
        model=request.model,
        parallel_tool_calls=request.parallel_tool_calls is not False,
        presence_penalty=request.presence_penalty or 0.0,
        previous_response_id=request.previous_response_id,
        prompt_cache_key=request.prompt_cache_key,
        prompt_cache_retention=request.prompt_cache_retention,
        reasoning=request.reasoning or ReasoningOptions(),
        safety_identifier=request.safety_identifier,
        store=request.store is not False,
        temperature=1.0 if request.temperature is None else request.temperature,
        text=request.text,
        tool_choice=request.tool_choice,
        tools=request.tools,
        top_logprobs=request.top_logprobs or 0,
        top_p=1.0 if request.top_p is None else request.top_p,
        truncation=request.truncation or "disabled",
        user=request.user,
    )

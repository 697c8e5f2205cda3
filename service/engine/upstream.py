"""The model behind an OpenAI-compatible chat completions endpoint: vLLM, Ollama, llama.cpp, a vendor.

It asks over the official client, streams, and turns what comes into pieces of an answer. It runs nothing.
"""

import json
from collections.abc import AsyncGenerator, Iterator
from urllib.parse import urlsplit

import msgspec
import openai
from openai import AsyncOpenAI, AsyncStream

from service.engine import chat
from service.engine.chunks import Call, Delta, Joined, Usage, chunk_of
from service.engine.dialects import CodeArgument, Dialect, FencedText, JsonText, PlainText, TextReader
from service.engine.errors import CONTEXT_EXCEEDED, ApiError, Busy, InvalidRequest, UpstreamError
from service.engine.models import (
    Arguments,
    Code,
    CodeBegun,
    FunctionBegun,
    Piece,
    Stopped,
    Stray,
    Thought,
    Turn,
    Used,
)
from service.engine.request import PYTHON
from service.engine.wire import new_id

CONNECT_RETRIES = 2
SILENCE_SECONDS = 300.0  # between two pieces; a large prompt is read that long on a small machine
MAX_NAME_CHARS = 64
_VENDOR_HOST = "api.openai.com"


class Upstream:
    """One model of one endpoint.

    Args:
        name: What requests call it.
        url: Base URL, with its ``/v1``.
        model: What the endpoint calls it; the same name by default.
        api_key: The endpoint's key; None where it asks for none.
        dialect: How it says that it wants to run code: ``tools``, ``fenced`` or ``json``.
        sees_images: Whether images of the user and of the code are shown to it.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        model: str | None = None,
        api_key: str | None = None,
        dialect: Dialect = "tools",
        sees_images: bool = False,
    ) -> None:
        self.name = name
        self._model = model or name
        self._dialect = dialect
        self._sees_images = sees_images
        # The vendor's newer models refuse max_tokens; other servers know no other name.
        self._limit_name = "max_completion_tokens" if urlsplit(url).hostname == _VENDOR_HOST else "max_tokens"
        self._client = AsyncOpenAI(
            base_url=url, api_key=api_key or "none", max_retries=CONNECT_RETRIES, timeout=SILENCE_SECONDS
        )

    async def answer(self, turn: Turn) -> AsyncGenerator[Piece]:
        """Yield the answer's pieces as they stream in; the usage comes last.

        Raises:
            Busy: The endpoint's own limits are met.
            InvalidRequest: The endpoint refuses the conversation, for its length or its parameters.
            UpstreamError: The endpoint cannot be reached, fails, or breaks the protocol.
        """
        reader = _Reader(turn, self._dialect)
        try:
            # The client's own models of chunks are not checked, and break on what servers send for nothing.
            stream = await self._client.post(
                "/chat/completions",
                body={
                    "model": self._model,
                    "messages": chat.messages(turn, dialect=self._dialect, sees_images=self._sees_images),
                    "stream": True,
                    "stream_options": {"include_usage": True},
                    **chat.parameters(turn, dialect=self._dialect, limit_name=self._limit_name),
                },
                cast_to=object,
                stream=True,
                stream_cls=AsyncStream[object],
            )
            async with stream:
                reason: str | None = None
                async for value in stream:
                    chunk = chunk_of(value)
                    reader.usage = chunk.usage or reader.usage
                    for choice in (chunk.choices or ())[:1]:
                        reason = choice.finish_reason or reason
                        for piece in reader.feed(choice.delta) if choice.delta else ():
                            yield piece
        except openai.APIError as error:
            raise _told(error) from error
        except (json.JSONDecodeError, msgspec.ValidationError) as error:
            raise UpstreamError("The model's endpoint sent something else than chunks of an answer.") from error
        if reason is None:
            raise UpstreamError("The model's answer broke off.")
        if reason not in ("length", "content_filter"):
            for piece in reader.finish():
                yield piece
        yield reader.used()
        if reason in ("length", "content_filter"):
            yield Stopped("max_output_tokens" if reason == "length" else "content_filter")

    def count(self, turn: Turn) -> int:
        """An estimate: chat completions has no call that counts, and each model its own tokenizer."""
        return chat.estimated_tokens(turn, dialect=self._dialect, sees_images=self._sees_images)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class _Reader:
    """One streamed answer. Calls may come in parallel; their pieces come one call after the other."""

    def __init__(self, turn: Turn, dialect: Dialect) -> None:
        self.usage = Usage()
        self._functions = {function.name for function in turn.tools.functions}
        self._runs_code = turn.tools.python
        self._text = _text_reader(turn, dialect)
        self._index: int | None = None
        self._code: CodeArgument | None = None
        self._stray: Stray | None = None
        self._joined_thought, self._joined_text, self._joined_arguments = Joined(), Joined(), Joined()

    def feed(self, delta: Delta) -> Iterator[Piece]:
        thought = delta.reasoning_content or delta.reasoning
        if isinstance(thought, str) and (thought := self._joined_thought(thought)):
            yield Thought(thought)
        if text := self._joined_text(delta.content or delta.refusal or ""):
            yield from self._text.feed(text)
        for call in delta.tool_calls or ():
            yield from self._call(call)

    def _call(self, call: Call) -> Iterator[Piece]:
        if (call.index or 0) != self._index:
            yield from self._end_call()
            self._index = call.index or 0
            name = (call.function and call.function.name) or ""
            if name == PYTHON and self._runs_code:
                self._code = CodeArgument()
                yield CodeBegun()
            elif name in self._functions:
                yield FunctionBegun(call_id=call.id or new_id("call"), name=name)
            else:
                self._stray = Stray(call.id or new_id("call"), name[:MAX_NAME_CHARS], "")
        text = self._joined_arguments((call.function and call.function.arguments) or "")
        if self._stray is not None:
            self._stray.arguments += text
        elif self._code is None:
            if text:
                yield Arguments(text)
        elif code := self._code.feed(text):
            yield Code(code)

    def _end_call(self) -> Iterator[Piece]:
        code, self._code = self._code, None
        if code is not None and (rest := code.finish()):
            yield Code(rest)
        stray, self._stray = self._stray, None
        if stray is not None:
            if not _is_json(stray.arguments):  # some servers take nothing else back
                stray.arguments = "{}"
            yield stray

    def finish(self) -> Iterator[Piece]:
        yield from self._end_call()
        yield from self._text.finish()

    def used(self) -> Used:
        usage = self.usage
        cached = usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens
        reasoned = usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens
        return Used(
            read=usage.prompt_tokens or 0,
            cached=cached or 0,
            written=usage.completion_tokens or 0,
            reasoned=reasoned or 0,
        )


def _text_reader(turn: Turn, dialect: Dialect) -> TextReader:
    if turn.tools.force == "none" or dialect == "tools":
        return PlainText()
    if dialect == "fenced":
        if turn.tools.functions:
            raise InvalidRequest.not_served("tools", f"Calling functions with this model's dialect, '{dialect}',")
        return FencedText() if turn.tools.python else PlainText()
    return JsonText([function.name for function in turn.tools.functions], runs_code=turn.tools.python)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _told(error: openai.APIError) -> ApiError:
    match error:
        case openai.RateLimitError():
            after = error.response.headers.get("retry-after", "")
            return Busy(
                "The model's endpoint is over its limit.", retry_seconds=float(after) if after.isdecimal() else 10.0
            )
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return UpstreamError("The model's endpoint refuses the engine's key.")
        case openai.NotFoundError():
            return UpstreamError("The model's endpoint does not know this model.")
        case openai.APIStatusError(status_code=400 | 413 | 422):
            return InvalidRequest(
                f"The model refused the request: {error.message[:500]}", param=None, code=_code(error)
            )
        case openai.APIConnectionError():
            return UpstreamError("The model's endpoint cannot be reached.")
        case _:
            return UpstreamError("The model's endpoint failed.")


def _code(error: openai.APIStatusError) -> str | None:
    """The code of a refusal. For a conversation that is too long llama.cpp has a type of its own, and vLLM has words."""
    if error.type == "exceed_context_size_error" or "maximum context length" in error.message:
        return CONTEXT_EXCEEDED
    code = str(error.code or "")
    return None if code.isdecimal() else code or None  # some repeat the status there

"""What a chat completions endpoint streams: its chunks, as much of them as an answer is made of.

Owns their shapes, wide enough for every server that calls itself compatible (what says nothing may be null or left out), and the joining of
characters that a server cut in two. It knows nothing of what a piece means.
"""

import codecs
from typing import Any

import msgspec
from msgspec import Struct


class Function(Struct):
    """A piece of a call: its name, in the first, and a piece of its arguments."""

    name: str | None = None
    arguments: str | None = None


class Call(Struct):
    """A piece of one of the calls of an answer."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(Struct):
    """A piece of an answer. The last two are not the vendor's: vLLM, llama.cpp and others send the one, Ollama and routers the other."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class Choice(Struct):
    """The answer; there is never a second one, for none is asked for."""

    delta: Delta | None = None
    finish_reason: str | None = None


class InputDetails(Struct):
    """Of the tokens read."""

    cached_tokens: int | None = None


class OutputDetails(Struct):
    """Of the tokens written."""

    reasoning_tokens: int | None = None


class Usage(Struct):
    """The tokens of an answer."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None


class Chunk(Struct):
    """One event of the stream."""

    choices: list[Choice] | None = None
    usage: Usage | None = None


def chunk_of(value: object) -> Chunk:
    """An event's JSON value as a chunk.

    Raises:
        msgspec.ValidationError: It is none.
    """
    return msgspec.convert(value, Chunk)


class Joined:
    """A text in pieces, where JSON's escapes let a piece end with half of a character; half a one that stays alone is U+FFFD."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-16-le")("replace").decode

    def __call__(self, piece: str) -> str:
        """The characters that this piece completes."""
        return self._decode(piece.encode("utf-16-le", "surrogatepass"))

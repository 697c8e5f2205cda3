"""The port to whoever writes the code: what a model is asked in one turn, and what it says back, piece by piece.

Two implementations exist: ``program`` runs the prompt's own Python block, ``upstream`` asks a language model over chat completions.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Literal, Protocol

import msgspec

from service.engine.errors import ModelNotFound
from service.engine.items import CodeInterpreterCall, FunctionCall, FunctionCallOutput, InputItem, InputMessage
from service.engine.request import (
    PYTHON,
    AllowedTools,
    ChooseCode,
    ChooseFunction,
    CreateResponse,
    FunctionTool,
    TextOptions,
)

Force = Literal["none", "auto", "required"]


class Ran(msgspec.Struct):
    """A call of this run and how it went: its outputs are whole here, whatever the caller wanted to see. ``made`` are absolute paths."""

    call: CodeInterpreterCall
    is_ok: bool
    made: list[str]


class ToolUse(msgspec.Struct):
    """Which tools the model may call: ``python`` when it has the code interpreter."""

    python: bool = False
    functions: list[FunctionTool] = []
    force: Force = "auto"
    only: str | None = None
    parallel: bool = True


def tools_of(request: CreateResponse, *, is_first: bool) -> ToolUse:
    """What the model may call: a forced choice binds only its first turn, so that it can come to an end."""
    choice = request.tool_choice
    python = request.code_tool is not None
    functions = [tool for tool in request.tools if isinstance(tool, FunctionTool)]
    only: str | None = None
    force: Force = "auto"
    match choice:
        case "none" | "auto" | "required":
            force = choice
        case ChooseCode():
            force, only = "required", PYTHON
        case ChooseFunction():
            force, only = "required", choice.name
        case AllowedTools():
            force = choice.mode
            names = {each.name for each in choice.tools if isinstance(each, ChooseFunction)}
            functions = [each for each in functions if each.name in names]
            python = python and any(isinstance(each, ChooseCode) for each in choice.tools)
    if force == "required" and not is_first:
        force, only = "auto", None
    return ToolUse(
        python=python,
        functions=functions,
        force=force,
        only=only,
        parallel=request.parallel_tool_calls is not False,
    )


class Turn(msgspec.Struct, kw_only=True):
    """One question to a model. ``history`` is the whole conversation; ``tokens_left`` bounds the answer."""

    instructions: str | None
    history: list[InputItem | Ran]
    tools: ToolUse
    text: TextOptions
    packages: list[str] = []
    tokens_left: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    effort: str | None = None


def newer_half(history: list[InputItem | Ran]) -> list[InputItem | Ran] | None:
    """The conversation from a message of the user in its middle on; None when there is only one, which is what is asked."""
    starts = [index for index, item in enumerate(history) if isinstance(item, InputMessage) and item.role == "user"]
    return history[starts[len(starts) // 2] :] if len(starts) > 1 else None


class Text(msgspec.Struct):
    """A piece of the answer."""

    delta: str


class Thought(msgspec.Struct):
    """A piece of reasoning."""

    delta: str


class CodeBegun(msgspec.Struct):
    """The model calls the Python tool; its code follows."""


class Code(msgspec.Struct):
    """A piece of code."""

    delta: str


class FunctionBegun(msgspec.Struct):
    """The model calls one of the caller's functions; its arguments follow."""

    call_id: str
    name: str


class Arguments(msgspec.Struct):
    """A piece of a function call's JSON arguments."""

    delta: str


class Stray(msgspec.Struct):
    """The model called a tool that it was not given; its arguments are whole."""

    call_id: str
    name: str
    arguments: str

    def answered(self, tools: ToolUse) -> tuple[FunctionCall, FunctionCallOutput]:
        """The call and what the model is told, from which it can go on."""
        names = [*([PYTHON] if tools.python else []), *(function.name for function in tools.functions)]
        given = f"There are only: {', '.join(names)}." if names and tools.force != "none" else "There are none."
        return (
            FunctionCall(call_id=self.call_id, name=self.name, arguments=self.arguments),
            FunctionCallOutput(call_id=self.call_id, output=f"There is no tool '{self.name}'. {given}"),
        )


class Used(msgspec.Struct):
    """Tokens of this turn: read (of them cached) and written (of them reasoned)."""

    read: int
    cached: int
    written: int
    reasoned: int


class Stopped(msgspec.Struct):
    """The model was cut short."""

    reason: Literal["max_output_tokens", "content_filter"]


Piece = Text | Thought | CodeBegun | Code | FunctionBegun | Arguments | Stray | Used | Stopped


class Model(Protocol):
    """Whoever answers turns."""

    name: str

    def answer(self, turn: Turn) -> AsyncGenerator[Piece]:
        """Yield the answer's pieces as they come.

        Raises:
            ApiError: The model cannot be asked.
        """
        ...

    def count(self, turn: Turn) -> int:
        """How many tokens the model would read in this turn, or about how many."""
        ...

    async def close(self) -> None:
        """Let go of what the model holds open."""
        ...


class Models:
    """The models that requests may name.

    Args:
        models: At least one; names are unique.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        self._by_name = {model.name: model for model in models}

    def get(self, name: str) -> Model:
        """The model of that name.

        Raises:
            ModelNotFound: There is none.
        """
        if name not in self._by_name:
            raise ModelNotFound(name)
        return self._by_name[name]

    def default(self) -> str:
        """The first name that was configured, where there is one beside the built-in."""
        first, *others = self._by_name
        return others[0] if others else first

    async def close(self) -> None:
        """Close every model."""
        for model in self._by_name.values():
            await model.close()

    def names(self) -> list[str]:
        """All names, in the order of the settings."""
        return list(self._by_name)

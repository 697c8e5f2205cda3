"""The model ``program``: runs the fenced ``python`` blocks of the prompt, verbatim, and names the files they made.

It understands no language and costs nothing; the same prompt gives the same code every time.
"""

import re
from collections.abc import AsyncGenerator

from service.engine.citations import link
from service.engine.items import InputItem, InputMessage, InputText
from service.engine.models import Code, CodeBegun, Piece, Ran, Text, Turn

# CommonMark 4.5: a fence of three or more, closed by a line of at least as many of the same; the info string begins with the language.
OPENING_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?:python|py)\b[^`\n]*$", re.IGNORECASE | re.MULTILINE)


class Program:
    """Runs the last user message that holds code: its blocks in order, each a call, up to the first that fails."""

    name = "program"

    async def answer(self, turn: Turn) -> AsyncGenerator[Piece]:
        """Yield the next block as code, or, when all have run, one link for every file they made."""
        ran = [item for item in turn.history if isinstance(item, Ran)]
        blocks = _blocks(turn.history)
        if (
            turn.tools.python
            and turn.tools.force != "none"
            and len(ran) < len(blocks)
            and all(each.is_ok for each in ran)
        ):
            yield CodeBegun()
            yield Code(blocks[len(ran)])
        else:
            yield Text(_report(ran, has_blocks=bool(blocks), has_tool=turn.tools.python and turn.tools.force != "none"))

    def count(self, turn: Turn) -> int:  # noqa: ARG002 - the port's signature
        """It reads no tokens."""
        return 0

    async def close(self) -> None:
        """Holds nothing."""


def blocks(text: str) -> list[str]:
    """The contents of the fenced ``python`` blocks of a Markdown text; one left open runs to the end."""
    found: list[str] = []
    end = 0
    while opening := OPENING_FENCE.search(text, end):
        mark, count = opening["fence"][0], len(opening["fence"])
        begin = opening.end() + 1
        closing = re.compile(rf"\n {{0,3}}{mark}{{{count},}}[ \t]*\r?(?=\n|\Z)").search(text, begin - 1)
        end = closing.end() if closing else len(text)
        found.append(text[begin : closing.start() + 1 if closing else end])
    return found


def closes_fence(line: str, fence: str) -> bool:
    """Whether a line ends the block that ``fence`` opened."""
    mark = line.strip(" \t")
    indent = len(line) - len(line.lstrip(" "))
    return indent <= 3 and len(mark) >= len(fence) and set(mark) == {fence[0]}  # noqa: PLR2004 - CommonMark's three spaces


def _blocks(history: list[InputItem | Ran]) -> list[str]:
    for item in reversed(history):
        if isinstance(item, InputMessage) and item.role == "user":
            found = blocks(_text(item))
            if found:
                return found
    return []


def _text(message: InputMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content if isinstance(part, InputText))


def _report(ran: list[Ran], *, has_blocks: bool, has_tool: bool) -> str:
    if not has_blocks:
        return "There is nothing to run: the prompt holds no fenced python block. The model `program` only runs such blocks."
    if not has_tool:
        return "The prompt's python block was not run: the request gives no code_interpreter tool to run it with."
    made = list(dict.fromkeys(path for each in ran for path in each.made))
    links = "\n".join(link(path) for path in made)
    if not all(each.is_ok for each in ran):
        return "\n".join(filter(None, ("The program failed; its last output says why.", links)))
    return links or "The program ran and made no file."
